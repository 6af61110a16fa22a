"""Pruning at initialisation, the rivals of Optimal Eye Surgeon: a mask from a score of each weight, then training.

    m = 1 on the share `keep` of the pool that has the largest scores (global), or of each kernel but the last one (layer);
        1 on all that is not in the pool
    x_hat = f(m theta, z) after training theta from theta_0 on mean (A f(m theta, z) - y)^2

With L = mean (A f(theta, z) - y)^2, g its gradient and H its Hessian at theta_0:
    random_pruning      uniform
    magnitude_pruning   |theta|
    snip                |theta g|
    grasp               theta H g: what is left keeps the norm of the gradient
    synflow             |theta| dR / d|theta|, R = sum f(|theta|, z = 1) without the norms' statistics; in 100 rounds, round k
                        leaves keep^(k / 100) of all
`pool` is what masks may cut: the kernels, as these methods' own papers have it, so that biases, gains and shifts of norms are
kept and trained; or all weights, as the code of arXiv:2406.05288 has it, where a cut gain switches its channel off. That code
also scores otherwise than their own papers (|g| for snip, g for grasp, one round for synflow); this follows their own. It
compares them on denoising alone, and so does this suite. A mask may cut every path through the network, whose output is then
constant: that is its answer, and the trait `spread` tells it.
Source: arXiv:2406.05288 (comparison); arXiv:1810.02340 (SNIP), arXiv:2002.07376 (GraSP), arXiv:2006.05467 (SynFlow)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from benchmark import Context, Fraction, LinearInverse, method
from methods.images._hourglass import INPUTS, Hourglass, Recipe, draw_input, hourglass
from methods.images._pruned import Pool, by_layer, kept_shares, largest_within, places, train

Scope = Literal["global", "layer"]
Loss = Callable[[Tensor], Tensor]
_ROUNDS = 100  # of SynFlow


_SETTINGS = {
    "*/small*": {"width": 8, "widest": 32, "scales": 4, "steps": 1000},
    "*/small_128": {"width": 16, "widest": 64, "scales": 5, "keep": 0.03, "steps": 3000},
    "*/tiny": {"width": 8, "widest": 16, "scales": 3, "steps": 60, "keep": 0.8},
}
_COMMON: dict[str, Any] = {
    "solves": "LinearInverse",
    "kind": "pruned untrained network",
    "needs": ("image", "range", "direct"),
    "settings": _SETTINGS,
}


@dataclass(frozen=True)
class Pruning(Recipe):
    """Hyperparameters of all: the training, the hourglass, the share that stays, what it is counted over, and what is cut."""

    keep: Fraction = 0.05
    scope: Scope = "global"
    pool: Pool = "kernels"

    def network(self, problem: LinearInverse) -> Hourglass:
        """The hourglass for pictures as the problem's."""
        return hourglass(problem.A.shape, width=self.width, widest=self.widest, scales=self.scales)


@method("random_pruning", paper="arXiv:2406.05288", parameters=Pruning, traits=kept_shares, **_COMMON)
def random_pruning(problem: LinearInverse, ctx: Context, given: Pruning) -> Tensor:
    """A random sub-network, trained."""
    return _pruned(problem, ctx, given, given.network(problem), lambda theta, loss: ctx.rand(len(theta)))


@method("magnitude_pruning", paper="arXiv:2406.05288", parameters=Pruning, traits=kept_shares, **_COMMON)
def magnitude_pruning(problem: LinearInverse, ctx: Context, given: Pruning) -> Tensor:
    """The sub-network of the largest initial weights, trained."""
    return _pruned(problem, ctx, given, given.network(problem), lambda theta, loss: theta.abs())


@method("snip", paper="arXiv:1810.02340", parameters=Pruning, traits=kept_shares, **_COMMON)
def snip(problem: LinearInverse, ctx: Context, given: Pruning) -> Tensor:
    """SNIP: the sub-network of the weights whose removal changes the loss most, trained."""
    return _pruned(problem, ctx, given, given.network(problem), lambda theta, loss: (theta * _gradient(theta, loss)).abs())


@method("grasp", paper="arXiv:2002.07376", parameters=Pruning, traits=kept_shares, **_COMMON)
def grasp(problem: LinearInverse, ctx: Context, given: Pruning) -> Tensor:
    """GraSP: the sub-network that keeps the norm of the gradient, trained."""
    return _pruned(problem, ctx, given, given.network(problem), _flow_of_gradients)


@method("synflow", paper="arXiv:2006.05467", parameters=Pruning, traits=kept_shares, **_COMMON)
def synflow(problem: LinearInverse, ctx: Context, given: Pruning) -> Tensor:
    """SynFlow: the sub-network that keeps the flow from input to output, trained."""
    f = given.network(problem)
    return _pruned(problem, ctx, given, f, lambda theta, loss: _flow_of_weights(f, theta, problem.A.shape), _ROUNDS)


def _pruned(
    problem: LinearInverse,
    ctx: Context,
    given: Pruning,
    f: Hourglass,
    score: Callable[[Tensor, Loss], Tensor],
    rounds: int = 1,
) -> Tensor:
    if given.scope == "layer" and given.pool == "all":
        raise ValueError("scope=layer cuts kernels alone; leave out pool=all")
    A = problem.A
    z, theta = draw_input(ctx, A.shape), f.weights.initial(ctx.generator, ctx.device)
    order = torch.randperm(f.weights.count, generator=ctx.generator).to(ctx.device)
    inside = places(f.weights, given.pool).to(ctx.device)

    def loss(theta: Tensor) -> Tensor:
        return (A(f(theta, z)[0]) - problem.y).square().mean()

    mask = torch.ones_like(theta)
    for number in range(1, rounds + 1):
        scores, share = score(mask * theta, loss), given.keep ** (number / rounds)
        if given.scope == "global":
            mask = largest_within(scores, share, order, inside)
        else:
            mask = by_layer(scores, share, order, f.weights)
    ctx.keep("mask", mask.bool())
    return train(problem, ctx, f, z, theta, mask, given.lr, given.steps)


def _gradient(theta: Tensor, loss: Loss, *, again: bool = False) -> Tensor:
    """g at theta, with a graph of its own if it is to be differentiated again."""
    theta = theta if theta.requires_grad else theta.detach().requires_grad_()
    return torch.autograd.grad(loss(theta), theta, create_graph=again)[0]


def _flow_of_gradients(theta: Tensor, loss: Loss) -> Tensor:
    theta = theta.detach().requires_grad_()
    g = _gradient(theta, loss, again=True)
    return theta.detach() * torch.autograd.grad((g * g.detach()).sum(), theta)[0]


def _flow_of_weights(f: Hourglass, theta: Tensor, shape: tuple[int, ...]) -> Tensor:
    """In float64: the sum over all paths of the product of their weights spans more orders than float32 holds."""
    size = theta.detach().abs().double().requires_grad_()
    ones = torch.ones(1, INPUTS, *shape[-2:], dtype=torch.float64, device=theta.device)
    return size.detach() * torch.autograd.grad(f.linear(size, ones).sum(), size)[0]
