"""Sub-networks: masks over the weight vector of an hourglass, and their training from the initial weights."""

import torch
from torch import Tensor

from benchmark import Context, LinearInverse
from methods.images._fitting import Fitting
from methods.images._hourglass import Hourglass
from methods.images._weights import Weights


def largest(scores: Tensor, keep: float, order: Tensor) -> Tensor:
    """1 on the round(keep d) largest entries of a vector (d,), 0 elsewhere; ties fall as `order`, a permutation, has them."""
    count = round(keep * len(scores))
    mask = torch.zeros_like(scores, dtype=torch.float32)
    mask[order[scores.detach()[order].topk(count).indices]] = 1
    return mask


def by_layer(scores: Tensor, keep: float, order: Tensor, weights: Weights) -> Tensor:
    """The same share of each convolution's kernel; biases and norms stay whole."""
    mask, start = torch.ones_like(scores, dtype=torch.float32), 0
    for name, size in zip(weights.shapes, weights.sizes, strict=True):
        if name.endswith("weight"):
            inside = order[(order >= start) & (order < start + size)] - start
            mask[start : start + size] = largest(scores[start : start + size], keep, inside)
        start += size
    return mask


def train(
    problem: LinearInverse, ctx: Context, f: Hourglass, z: Tensor, theta: Tensor, mask: Tensor, lr: float, steps: int
) -> Tensor:
    """The last iterate of the masked network, (C, H, W)."""
    fit = Fitting(problem, lambda theta: f(theta, z), theta, lr, mask)
    with torch.no_grad():
        x = fit.output()
    for step in ctx.steps(steps):
        x = fit.step()
        ctx.record(step, x)
    return x
