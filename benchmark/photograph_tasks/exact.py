"""How far an estimate is from the exact posterior, where x was drawn from a prior that is known exactly.

    least = tr Cov[x | y] / n       gap = |x_hat - E[x | y]|^2 / (n least)       error_over_least = |x_hat - x|^2 / (n least)
    miscalibration = |spread(x_hat) - 1|                                          spread: benchmark/priors/posterior.py

Over draws of x and y, E error_over_least = 1 + E gap for any estimate made from y, so gap says the same with less chance in it.
"""

from functools import lru_cache

from torch import Tensor

from benchmark.operators import LinearOperator
from benchmark.priors.exact import Mixture
from benchmark.priors.posterior import Posterior
from benchmark.problems.instance import Instance


def gap(instance: Instance, estimate: Tensor) -> float:
    """The gap of one estimate, which has the truth's shape. The problem's prior is a Mixture."""
    known = _known(instance)
    return (estimate.double() - known.mean).square().mean().item() / known.least


def scores(instance: Instance, estimate: Tensor) -> dict[str, float]:
    """All three."""
    known = _known(instance)
    error = (estimate.double() - instance.truth).square().mean().item()
    return {
        "gap": gap(instance, estimate),
        "error_over_least": error / known.least,
        "miscalibration": abs(known.spread(estimate) - 1),
    }


def _known(instance: Instance) -> Posterior:
    problem = instance.problem
    return _posterior(problem.prior, problem.A, problem.y, problem.noise)


@lru_cache(maxsize=1)  # the points of a curve are of one instance
def _posterior(prior: Mixture, A: LinearOperator, y: Tensor, noise: float) -> Posterior:
    return prior.posterior(A, y, noise)
