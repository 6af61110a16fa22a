"""The spectrum from some hundred products: leading values from a random sketch, the density of the others by Lanczos' method.

    Y = J Omega,  Omega (n, k) random      Q = orth(Y)      the k leading values: those of Q^T J
    the others: those of (I - Q Q^T) J; of A v, v random, m steps of bidiagonalisation give nodes theta_j and weights w_j, and
    about n w_j singular values lie at theta_j.  Those of I - J likewise, without a sketch: nearly all are near 1

Source: Golub and Kahan (1965), reorthogonalised; Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38 (2017) for the density;
Halko, Martinsson and Tropp, SIAM Review 53 (2011) for the sketch
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark import Context, Count, Jacobian, method
from methods.jacobians._products import differences, gradients

_NOTHING = 1e-3  # of the largest value, below which a new direction is rounding
Rows = Callable[[Tensor], Tensor]  # (p, n) to (p, n): of each row a product


@method(
    "lanczos_jacobian",
    solves="Jacobian",
    kind="sketch",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={"*/tiny": {"count": 64, "rounds": 8}},
)
def lanczos_jacobian(problem: Jacobian, ctx: Context, *, count: Count = 128, probes: Count = 2, rounds: Count = 32) -> Tensor:
    """Leading singular values from `count` products each way, the density of the others from `probes` times `rounds`."""
    n = problem.count
    rounds = min(rounds, n // 2)
    k = min(count, n // 2)
    Y = differences(problem, torch.linalg.qr(ctx.randn(n, k))[0].mT)
    Q = torch.linalg.qr(Y.mT)[0].mT  # (k, n)
    known = torch.linalg.svdvals(gradients(problem, Q).double()).square()

    def off(rows: Tensor) -> Tensor:
        left: Tensor = rows - (rows @ Q.mT) @ Q
        return left

    start = torch.nn.functional.normalize(ctx.randn(probes, n), dim=1)
    rest = density(lambda v: off(differences(problem, v)), lambda u: gradients(problem, off(u)), start, rounds, n - k)
    noise = density(lambda v: v - differences(problem, v), lambda u: u - gradients(problem, u), start, rounds, n)
    return torch.stack([torch.cat([known, rest]).sort(descending=True).values, noise])


def density(A: Rows, adjoint: Rows, start: Tensor, rounds: int, count: int) -> Tensor:
    """(count,), falling: squared singular values of A that are spread as its own; start (p, n), rows of norm 1.

    Where a probe has seen all that A holds of it, it ends: what follows would be rounding.
    """
    V, U = [start], list[Tensor]()
    alphas, betas = list[Tensor](), list[Tensor]()
    most = start.new_zeros(len(start))
    for _ in range(rounds):
        u = A(V[-1])
        if U:
            u = u - betas[-1][:, None] * U[-1]
        u, alpha = _next(u, U, most)
        most = torch.maximum(most, alpha)
        U.append(u)
        alphas.append(alpha)
        v, beta = _next(adjoint(u) - alpha[:, None] * V[-1], V, most)
        V.append(v)
        betas.append(beta)
    B = torch.diag_embed(torch.stack(alphas, 1)) + torch.diag_embed(torch.stack(betas[:-1], 1), 1)  # (p, m, m)
    _, nodes, right = torch.linalg.svd(B.double())
    nodes, order = nodes.flatten().square().sort(descending=True)
    weights = right[:, :, 0].square().flatten()[order]
    ends = weights.cumsum(0) / weights.sum() * count
    places = torch.arange(count, dtype=ends.dtype, device=ends.device) + 0.5
    found: Tensor = nodes[torch.searchsorted(ends, places).clamp(max=len(nodes) - 1)]
    return found


def _next(v: Tensor, before: list[Tensor], most: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of norm 1 (p, n), orthogonal to those before, and their norms (p,); 0 where they are nothing beside `most`."""
    for one in before:
        v = v - (v * one).sum(1, keepdim=True) * one
    norm = v.norm(dim=1)
    there = norm > _NOTHING * most
    return torch.where(there[:, None], v / norm.clamp_min(1e-30)[:, None], 0.0), torch.where(there, norm, 0.0)
