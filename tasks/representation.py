"""Representation: features that are low-dimensional within a class and orthogonal between classes.

    max over Z   F(Z) = R(Z) - R_c(Z) - (lambda / 2) ||Z||_F^2,    R = 1/2 logdet(I + alpha Z^T Z),    alpha = d / (N eps^2)
    R_c(Z) = sum_k (N_k / 2N) logdet(I + alpha_k Z_k^T Z_k)        Z (N, d): rows are features; alpha_k = d / (N_k eps^2)

whose maximisers are known in closed form (models/coding_rates.py): per class equal singular values, classes orthogonal.

Given   labelled training samples, test samples without labels, d, eps^2, lambda; in the presets of free features no samples:
        class sizes alone, and the estimate is Z itself, float64
Score   on training features: mean |cos| between classes (ranks), the largest block, rank per class, gaps of F and of singular
        values to the closed form (alpha with this d, whatever the features' width); on test features: the same mean |cos|, the
        nearest class subspace, logistic regression on standardised features
Data    8 x 8 digits (classes drawn at random); leaves: 49 measured numbers of 32 species; a user's own set, MNIST say. Test
        instances learn from a pool and are judged on samples outside it; tuning instances have both from the pool
Source  arXiv:2406.01909; its sizes for free features are not known here: those are this suite's
"""

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Axis, Count, Instance, Metric, Picture, Positive, Preset, Representation, TaskSpec, UserError, task
from benchmark.datasets import labelled
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.metrics import representation as geometry
from benchmark.metrics.retrieval import probe
from benchmark.models.coding_rates import largest_weight, rates
from benchmark.seeds import Split

_SHOWN = 60  # features of a picture of cosines, at most
_TUNED = 2 / 3  # of the pool: what tuning instances learn from at most; they are judged on the rest
_ROUNDING = 1e-12  # what float64 leaves of F* - F
_LEAST = 1e-3  # of sigma*: smaller singular values are not drawn


class Sizes(Preset):
    """Every combination of `classes` and `ratio` is a cell with `repeats` draws; of free features every `ratio`.

    samples: where they are from; none: free features. classes: how many are drawn; per_class: training samples of each, at
    most. counts: class sizes of free features. dim: d; eps2: eps^2; ratio: lambda / lambda_max
    """

    grid: tuple[str, ...] = ("classes", "ratio")
    samples: Literal["digits", "leaves", "user", "none"] = "digits"
    classes: tuple[Count, ...] = (10,)
    per_class: Count = 100
    counts: tuple[Count, ...] = ()
    dim: Count = 64
    eps2: Positive = 0.5
    ratio: tuple[float, ...] = (0.1,)
    repeats: Count = 1

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        if (self.samples == "none") != bool(self.counts) or (self.counts and self.grid != ("ratio",)):
            raise ValueError("counts: class sizes are those of free features (samples none, grid ratio)")
        if min(self.classes) < 2 or (self.counts and len(self.counts) < 2):
            raise ValueError("classes: 2 or more")
        if not all(0 < ratio <= 1 for ratio in self.ratio):
            raise ValueError("ratio: lambda / lambda_max is in (0, 1]")
        self.check_cells(self.repeats)
        return self


_FREE: dict[str, Any] = {
    "instances": 8,
    "budget": 60,
    "repeats": 2,
    "grid": ("ratio",),
    "samples": "none",
    "eps2": 0.25,
    "ratio": (0.01, 0.1, 0.3, 0.5),
    "lacks": ("samples",),
    "baseline": "mcr2_constrained",
    "metrics": ("value_gap", "sigma_gap", "coherence", "block_coherence", "rank95", "rank_gap"),
}

