"""Hybrid input-output (HIO): the phase that goes with a picture inside its frame and not negative.

    g' = F^-1 (y G / |G|),  G = F g           the measured magnitudes with the phase at hand
    g <- g'  where it lies in the frame and is >= 0,   g - beta g'  elsewhere       (the last `polish` steps: 0 elsewhere,
                                                                                    which is error reduction)
Each channel is a problem of its own. A try is, for each channel, the one of `starts` random starts with the least residual;
channels are then turned and shifted to the green one, because each may come out turned.
y is averaged over k and -k, which a real picture measures alike, and clipped at 0, which noise goes below.
Source: Fienup, Applied Optics 21 (1982), with beta 0.9
"""

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, NonlinearInverse, method
from benchmark.metrics.alignment import aligned
from benchmark.operators.nonlinear import FourierMagnitude
from benchmark.problems.nonlinear_inverse import TRIES


@method(
    "hio",
    solves="NonlinearInverse",
    kind="classical",
    paper="doi:10.1364/AO.21.002758",
    needs=("image", "range", "magnitude"),
    settings={
        # Best mean PSNR over two tuning instances of small among steps 300, 1000 and polish 100, 500 (equal; the shorter).
        "phase_retrieval": {"steps": 300, "polish": 100},
        # Without noise it goes on finding; not tuned.
        "phase_retrieval/small_noiseless": {"steps": 1000},
        # Small enough for a test; shows nothing about quality.
        "phase_retrieval/tiny": {"steps": 100, "polish": 20, "starts": 2},
    },
)
def hio(
    problem: NonlinearInverse,
    ctx: Context,
    *,
    steps: Count = 1000,
    polish: Count = 100,
    beta: Fraction = 0.9,
    starts: Count = 4,
) -> Tensor:
    A, y = problem.A, problem.y
    assert isinstance(A, FourierMagnitude)
    field = A.data_shape[1:]
    measured = ((y + y.flip(-2, -1).roll((1, 1), (-2, -1))) / 2).clamp_min(0)[..., : field[1] // 2 + 1]
    frame = A.wide(torch.ones(A.shape, device=ctx.device, dtype=torch.bool))
    g = A.wide(ctx.rand(TRIES * starts, *A.shape))  # (4 starts, 3, H', W')
    inner = g

    for step in ctx.steps(steps + polish):
        G = torch.fft.rfft2(g, norm="ortho")
        phase = torch.where(G == 0, 1, G.sgn())
        inner = torch.fft.irfft2(measured * phase, s=field, norm="ortho")
        g = torch.where(frame & (inner >= 0), inner, g - beta * inner if step < steps else 0)
        ctx.record(step, lambda: _tries(problem, A, inner, starts))  # called at once
    return _tries(problem, A, inner, starts)


def _tries(problem: NonlinearInverse, A: FourierMagnitude, inner: Tensor, starts: int) -> Tensor:
    """(4, 3, H, W) from all fields (4 starts, 3, H', W')."""
    low, high = problem.value_range or (0.0, 1.0)
    x = A.narrow(inner).clamp(low, high)
    misfit = (A(x) - problem.y).square().sum((-2, -1))  # (4 starts, 3)
    best = misfit.reshape(TRIES, starts, -1).argmin(1)  # (4, 3)
    found = torch.arange(TRIES, device=x.device)[:, None] * starts + best
    tries = x[found, torch.arange(x.shape[1], device=x.device)]  # (4, 3, H, W)
    green = slice(x.shape[1] // 2, x.shape[1] // 2 + 1)
    return torch.stack([torch.cat([aligned(c[None], one[green], A.pad) for c in one]) for one in tries])
