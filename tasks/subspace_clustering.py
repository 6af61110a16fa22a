"""Subspace clustering: which K subspaces of dimension d a few unlabelled samples come from, and what generates more of them.

    x = U_k a + e,   a ~ N(0, I_d),   e ~ noise N(0, I_n),   k = 1 ... K, N_k samples each              U_k (n, d) orthonormal

An instance is a stack of `trials` draws of one cell. One estimate answers all that is asked (benchmark/problems/
distribution.py): bases, or generated samples with the Jacobians of a denoiser. Bases generate by the model above; of generated
samples the bases are those that K-subspaces finds in them (40 starts, 30 rounds, among their K d leading directions).

Given   samples, K, d; in `tiny`, `small_generalisation` and `full` also probes: training samples with noise of 19 levels
Score   error: min over permutations of max_k ||P_k - P*_k||_F (exact bottleneck matching), success: error < 0.5; accuracy of
        assigning each sample to the nearest subspace (Hungarian). Of G generated samples: GL, the share that is new, farther
        from all training samples than half of the median for a fresh true one (noise is new too); `new_and_on`, the share that
        is new with at most 10 % of its energy off the subspaces; that energy. Rank of the denoiser's Jacobian at the
        probes, and its distance from that of the exact denoiser. Each a mean over the stack
Data    planted: orthogonal subspaces, or with equal principal angles: U_k = cos(b) W_0 + sin(b) W_k, W orthonormal, any two at
        an angle with cosine cos(b)^2. digits: pictures of K digits, no subspaces but nearly so; the classes are the truth, and
        bases are compared with the d leading directions of each class. Other pictures for tuning. full_samples: samples with
        labels of the user's in --data-dir; K counts the labels, d holds 90 % of the energy of the widest class
Source  arXiv:2409.02426. n = 48, K = 2 and d = 3 to 6 are the paper's; its threshold of success is not known here
"""

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import (
    Axis,
    Count,
    Distribution,
    Instance,
    Metric,
    NonNegative,
    Picture,
    Preset,
    TaskSpec,
    Trait,
    UserError,
    mixtures,
    task,
)
from benchmark.datasets import digits, sample_files
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.metrics import subspace
from benchmark.seeds import Split

LEVELS = [10 ** (-2.5 + 0.25 * j) for j in range(19)]  # of the probes' noise, 0.003 to 100
AT = {"small": 2, "middle": 8, "large": 14}  # levels 0.01, 0.32, 10


class Cells(Preset):
    """Every combination of the fields of `grid` is a cell with `repeats` instances of `trials` draws each.

    N_k = points + ratio d samples of each subspace; angle: between any two subspaces, in degrees, 90 for orthogonal ones;
    generate: samples that a method makes; probed: samples with noise at each of 19 levels; origin: where samples come from
    """

    grid: tuple[str, ...] = ("K", "n", "d", "points", "ratio", "noise", "angle")
    K: tuple[Count, ...] = (2,)
    n: tuple[Count, ...] = (48,)
    d: tuple[Count, ...]
    points: tuple[int, ...] = (0,)
    ratio: tuple[int, ...] = (0,)
    noise: tuple[NonNegative, ...] = (0.0,)
    angle: tuple[float, ...] = (90.0,)
    trials: Count = 10
    repeats: Count = 1
    generate: Count = 200
    probed: int = 0
    origin: Literal["planted", "digits", "user"] = "planted"

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        for name in self.grid:
            if not getattr(self, name):
                raise ValueError(f"{name}: no value")
        self.check_cells(self.repeats)
        if self.probed < 0:
            raise ValueError(f"probed: {self.probed} is not 0 or more")
        if self.origin == "user":
            return self
        for K, n, d, points, ratio, _, angle in self.cells():
            if d > n:
                raise ValueError(f"d: {d} is not between 1 and n = {n}")
            if points + ratio * d < 1:
                raise ValueError(f"points: N_k = points + ratio d = {points + ratio * d}, not at least 1")
            if not 0 < angle <= 90:
                raise ValueError(f"angle: {angle:g} degrees are not above 0 and at most 90")
            if self.origin == "planted" and (K + (angle < 90)) * d > n:
                raise ValueError(f"K: {K} subspaces of dimension {d} at {angle:g} degrees do not fit into n = {n}")
        return self


