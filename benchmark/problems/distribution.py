"""Distributions on a union of subspaces: say from few samples where all of it lies.

One tensor answers, in one of two forms, because a model of such a distribution is known by its subspaces or by what it does:

    bases   (B, K, n, d)         of the K subspaces: what subspace clustering finds
    told    (B, G + Q n, n)      G generated samples, then the Jacobian of the denoiser at each of the Q probes: a trained
                                 network has no bases, but it generates, and it has a derivative (`pack`, `unpack`)

A task turns either into the other: bases U_k generate x = U_k a with a ~ N(0, I) and have a denoiser in closed form
(`mixtures`); generated samples have the subspaces that clustering them finds. So one board compares both, every
number is computed by the suite, and predictions of strangers can be scored.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.models import mixtures
from benchmark.problems._estimate import finite, tensor


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A stack of B draws, each a problem of its own: N samples x = U_k a + e near K subspaces of dimension d. Which sample is
    of which subspace is not told. A method returns float64, (B, K, n, d) or (B, G + Q n, n): see above. Columns of bases
    span their subspace and need not be orthonormal.

    samples   (B, N, n) float64
    K, d      how many subspaces, and their dimension
    generate  G
    probes    (B, Q, n): samples with noise, where the denoiser's Jacobian is asked; Q may be 0
    sigmas    (Q,): standard deviation of the noise of each

    Raises ValueError, with the place and the range, for samples that are none, K above N, or d above n.
    """

    samples: Tensor
    K: int
    d: int
    generate: int
    probes: Tensor
    sigmas: Tensor

    def __post_init__(self) -> None:
        for where in ("samples", "probes", "sigmas"):
            found = getattr(self, where)
            if not isinstance(found, Tensor) or found.dtype != torch.float64:
                kind = found.dtype if isinstance(found, Tensor) else type(found).__name__
                raise ValueError(f"{where} has type {kind}, not torch.float64")
        if self.samples.ndim != 3 or not all(self.samples.shape):
            raise ValueError(
                f"samples has shape {tuple(self.samples.shape)}, not (draws, samples, dimensions), each at least 1"
            )
        B, N, n = self.samples.shape
        if not 1 <= self.K <= N:
            raise ValueError(f"K is {self.K}, not between 1 and {N}, the number of samples")
        if not 1 <= self.d <= n:
            raise ValueError(f"d is {self.d}, not between 1 and {n}, the dimension of a sample")
        if self.generate < 1:
            raise ValueError(f"generate is {self.generate}, not at least 1")
        if self.sigmas.ndim != 1 or self.probes.shape != (B, len(self.sigmas), n):
            allowed = f"({B}, {self.sigmas.numel()}, {n})"
            raise ValueError(f"probes has shape {tuple(self.probes.shape)}, not {allowed}: as many as sigmas")
        if self.samples.device.type == "cpu":  # once, when it is made
            if not bool((good := torch.isfinite(self.samples)).all()):
                b, i, j = good.logical_not().nonzero()[0].tolist()
                raise ValueError(f"sample {i} of draw {b} is {self.samples[b, i, j].item()} at {j}, not a finite number")
            if bool((self.sigmas <= 0).any()) or not bool(torch.isfinite(self.probes).all()):
                raise ValueError("sigmas has a value that is not above 0, or probes one that is not finite")

    @property
    def y(self) -> Tensor:
        """The samples."""
        return self.samples

    def pack(self, generated: Tensor, jacobians: Tensor) -> Tensor:
        """Generated samples (B, G, n) and Jacobians (B, Q, n, n) as one estimate; entry (i, j) is d D_i / d x_j."""
        return torch.cat([generated, jacobians.flatten(1, 2)], 1)

    def unpack(self, estimate: Tensor) -> tuple[Tensor, Tensor] | None:
        """Generated samples and Jacobians that an estimate packs; None for bases."""
        if estimate.ndim != 3:
            return None
        B, Q, n = self.probes.shape
        return estimate[:, : self.generate], estimate[:, self.generate :].reshape(B, Q, n, n)

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        return replace(self, samples=self.samples.to(device), probes=self.probes.to(device), sigmas=self.sigmas.to(device))

    def shown(self) -> list[Tensor]:
        """Samples and probes."""
        return [self.samples, self.probes, self.sigmas]

    def check(self, estimate: object) -> Tensor:
        """The estimate, if it is a finite tensor of a right shape and type. Raises ValueError otherwise."""
        B, _, n = self.samples.shape
        bases, told = (B, self.K, n, self.d), (B, self.generate + len(self.sigmas) * n, n)
        found = tensor(estimate)
        if tuple(found.shape) not in (bases, told):
            raise ValueError(
                f"the estimate has shape {tuple(found.shape)}, not that of bases {bases}, nor of generated samples {told}"
            )
        return finite(found, torch.float64)

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """True bases, or those of the classes that a truth (B, N) names, with each number off by about 10 `scale` of itself."""
        bases = truth if truth.is_floating_point() else mixtures.of_classes(self.samples, truth, self.K, self.d)
        noise = torch.randn(bases.shape, dtype=bases.dtype, generator=generator) / bases.shape[-2] ** 0.5
        near: Tensor = bases + 10 * scale * noise
        return near
