"""Representation: features of labelled samples, low-dimensional within a class and orthogonal between classes."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from benchmark.models.coding_rates import ClosedForm, check, closed_form
from benchmark.problems._estimate import finite, tensor


@dataclass(frozen=True, kw_only=True)
class Representation:
    """Find features of samples, or, where there are only labels, the features themselves (free features).

    A method returns features, one row a sample: those of `train`, then those of `test`, (N + T, d), of any width d, float32 or
    float64. Free features have width `dim` and type float64.

    labels    (N,) int64 from 0 to K - 1, each at least once, K >= 2
    train     (N, p) float32; None where features are free
    test      (T, p) float32, without labels; None likewise
    dim       d of the coding rates, and the width of what learns by them
    eps2      their precision, eps^2
    weight    lambda, of the penalty ||Z||_F^2 / 2, in (0, lambda_max]

    Raises ValueError, with the field and its range, for anything else.
    """

    labels: Tensor
    dim: int
    eps2: float
    weight: float
    train: Tensor | None = None
    test: Tensor | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.labels, Tensor) or self.labels.dtype != torch.int64:
            kind = self.labels.dtype if isinstance(self.labels, Tensor) else type(self.labels).__name__
            raise ValueError(f"labels: {kind}, but they are integers (torch.int64) from 0 to K - 1")
        if self.labels.ndim != 1 or not len(self.labels):
            raise ValueError(f"labels: shape {tuple(self.labels.shape)}, not (N,) with N = 1 or more")
        if self.labels.device.type == "cpu":  # once, when it is made
            if int(self.labels.min()) < 0:
                raise ValueError(f"labels: {int(self.labels.min())}, but they are integers from 0 to K - 1")
            check(self.sizes, self.dim, self.eps2, self.weight)
        if (self.train is None) != (self.test is None):
            raise ValueError("train and test: one is None; samples come with both, free features with neither")
        for name in ("train", "test"):
            if (samples := getattr(self, name)) is not None:
                _check_samples(name, samples)
        if self.train is not None and self.test is not None:
            if len(self.train) != len(self.labels):
                raise ValueError(f"train: {len(self.train)} samples, but {len(self.labels)} labels")
            if self.test.shape[1] != self.train.shape[1]:
                raise ValueError(f"test: {self.test.shape[1]} numbers a sample, but train has {self.train.shape[1]}")

    @property
    def free(self) -> bool:
        """Whether there are labels alone."""
        return self.train is None

    @property
    def y(self) -> Tensor:
        """The training samples, or the labels where there are none."""
        return self.labels if self.train is None else self.train

    @property
    def samples(self) -> Tensor:
        """(N + T, p): those of train, then those of test. Raises ValueError where features are free."""
        if self.train is None or self.test is None:
            raise ValueError("train: None; there are labels alone, and the features are free")
        return torch.cat([self.train, self.test])

    @property
    def count(self) -> int:
        """Rows of an estimate: N + T."""
        return len(self.labels) + (0 if self.test is None else len(self.test))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each class."""
        return tuple(torch.bincount(self.labels).tolist())

    @cached_property
    def order(self) -> Tensor:
        """(N,) places of the samples, sorted by class."""
        return self.labels.argsort(stable=True)

    @cached_property
    def closed_form(self) -> ClosedForm:
        """The maximisers of the regularised objective over free features."""
        return closed_form(self.sizes, self.dim, self.eps2, self.weight)

    def split(self, estimate: Tensor) -> tuple[Tensor, Tensor]:
        """The training rows and the test rows of an estimate, or of anything else with N + T rows."""
        return estimate[: len(self.labels)], estimate[len(self.labels) :]

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        moved = {name: x.to(device) for name in ("labels", "train", "test") if (x := getattr(self, name)) is not None}
        return replace(self, **moved)

    def shown(self) -> list[Tensor]:
        """Labels and samples."""
        return [x for x in (self.labels, self.train, self.test) if x is not None]

    def check(self, estimate: object) -> Tensor:
        """The features, if they are finite, of the right shape and type. Raises ValueError otherwise."""
        found = tensor(estimate)
        right = found.ndim == 2 and len(found) == self.count and found.shape[1] > 0
        if not right or (self.free and found.shape[1] != self.dim):
            wanted = f"({self.count}, {self.dim if self.free else 'd'})"
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not {wanted}")
        allowed = (torch.float64,) if self.free else (torch.float32, torch.float64)
        return finite(found, *allowed)

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """A global maximiser, the rows of test in the subspaces of their classes; truth: labels (N + T,) int64.

        All rows move towards one and the same vector: by ten times `scale`, at 0.1 all are equal.
        """
        found = self.closed_form
        Q = torch.linalg.qr(torch.randn(self.dim, self.dim, dtype=torch.float64, generator=generator)).Q
        Z = torch.zeros(self.count, self.dim, dtype=torch.float64)
        N, start = len(self.labels), 0
        for k, (r, x) in enumerate(zip(found.ranks, found.x, strict=True)):
            mine, n = (truth == k).nonzero()[:, 0], self.sizes[k]
            rows = torch.randn(len(mine), r, dtype=torch.float64, generator=generator) / n**0.5
            rows[mine < N] = torch.linalg.qr(rows[mine < N]).Q
            Z[mine] = x**0.5 * rows @ Q[:, start : start + r].T
            start += r
        t = min(1.0, 10 * scale)
        Z = (1 - t) * Z + t * Z.norm() / len(Z) ** 0.5 * Q[:, 0]
        features: Tensor = Z if self.free else Z.float()
        return features


def _check_samples(name: str, samples: object) -> None:
    if not isinstance(samples, Tensor) or samples.dtype != torch.float32:
        kind = samples.dtype if isinstance(samples, Tensor) else type(samples).__name__
        raise ValueError(f"{name}: {kind}, but samples are torch.float32")
    if samples.ndim != 2 or not samples.numel():
        raise ValueError(f"{name}: shape {tuple(samples.shape)}, not (samples, p) with 1 or more of both")
    if not bool((fine := torch.isfinite(samples)).all()):
        row, column = fine.logical_not().nonzero()[0].tolist()
        raise ValueError(f"{name}: number {column} of sample {row} is {samples[row, column].item()}, not finite")
