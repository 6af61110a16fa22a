"""DCDP: data consistency and diffusion purification in turns, each on its own.

    x_k = `inner` gradient steps on 1/2 ||A x - y||^2 from v_{k-1}, momentum from 0               v_0 = 0, mid-grey
    z_k = sqrt(a_t) x_k + sqrt(1 - a_t) n                                        t = t_1 >= ... >= t_K,  a: alpha-bar
    v_k = DDIM from z_k to clean in `ddim_steps`  |  one step D(z_k)  |  one call of a consistency model      clipped

The answer is x_K where y has no noise, and v_K where it has: the last purification takes noise away, and detail too. On [-1,
1]. t counts steps of the prior's schedule from 1; `start` and `end` say it of 1000 steps and are scaled to the schedule. Noise
of index t - 1 is added, and DDIM's first call is at that index, but for t = 1, where it is at index 1. `step` is that of the
sum (methods/images/_data_phase.py), not a rate for the mean.

With a prior on an autoencoder's latents (methods/images/_latents.py), z is noised and purified, and nothing is clipped:
space   latent      the data phase moves z, on 1/2 ||A Dec(z) - y||^2; then z <- Enc(Dec(z))              v_0 ~ N(0, 1)
        encoded     it moves x as above; then z = Enc(x), and the next starts at Dec(v)
There DDIM ends at index 1, and one step is taken at t - 1 also for t = 1. The step is not checked in `latent`, for want of a
bound of Dec's steepness. Without noise the paper takes `latent` for super-resolution and, from t = 500, a box, and `encoded`
for blur, in 4 rounds of 250 steps where it is Gaussian.
Source: arXiv:2403.06054 and its code: linear schedule, torch's SGD, DDIM over evenly spaced indices, all without noise in y
"""

import math
from typing import Literal

from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonlinearInverse, NonNegative, Positive, Rate, method
from methods.images._annealed import annealed
from methods.images._centred import centred
from methods.images._data_phase import check_step, descended
from methods.images._ddim import descend
from methods.images._latents import latents
from methods.images._levels import even

_STEPS = 1000  # of the schedule of which `start` and `end` are steps