_OF_RECOVERY = ("subspace_error", "success", "accuracy")
_OF_GENERATION = (
    *("new_and_on", "gl", "off_energy", "subspace_error"),
    *("rank_error", "rank_small", "rank_middle", "rank_large"),
)

_SHORT: dict[str, Any] = {"budget": 60, "threads": 1}

SPEC = TaskSpec(
    name="subspace_clustering",
    version=1,
    title="Subspace clustering",
    poses="Distribution",
    baseline="pca",
    source="arXiv:2409.02426",
    metrics=(
        Metric(
            name="subspace_error",
            better="lower",
            least=0.0,
            primary=True,
            tolerance=1.0,
            levels=(0.5,),
            description="min over permutations of max_k ||P_k - P*_k||_F, 0 to sqrt(2 d), mean over the stack",
        ),
        Metric(
            name="success",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.5,
            description="share of the stack with an error below 0.5",
        ),
        Metric(
            name="accuracy",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.3,
            description="share of samples that the nearest subspace found puts into their class, under the best naming",
        ),
        Metric(
            name="new_and_on",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.1,
            description="share of generated samples that are new (as gl) with at most 10 % of their energy off the subspaces",
        ),
        Metric(
            name="gl",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.1,
            description="GL: share of generated samples that are new, on a subspace or not: see the header",
        ),
        Metric(
            name="off_energy",
            better="lower",
            least=0.0,
            most=1.0,
            tolerance=0.05,
            description="share of a generated sample's energy off the nearest true subspace, median",
        ),
        Metric(
            name="rank_error",
            better="lower",
            least=0.0,
            tolerance=2.0,
            description="mean over 19 noise levels of | rank of the denoiser's Jacobian - that of the exact denoiser |",
        ),
        Metric(
            name="rank_small",
            better="lower",
            least=0.0,
            tolerance=4.0,
            description="rank (98 % of the energy) of the denoiser's Jacobian at sigma = 0.01; exact: d, below is a collapse",
        ),
        Metric(
            name="rank_middle", better="lower", least=0.0, tolerance=4.0, description="the same at sigma = 0.32; exact: about d"
        ),
        Metric(name="rank_large", better="lower", least=0.0, tolerance=4.0, description="the same at sigma = 10; exact: K d"),
    ),
    traits=(
        Trait(
            name="captured",
            tolerance=0.02,
            description="share of the samples' energy in the subspaces that they are nearest to: what K-subspaces maximises",
        ),
        Trait(
            name="agreement",
            tolerance=0.1,
            description="of two networks that learnt from disjoint samples: mean cosine of samples from the same noise",
        ),
    ),
    pictures=(
        Picture(
            name="image",
            kind="heat",
            title="Found against true directions",
            about="|U^T U*| of the first draw: K blocks of d directions, each subspace found turned to meet the true one it is "
            "matched with. The truth's own is the identity, but for subspaces at an angle.",
            value="|cosine|",
            low=0.0,
            high=1.0,
        ),
        Picture(
            name="jacobian",
            kind="lines",
            title="Rank of the denoiser's Jacobian",
            about="Mean over the probes of a noise level. The exact denoiser goes from d to K d.",
            rows="draw",
            value="rank",
            axis=Axis(name="log10 sigma", start=-2.5, step=0.25),
            low=0.0,
        ),
    ),
    presets={
        "tiny": Cells(
            instances=2,
            budget=10,
            n=(12,),
            d=(2,),
            points=(3, 10),
            trials=2,
            generate=40,
            probed=1,
            metrics=("subspace_error", "success", "accuracy", "new_and_on", "off_energy", "rank_error"),
            about="n = 12, two planes, 3 and 10 samples each",
        ),
        "small": Cells(
            **_SHORT,
            instances=32,
            d=(2, 3, 4, 6),
            points=(2, 3, 4, 5, 6, 7, 8, 24),
            metrics=_OF_RECOVERY,
            about="two subspaces of n = 48, d = 2 to 6; 2 to 24 samples each, 10 draws",
        ),
        "small_single": Cells(
            **_SHORT,
            instances=18,
            K=(1,),
            n=(24, 48, 96),
            d=(4,),
            points=(2, 3, 4, 5, 8, 12),
            trials=20,
            metrics=("subspace_error", "success"),
            about="one subspace, d = 4; n = 24 to 96, 2 to 12 samples, 20 draws",
        ),
        "small_noise": Cells(
            **_SHORT,
            instances=12,
            d=(3,),
            points=(12,),
            noise=(0.0, 0.05, 0.1, 0.2),
            angle=(90.0, 60.0, 30.0),
            metrics=_OF_RECOVERY,
            about="two subspaces, d = 3, 12 samples each; noise 0 to 0.2, at angles of 90 to 30 degrees",
        ),
        "small_onset": Cells(
            **_SHORT,
            instances=12,
            d=(3,),
            points=(3, 4, 5, 6, 8, 12),
            noise=(0.05,),
            angle=(90.0, 30.0),
            metrics=_OF_RECOVERY,
            about="two subspaces, d = 3, 3 to 12 samples each; noise 0.05, at angles of 90 and 30 degrees",
        ),
        "small_generalisation": Cells(
            instances=8,
            budget=900,
            d=(3, 6),
            ratio=(2, 8, 30, 60),
            trials=1,
            generate=500,
            probed=2,
            metrics=_OF_GENERATION,
            threads=1,
            about="two subspaces, d = 3 and 6, N_k / d = 2 to 60: what is generated, and the Jacobian's rank",
        ),
        "small_digits": Cells(
            instances=8,
            budget=120,
            data=("digits",),
            K=(2, 3, 5, 10),
            n=(64,),
            d=(6,),
            points=(60,),
            trials=2,
            repeats=2,
            origin="digits",
            metrics=("accuracy", "subspace_error"),
            threads=1,
            about="pictures of 2 to 10 digits, 60 each: clustering accuracy",
        ),
        "full": Cells(
            instances=32,
            budget=7200,
            d=(3, 4, 5, 6),
            ratio=(2, 5, 10, 20, 30, 50, 70, 100),
            trials=1,
            generate=1000,
            probed=4,
            metrics=_OF_GENERATION,
            about="the paper's grid for networks: d = 3 to 6, N_k / d = 2 to 100",
        ),
        "full_transition": Cells(
            instances=98,
            budget=3600,
            d=(2, 3, 4, 5, 6, 7, 8),
            points=(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            trials=20,
            metrics=_OF_RECOVERY,
            about="the paper's grid for recovery: d = 2 to 8, 2 to 15 samples each, 20 draws",
        ),
        "full_samples": Cells(
            instances=1,
            budget=3600,
            data=("samples",),
            d=(1,),
            trials=1,
            origin="user",
            metrics=("accuracy", "subspace_error"),
            about="your samples with labels; d holds 90 % of the energy of the widest class",
        ),
    },
)


@task(SPEC)
class SubspaceClustering:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Cells, split: Split, index: int, generator: torch.Generator) -> Instance:
        if preset.origin == "user":
            return self._users(preset, split, index)
        cells = preset.cells()
        K, n, d, points, ratio, noise, angle = cells[index % len(cells)]
        count = points + ratio * d
        parts = {"K": K, "n": n, "d": d, "N_k": count, "noise": noise, "angle": angle}
        fixed = {
            "K": len(preset.K) == 1,
            "n": len(preset.n) == 1,
            "noise": preset.noise == (0.0,),
            "angle": len(preset.angle) == 1,
        }
        label = ", ".join(f"{word} {value:g}" for word, value in parts.items() if not fixed.get(word))
        if preset.repeats > 1 or split == "tuning":
            label += f" ({'' if split == 'test' else 'tuning, '}draw {index // len(cells)})"
        if preset.origin == "digits":
            drawn = [digits.draw(K, count, split, generator) for _ in range(preset.trials)]
            X, truth = (torch.stack(part) for part in zip(*drawn, strict=True))
        else:
            truth = torch.stack([mixtures.subspaces(K, n, d, angle, generator) for _ in range(preset.trials)])
            X = mixtures.draw(truth, K * count, generator)
            X = torch.stack([x[torch.randperm(len(x), generator=generator)] for x in X])
            X = X + noise * torch.randn(X.shape, dtype=torch.float64, generator=generator)
        return Instance(problem=pose(X, K, d, preset, label, generator), truth=truth, label=label)

    def _users(self, preset: Cells, split: Split, index: int) -> Instance:
        source = SOURCES["samples"]
        assert isinstance(source, Folder)
        file = source.files(self.data_dir)[index]  # the first by name
        samples, labels = map(torch.from_numpy, sample_files.read(file))
        half = slice(int(split == "tuning"), None, 2)  # every second sample is for tuning
        X, truth = samples[half][None], labels[half][None]
        K = int(labels.max()) + 1
        if few := [k for k in range(K) if not bool((truth == k).any())]:
            raise UserError(f"{file.name}: class {few[0]} of {K} has no sample for {split}; every second one is for tuning")
        widths = []
        for k in range(K):
            energy = torch.linalg.svdvals(X[0, truth[0] == k]).square().cumsum(0)
            widths.append(int((energy < 0.9 * energy[-1]).sum()) + 1)
        d = min(max(widths), X.shape[-1])
        label = f"{file.stem}, K {K}, d {d}" + (", tuning" if split == "tuning" else "")
        return Instance(problem=pose(X, K, d, preset, label, torch.Generator()), truth=truth, label=label)

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        bases, labels = known(instance)
        found = subspace.recovery(instance.problem, estimate, bases, labels)
        found |= subspace.generation(instance.problem, estimate, bases)
        if len(instance.problem.sigmas):
            mine, exact = (by_level(instance.problem, x) for x in (estimate, bases))
            found["rank_error"] = (mine - exact).abs().mean().item()
            found |= {f"rank_{name}": mine[:, level].mean().item() for name, level in AT.items()}
        return found

    def traits(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        """`captured`, from 0 to 1, mean over the stack."""
        problem = instance.problem
        U = subspace.bases_of(problem, estimate)
        energy = mixtures.energies(problem.samples, U).amax(-2).sum(-1)
        return {"captured": (energy / problem.samples.square().sum((-2, -1))).mean().item()}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        problem, (bases, _) = instance.problem, known(instance)
        estimate = estimate if estimate.is_floating_point() else bases
        _, ordered = subspace.matched(subspace.bases_of(problem, estimate)[:1], bases[:1])
        found = {"image": subspace.coherence(ordered[0], bases[0])}
        if len(problem.sigmas):
            found["jacobian"] = by_level(problem, estimate)
        return found


def pose(X: Tensor, K: int, d: int, preset: Cells, name: str, generator: torch.Generator) -> Distribution:
    """The problem of samples X (B, N, n). Raises UserError, with its name, for samples of which it cannot be posed."""
    B, N, n = X.shape
    sigmas = torch.tensor(LEVELS, dtype=torch.float64).repeat_interleave(preset.probed)
    which = torch.randint(N, (B, len(sigmas)), generator=generator)
    probes = X.gather(1, which[..., None].expand(-1, -1, n))
    probes = probes + sigmas[:, None] * torch.randn(probes.shape, dtype=torch.float64, generator=generator)
    try:
        return Distribution(samples=X, K=K, d=d, generate=preset.generate, probes=probes, sigmas=sigmas)
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None


def known(instance: Instance) -> tuple[Tensor, Tensor]:
    """Bases (B, K, n, d) and labels (B, N) of the truth, which is either."""
    problem, truth = instance.problem, instance.truth
    if truth.is_floating_point():
        return truth, mixtures.nearest(problem.samples, truth)
    return mixtures.of_classes(problem.samples, truth, problem.K, problem.d), truth


def by_level(problem: Distribution, estimate: Tensor) -> Tensor:
    """Rank of the denoiser's Jacobian at each noise level (B, 19), mean over its probes."""
    ranks = subspace.rank(subspace.jacobians(problem, estimate)).double()  # (B, Q)
    return ranks.view(len(ranks), len(LEVELS), -1).mean(-1)
