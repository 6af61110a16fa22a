"""Deep image prior (DIP): fit an untrained network to the measurements from a fixed random input.

    min_w ||A f_w(z) - s y||,   z ~ U[0, 1) fixed,   x_hat = average of f_w(z) over the steps, divided by s

f is the U-Net of the self-guided method, s = ||f_w0(z)|| / ||A^H y|| brings the measurements to the scale of the first output,
and the answer is the same exponential average, so that self-guidance is the only difference between the two.
Source: Ulyanov et al., CVPR 2018; the configuration is the baseline of arXiv:2402.04097
"""

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, LinearInverse, Positive, method
from methods.networks import RunningAverage, channel_count, from_channels, unet


@method(
    "dip",
    solves="LinearInverse",
    kind="untrained network",
    paper="arXiv:1711.10925",
    settings={
        # Width 16 and depth 3 fit 96 pixels and 2 cores.
        # Best mean PSNR over the tuning instances among lr 3e-4, 1e-3, 3e-3 with 1000 steps.
        "mri/small": {"width": 16, "depth": 3, "lr": 3e-3, "steps": 1000},
        # As in small, not tuned again: what changes is the problem.
        "mri/small_8x": {"width": 16, "depth": 3, "lr": 3e-3, "steps": 1000},
        "mri/small_noisy": {"width": 16, "depth": 3, "lr": 3e-3, "steps": 1000},
        # Small enough for a test; shows nothing about quality.
        "mri/tiny": {"width": 8, "depth": 2, "lr": 3e-3, "steps": 60},
    },
)
def dip(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 4000,
    lr: Positive = 3e-4,
    average: Fraction = 0.99,
    width: Count = 64,
    depth: Count = 5,
) -> Tensor:
    A = problem.A
    channels = channel_count(A)
    net = unet(channels, channels, width=width, depth=depth, generator=ctx.generator, device=ctx.device)
    z = ctx.rand(1, channels, *A.shape[-2:])
    with torch.no_grad():
        scale = net(z).norm() / A.H(problem.y).norm()
    y = scale * problem.y
    optimiser = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    mean = RunningAverage(average)
    answer = torch.zeros(A.shape, dtype=A.dtype, device=ctx.device)

    for step in ctx.steps(steps):
        x = from_channels(net(z), A)
        loss = torch.linalg.vector_norm(A(x) - y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

        x = x.detach() / scale
        answer = mean.update(x)
        ctx.record(step, answer, iterate=x)
    return answer
