"""A constant: the mean of spectra that are known beforehand, whatever is measured. What a measurement must beat.

    x_hat = mean of the simulated spectra, of the tuning lamps, or the mean of both,  set to 1 at its largest

Scores divide every spectrum by its maximum. A mean of spectra has no peak as high over the rest as they have, so that dividing
it would lift all of it; set to 1 at its largest, it keeps the rest where it is.
Source: none; a control
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, method
from benchmark.datasets.lamps import lamps
from benchmark.datasets.line_spectra import SimulatedSpectra

_AT_ONCE = 250  # spectra


def average(
    training: SimulatedSpectra,
    ctx: Context,
    *,
    of: Literal["simulated", "lamps", "both"] = "simulated",
    spectra: Count = 5000,
) -> dict[str, Tensor]:
    means = []
    if of != "lamps":
        total = torch.zeros(training.matrix.shape[1], dtype=torch.float64, device=ctx.device)
        count = 0
        for _ in ctx.steps(-(-spectra // _AT_ONCE)):
            total += training.draw(_AT_ONCE).double().sum(0)
            count += _AT_ONCE
        means.append(total / max(1, count))
    if of != "simulated":
        means.append(torch.from_numpy(lamps("tuning").spectra).to(ctx.device).mean(0))
    found = torch.stack(means).mean(0)
    found[found.argmax()] = 1.0
    return {"mean": found}


@method(
    "prior_mean",
    solves="LinearInverse",
    kind="constant",
    needs=("spectrum",),
    fit=average,
    # Both where the preset has lamps: of the three the lowest RMSE on 100 tuning lamps behind filters and on 100 with lines. On
    # small the tuning instances are the lamps whose mean it would be.
    settings={
        "spectral/tiny": {"of": "both", "spectra": 250},
        "spectral/small": {"of": "both"},
        "spectral/small_sources": {"of": "both"},
        "spectral/small_noise": {"of": "both"},
        "spectral/full": {"of": "both"},
        "spectral/full_device": {"of": "both"},
    },
)
def prior_mean(problem: LinearInverse, ctx: Context, learnt: dict[str, Tensor]) -> Tensor:
    """The mean of known spectra, the measurement ignored"""
    return learnt["mean"].expand(problem.A.shape).clone()
