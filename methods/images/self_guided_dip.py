"""Self-guided deep image prior: the network's input is learned together with its weights.

    min_{w, z}  ||A x(w, z) - s y||  +  pull / sqrt(HW) ||z - x(w, z)||,     x(w, z) = E_e[ f_w(z + e) ]
    x_hat = exponential average of x(w, z) over the steps, divided by s

e is drawn anew each step, uniform on [0, max(z) / 2) in every entry; the expectation is a mean over `draws`. The second term
asks f to remove the noise from its own input, whose fixed point is the reconstruction: the guide is made on the way.
s = ||f_w0(z_0)|| / ||A^H y|| brings the measurements to the scale of the first output. A is orthonormal here: `pull` is
divided by sqrt(HW), which the paper's unnormalised Fourier transform hides. Where x lies in a known range, a sigmoid brings f
into it and s = 1. (Re, Im) of z is compared with (Re, Im) of x.
The norms are not squared. The average is of complex images.
Source: arXiv:2402.04097 and the hyperparameters of its demonstration (4x knee)
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, LinearInverse, NonNegative, Positive, method
from methods.images._channels import channel_count, from_channels
from methods.images._scaled import Scaled
from methods.images._unet import unet


@method(
    "self_guided_dip",
    solves="LinearInverse",
    kind="untrained network",
    paper="arXiv:2402.04097",
    needs=("image",),
    settings={
        # On photographs, of size 1, the input learns slower than where y is scaled. pull: best mean PSNR of 0.1, 0.64, 6.4 and
        # 64, lr: of 1e-3, 2e-3, 4e-3, over two tuning instances of inpainting with lr_input 1e-2; not tuned again for the other
        # tasks. lr_input: best mean PSNR of 3e-4, 1e-3, 3e-3, 1e-2 after 300 steps over two tuning instances of inpainting,
        # where they are within 0.4 dB, and a synthetic star field, darker than every tuning photograph: 26.3, 26.5, 24.8 and
        # 20.7 dB (tests/performance/star_field.py).
        "*/small*": {"width": 16, "depth": 3, "lr": 4e-3, "lr_input": 1e-3, "pull": 0.64, "steps": 500},
        # Width 16, depth 3 and 400 steps keep `small` under 5 minutes on 2 cores; 500 steps gain 0.5 dB.
        # lr had the best mean PSNR over the tuning instances of mri/small among 1e-3, 2e-3, 3e-3.
        "mri/small*": {"width": 16, "depth": 3, "lr": 2e-3, "lr_input": 0.1, "pull": 2.0, "steps": 400},
        # As in small, not tuned again: what changes is how long it may take.
        "mri/small_long": {"steps": 1500},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"width": 8, "depth": 2, "lr": 3e-3, "steps": 60},
    },
    search={
        "*": {"lr": (1e-4, 1e-2, "log"), "lr_input": (1e-4, 1e-2, "log"), "pull": (0.1, 10.0, "log")},
        "mri": {"lr": (3e-4, 1e-2, "log"), "lr_input": (1e-2, 0.3, "log"), "pull": (0.5, 8.0, "log")},
    },
)
def self_guided_dip(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 4000,
    lr: Positive = 3e-4,
    lr_input: NonNegative = 0.1,
    pull: NonNegative = 2.0,
    draws: Count = 3,
    noise: Literal["uniform", "zero_mean", "none"] = "uniform",
    average: Fraction = 0.99,
    width: Count = 64,
    depth: Count = 5,
) -> Tensor:
    A = problem.A
    height, breadth = A.shape[-2:]
    channels = channel_count(A)
    net = unet(channels, channels, width=width, depth=depth, generator=ctx.generator, device=ctx.device)
    z = ctx.rand(1, channels, height, breadth)
    fit = Scaled(problem, ctx, net, z, lr, average)
    fit.optimiser.add_param_group({"params": [z.requires_grad_()], "lr": lr_input})

    for step in ctx.steps(steps):
        if noise == "none":
            noisy = z
        else:
            u = ctx.rand(draws, channels, height, breadth)
            noisy = z + z.detach().max() / 2 * (u if noise == "uniform" else u - 0.5)
        drawn = fit.output(noisy)  # (draws, channels, H, W)
        output = drawn.mean(0, keepdim=True)
        x = from_channels(output, A)
        misfit = torch.linalg.vector_norm(A(x) - fit.y)
        loss = misfit + pull / (height * breadth) ** 0.5 * torch.linalg.vector_norm(z - output)
        fit.step(step, x, loss)
    return fit.answer
