"""Deep matrix factorisation, compressed: descent of the wide network stays in a small subspace that its first gradient tells.

    U I(eps)^L V^T,   V = orth[v_1 ... v_r,  Q^T u_1 ... u_r] (n, 2r),   U = Q V (m, 2r),   Q = W_L(0) ... W_1(0) / eps^L

with u_i, v_i the singular vectors of R(0) = P(eps^L Q) - Y / c: V spans the leading right singular vectors of the first
factor's gradient G_1 and of G_1^T W_1(0). L inner factors (2r, 2r); the two outer ones learn too, at the rate outer * lr: what
is seen of Y does not tell the subspace exactly. r is the rank of the problem, or the one that is `assumed`. Scales and the end
as in deep_mf. `compressed_mf_surrogate` begins at the 2r leading singular pairs of Y / p instead, its outer factors scaled by
eps too and learning at the rate outer * lr.
Source  arXiv:2406.04112 (outer = 0.01 for a target with sigma_1 = 2 sqrt(1000): 0.16 in units with sigma_1 = 1); the surrogate:
        Kwon, Zhang, Song, Balzano, Qu, AISTATS 2024
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import torch
from torch import Tensor

from benchmark import Completion, Context, Count, NonNegative, Positive, method
from methods.matrices._chain import Chain, fit
from methods.matrices._spectral import top_singular
from methods.matrices.deep_mf import COMMON, TINY, assumed_rank, orthogonal, unit

_DRAWN = 2500  # up to this side Q is Haar-distributed; beyond, a random cosine transform that needs no n x n array


# Of ratings the steps are chosen as in deep_mf.
_SETTINGS = {
    **TINY,
    # The published rate, 0.15 in these units, takes 1.4 times the steps of the wide network to an error of 3e-3 on the
    # tuning instances of small; 0.3, 0.6 and 1.2 take 1.2, 1.1 and 1.06 times.
    "deep_mc/small": {"outer": 1.2},
    "deep_mc/small_films": {"steps": 2700},
    "deep_mc/small_lecturers": {"steps": 3000},
}
_SURROGATE = {**TINY, "deep_mc/small_films": {"steps": 2000}, "deep_mc/small_lecturers": {"steps": 2000}}


@dataclass(frozen=True)
class Compressed:
    """As in deep_mf; outer: the rate of the two outer factors as a multiple of lr."""

    depth: Count = 3
    eps: Positive = 3e-3
    lr: Positive = 0.2
    outer: NonNegative = 0.15
    steps: Count = 20000
    tolerance: Positive = 1e-6


@dataclass(frozen=True)
class Assuming(Compressed):
    """assumed: the rank that it is built for; 0: the problem's."""

    assumed: int = 0


@dataclass(frozen=True)
class Surrogate(Compressed):
    """The sister paper's start and rates."""

    eps: Positive = 3.7e-3
    lr: Positive = 0.054
    outer: NonNegative = 5.0


@method("deep_mf_compressed", paper="arXiv:2406.04112", parameters=Assuming, settings=_SETTINGS, **COMMON)
def deep_mf_compressed(problem: Completion, ctx: Context, given: Assuming) -> Tensor:
    """Deep matrix factorisation in the small subspace that the wide one would stay in"""
    depth, eps, outer = given.depth, given.eps, given.outer
    scale, r = unit(problem, ctx), assumed_rank(problem, given.assumed)
    B, m, n = problem.shape
    lefts, rights = [], []
    for b in range(B):
        turn = Rotation(max(m, n), ctx)
        u, v = first_singular(problem, ctx, b, turn, eps**depth, scale, r)
        V = torch.linalg.qr(torch.cat([turn.pad(v), turn.back(turn.pad(u))], -1)).Q  # (max(m, n), 2r)
        lefts.append(turn(V)[:m])
        rights.append(V[:n])
    inner = [eps * torch.eye(2 * r, dtype=torch.float64, device=ctx.device).repeat(B, 1, 1) for _ in range(depth)]
    factors = [torch.stack(rights).mT.contiguous(), *inner, torch.stack(lefts).contiguous()]
    rate = given.lr / problem.fraction
    rates = [outer * rate, *[rate] * depth, outer * rate]
    return fit(problem, ctx, Chain(problem, factors, rates, scale), given.steps, given.tolerance)


@method("compressed_mf_surrogate", paper="arXiv:2311.05061", parameters=Surrogate, settings=_SURROGATE, **COMMON)
def compressed_mf_surrogate(problem: Completion, ctx: Context, given: Surrogate) -> Tensor:
    """Deep matrix factorisation compressed to the leading singular vectors of what is seen (the sister paper's)"""
    depth, eps, outer = given.depth, given.eps, given.outer
    size = min(2 * problem.rank, *problem.shape[1:])
    U, s, V = top_singular(problem, ctx, size)
    scale = s.max().item() / problem.fraction
    eye = torch.eye(size, dtype=torch.float64, device=ctx.device).repeat(problem.shape[0], 1, 1)
    factors = [eps * V.mT.contiguous(), *[eps * eye.clone() for _ in range(depth - 2)], eps * U]
    rate = given.lr / problem.fraction
    rates = [outer * rate, *[rate] * (depth - 2), outer * rate]
    return fit(problem, ctx, Chain(problem, factors, rates, scale), given.steps, given.tolerance)


class Rotation:
    """An orthogonal Q (d, d), applied to the columns of (d, k): W_L(0) ... W_1(0) / eps^L, a product of orthogonal matrices."""

    def __init__(self, side: int, ctx: Context) -> None:
        self.side = side
        self.matrix = orthogonal(side, side, ctx) if side <= _DRAWN else None
        self.signs = torch.randint(0, 2, (2, side, 1), generator=ctx.generator).to(ctx.device, torch.float64) * 2 - 1

    def __call__(self, x: Tensor) -> Tensor:
        """Q x."""
        if self.matrix is not None:
            return self.matrix @ x
        return self.signs[1] * self._cosines(self.signs[0] * x, scipy.fft.dct)

    def back(self, x: Tensor) -> Tensor:
        """Q^T x."""
        if self.matrix is not None:
            return self.matrix.T @ x
        return self.signs[0] * self._cosines(self.signs[1] * x, scipy.fft.idct)

    def pad(self, x: Tensor) -> Tensor:
        """x (<= d, k) with zeros below."""
        return torch.cat([x, x.new_zeros(self.side - len(x), x.shape[1])])

    @staticmethod
    def _cosines(x: Tensor, transform: object) -> Tensor:
        assert callable(transform)
        found: np.ndarray = transform(x.cpu().numpy(), axis=0, norm="ortho")
        return torch.from_numpy(found).to(x.device)


def first_singular(
    problem: Completion, ctx: Context, b: int, turn: Rotation, small: float, scale: float, rank: int = 0
) -> tuple[Tensor, Tensor]:
    """The `rank` (0: the problem's) leading singular vectors u (m, r), v (n, r) of R(0) of matrix b. Where Q is no array, its
    part in R(0), eps^L, is taken as 0.
    """
    mine = problem.where[0] == b
    where = problem.where[:, mine].clone()
    where[0] = 0
    y = -problem.y[mine] / scale
    if turn.matrix is not None:
        y = y + small * turn.matrix[where[1], where[2]]
    first = Completion(y=y, where=where, shape=(1, *problem.shape[1:]), rank=problem.rank)
    U, _, V = top_singular(first, ctx, rank or problem.rank)
    return U[0], V[0]
