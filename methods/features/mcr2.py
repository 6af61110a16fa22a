"""Maximal coding rate reduction, regularised as in its global analysis, and constrained as it was proposed.

    mcr2               max  R(Z) - R_c(Z) - (lambda / 2) ||Z||_F^2
    mcr2_constrained   max  R(Z) - R_c(Z)   with rows of norm 1            R, R_c: benchmark/models/coding_rates.py

Of samples Z = f(x), one network, whole batches (methods/features/_training.py). Of free features, gradient ascent from
start * N(0, 1):  Z <- Z + grad / (alpha + lambda),  until ||grad||_F < 1e-9; constrained, rows are scaled to norm 1 after each
step of 1 / alpha, until they move by less.
Source  arXiv:2406.01909 and arXiv:2006.08558. The first one's step and stopping rule are not known here: they are this suite's
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Positive, Representation, UserError, method
from benchmark.models.coding_rates import largest_weight, objective, value_and_gradient
from methods._convergence import until_converged
from methods.features._training import SETTINGS, Recipe, train

_STILL = 1e-9  # of the gradient's norm


@dataclass(frozen=True)
class Regularised(Recipe):
    """How to train; start: scale of the first free features; times: lambda as a multiple of the problem's, which scores."""

    start: Positive = 1.0
    times: Positive = 1.0


# It ends where the gradient does: late at 0.01 of lambda_max.
_FREE = {"representation/small_free*": {"steps": 10000}}
_FREE_CONSTRAINED = {"representation/small_free*": {"steps": 3000}}
_COMMON: dict[str, Any] = {"solves": "Representation", "kind": "coding rate"}


@method("mcr2", paper="arXiv:2406.01909", settings={**SETTINGS, **_FREE}, parameters=Regularised, **_COMMON)
def mcr2(problem: Representation, ctx: Context, given: Regularised) -> Tensor:
    """Regularised coding rate reduction; times: lambda as a multiple of the problem's, which scores"""
    times = given.times
    weight = times * problem.weight
    most = largest_weight(problem.sizes, problem.dim, problem.eps2)
    if weight > most * (1 + 1e-12):
        raise UserError(
            f"times = {times:g} makes lambda = {weight:g}, which is not in (0, lambda_max = {most:.6g}]; "
            f"times is at most {most / problem.weight:.6g}"
        )
    if problem.free:
        return _ascent(problem, ctx, given.steps, given.start, weight)

    def loss(Z: Tensor, labels: Tensor) -> Tensor:
        return -objective(Z, problem.sizes, problem.eps2, weight)

    return train(problem, ctx, loss, given)


@method("mcr2_constrained", paper="arXiv:2006.08558", settings={**SETTINGS, **_FREE_CONSTRAINED}, parameters=Recipe, **_COMMON)
def mcr2_constrained(problem: Representation, ctx: Context, given: Recipe) -> Tensor:
    """Coding rate reduction of features of norm 1, without penalty"""
    if problem.free:
        return _on_the_sphere(problem, ctx, given.steps)

    def loss(Z: Tensor, labels: Tensor) -> Tensor:
        return -objective(Z, problem.sizes, problem.eps2, 0.0)

    return train(problem, ctx, loss, given, finish=lambda Z: F.normalize(Z, dim=1))


def _ascent(problem: Representation, ctx: Context, steps: int, start: float, weight: float) -> Tensor:
    Z = start * ctx.randn(problem.count, problem.dim, dtype=torch.float64)[problem.order]
    step = 1 / (problem.dim / (problem.count * problem.eps2) + weight)
    back, slope = problem.order.argsort(), Z
    for number in until_converged(ctx, steps, lambda: bool(slope.norm() < _STILL)):
        _, slope = value_and_gradient(Z, problem.sizes, problem.eps2, weight)
        Z = Z + step * slope
        ctx.record(number, lambda: Z[back])
    return Z[back]


def _on_the_sphere(problem: Representation, ctx: Context, steps: int) -> Tensor:
    Z = F.normalize(ctx.randn(problem.count, problem.dim, dtype=torch.float64)[problem.order], dim=1)
    step = problem.count * problem.eps2 / problem.dim
    back, moved = problem.order.argsort(), Z
    for number in until_converged(ctx, steps, lambda: bool(moved.norm() < _STILL * step)):
        _, slope = value_and_gradient(Z, problem.sizes, problem.eps2, 0.0)
        new = F.normalize(Z + step * slope, dim=1)
        moved, Z = new - Z, new
        ctx.record(number, lambda: Z[back])
    return Z[back]
