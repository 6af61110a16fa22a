"""Matrix completion: recover matrices of low rank from some of their entries."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.problems._estimate import finite, tensor

_CHUNK = 1 << 22  # numbers at a time


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Recover a stack of matrices M (B, m, n), each a problem of its own, from  y = M[where] + noise.

    A method returns an estimate, float64, in one of two forms: whole matrices (B, m, n), or factors (B, m + n, k), the left
    ones above the right ones, which stand for  left right^T  (`pack`, `unpack`).

    y          observed values, (N,) float64
    where      (3, N) int64: which matrix, row, column; sorted, no entry twice
    shape      (B, m, n)
    rank       of M, or an upper bound on it, at most min(m, n)
    symmetric  M = M^T is positive semidefinite, and what is observed of it is symmetric too
    above      an entry that is not observed is at most this; None where its absence says nothing

    Raises ValueError, with the place, for observations that are none: outside the matrix, twice, not finite, not symmetric
    where they should be, or an empty row or column.
    """

    y: Tensor
    where: Tensor
    shape: tuple[int, int, int]
    rank: int
    symmetric: bool = False
    above: float | None = None

    def __post_init__(self) -> None:
        _, m, n = self.shape
        if not 1 <= self.rank <= min(m, n):
            raise ValueError(f"rank {self.rank} is not between 1 and {min(m, n)}, the smaller side of {m} x {n}")
        if self.where.shape != (3, len(self.y)) or not len(self.y):
            raise ValueError(f"where has shape {tuple(self.where.shape)}, not (3, {max(1, len(self.y))}): no entry is observed")
        if self.y.device.type == "cpu":  # once, when it is made
            self._check_observations()

    def _check_observations(self) -> None:
        B, m, n = self.shape
        b, i, j = self.where
        if any(int(index.min()) < 0 or int(index.max()) >= size for index, size in zip(self.where, self.shape, strict=True)):
            raise ValueError(f"an observed entry lies outside the stack of {B} matrices {m} x {n}")
        if not bool((bad := torch.isfinite(self.y)).all()):
            at = int(bad.logical_not().nonzero()[0])
            raise ValueError(f"the observed entry ({int(i[at])}, {int(j[at])}) is {self.y[at].item()}, not a finite number")
        place = self.flat
        if bool((place[1:] <= place[:-1]).any()):
            at = int((place[1:] <= place[:-1]).nonzero()[0])
            raise ValueError(f"the entry ({int(i[at + 1])}, {int(j[at + 1])}) is observed twice, or entries are not sorted")
        for index, size, word in ((i, m, "row"), (j, n, "column")):
            empty = torch.bincount(b * size + index, minlength=B * size) == 0
            if bool(empty.any()):
                raise ValueError(f"{word} {int(empty.nonzero()[0]) % size} of {size} has no observed entry")
        if self.symmetric:
            order = (b * m * n + j * n + i).argsort()
            if m != n or not torch.equal((b * m * n + j * n + i)[order], place):
                raise ValueError("the observed entries of a symmetric matrix are not symmetric")
            if bool((far := (self.y[order] - self.y).abs() > 1e-9 * self.y.abs().max()).any()):
                at = int(far.nonzero()[0])
                r, c = int(i[at]), int(j[at])
                raise ValueError(f"not symmetric: entry ({r}, {c}) and entry ({c}, {r}) differ")

    @property
    def flat(self) -> Tensor:
        """(N,) positions of the observed entries in the flattened stack."""
        _, m, n = self.shape
        b, i, j = self.where
        place: Tensor = (b * m + i) * n + j
        return place

    @property
    def fraction(self) -> float:
        """Share of the entries that is observed."""
        B, m, n = self.shape
        return len(self.y) / (B * m * n)

    def dense(self) -> tuple[Tensor, Tensor]:
        """Zero-filled matrices and masks of ones and zeros, both (B, m, n) float64."""
        X = torch.zeros(self.shape, dtype=torch.float64, device=self.y.device)
        mask = torch.zeros_like(X)
        X.view(-1)[self.flat], mask.view(-1)[self.flat] = self.y, 1.0
        return X, mask

    def pack(self, left: Tensor, right: Tensor) -> Tensor:
        """Factors (B, m, k) and (B, n, k) as one estimate."""
        return torch.cat([left, right], -2)

    def unpack(self, estimate: Tensor) -> tuple[Tensor, Tensor] | None:
        """The factors that an estimate packs; None for whole matrices."""
        _, m, n = self.shape
        return (estimate[:, :m], estimate[:, m:]) if estimate.shape[-2] == m + n else None

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        return replace(self, y=self.y.to(device), where=self.where.to(device))

    def shown(self) -> list[Tensor]:
        """The observed values and where they are."""
        return [self.y, self.where]

    def entries(self, estimate: Tensor, where: Tensor | None = None) -> Tensor:
        """(N,) values of an estimate where it is observed, or at `where` (3, N); whole matrices are not formed."""
        b, i, j = self.where if where is None else where
        factors = self.unpack(estimate)
        if factors is None:
            return estimate[b, i, j]
        left, right = factors
        size = max(1, _CHUNK // left.shape[-1])
        parts = [slice(k, k + size) for k in range(0, len(b), size)]
        return torch.cat([torch.linalg.vecdot(left[b[s], i[s]], right[b[s], j[s]]) for s in parts])

    def diverged(self, estimate: Tensor) -> bool:
        """Whether an estimate fits what is observed 100 times worse than zero does: numbers, but no answer."""
        return not bool((self.entries(estimate) - self.y).norm() <= 100 * self.y.norm())  # nor where it is no number

    def check(self, estimate: object) -> Tensor:
        """The estimate, if it is a finite tensor of a right shape and type. Raises ValueError otherwise."""
        B, m, n = self.shape
        found = tensor(estimate)
        whole = tuple(found.shape) == self.shape
        factors = found.ndim == 3 and len(found) == B and found.shape[1] == m + n
        if not (whole or factors):
            allowed = f"{self.shape}, nor of factors ({B}, {m + n}, k)"
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not {allowed}")
        return finite(found, torch.float64)

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """True factors, or what is known of the matrix, with each number off by about `scale` of itself."""
        noise = torch.randn(truth.shape, dtype=truth.dtype, generator=generator)
        return truth * (1 + scale * noise)
