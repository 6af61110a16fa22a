"""Supervised U-Net: a network that learnt from other slices to take the artefacts off the zero-filled picture.

    min_w E | f_w((u - a) / d) - (|x| - a) / d |,   u = |A^H y| with mean a and deviation d
    x_hat = (a + d f_w((u - a) / d)) A^H y / u

It learns from slices that the task scans anew each time, turned and mirrored; what it learnt on one scanner serves on others.
The U-Net, the loss (l1), the normalisation of each picture and the rate, a tenth of itself in the last fifth of the steps, are
those of the baseline of fastMRI. The coils are combined by their maps, which are known here, and not by a root of squares; the
network is that of the deep image priors (bilinear enlargement, ReLU), so that what is compared is how it is fitted.
Source: Zbontar et al., arXiv:1811.08839, and its code (RMSprop, rate 1e-3, one picture a step, 50 passes over the training set)
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.scanner import Slices
from methods.images._unet import UNet, unet

_LEAST = 1e-11  # added to deviations, as the baseline does


def train(
    training: Slices,
    ctx: Context,
    *,
    steps: Count = 50000,
    batch: Count = 1,
    lr: Positive = 1e-3,
    width: Count = 32,
    depth: Count = 4,
) -> dict[str, Tensor]:
    net = unet(1, 1, width=width, depth=depth, generator=ctx.generator, device=ctx.device)
    optimiser = torch.optim.RMSprop(net.parameters(), lr)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, max(1, 4 * steps // 5), 0.1)
    for step in ctx.steps(steps):
        seen, true = (part[:, None] for part in training.scanned(batch))  # (B, 1, H, W)
        centre, spread = _level(seen)
        loss = F.l1_loss(net((seen - centre) / spread), (true - centre) / spread)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's has no types
        optimiser.step()
        schedule.step()
        ctx.record(step, loss)
    return dict(net.state_dict())


@method(
    "unet_supervised",
    solves="LinearInverse",
    kind="supervised network",
    paper="arXiv:1811.08839",
    needs=("image", "coils"),
    fit=train,
    settings={
        # As wide and as deep as the deep image priors there.
        "mri/small*": {"width": 16, "depth": 3, "batch": 2, "steps": 2500},
        # Small enough for a test; shows nothing about quality.
        "mri/tiny": {"width": 8, "depth": 2, "steps": 20, "batch": 2},
    },
)
def unet_supervised(
    problem: LinearInverse, ctx: Context, learnt: dict[str, Tensor], *, width: Count = 32, depth: Count = 4
) -> Tensor:
    with torch.device("meta"):
        net = UNet(1, 1, width, depth)
    net.load_state_dict(learnt, assign=True)
    filled = problem.A.H(problem.y)
    seen = filled.abs()[None, None]
    centre, spread = _level(seen)
    with torch.no_grad():
        magnitude = (centre + spread * net((seen - centre) / spread))[0, 0]
    return torch.polar(magnitude, filled.angle())


def _level(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each picture (B, 1, H, W), (B, 1, 1, 1)."""
    return pictures.mean((2, 3), keepdim=True), pictures.std((2, 3), keepdim=True) + _LEAST
