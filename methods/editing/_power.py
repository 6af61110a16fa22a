"""Leading right singular vectors of a Jacobian, of which only products are known: subspace iteration.

    U = M J V          by central differences of f at z, k at once            M: what of f counts, a mask
    W = J^T M U        by k gradients of <M U, f(z)>
    V <- right singular vectors of W;   the singular values of M J are the square roots of those of W

It ends where each vector has |<v, v_before>| > 1 - tolerance, after at least `least` rounds: comparing entries never ends where
a sign flips. Vectors whose singular values are nearly equal turn within their span; then it ends after `most`.
A sketch of J, of more products at once, is the same for all masks, and gives all of them a start near the end:

    Y = J Omega,  Omega (n, m) random      Q = orth(Y)      B = Q^T J      V: right singular vectors of M Q B
Source: arXiv:2409.02374, appendix E.1, with differences in place of forward-mode products; the start is ours, after Halko,
Martinsson and Tropp, SIAM Review 53 (2011)
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark import Context

_STEP = 0.1  # of the differences, along vectors of norm 1: f is all but linear there
_BATCH = 64  # pictures that go through the network at once


def leading(
    f: Callable[[Tensor], Tensor],
    z: Tensor,
    masks: Tensor,
    count: int,
    ctx: Context,
    least: int | None = None,
    most: int = 50,
    tolerance: float = 1e-3,
    sketch: int = 0,
    batch: int = _BATCH,
) -> tuple[Tensor, Tensor]:
    """(G, count, C, H, W), orthonormal, and (G, count), falling: of M_g J for each of G masks.

    f: (B, C, H, W) to (B, ...), each picture by itself; z (C, H, W): where. masks: (G, H, W) where f gives pictures like z,
    else of what it gives, (G, ...). sketch: products of which the start is made; random vectors for 0. least: rounds, 12, or 3
    after a sketch. batch: pictures that go through f at once. Raises ValueError for more vectors than a mask has entries, for
    they do not exist.
    """
    shape, least = tuple(z.shape), least or (3 if sketch > count else 12)
    masks = (masks[:, None].expand(len(masks), *shape) if masks.ndim == 3 else masks).to(z)
    if count > (least_size := int(masks.flatten(1).count_nonzero(1).min())):
        raise ValueError(f"{count} directions are asked for, and a region has {least_size} entries")
    if sketch > count:
        V = _start(f, z, masks, count, torch.linalg.qr(ctx.randn(z.numel(), sketch, dtype=z.dtype))[0].mT, batch)
    else:
        V = torch.linalg.qr(ctx.randn(len(masks), z.numel(), count, dtype=z.dtype))[0].mT  # (G, k, n)
    S = z.new_zeros(len(masks), count)
    open_ = torch.arange(len(masks), device=z.device)
    for round_ in range(most):
        ours = V[open_]
        M = masks[open_].repeat_interleave(count, 0)
        U = M * _differences(f, z, ours.reshape(-1, *shape), batch)
        W = _gradients(f, z, M * U, batch).reshape(ours.shape)
        _, squared, new = torch.linalg.svd(W, full_matrices=False)
        near = (new * ours).sum(2).abs().min(1).values
        V[open_], S[open_] = new, squared.sqrt()
        if round_ + 1 >= least:
            open_ = open_[near <= 1 - tolerance]
        if not len(open_):
            break
    return V.reshape(*V.shape[:2], *shape), S


def _start(f: Callable[[Tensor], Tensor], z: Tensor, masks: Tensor, count: int, omega: Tensor, batch: int) -> Tensor:
    """(G, count, n): of M_g Q B, the sketch of J by omega (m, n)."""
    Y = _differences(f, z, omega.reshape(-1, *z.shape), batch).flatten(1)
    Q = torch.linalg.qr(Y.mT)[0]  # (n, m)
    B = _gradients(f, z, Q.mT.reshape(-1, *masks.shape[1:]), batch).flatten(1)
    upper = torch.linalg.qr(masks.flatten(1)[..., None] * Q)[1]  # (G, m, m): the left factor turns no right vector
    found: Tensor = torch.linalg.svd(upper @ B, full_matrices=False)[2][:, :count]
    return found


def _differences(f: Callable[[Tensor], Tensor], z: Tensor, V: Tensor, batch: int) -> Tensor:
    """J v (B, ...) for each v of V."""
    with torch.no_grad():
        both = [f(z + _STEP * v) - f(z - _STEP * v) for v in torch.split(V, batch)]
    return torch.cat(both) / (2 * _STEP)


def _gradients(f: Callable[[Tensor], Tensor], z: Tensor, U: Tensor, batch: int) -> Tensor:
    """J^T u (B, C, H, W) for each u of U."""
    found = []
    for part in torch.split(U, batch):
        at = z.expand(len(part), *z.shape).detach().requires_grad_()
        with torch.enable_grad():
            found.append(torch.autograd.grad((f(at) * part).sum(), at)[0])
    return torch.cat(found)
