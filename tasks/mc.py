"""Matrix completion with ReLU sampling: a positive semidefinite matrix of low rank, seen only where its entries are large.

    M = U U^T, seen as  y_ij = (M + S)_ij  where that is above the threshold        U (n, r); S symmetric noise

What is not seen is at most the threshold: `above`. An instance is a stack of `trials` matrices of one n, rank, noise,
threshold.

Given   y, where, rank, symmetric, above
Score   relative error ||X - M||_F / ||M||_F over all entries, its part that is not seen, success; each a mean over the stack
Data    planted: entries of U standard normal. Cities as unit vectors x_i: M_ij = x_i x_j, rank 3, seen where two lie nearer
        than sqrt(2) Earth radii (in a straight line); rank 4: M_ij = 1/2 + x_i x_j, nearer than sqrt(3). Other cities for
        tuning. full_matrices: symmetric matrices of the user's in --data-dir, whole, so that what is hidden can be scored
Source  arXiv:2406.05822; its own n, r and noise levels are not known here: they are this suite's
"""

from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Completion, Count, Instance, Metric, NonNegative, Preset, TaskSpec, UserError, task
from benchmark.datasets import cities, matrices
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.metrics import matrix
from benchmark.seeds import Split


class Cells(Preset):
    """Every combination of n, rank, noise and threshold is a cell with `repeats` instances of `trials` matrices each.

    noise: standard deviation of an entry of S; matrices: where M comes from (planted: E M_ii = rank; cities: M_ii = 1 or 1.5)
    """

    grid: tuple[str, ...] = ("n", "rank", "noise", "threshold")
    n: tuple[Count, ...]
    rank: tuple[Count, ...]
    noise: tuple[NonNegative, ...] = (0.0,)
    threshold: tuple[float, ...] = (0.0,)
    trials: Count = 4
    repeats: Count = 1
    matrices: Literal["planted", "cities", "user"] = "planted"

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        for name in self.grid:
            if not getattr(self, name):
                raise ValueError(f"{name}: no value")
        if self.matrices == "cities" and not set(self.rank) <= {3, 4}:
            raise ValueError("rank: matrices of cities have 3 or 4")
        if max(self.rank) > min(self.n):
            raise ValueError(f"rank: {max(self.rank)} is above n = {min(self.n)}")
        self.check_cells(self.repeats)
        return self


# Tolerances: wide, as a start near the border of two basins may end in either. With 1 and 2 threads gd_random gave equal
# scores on all 12 instances of small; the other methods were not compared.
SPEC = TaskSpec(
    name="mc",
    version=1,
    title="Matrix completion, ReLU sampling",
    poses="Completion",
    baseline="gd_random",
    source="arXiv:2406.05822",
    offers=("symmetric", "above"),
    metrics=(
        Metric(
            name="log10_error",
            better="lower",
            least=-12.0,
            primary=True,
            tolerance=3.0,
            levels=(-2.0, -4.0, -6.0),
            description="log10 of the relative error over all entries, not below -12, mean over the stack",
        ),
        Metric(
            name="success",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.5,
            description="share of the stack with a relative error below 1e-4",
        ),
        Metric(
            name="relative_error",
            better="lower",
            least=0.0,
            tolerance=0.4,
            description="||X - M||_F / ||M||_F over all entries of the noise-free M, mean over the stack",
        ),
        Metric(
            name="unseen_error",
            better="lower",
            least=0.0,
            tolerance=0.8,
            description="the same over the entries that are not observed, mean over the stack",
        ),
    ),
    presets={
        "tiny": Cells(instances=2, budget=10, n=(40,), rank=(2, 3), trials=2, about="n = 40; rank 2 and 3"),
        "small": Cells(
            instances=12, budget=60, n=(50, 100, 200), rank=(2, 3, 5, 10), about="n = 50 to 200, rank 2 to 10, no noise"
        ),
        "small_noise": Cells(
            instances=6,
            budget=60,
            n=(200,),
            rank=(5,),
            noise=(1e-4, 1e-3, 1e-2, 1e-1, 0.5, 1.0),
            about="n = 200, rank 5, noise 1e-4 to 1",
        ),
        "small_threshold": Cells(
            instances=5,
            budget=60,
            n=(200,),
            rank=(10,),
            threshold=(-2.0, -1.0, 0.0, 0.5, 1.0),
            about="n = 200, rank 10; seen above -2 to 1",
        ),
        "small_cities": Cells(
            instances=8,
            budget=60,
            data=("cities",),
            n=(200,),
            rank=(3, 4),
            trials=1,
            repeats=4,
            matrices="cities",
            about="200 cities, rank 3 and 4: seen where two are near",
        ),
        "full": Cells(
            instances=16,
            budget=3600,
            n=(100, 200, 400, 1000),
            rank=(2, 5, 10, 20),
            trials=20,
            about="n = 100 to 1000, rank 2 to 20, 20 trials",
        ),
        "full_matrices": Cells(
            instances=4,
            budget=3600,
            data=("matrices",),
            n=(2,),
            rank=(1,),
            trials=1,
            repeats=4,
            matrices="user",
            about="your matrices; the rank counts their eigenvalues above 1e-6 of the largest",
        ),
    },
)


