"""Predictions that are nearer to the truth than the measurement allows. Imports torch.

The truth itself is moved, at random, until what would be measured of it changes by a hundredth of the noise that there is:

    || A(t + s w) - A(t) || = || n || / 100            w: what `Problem.near` adds; s: how far

No one who has only y is as near. Where m numbers are measured and p of the answer are not known, the noise leaves an error of
about || n || sqrt(p / m), so a hundredth means p / m = 1e-4. An answer whose primary score is better than that of the moved
truth is refused. It is compared by the score, so that what the score does not count (a phase, a scale) helps nobody. The best
rows that came with the suite are 25 dB, or a factor of 100, away from it.

    LinearInverse, NonlinearInverse    A of the problem, and the noise that it tells
    photographs     where they are not wholly measured, s is 1e-4 of the range or more: the values of a photograph are rounded
                    to 1/255, and nobody foretells the rounding of a pixel that was not measured
    Completion      the entries that are observed; the noise is how far they are from the truth's
    ratings         there the limit is a tenth of the spread of what was rated: people are not that constant
    Distribution    the samples' projections on the subspaces, where the truth is subspaces; the noise is what is left

Without noise there is no such limit: exact recovery is what `mc/small`, `deep_mc/small` or `subspace_clustering/small` ask for.
Nor is there one for `representation`: it is ranked by features of samples whose labels are given. Labels and neighbours
(FewShot, Retrieval) can be right by skill alone: where at most one in 200 is wrong, that is marked and not refused.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from benchmark.decorators import Task
from benchmark.models import mixtures
from benchmark.problems import Completion, Distribution, FewShot, Instance, LinearInverse, NonlinearInverse, Retrieval
from benchmark.spec import Metric

SHARE = 0.01  # of the noise
ROUNDING = 1e-4  # of the range of a photograph's values
CONSTANT = 0.1  # of the spread of ratings
PERFECT = 0.995
_LEAST = 200  # answers
_STEP = 1e-4  # the step by which the truth is moved to see how much the measurement changes


def limit(task: Task, primary: Metric, instance: Instance) -> float | None:
    """The best value of a preset's primary metric that an answer may have; None where there is no such limit."""
    problem, truth = instance.problem, instance.truth
    if isinstance(problem, Completion) and primary.name == "rmse":  # of ratings
        return CONSTANT * problem.y.std().item()
    generator = torch.Generator().manual_seed(0)
    scale = _below_noise(problem, truth, generator)
    if isinstance(problem, LinearInverse) and _is_photograph(problem):
        seen = problem.A.noise(generator).count_nonzero().item() / truth.numel()
        low, high = problem.value_range or (0.0, 1.0)
        scale = max(scale, ROUNDING * (high - low) * max(0.0, 1 - seen) ** 0.5)
    if not scale:
        return None
    moved = problem.near(truth, scale, generator)
    quality = task.quality(instance, moved)
    return float(task.score(instance, moved)[primary.name] if quality is None else quality)


def too_near(task: Task, primary: Metric, instance: Instance, value: float) -> str:
    """Why an answer with this primary score cannot come from the measurement; empty where it can."""
    best = limit(task, primary, instance)
    if best is None or ((value <= best) if primary.better == "higher" else (value >= best)):
        return ""
    return (
        f"it is too near the truth: {primary.name} {value:.4g}, where what is measured allows no better than {best:.4g}; "
        "a method that comes so near is handed in as code"
    )


def asked(problem: object) -> int:
    """How many labels or neighbours a problem asks for; 0 for problems that ask for something else."""
    if isinstance(problem, FewShot):
        return len(problem.test)
    return len(problem.queries) if isinstance(problem, Retrieval) else 0


def perfect(values: Sequence[float], answers: int) -> str:
    """What to mark of labels or neighbours that are right almost without exception; empty where nothing is to be marked.

    values: the primary score of each instance, a share or a correlation; answers: how many they are of, all together.
    """
    mean = sum(values) / len(values)
    return f"{mean:.4g} of {answers} answers right" if answers >= _LEAST and mean >= PERFECT else ""


def _below_noise(problem: object, truth: Tensor, generator: torch.Generator) -> float:
    """How far the truth is to be moved for a hundredth of the noise; 0 where there is no noise."""
    measure: Callable[[Tensor], Tensor]
    if isinstance(problem, LinearInverse):
        measure, given = problem.A, problem.y
        noise = problem.noise * problem.A.noise(generator).norm().item()
    elif isinstance(problem, NonlinearInverse):
        measure, given = problem.A, problem.y
        noise = problem.noise * given.numel() ** 0.5
    elif isinstance(problem, Completion):
        measure, given = problem.entries, problem.y
        noise = (given - measure(truth)).norm().item()
    elif isinstance(problem, Distribution) and truth.is_floating_point():
        given = problem.samples
        measure = partial(_projected, given)
        noise = (given - measure(truth)).norm().item()
    else:
        return 0.0
    if noise <= 100 * torch.finfo(given.dtype).eps * given.norm().item():  # rounding
        return 0.0
    moved = (measure(problem.near(truth, _STEP, generator)) - measure(truth)).norm().item()
    return _STEP * SHARE * noise / moved if moved else 0.0


def _projected(x: Tensor, bases: Tensor) -> Tensor:
    """Samples (B, N, n) on the nearest of the subspaces with these bases (B, K, n, d)."""
    U = mixtures.orthonormal(bases)
    mine = U[torch.arange(len(x))[:, None], mixtures.nearest(x, U)]  # (B, N, n, d)
    found: Tensor = (mine @ (mine.mT @ x[..., None]))[..., 0]
    return found


def _is_photograph(problem: LinearInverse) -> bool:
    return problem.value_range is not None and len(problem.A.shape) == 3 and problem.A.shape[0] == 3
