"""A restoration problem in the latents of an autoencoder: x = Dec(z), z = Enc(x), and a prior on z.

    y' = A'(z) + n',   A'(z) = A Dec(z)        in the words of methods/images/_centred.py, with z for u

So a solver that asks for D, A(u) and `gradient` alone solves it as it is. Dec and Enc are of pictures on [-1, 1]; latents are
on the network's scale and have no range: nothing is clipped.
"""

import math
from dataclasses import dataclass
from typing import Literal, Self, cast

import torch
from torch import Tensor

from benchmark import LinearInverse, NonlinearInverse
from benchmark.operators import LinearOperator, NonlinearOperator
from benchmark.priors.latent import LatentPrior
from methods.images._centred import Centred, centred


class Decoded(NonlinearOperator):
    """A Dec(z). No bound of its steepness is known."""

    norm = math.inf

    def __init__(self, A: LinearOperator | NonlinearOperator, prior: LatentPrior) -> None:
        self.A, self.prior = A, prior
        self.shape, self.data_shape, self.dtype = prior.shape, A.data_shape, A.dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.A(self.prior.decode(x))

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.A.to(device), self.prior.to(device))


@dataclass(frozen=True)
class Latents(Centred):
    """The problem y = A Dec(z) + n, and with the same prior `pixels`, the problem y = A u + n, whose D must not be asked."""

    pixels: Centred

    def decode(self, z: Tensor) -> Tensor:
        """u (B, *pixels.A.shape) of z. Its graph is kept where z asks for gradients, and only there."""
        with torch.set_grad_enabled(z.requires_grad):
            return cast("LatentPrior", self.prior).decode(z)

    def encode(self, u: Tensor) -> Tensor:
        """z (B, *A.shape) of u, with its graph as in `decode`."""
        with torch.set_grad_enabled(u.requires_grad):
            return cast("LatentPrior", self.prior).encode(u)

    def back(self, u: Tensor) -> Tensor:
        return self.pixels.back(self.decode(u.detach()))


def latents(problem: LinearInverse | NonlinearInverse, jumps: bool = False) -> Latents:
    """Raises ValueError where the problem holds no prior, or none of latents of an autoencoder of such pictures."""
    pixels = centred(problem, jumps, latent=True)
    A = cast("LinearOperator", Decoded(pixels.A, cast("LatentPrior", pixels.prior)))  # asked for A(z) and `gradient` alone
    return Latents(
        A=A,
        y=pixels.y,
        noise=pixels.noise,
        alphas=pixels.alphas,
        sigmas=pixels.sigmas,
        prior=pixels.prior,
        middle=0.0,
        half=1.0,
        batched=pixels.batched,
        pixels=pixels,
    )


def within(problem: LinearInverse | NonlinearInverse, space: Literal["pixel", "latent"]) -> Centred:
    """The problem in pictures or in their latents. Raises ValueError where its prior is not of them."""
    return latents(problem) if space == "latent" else centred(problem)