@task(SPEC)
class ReLUSampling:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Cells, split: Split, index: int, generator: torch.Generator) -> Instance:
        cells = preset.cells()
        n, rank, noise, threshold = cells[index % len(cells)]
        if preset.matrices == "user":
            return self._users(preset, split, index)
        U = torch.stack([self._factor(preset, n, rank, split, generator) for _ in range(preset.trials)])  # (B, n, r)
        M = U @ U.mT
        if noise:
            S = noise * torch.randn(M.shape, dtype=torch.float64, generator=generator)
            M = M + S.triu() + S.triu(1).mT
        parts = {"n": n, "rank": rank, "noise": noise, "above": threshold}
        fixed = {"noise": preset.noise == (0.0,), "above": preset.threshold == (0.0,)}
        label = ", ".join(f"{word} {value:g}" for word, value in parts.items() if not fixed.get(word))
        if preset.repeats > 1 or split == "tuning":
            label += f" ({'' if split == 'test' else 'tuning, '}draw {index // len(cells)})"
        return Instance(problem=observe(M, threshold, rank, label), truth=torch.cat([U, U], 1), label=label)

    def _factor(self, preset: Cells, n: int, rank: int, split: Split, generator: torch.Generator) -> Tensor:
        if preset.matrices == "planted":
            return torch.randn(n, rank, dtype=torch.float64, generator=generator)
        x = cities.draw(n, split, generator)
        return x if rank == 3 else torch.cat([torch.full((n, 1), 0.5**0.5, dtype=torch.float64), x], -1)

    def _users(self, preset: Cells, split: Split, index: int) -> Instance:
        source = SOURCES["matrices"]
        assert isinstance(source, Folder)
        files = source.files(self.data_dir)
        chosen = [file for number, file in enumerate(files) if (number % 3 == 2) == (split == "tuning")]
        if index >= len(chosen):
            raise UserError(
                f"matrices holds {len(files)} files, {len(chosen)} of them for {split} (every third is for tuning, the others "
                f"for tests); instance {index} needs another one"
            )
        M = torch.from_numpy(matrices.read(chosen[index]))
        values, vectors = torch.linalg.eigh(M)
        if values[0] < -1e-6 * values[-1]:
            raise UserError(
                f"{chosen[index].name} is not positive semidefinite: its smallest eigenvalue is {values[0].item():.3g}"
            )
        rank = int((values > 1e-6 * values[-1]).sum())
        U = vectors * values.clamp_min(0).sqrt()
        return Instance(
            problem=observe(M[None], 0.0, rank, chosen[index].name), truth=torch.cat([U, U])[None], label=chosen[index].stem
        )

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        error = matrix.relative_error(instance.problem, estimate, instance.truth)  # (B,)
        return {
            "log10_error": self.quality(instance, estimate),
            "success": (error < 1e-4).double().mean().item(),
            "relative_error": error.mean().item(),
            "unseen_error": matrix.unseen_error(instance.problem, estimate, instance.truth).mean().item(),
        }

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        return matrix.log10(matrix.relative_error(instance.problem, estimate, instance.truth))

    def traces(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        return {"observed residual": matrix.log10(matrix.residual(instance.problem, estimate))}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        return {"image": matrix.picture(instance.problem, estimate, instance.truth)}


def observe(M: Tensor, threshold: float, rank: int, name: str) -> Completion:
    """What is seen of M (B, n, n). Raises UserError where a row is not seen at all, or everything is."""
    where = (threshold < M).nonzero().T.contiguous()
    y = M[tuple(where)]
    if len(y) == M.numel():
        raise UserError(f"{name}: no entry is at most the threshold {threshold:g}, so that nothing is left to complete")
    try:
        return Completion(y=y, where=where, shape=(len(M), *M.shape[1:]), rank=rank, symmetric=True, above=threshold)
    except ValueError as error:
        raise UserError(f"{name}: {error}; seen is what is above the threshold {threshold:g}") from None
