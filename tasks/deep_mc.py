"""Matrix completion, uniform sampling: a matrix of low rank, a random part of whose entries is seen.

    y = M[Omega]        planted: Omega a fraction p of all (i, j), drawn without replacement; ratings: `seen` of those there are

Given   y, where, rank (planted: the true one; ratings: a choice of this suite)
Score   planted: relative error ||X - M||_F / ||M||_F over all entries, and over the unseen ones. ratings: root mean squared
        error of those held out, in stars; y is centred on the mean of what is seen, and so is the truth
Data    planted: the best approximation of rank r of a standard normal (n, n) matrix, as in the paper's code; from n = 5000 on,
        the product of normal factors. small_films, small_lecturers: ratings that come inside a package; other users for tuning.
        full_ratings: the user's own file in --data-dir
Source  arXiv:2406.04112 (n = 1000, rank 5, 20 % seen; n = 100, rank 10, 30 %)
"""

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Completion, Count, Instance, Metric, Preset, Rate, TaskSpec, UserError, task
from benchmark.datasets import ratings
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.metrics import matrix
from benchmark.seeds import Split


class Uniform(Preset):
    """n x n matrices (ratings: n users x `items`) of `rank`, of whose entries (ratings: of those known) `seen` is observed."""

    n: Count
    rank: Count
    seen: Rate
    items: int = 0
    matrices: Literal["planted", "movielens", "inst_eval", "ratings"] = "planted"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rank > min(self.n, self.items or self.n):
            raise ValueError(f"rank: {self.rank} is above the smaller side, {min(self.n, self.items or self.n)}")
        if (self.items > 0) == (self.matrices == "planted"):
            raise ValueError("items: how many are rated, for ratings alone")
        if self.matrices == "planted" and self.seen * self.n**2 < self.n:
            raise ValueError(f"seen: {self.seen} of {self.n} x {self.n} entries are less than one a row")
        return self


_OF_PLANTED = ("log10_error", "log10_unseen_error", "success")
_OF_RATINGS = ("rmse", "mae")
_RATED: dict[str, Any] = {"instances": 6, "budget": 60, "metrics": _OF_RATINGS, "rank": 2, "seen": 0.8}
_PAPERS: dict[str, Any] = {"instances": 5, "budget": 3600, "metrics": _OF_PLANTED}

# Tolerances: chosen wide. With 1 and 2 threads alternating_ls gave equal scores on all instances of small; other methods and
# the ratings were not compared.
SPEC = TaskSpec(
    name="deep_mc",
    version=1,
    title="Matrix completion, uniform sampling",
    poses="Completion",
    baseline="alternating_ls",
    source="arXiv:2406.04112",
    offers=("uniform",),
    metrics=(
        Metric(
            name="log10_error",
            better="lower",
            least=-12.0,
            primary=True,
            tolerance=0.5,
            levels=(-2.0, -4.0, -6.0),
            description="log10 of ||X - M||_F / ||M||_F over all entries, not below -12",
        ),
        Metric(
            name="log10_unseen_error",
            better="lower",
            least=-12.0,
            tolerance=0.5,
            description="log10 of the same over the entries that are not observed, not below -12",
        ),
        Metric(
            name="success",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=1.0,
            description="1 where the relative error over all entries is below 1e-4, else 0",
        ),
        Metric(
            name="rmse",
            unit="stars",
            better="lower",
            least=0.0,
            tolerance=0.02,
            description="root mean squared error of the ratings held out",
        ),
        Metric(
            name="mae",
            unit="stars",
            better="lower",
            least=0.0,
            tolerance=0.02,
            description="mean absolute error of the ratings held out",
        ),
    ),
    presets={
        "tiny": Uniform(
            instances=2, budget=10, metrics=_OF_PLANTED, n=40, rank=2, seen=0.5, about="40 x 40, rank 2, half seen"
        ),
        "small": Uniform(
            instances=6, budget=60, metrics=_OF_PLANTED, n=200, rank=5, seen=0.2, about="200 x 200, rank 5, 20 % seen"
        ),
        "small_films": Uniform(
            **_RATED,
            data=("movielens",),
            n=200,
            items=200,
            matrices="movielens",
            about="200 users x 200 films, 29 % rated, a fifth of it held out",
        ),
        "small_lecturers": Uniform(
            **_RATED,
            data=("inst_eval",),
            n=300,
            items=150,
            matrices="inst_eval",
            about="300 students x 150 lecturers, 20 % rated, a fifth of it held out",
        ),
        "full": Uniform(**_PAPERS, n=1000, rank=5, seen=0.2, about="1000 x 1000, rank 5, 20 % seen: the paper's"),
        "full_100": Uniform(**_PAPERS, n=100, rank=10, seen=0.3, about="100 x 100, rank 10, 30 % seen: the paper's"),
        "full_20000": Uniform(
            **{**_PAPERS, "instances": 1},
            n=20000,
            rank=10,
            seen=0.01,
            about="20,000 x 20,000, rank 10, 1 % seen; for methods that work on the entries",
        ),
        "full_ratings": Uniform(
            instances=5,
            budget=3600,
            metrics=_OF_RATINGS,
            data=("ratings",),
            n=200,
            items=200,
            rank=5,
            seen=0.8,
            matrices="ratings",
            about="your ratings: the 200 most active users, the 200 most rated items",
        ),
    },
)


