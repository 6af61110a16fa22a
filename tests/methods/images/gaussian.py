"""A prior of independent Gaussian pixels, on which each solver's law is known, and what the tests of solvers share."""

import math

import pytest
import torch

from benchmark import registry
from benchmark.context import Context
from benchmark.operators import LinearOperator
from benchmark.operators.spectral import Diagonal as DiagonalSVD
from benchmark.priors.prior import Calls, Prior
from benchmark.priors.schedule import linear
from benchmark.problems import LinearInverse

CPU = torch.device("cpu")
SIDE = 64
PIXELS = SIDE * SIDE
BETAS = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
ALPHAS = (1 - BETAS).cumprod(0)
SIGMAS = ((1 - ALPHAS) / ALPHAS).sqrt()


class Gaussian(Prior):
    """N(mean, deviation^2) in each pixel, on the task's scale. asked: x and sigma of each call, on [-1, 1]."""

    def __init__(self, mean=0.55, deviation=0.1, shape=(1, SIDE, SIDE), value_range=(0.0, 1.0), jumps=False):
        self.mean, self.deviation, self.shape, self.value_range, self.jumps = mean, deviation, shape, value_range, jumps
        self.schedule, self.calls, self.asked = linear(), Calls(), []

    def _denoise(self, x, sigma, condition):
        self.asked.append((x.detach().clone(), sigma[0].item()))
        m, s = (self.mean - sum(self.value_range) / 2) / self.half, self.deviation / self.half
        return m + shrinkage(s, sigma[0]) * (x - m)

    def to(self, device):
        return self


def shrinkage(deviation, sigma):
    """Of E[x_0 | x_0 + sigma n]."""
    return deviation**2 / (deviation**2 + sigma**2)


class Diagonal(LinearOperator):
    """A = diag(entries), or one number for all pixels."""

    def __init__(self, entries, shape=(1, SIDE, SIDE)):
        self.entries = torch.as_tensor(entries, dtype=torch.float32).expand(shape)
        self.shape = self.data_shape = shape
        self.dtype, self.norm = torch.float32, float(self.entries.abs().max())

    def forward(self, x):
        return self.entries * x

    def adjoint(self, y):
        return self.entries * y

    def svd(self):
        return DiagonalSVD(self.entries)

    def to(self, device):
        return self


def pose(A, y, noise, prior):
    return LinearInverse(A=A, y=y, noise=noise, value_range=prior.value_range, prior=prior)


def constant(a, y, noise, prior=None):
    """The same y in all pixels, on the task's scale: the pixels of a solution are draws of one law."""
    prior = prior or Gaussian()
    return pose(Diagonal(a, prior.shape), torch.full(prior.shape, float(y)), noise, prior)


def run(name, problem, seed=0, budget=float("inf"), ctx=None, **given):
    """A method's answer and the points of its curve."""
    points = []
    ctx = ctx or Context(CPU, seed, budget)
    ctx._on_record = lambda step, seconds, estimates: points.append({k: v.clone() for k, v in estimates.items()})
    method = registry.get_method(name)
    found = method.load()(problem, ctx, method.spec.parameters(**given).model_dump())
    return found, points


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


class OwnDraws(Context):
    """Each picture of a batch has numbers of its own, so that it can be solved alone with the same."""

    def __init__(self, seeds):
        super().__init__(CPU, 0)
        self.draws = [draw(seed) for seed in seeds]

    def randn(self, *shape, dtype=torch.float32):
        return torch.stack([torch.randn(shape[1:], generator=one, dtype=dtype) for one in self.draws])


class Law:
    """Mean and variance of a scalar that affine steps and fresh noise move."""

    def __init__(self, mean, variance=0.0):
        self.mean, self.variance = mean, variance

    def move(self, step, fresh=0.0):
        """step: an affine function of a number; fresh: deviation of noise that is added."""
        offset = step(0.0)
        self.mean, self.variance = step(self.mean), (step(1.0) - offset) ** 2 * self.variance + fresh**2


def assert_law(x, law, count=PIXELS):
    """x, on [-1, 1], has the law's mean and variance within five deviations of their estimates; rounding beside it."""
    assert x.mean().item() == pytest.approx(law.mean, abs=5 * math.sqrt(law.variance / count) + 1e-5)
    assert x.var().item() == pytest.approx(law.variance, rel=5 * math.sqrt(2 / count), abs=1e-8)


def centre(x):
    """From [0, 1] to [-1, 1]."""
    return 2 * x - 1
