"""The training that every self-supervised method of video retrieval shares.

    min over the encoder   E  loss(view_1(a), view_2(b)),      a, b two clips of T frames of one video

b is right after a (adjacent), or drawn as a is, wherever that may be (random).

A cycle is four passes over the training videos, one for each phase of ViDiDi's schedule; all methods train whole cycles, so
that the numbers of steps are equal and a schedule ends where it began. The last batch of a pass is left out where it is not
full. Cosine schedule to a thousandth of the rate; LARS (momentum 0.9, trust 0.001; biases and norms without trust and decay)
or Adam. After the last step BN's statistics are measured once more on plain frames (`again.` in what is learnt), because the
running ones mix all orders.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Literal

import torch
from torch import Tensor, nn

from benchmark import Clips, Context, Count, Fraction, NonNegative, Positive, Retrieval
from benchmark.errors import UserError
from methods.videos._augmentation import Jitter, augmented, plain
from methods.videos._embedding import Features, embed
from methods.videos._encoders import Encoder, encoder_named
from methods.videos._losses import Byol, Joint
from methods.videos._orders import Orders, paired, phase_of

_AGAIN = 20  # batches that BN's statistics are measured on
_FLOOR = 1e-3  # of the rate, where the schedule ends


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of training that every method shares."""

    encoder: Encoder = "r3d_18"
    frames: Count = 8
    size: Count = 112
    orders: Orders = "frames"
    coin: bool = False
    placing: Literal["adjacent", "random"] = "adjacent"
    jitter: Jitter = "clip"
    least: Fraction = 0.08
    share: Fraction = 1.0
    cycles: Count = 100
    batch: Count = 64
    optimiser: Literal["adam", "lars"] = "lars"
    lr: Positive = 1.2
    weight_decay: NonNegative = 1e-6
    warmup: NonNegative = 0.0


@dataclass(frozen=True)
class Reading:
    """How the encoder that was learnt reads videos, see methods/videos/_embedding.py; statistics: of BN, see above."""

    encoder: Encoder = "r3d_18"
    frames: Count = 8
    size: Count = 112
    views: Count = 10
    features: Features = "frames"
    statistics: Literal["running", "frames"] = "running"


# What all methods are registered with, and recommended settings; those of `full` are the defaults.
COMMON: dict[str, Any] = {"solves": "Retrieval", "kind": "self-supervised"}
VIDIDI = {"orders": "schedule", "coin": True}
TINY = {"encoder": "conv4", "size": 16, "batch": 8, "cycles": 1, "optimiser": "adam", "least": 0.5, "lr": 1e-3}
SMALL = {
    "encoder": "conv4",
    "size": 24,
    "placing": "random",
    "batch": 32,
    "cycles": 12,
    "optimiser": "adam",
    "least": 0.5,
    "lr": 1e-3,
}