@task(SPEC)
class UniformSampling:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Uniform, split: Split, index: int, generator: torch.Generator) -> Instance:
        if preset.matrices != "planted":
            return self._rated(preset, split, index, generator)
        n = preset.n
        left, right = planted(n, preset.rank, generator)
        where = sample(n, n, round(preset.seen * n * n), generator)
        y = (left[where[1]] * right[where[2]]).sum(-1)
        try:
            problem = Completion(y=y, where=where, shape=(1, n, n), rank=preset.rank)
        except ValueError as error:
            raise UserError(f"draw {index}: {error}; raise `seen`") from None
        truth = torch.cat([left, right])[None]
        return Instance(problem=problem, truth=truth, label=f"{'' if split == 'test' else 'tuning, '}draw {index}")

    def _rated(self, preset: Uniform, split: Split, index: int, generator: torch.Generator) -> Instance:
        """A random share of the core's ratings is held out. The first rating of each row and column is always seen."""
        if preset.matrices == "ratings":
            source = SOURCES["ratings"]
            assert isinstance(source, Folder)
            triples = ratings.read(source.files(self.data_dir)[0])
        else:
            triples = ratings.packaged(preset.matrices)
        try:
            user, item, stars = map(
                torch.from_numpy, ratings.core(triples, preset.n, preset.items, 0 if split == "test" else 1)
            )
        except ValueError as error:
            raise UserError(f"{preset.matrices}: this preset needs {error}") from None
        order = torch.randperm(len(stars), generator=generator)
        user, item, stars = user[order], item[order], stars[order]
        needed = first_of_each(user, preset.n) | first_of_each(item, preset.items)
        held = ~needed & (torch.rand(len(stars), generator=generator) > preset.seen)
        mean = stars[~held].mean()
        place = (user * preset.items + item)[~held].argsort()
        where = torch.stack([torch.zeros_like(user), user, item])[:, ~held][:, place].contiguous()
        try:
            problem = Completion(
                y=(stars - mean)[~held][place], where=where, shape=(1, preset.n, preset.items), rank=preset.rank
            )
        except ValueError as error:
            raise UserError(f"{preset.matrices}: {error} among the most active users and most rated items") from None
        truth = torch.stack([torch.zeros_like(stars), user.double(), item.double(), stars - mean])[:, held]
        return Instance(problem=problem, truth=truth, label=f"{'' if split == 'test' else 'tuning, '}split {index}")

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        problem, truth = instance.problem, instance.truth
        if truth.ndim == 2:
            miss = self._misses(instance, estimate)
            return {"rmse": self.quality(instance, estimate), "mae": miss.abs().mean().item()}
        error = matrix.relative_error(problem, estimate, truth)
        return {
            "log10_error": matrix.log10(error),
            "log10_unseen_error": matrix.log10(matrix.unseen_error(problem, estimate, truth)),
            "success": float(error.item() < 1e-4),
        }

    def _misses(self, instance: Instance, estimate: Tensor) -> Tensor:
        *where, stars = instance.truth
        miss: Tensor = instance.problem.entries(estimate, torch.stack(where).long()) - stars
        return miss

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        if instance.truth.ndim == 2:
            return self._misses(instance, estimate).square().mean().sqrt().item()
        return matrix.log10(matrix.relative_error(instance.problem, estimate, instance.truth))

    def traces(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        fitted = matrix.residual(instance.problem, estimate)
        if instance.truth.ndim == 2:
            size = instance.problem.y.square().mean().sqrt()
            return {"observed rmse": (fitted * size).item()}
        return {"observed residual": matrix.log10(fitted)}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """Planted: the matrix's corner. Ratings: the first users and items, where somebody rated; elsewhere the mean's grey."""
        problem, truth = instance.problem, instance.truth
        if truth.ndim == 3:
            return {"image": matrix.picture(problem, estimate, truth)}
        held = truth[:3].long()
        known = torch.zeros(problem.shape, dtype=torch.float64)
        known[tuple(held)] = truth[3] if estimate is truth else problem.entries(estimate, held)
        known[tuple(problem.where)] = problem.y if estimate is truth else problem.entries(estimate)
        return {"image": (matrix.corner(problem, known) / problem.y.abs().max() + 1) / 2}


def planted(n: int, rank: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Factors (n, r): of the best approximation of a normal matrix; from n = 5000 on normal themselves."""
    if n >= 5000:
        left, right = (torch.randn(n, rank, dtype=torch.float64, generator=generator) for _ in range(2))
        return left, right
    U, s, Vh = torch.linalg.svd(torch.randn(n, n, dtype=torch.float64, generator=generator))
    return U[:, :rank] * s[:rank], Vh[:rank].mT.contiguous()


def sample(m: int, n: int, count: int, generator: torch.Generator) -> Tensor:
    """(3, count) sorted places of different entries of one m x n matrix, each set of them as likely as another."""
    found = torch.unique(torch.randint(m * n, (count,), generator=generator))
    while len(found) < count:  # a uniform set grows to a uniform set by drawing what is not yet in it
        more = torch.randint(m * n, (count - len(found),), generator=generator)
        found = torch.unique(torch.cat([found, more]))
    return torch.stack([torch.zeros_like(found), found // n, found % n])


def first_of_each(index: Tensor, size: int) -> Tensor:
    """(N,) bool: whether an entry is the first with its index."""
    first = torch.full((size,), len(index)).scatter_reduce(0, index, torch.arange(len(index)), "amin")
    mask = torch.zeros(len(index), dtype=torch.bool)
    mask[first[first < len(index)]] = True
    return mask
