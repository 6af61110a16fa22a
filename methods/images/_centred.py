"""A restoration problem on the scale of diffusion networks, [-1, 1], in batches.

    x = middle + half u      y = A x + n      ->      y' = (y - A middle) / half = A u + n',   sigma' = sigma / half
    D(u, sigma') = (prior(x, half sigma') - middle) / half

For pictures in [0, 1]: y' = 2 y - A 1 and sigma' = 2 sigma. Where A is not linear: y' = y / half, A'(u) = A(x) / half, and
four tries are made at once, which differ by their noise. Solvers work with u, y' and sigma' alone, so that no formula
mixes two scales. Everything has a leading batch dimension B; norms and sums are those of one picture.
"""

from dataclasses import dataclass
from typing import Self, cast

import torch
from torch import Tensor

from benchmark import Context, LinearInverse, NonlinearInverse
from benchmark.operators import SVD, LinearOperator, NonlinearOperator
from benchmark.priors.prior import Prior
from benchmark.problems.nonlinear_inverse import TRIES


class On(NonlinearOperator):
    """A(middle + half u) / half: an operator without an adjoint as one of u."""

    def __init__(self, A: NonlinearOperator, middle: float, half: float) -> None:
        self.A, self.middle, self.half = A, middle, half
        self.shape, self.data_shape, self.dtype, self.norm = A.shape, A.data_shape, A.dtype, A.norm

    def forward(self, x: Tensor) -> Tensor:
        return self.A(self.middle + self.half * x) / self.half

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.A.to(device), self.middle, self.half)


@dataclass(frozen=True)
class Centred:
    """The problem y = A u + n with u (B, *shape) in about [-1, 1].

    A        for solvers that ask for A(u) and `gradient` alone also one without an adjoint (`On`)
    y        (B, *A.data_shape);  noise: sigma' of it
    alphas   alpha-bar of each step of the prior's schedule, falling;  sigmas: sqrt((1 - alpha-bar) / alpha-bar), rising
    """

    A: LinearOperator
    y: Tensor
    noise: float
    alphas: list[float]
    sigmas: list[float]
    prior: Prior
    middle: float
    half: float
    batched: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of u, (B, *A.shape)."""
        return len(self.y), *self.A.shape

    def D(self, u: Tensor, sigma: float) -> Tensor:
        """E[u_0 | u_0 + sigma n = u], not clipped. Its graph is kept where u asks for gradients, and only there."""
        with torch.set_grad_enabled(u.requires_grad):
            found = self.prior(self.middle + self.half * u, self.half * sigma)
            return (found - self.middle) / self.half

    def gradient(self, u: Tensor) -> Tensor:
        """The gradient of 1/2 ||A u - y||^2: A^H (A u - y), or by autograd where A has no adjoint."""
        return self.left(u)[1]

    def left(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """A u - y, and the gradient of half its square."""
        if hasattr(self.A, "adjoint"):
            left = self.A(u) - self.y
            return left, self.A.adjoint(left)
        with torch.enable_grad():
            u = u.detach().requires_grad_()
            left = self.A(u) - self.y
            return left.detach(), torch.autograd.grad(left.square().flatten(1).sum(1).sum() / 2, u)[0]

    def misfit(self, u: Tensor) -> Tensor:
        """||A u - y||^2 of each picture, (B,)."""
        return (self.A(u) - self.y).square().flatten(1).sum(1)

    def svd(self) -> SVD:
        """The singular values of A. Raises ValueError where they are not known."""
        if (known := self.A.svd()) is None:
            raise ValueError(f"it needs the singular values of A, which are not known for this {type(self.A).__name__}")
        return known

    def noisy(self, ctx: Context) -> Tensor:
        """Fresh standard normal numbers of the shape of u."""
        return ctx.randn(*self.shape, dtype=self.A.dtype)

    def start(self, value: float = 0.0) -> Tensor:
        """A picture of one value; 0 is mid-grey."""
        return torch.full(self.shape, value, dtype=self.A.dtype, device=self.y.device)

    def back(self, u: Tensor) -> Tensor:
        """x on the task's scale, without the batch dimension where the problem came without."""
        x = self.middle + self.half * u.detach()
        return x if self.batched else x[0]


def centred(problem: LinearInverse | NonlinearInverse, jumps: bool = False, latent: bool = False) -> Centred:
    """jumps: whether a consistency model is what is needed, and no mean; latent: whether a prior of latents is
    (methods/images/_latents.py), and none of pictures.

    Raises ValueError where the problem holds no prior, one of the other kind, or one for pictures of another shape.
    """
    A, prior = problem.A, problem.prior
    if prior is None:
        raise ValueError("it needs a diffusion prior, and this problem holds none")
    if latent != hasattr(prior, "picture_shape"):
        kinds = ("pictures themselves", "an autoencoder's latents")
        raise ValueError(f"it needs a prior of {kinds[latent]}; this one is of {kinds[not latent]}")
    shape = getattr(prior, "picture_shape", prior.shape)  # of latents' pictures
    low, high = (latent and problem.value_range) or prior.value_range
    if tuple(shape) != tuple(A.shape):
        raise ValueError(f"the prior is for pictures of {tuple(shape)}, and these are {tuple(A.shape)}")
    if jumps != getattr(prior, "jumps", False):
        kinds = ("the mean of clean pictures", "a clean picture at one jump, a consistency model's")
        raise ValueError(f"it needs a prior that gives {kinds[jumps]}; this one gives {kinds[not jumps]}")
    middle, half = (low + high) / 2, (high - low) / 2
    y = problem.y
    batched = y.ndim > len(A.data_shape) or isinstance(A, NonlinearOperator)
    if isinstance(A, NonlinearOperator):
        on = cast("LinearOperator", On(A, middle, half))  # a solver that needs an adjoint does not say that it solves these
        measured = y.expand(TRIES, *A.data_shape) / half
    else:
        on = A
        grey = torch.full(A.shape, middle, dtype=A.dtype, device=y.device)
        measured = ((y if batched else y[None]) - A(grey)) / half
    return Centred(
        A=on,
        y=measured,
        noise=problem.noise / half,
        alphas=prior.schedule.alphas.tolist(),
        sigmas=prior.schedule.sigmas.tolist(),
        prior=prior,
        middle=middle,
        half=half,
        batched=batched,
    )


def each(values: Tensor, like: Tensor) -> Tensor:
    """(B,) as (B, 1, ..., 1), to be multiplied with `like` (B, ...)."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