class Lars(torch.optim.Optimizer):
    """Layer-wise adaptive rates, arXiv:1708.03888: each matrix's step is scaled by 0.001 ||w|| / ||g||."""

    def __init__(self, params: Iterator[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(list(params), {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step, momentum 0.9."""
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                if w.ndim > 1:
                    g = g.add(w, alpha=group["weight_decay"])
                    ratio = w.norm() / g.norm()
                    g = g * torch.where(ratio.isfinite() & (ratio > 0), 1e-3 * ratio, 1.0)
                state = self.state[w]
                moving = state["moving"] = g.clone() if "moving" not in state else state["moving"].mul_(0.9).add_(g)
                w.add_(moving, alpha=-group["lr"])


class Batches:
    """Batches of pairs of clips, uint8 (2 B, T, H, W, 3), first clips then second; gathered a batch ahead where the videos do
    not lie on the device.
    """

    def __init__(self, videos: Tensor, recipe: Recipe, ctx: Context) -> None:
        n, L = videos.shape[:2]
        self._used = torch.randperm(n, generator=ctx.generator)[: max(1, round(recipe.share * n))]
        self._videos, self._recipe, self._ctx = videos, recipe, ctx
        self.batch = min(recipe.batch, len(self._used))
        self.in_a_pass = len(self._used) // self.batch
        needed = 2 * recipe.frames if recipe.placing == "adjacent" else recipe.frames
        if needed > L:
            raise UserError(f"two clips of {recipe.frames} frames need {needed}; the training videos have {L} (--set frames)")
        if self.batch < 2:
            raise UserError("self-supervised training needs two videos a batch or more")
        self._places = L - needed + 1

    def _drawn(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Videos (2 B,) and frames (2 B, T) of one pass."""
        draw, T = self._ctx.generator, self._recipe.frames
        order = self._used[torch.randperm(len(self._used), generator=draw)]
        for rows in torch.split(order, self.batch)[: self.in_a_pass]:
            first = torch.randint(self._places, (self.batch,), generator=draw)
            adjacent = self._recipe.placing == "adjacent"
            second = first + T if adjacent else torch.randint(self._places, (self.batch,), generator=draw)
            yield rows.repeat(2), torch.cat([first, second])[:, None] + torch.arange(T)

    def _gather(self, rows: Tensor, frames: Tensor) -> Tensor:
        home = self._videos.device
        return self._videos[rows.to(home)[:, None], frames.to(home)]

    def _pinned(self, rows: Tensor, frames: Tensor) -> Tensor:
        return self._gather(rows, frames).pin_memory()

    def of_a_pass(self) -> Iterator[Tensor]:
        """uint8 (2 B, T, H, W, 3) on the device, `in_a_pass` times."""
        if self._videos.device.type == self._ctx.device.type:
            yield from (self._gather(*drawn) for drawn in self._drawn())
            return
        with ThreadPoolExecutor(1) as ahead:
            waiting = None
            for drawn in self._drawn():
                coming = ahead.submit(self._pinned, *drawn)
                if waiting is not None:
                    yield waiting.result().to(self._ctx.device, non_blocking=True)
                waiting = coming
            if waiting is not None:
                yield waiting.result().to(self._ctx.device, non_blocking=True)


def pretrain(training: Clips, ctx: Context, model: Joint | Byol, recipe: Recipe) -> dict[str, Tensor]:
    """Train; returns the encoder's weights and buffers by name, and BN's buffers measured again by `again.` and name."""
    batches = Batches(training.videos, recipe, ctx)
    in_a_pass, steps = batches.in_a_pass, 4 * recipe.cycles * batches.in_a_pass
    optimiser = _optimiser(model, recipe)
    on_gpu = ctx.device.type == "cuda"
    passes: Iterator[Tensor] = iter(())
    for step in ctx.steps(steps):
        epoch, place = divmod(step, in_a_pass)
        if place == 0:
            passes = batches.of_a_pass()
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * _rate(step / in_a_pass, 4 * recipe.cycles, recipe.warmup)
        coin, draw = torch.rand(2, generator=ctx.generator).tolist()
        views = augmented(next(passes), recipe.size, recipe.least, recipe.jitter, ctx)
        first, second = views.chunk(2)
        a, b = paired(first, second, phase_of(recipe.orders, epoch, draw), recipe.coin and coin < 0.5)
        with torch.autocast(ctx.device.type, dtype=torch.bfloat16, enabled=on_gpu):
            loss = model(a, b)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        model.follow()
        ctx.record(step, loss)
    encoder = model.encoder
    learnt = {name: x.detach().clone() for name, x in encoder.state_dict().items() if x.is_floating_point()}
    return learnt | {f"again.{name}": x for name, x in _measured_again(encoder, batches, recipe).items()}


def load(encoder: nn.Module, learnt: dict[str, Tensor], statistics: Literal["running", "frames"]) -> nn.Module:
    """Put what was learnt into an encoder of the same kind, with BN's running statistics or those of plain frames."""
    found = {name: x for name, x in learnt.items() if not name.startswith("again.")}
    if statistics == "frames":
        found |= {name.removeprefix("again."): x for name, x in learnt.items() if name.startswith("again.")}
    encoder.load_state_dict(found, strict=False)
    return encoder


def embedded(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """What a method of retrieval returns that has learnt an encoder: `embed` by it."""
    network = load(encoder_named(given.encoder, ctx), learnt, given.statistics)
    return embed(network, problem, ctx, frames=given.frames, size=given.size, views=given.views, features=given.features)


def _rate(epoch: float, epochs: int, warmup: float) -> float:
    """Share of the rate: linear up over `warmup` epochs, then half a cosine down to a thousandth."""
    if epoch < warmup:
        return epoch / warmup
    return _FLOOR + (1 - _FLOOR) * (1 + cos(pi * (epoch - warmup) / (epochs - warmup))) / 2


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    learning = (p for p in model.parameters() if p.requires_grad)
    if recipe.optimiser == "lars":
        return Lars(learning, recipe.lr, recipe.weight_decay)
    return torch.optim.Adam(learning, recipe.lr, weight_decay=recipe.weight_decay, fused=True)


@torch.no_grad()
def _measured_again(encoder: nn.Module, batches: Batches, recipe: Recipe) -> dict[str, Tensor]:
    norms = [module for module in encoder.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    encoder.train()
    done = 0
    while done < _AGAIN:
        for clips in batches.of_a_pass():
            encoder(plain(clips, recipe.size))
            done += 1
            if done == _AGAIN:
                break
    return {name: x.clone() for name, x in encoder.state_dict().items() if "running_" in name}