SPEC = TaskSpec(
    name="representation",
    version=1,
    title="Representation by coding rates",
    poses="Representation",
    baseline="cross_entropy",
    source="arXiv:2406.01909",
    offers=("samples",),
    metrics=(
        Metric(
            name="coherence",
            better="lower",
            least=0.0,
            most=1.0,
            primary=True,
            tolerance=0.05,
            description="mean |cos| between training features of different classes; a feature of zeros counts as 1",
        ),
        Metric(
            name="test_coherence",
            better="lower",
            least=0.0,
            most=1.0,
            tolerance=0.05,
            description="the same between test features",
        ),
        Metric(
            name="block_coherence",
            better="lower",
            least=0.0,
            tolerance=0.1,
            description="largest ||Z_k Z_l^T||_F / (||Z_k||_F ||Z_l||_F) over two classes, training features",
        ),
        Metric(
            name="rank95",
            better="higher",
            least=0.0,
            tolerance=3.0,
            description="singular values of a class that hold 95 % of the energy, mean over classes; the sum is at most d "
            "where classes are orthogonal",
        ),
        Metric(
            name="rank_gap",
            better="lower",
            least=0.0,
            tolerance=0.5,
            description="|sum of numerical ranks - min(N, d)| / min(N, d): singular values above sigma*/2 of the closed form",
        ),
        Metric(
            name="value_gap",
            better="lower",
            tolerance=0.5,
            description="(F* - F) / F*, F* that of the best closed form; of F* = 0 the difference",
        ),
        Metric(
            name="sigma_gap",
            better="lower",
            least=0.0,
            tolerance=2.0,
            description="largest |sigma^2 / sigma*^2 - 1| over singular values above sigma*/2; 1 where there is none",
        ),
        Metric(
            name="subspace_accuracy",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.05,
            description="share of test features nearest to the subspace of their class (95 % of its energy, 30 at most)",
        ),
        Metric(
            name="probe_accuracy",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.05,
            description="accuracy on test features of logistic regression on the training features",
        ),
    ),
    presets={
        "tiny": Sizes(
            instances=2, budget=10, data=("digits",), classes=(3,), per_class=20, dim=8, repeats=2, about="3 digits, 20 of each"
        ),
        "small": Sizes(
            instances=10, budget=300, data=("digits",), classes=(3, 10), repeats=5, about="3 and 10 digits, 100 of each"
        ),
        "small_tabular": Sizes(
            instances=6,
            budget=300,
            data=("leaves",),
            samples="leaves",
            classes=(8, 32),
            per_class=30,
            repeats=3,
            about="8 and 32 species of leaves, 30 of each, 49 numbers a leaf",
        ),
        "small_free": Sizes(
            **_FREE,
            counts=(50, 50, 50, 50),
            dim=40,
            about="free features of four classes of 50 in 40 dimensions",
        ),
        "small_free_unbalanced": Sizes(
            **_FREE,
            counts=(50, 100, 150),
            dim=30,
            about="free features of classes of 50, 100 and 150 in 30 dimensions",
        ),
        "small_free_sweep": Sizes(
            **{**_FREE, "instances": 10, "repeats": 1, "ratio": (0.005, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8)},
            counts=(50, 50, 50, 50),
            dim=40,
            about="as small_free, lambda from 0.005 to 0.8 of the largest",
        ),
        "small_free_large": Sizes(
            **{**_FREE, "instances": 3, "repeats": 1, "budget": 300, "ratio": (0.1, 0.3, 0.5)},
            counts=(200, 200, 200, 200, 200, 200, 200, 200, 200, 200),
            dim=100,
            about="free features of ten classes of 200 in 100 dimensions, sizes that the authors' code names",
        ),
        "full": Sizes(
            instances=4,
            budget=7200,
            data=("labelled",),
            samples="user",
            classes=(3, 10),
            dim=128,
            ratio=(0.009, 0.1),
            about="your set, MNIST say: 3 and 10 of its classes, 100 samples of each, the paper's d and lambda",
        ),
    },
    pictures=(
        Picture(
            name="image",
            kind="heat",
            title="|cos| between training features, sorted by class",
            about="A pixel is a pair of features. Good: bright blocks on the diagonal, black elsewhere. The truth's drawing is "
            "1 within classes and 0 between them.",
            value="|cos|",
            low=0.0,
            high=1.0,
        ),
        Picture(
            name="spectrum",
            kind="lines",
            title="Singular values of each class over those of the closed form",
            about="Training features, not centred. A maximiser has 1 up to the rank of the class, then nothing; the truth's "
            "drawing is the best closed form. What is below 0.001 is not drawn. Features that maximise something else have "
            "another scale: their shape alone tells.",
            rows="class",
            value="sigma / sigma*",
            axis=Axis(name="number of the singular value", start=1.0),
            log=True,
        ),
    ),
)


