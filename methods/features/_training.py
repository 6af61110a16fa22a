"""The one network of all learned representations, and its training: whole batches, AdamW, warm-up and cosine.

    f(x) = W_2 relu(norm(W_1 x)) + b_2        W_1 (hidden, p) without bias, norm: LayerNorm, W_2 (d, hidden)

AdamW with rate `lr`, betas (.9, .999), decay `weight_decay`; the rate rises linearly for `warmup` of the steps, on a
cosine that falls to 0 after all of them. Whole batches: alpha, and with it every singular value, depends on a batch's size.
Source: arXiv:2406.01909, the authors' code
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import torch
from torch import Tensor, nn

from benchmark import Context, Count, Fraction, NonNegative, Positive, Representation


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of training that every method with a network shares."""

    steps: Count = 800
    lr: Positive = 0.005
    weight_decay: NonNegative = 5e-4
    warmup: Fraction = 0.125
    hidden: Count = 512


TINY: dict[str, Any] = {"steps": 60, "hidden": 64}
FULL: dict[str, Any] = {"hidden": 2048}
SETTINGS = {"representation/tiny": TINY, "representation/full": FULL}
OF_SAMPLES: dict[str, Any] = {"solves": "Representation", "needs": ("samples",), "settings": SETTINGS}


def network(ctx: Context, inputs: int, hidden: int, dim: int) -> nn.Sequential:
    """f with PyTorch's usual first weights, drawn from the context's seed and from no global one."""
    return nn.Sequential(linear(ctx, inputs, hidden, bias=False), nn.LayerNorm(hidden), nn.ReLU(), linear(ctx, hidden, dim)).to(
        ctx.device
    )


def linear(ctx: Context, inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    """Weights and biases uniform on +-inputs^(-1/2)."""
    layer = nn.Linear(inputs, outputs, bias=bias, device="meta").to_empty(device="cpu")
    for x in layer.parameters():
        nn.init.uniform_(x, -(inputs**-0.5), inputs**-0.5, generator=ctx.generator)
    return layer.to(ctx.device)


def train(
    problem: Representation,
    ctx: Context,
    loss: Callable[[Tensor, Tensor], Tensor],
    recipe: Recipe,
    *,
    head: nn.Module | None = None,
    finish: Callable[[Tensor], Tensor] = lambda Z: Z,
) -> Tensor:
    """Features of train and test, (N + T, d), of the network that minimises loss(Z, labels) over the training samples.

    Z, labels: features and labels sorted by class. head: what else learns, with the same rates. finish: the last step from the
    network's output to features, in training too.
    """
    samples = problem.samples
    order = problem.order
    x, labels = samples[order], problem.labels[order]
    f = network(ctx, x.shape[1], recipe.hidden, problem.dim)
    learning = [*f.parameters(), *(head.parameters() if head else ())]
    optimiser = torch.optim.AdamW(learning, lr=recipe.lr, weight_decay=recipe.weight_decay)
    rise = max(1.0, recipe.warmup * recipe.steps)

    def features() -> Tensor:
        with torch.no_grad():
            return finish(f(samples))

    for step in ctx.steps(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * min(1.0, (step + 1) / rise) * (1 + cos(pi * step / recipe.steps)) / 2
        optimiser.zero_grad(set_to_none=True)
        loss(finish(f(x)), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        ctx.record(step, features)
    return features()