@method(
    "dcdp",
    solves="NonlinearInverse",
    kind="diffusion prior",
    paper="arXiv:2403.06054",
    needs=("image", "range", "prior|latents|jumps"),
    # The paper's, for 256 pixels; its rates as steps of the sum. It has none for denoising.
    settings={
        "super_resolution": {"step": 0.163},
        "inpainting": {"rounds": 20, "inner": 50, "step": 0.0102, "start": 700},
        "phase_retrieval": {"rounds": 200, "step": 0.0023, "start": 1000, "end": 20},
        "super_resolution/small_faces": {"inner": 10, "step": 0.739, "start": 130, "end": 40},  # of 12 trials
        "deblurring/small_faces": {"inner": 51, "step": 0.0311, "start": 314, "end": 20},  # of 12 trials
        "inpainting/small_faces": {"inner": 10, "step": 0.128, "start": 145, "end": 40},  # of 12 trials
        "denoising/small_faces": {"inner": 4, "step": 0.0398, "start": 201, "end": 20},  # of 12 trials
        "super_resolution/*_latent": {"space": "latent"},
        "inpainting/*_latent": {"space": "latent", "start": 500},
        "deblurring/*_latent": {"space": "encoded", "rounds": 4, "inner": 250},
        "*/*_consistency": {"version": "consistency"},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"rounds": 3, "inner": 10, "ddim_steps": 4},
    },
    search={
        "*": {"inner": (1, 100, "log"), "step": (0.01, 1.5, "log"), "start": (50, 600, "log"), "end": [0, 20, 40]},
        "super_resolution": {"step": (0.05, 10.0, "log")},  # |A| is 1/4 to 1/2 there
        "inpainting": {"start": (50, 800, "log")},
        "phase_retrieval": {"step": (5e-4, 0.1, "log"), "start": (400, 1000)},
    },
)
def dcdp(
    problem: LinearInverse | NonlinearInverse,
    ctx: Context,
    *,
    version: Literal["ddim", "tweedie", "consistency"] = "ddim",
    schedule: Literal["linear", "constant", "cosine"] = "linear",
    rounds: Count = 10,
    inner: Count = 100,
    step: Positive = 1.017,
    momentum: Rate = 0.9,
    pull: NonNegative = 0.0,
    start: Count = 400,
    end: int = 0,
    ddim_steps: Count = 20,
    output: Literal["by_noise", "data", "prior"] = "by_noise",
    space: Literal["pixel", "latent", "encoded"] = "pixel",
) -> Tensor:
    """DCDP: gradient steps towards the data and diffusion purification in turns.

    pull: of x to v in the data phase; start, end: first and last t of 1000; output: x_K (data) or v_K (prior).
    """
    z = None if space == "pixel" else latents(problem, jumps=version == "consistency")
    p = z or centred(problem, jumps=version == "consistency")  # where noise is added and taken away
    moved = z.pixels if z is not None and space == "encoded" else p  # where the data phase is
    if moved is not z:
        check_step(moved, step, momentum, pull)
    times = purification_times(schedule, rounds, start, end, len(p.alphas))
    lowest = 0 if z is None else 1  # index of DDIM's last call

    def data(v: Tensor, k: int) -> Tensor:
        return descended(moved, v, inner, step, momentum, pull)

    def renoise(x: Tensor, clean: Tensor, noisy: Tensor, k: int) -> Tensor:  # on the scale of z / sqrt(alpha-bar)
        if z is not None:
            x = z.encode(z.decode(x) if moved is z else x)
        a = p.alphas[times[k] - 1]
        x = math.sqrt(a) * x + math.sqrt(1 - a) * p.noisy(ctx)
        return x / math.sqrt(p.alphas[first(k)])

    def purify(x: Tensor, k: int) -> Tensor:
        count = min(ddim_steps, first(k) + 1 - lowest) if version == "ddim" else 1
        indices = [first(k)] if count == 1 else [lowest + i for i in even(first(k) + 1 - lowest, count)]
        v = descend(p, x, [p.sigmas[i] for i in indices], clip=z is None)
        return z.decode(v) if z is not None and moved is not z else v

    def first(k: int) -> int:
        """The index of the network's first call."""
        exact = version == "consistency" or (z is not None and version == "tweedie")
        return times[k] - 1 if times[k] > 1 or exact else 1

    after_noise = output == "prior" or (output == "by_noise" and p.noise > 0)
    answer = v = p.noisy(ctx) if moved is z else moved.start()
    for one in annealed(ctx, rounds, v, v, data, renoise, purify):
        answer = one.clean if after_noise else one.data
        ctx.record(one.step, moved.back(answer), data=moved.back(one.data), prior=moved.back(one.clean))
    return moved.back(answer)


def purification_times(schedule: str, rounds: int, start: int, end: int, total: int) -> list[int]:
    """t_1 .. t_K, from start to end of 1000, as steps of `total`, at least 1.

    Raises ValueError unless 0 <= end <= start <= 1000.
    """
    if not 0 <= end <= start <= _STEPS:
        raise ValueError(f"start {start}, end {end}: they have to fall within the {_STEPS} steps of the paper's schedule")
    shares = [i / max(1, rounds - 1) for i in range(rounds)]  # 0 .. 1
    if schedule == "constant":
        falling = [1.0] * rounds
    elif schedule == "linear":
        falling = [1 - share for share in shares]
    else:
        falling = [math.cos(share * math.pi / 2) ** 2 for share in shares]
    times = [round(share * (start - end) + 1e-6) + end for share in falling]
    return [max(1, round(t * total / _STEPS)) for t in times]