@task(SPEC)
class RepresentationTask:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Sizes, split: Split, index: int, generator: torch.Generator) -> Instance:
        cell = dict(zip(preset.grid, (cells := preset.cells())[index % len(cells)], strict=True))
        said = [f"lambda {cell['ratio']:g} of the largest"] * (len(preset.ratio) > 1)
        said += [f"draw {index // len(cells)}"] * (preset.repeats > 1) + ["tuning"] * (split == "tuning")
        if preset.samples == "none":
            labels = torch.arange(len(preset.counts)).repeat_interleave(torch.tensor(preset.counts))
            weight = cell["ratio"] * largest_weight(preset.counts, preset.dim, preset.eps2)
            problem = Representation(labels=labels, dim=preset.dim, eps2=preset.eps2, weight=weight)
            return Instance(problem=problem, truth=labels, label=", ".join(said))
        found, K = self._read(preset), cell["classes"]
        if len(found.classes) < K:
            raise UserError(f"{preset.samples}: {len(found.classes)} classes, but instance {index} draws {K}")
        chosen = torch.randperm(len(found.classes), generator=generator)[:K].sort().values
        parts = [_drawn(found, k, preset.per_class, split, generator) for k in chosen.tolist()]
        sizes = [len(train) for train, _ in parts]
        train, test = (torch.cat(part) for part in zip(*parts, strict=True))
        if not min(sizes) or not len(test):
            rare = found.classes[chosen[sizes.index(min(sizes))]]
            raise UserError(
                f"{preset.samples}: of class {rare} {min(sizes)} samples are left for {split} to learn from, of all classes "
                f"{len(test)} to be judged on; 1 or more are needed of each"
            )
        x, y = torch.from_numpy(found.x), torch.searchsorted(chosen, torch.from_numpy(found.y))
        problem = Representation(
            labels=y[train],
            train=x[train],
            test=x[test],
            dim=preset.dim,
            eps2=preset.eps2,
            weight=cell["ratio"] * largest_weight(sizes, preset.dim, preset.eps2),
        )
        names = ", ".join(found.classes[k] for k in chosen) if K <= 4 else f"{K} classes"
        label = "; ".join(filter(None, [names, ", ".join(said)]))
        return Instance(problem=problem, truth=torch.cat([y[train], y[test]]), label=label)

    def _read(self, preset: Sizes) -> labelled.Labelled:
        if preset.samples in ("digits", "leaves"):
            return labelled.packaged(preset.samples)
        source = SOURCES["labelled"]
        assert isinstance(source, Folder)
        return labelled.read(source.folder(self.data_dir))

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        problem = instance.problem
        Z, test = problem.split(estimate.double())
        blocks, closed = _blocks(problem, Z), problem.closed_form
        sigma = geometry.spectra(blocks)
        kept = [geometry.kept(s, x) for s, x in zip(sigma, closed.x, strict=True)]
        full = min(len(Z), problem.dim)
        off = [(s.square() / x - 1).abs().max().item() for s, x in zip(kept, closed.x, strict=True) if len(s)]
        found = {
            "coherence": geometry.coherence(Z, problem.labels),
            "block_coherence": geometry.block_coherence(blocks),
            "rank95": sum(map(geometry.rank95, sigma)) / len(sigma),
            "rank_gap": abs(sum(map(len, kept)) - full) / full,
            "value_gap": _value_gap(problem, Z),
            "sigma_gap": max(off, default=1.0),
        }
        if problem.free:
            return found
        truth = problem.split(instance.truth)[1]
        return found | {
            "test_coherence": geometry.coherence(test, truth),
            "subspace_accuracy": geometry.subspace_accuracy(blocks, test, truth),
            "probe_accuracy": probe(Z, test, problem.labels, truth),
        }

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        problem = instance.problem
        Z = problem.split(estimate)[0]
        return _value_gap(problem, Z.double()) if problem.free else geometry.coherence(Z, problem.labels)

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """Cosines of at most 60 training features sorted by class, (m, m), and the spectrum of each class, (K, m)."""
        problem, closed = instance.problem, instance.problem.closed_form
        order = problem.order[torch.linspace(0, len(problem.order) - 1, min(_SHOWN, len(problem.order))).round().long()]
        if not estimate.is_floating_point():
            own = problem.labels[order]
            wide = max(1, *closed.ranks)
            ideal = torch.tensor([[float(j < r) for j in range(wide)] for r in closed.ranks])
            return {"image": (own[:, None] == own).float(), "spectrum": ideal}
        Z = problem.split(estimate.double())[0]
        n = geometry.unit(Z[order])
        rows = [s / x**0.5 for s, x in zip(geometry.spectra(_blocks(problem, Z)), closed.x, strict=True)]
        spectrum = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)[:, : problem.dim]
        return {"image": (n @ n.T).abs().clamp_max(1), "spectrum": torch.where(spectrum < _LEAST, 0, spectrum)}


def _drawn(found: labelled.Labelled, k: int, most: int, split: Split, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Places of a class's samples to learn from, `most` at most, and to be judged on; tuning has both from the pool."""
    y, learns, judged = (torch.from_numpy(part) for part in (found.y, found.learns, found.judged))
    pool = learns[y[learns] == k]
    pool = pool[torch.randperm(len(pool), generator=generator)]
    if split == "test":
        return pool[:most], judged[y[judged] == k]
    n = min(most, int(_TUNED * len(pool)))
    return pool[:n], pool[n:]


def _blocks(problem: Representation, Z: Tensor) -> list[Tensor]:
    """The training features of each class."""
    return list(torch.split(Z[problem.order], list(problem.sizes)))


def _value_gap(problem: Representation, Z: Tensor) -> float:
    best = problem.closed_form.value
    reduction = rates(Z[problem.order], problem.sizes, problem.eps2, problem.dim).reduction
    value = (reduction - problem.weight / 2 * Z.square().sum()).item()
    gap: float = (best - value) / (best or 1.0)
    return gap if abs(gap) > _ROUNDING else 0.0
