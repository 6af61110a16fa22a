"""Sub-networks: masks over the weight vector of an hourglass, their training from the initial weights, and what they keep."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from benchmark import Context, LinearInverse
from methods.images._fitting import Fitting
from methods.images._hourglass import Hourglass, hourglass
from methods.images._weights import Weights

Pool = Literal["kernels", "all"]
_PARTS = {"down": "kept_encoder", "up": "kept_decoder", "head": "kept_head"}  # by how the names of kernels begin


def largest(scores: Tensor, keep: float, order: Tensor) -> Tensor:
    """1 on the round(keep d) largest entries of a vector (d,), 0 elsewhere; ties fall as `order`, a permutation, has them."""
    count = round(keep * len(scores))
    mask = torch.zeros_like(scores, dtype=torch.float32)
    mask[order[scores.detach()[order].topk(count).indices]] = 1
    return mask


def places(weights: Weights, pool: Pool) -> Tensor:
    """The places (n,), ascending, of the weights that a mask may cut: of the convolutions' kernels, or of all."""
    inside = [torch.full((size,), pool == "all" or name.endswith("weight")) for name, size in _sizes(weights)]
    return torch.cat(inside).nonzero().flatten()


def largest_within(scores: Tensor, keep: float, order: Tensor, inside: Tensor) -> Tensor:
    """1 on the round(keep n) largest of the entries at the places `inside` (n,), 0 on the others there; 1 elsewhere."""
    mask = torch.ones_like(scores, dtype=torch.float32)
    number = torch.full_like(order, -1)
    number[inside] = torch.arange(len(inside), device=order.device)
    among = number[order]
    mask[inside] = largest(scores[inside], keep, among[among >= 0])
    return mask


def by_layer(scores: Tensor, keep: float, order: Tensor, weights: Weights) -> Tensor:
    """The same share of each convolution's kernel. Biases, norms and the last kernel stay whole: of its few weights a share
    would leave outputs that nothing reaches.
    """
    mask, start = torch.ones_like(scores, dtype=torch.float32), 0
    last = [name for name in weights.shapes if name.endswith("weight")][-1]
    for name, size in _sizes(weights):
        if name.endswith("weight") and name != last:
            inside = torch.arange(start, start + size, device=order.device)
            mask = mask * largest_within(scores, keep, order, inside)
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


def kept_shares(problem: LinearInverse, given: Mapping[str, Any], kept: Mapping[str, Tensor]) -> dict[str, float]:
    """Traits of a run that kept its `mask` (d,): the shares of kernels by part of the hourglass, and of the norms' gains."""
    weights = hourglass(problem.A.shape, **{name: given[name] for name in ("width", "widest", "scales")}).weights
    parts = defaultdict[str, list[Tensor]](list)
    for name, part in weights.split(kept["mask"].float()).items():
        if name.endswith("weight"):
            parts[next(into for begin, into in _PARTS.items() if name.startswith(begin))].append(part.flatten())
        elif name.endswith("gain"):
            parts["kept_gains"].append(part)
    return {name: torch.cat(those).mean().item() for name, those in parts.items()}


def _sizes(weights: Weights) -> list[tuple[str, int]]:
    return list(zip(weights.shapes, weights.sizes, strict=True))
