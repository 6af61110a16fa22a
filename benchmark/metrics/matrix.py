"""Errors of completed matrices. An estimate is whole matrices (B, m, n) or factors (B, m + n, k); see Completion.

Planted truth comes as factors (B, m + n, r), so that no error needs a whole matrix where the estimate is factors too: with
E = L R^T - A C^T = [L A] [R -C]^T  and QR of both,  ||E||_F = ||T_1 T_2^T||_F  with T the triangular parts.
"""

import torch
from torch import Tensor

from benchmark.problems.completion import Completion


def whole(problem: Completion, estimate: Tensor) -> Tensor:
    """(B, m, n) matrices of an estimate."""
    factors = problem.unpack(estimate)
    return estimate if factors is None else factors[0] @ factors[1].mT


def norm(problem: Completion, factors: Tensor) -> Tensor:
    """(B,) Frobenius norms of matrices given by their factors."""
    left, right = (torch.linalg.qr(part).R for part in _halves(problem, factors))
    found: Tensor = torch.linalg.matrix_norm(left @ right.mT)
    return found


def relative_error(problem: Completion, estimate: Tensor, truth: Tensor) -> Tensor:
    """(B,) ||estimate - M||_F / ||M||_F over all entries; truth: factors of M."""
    scale = norm(problem, truth)
    factors = problem.unpack(estimate)
    if factors is None:
        found: Tensor = torch.linalg.matrix_norm(estimate - whole(problem, truth)) / scale
        return found
    A, C = _halves(problem, truth)
    difference = problem.pack(torch.cat([factors[0], A], -1), torch.cat([factors[1], -C], -1))
    return norm(problem, difference) / scale


def observed_error(problem: Completion, estimate: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) norms over the observed entries: of estimate - M, and of M (without noise)."""
    M = problem.entries(truth)
    return _by_matrix(problem, problem.entries(estimate) - M), _by_matrix(problem, M)


def unseen_error(problem: Completion, estimate: Tensor, truth: Tensor) -> Tensor:
    """(B,) ||estimate - M||_F / ||M||_F over the entries that are not observed; 0 where there are none.

    As the difference of the whole and the observed part: errors of the observed part below 1e-8 of the whole are lost in it.
    """
    scale = norm(problem, truth)
    error, size = observed_error(problem, estimate, truth)
    rest = (relative_error(problem, estimate, truth) * scale).square() - error.square()
    share = (rest.clamp_min(0) / (scale.square() - size.square()).clamp_min(1e-300)).sqrt()
    B, m, n = problem.shape
    return torch.where(torch.bincount(problem.where[0], minlength=B) == m * n, 0.0, share)


def residual(problem: Completion, estimate: Tensor) -> Tensor:
    """(B,) ||P(estimate) - y|| / ||y||: how well the observed entries are fitted."""
    return _by_matrix(problem, problem.entries(estimate) - problem.y) / _by_matrix(problem, problem.y)


def log10(errors: Tensor) -> float:
    """Mean over a stack (B,) of log10, each not below -12: what float64 leaves of a matrix product."""
    return errors.clamp_min(1e-12).log10().mean().item()


def corner(problem: Completion, estimate: Tensor, side: int = 128) -> Tensor:
    """(<= side, <= side): the upper left part of the first matrix of an estimate."""
    factors = problem.unpack(estimate)
    return estimate[0, :side, :side] if factors is None else factors[0][0, :side] @ factors[1][0, :side].mT


def picture(problem: Completion, estimate: Tensor, truth: Tensor) -> Tensor:
    """The corner of an estimate on a scale from 0 to 1: zero is 1/2, the truth's largest entry in size is 1, its negative 0."""
    return (corner(problem, estimate) / corner(problem, truth).abs().max().clamp_min(1e-300) + 1) / 2


def _by_matrix(problem: Completion, values: Tensor) -> Tensor:
    B, device = problem.shape[0], values.device
    return torch.zeros(B, dtype=torch.float64, device=device).index_add(0, problem.where[0], values.square()).sqrt()


def _halves(problem: Completion, factors: Tensor) -> tuple[Tensor, Tensor]:
    found = problem.unpack(factors)
    assert found is not None
    return found
