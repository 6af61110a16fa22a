"""The data phase of DCDP alone: what the gradient steps do without a prior. A control, with as many of them.

    x <- `inner` steps with momentum on 1/2 ||A x - y||^2, `rounds` times, the momentum from 0 each time      x_0 = 0, mid-grey

The prior is not asked; it says which range of values is centred. Source: the ablation of arXiv:2403.06054
"""

from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonlinearInverse, Positive, Rate, method
from methods.images._centred import centred
from methods.images._data_phase import check_step, descended


@method(
    "data_only",
    solves="NonlinearInverse",
    kind="control",
    paper="arXiv:2403.06054",
    needs=("image", "range", "prior"),
    settings={
        "super_resolution": {"step": 0.163},
        "inpainting": {"rounds": 20, "inner": 50, "step": 0.0102},
        "phase_retrieval": {"rounds": 200, "step": 0.0023},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"rounds": 4, "inner": 10},
    },
    search={
        "*": {"inner": (1, 100, "log"), "step": (0.01, 1.5, "log")},
        "super_resolution": {"step": (0.05, 10.0, "log")},  # as for dcdp
        "phase_retrieval": {"step": (5e-4, 0.1, "log")},
    },
)
def data_only(
    problem: LinearInverse | NonlinearInverse,
    ctx: Context,
    *,
    rounds: Count = 10,
    inner: Count = 100,
    step: Positive = 1.017,
    momentum: Rate = 0.9,
) -> Tensor:
    p = centred(problem)
    check_step(p, step, momentum)
    x = p.start()
    for k in ctx.steps(rounds):
        x = descended(p, x, inner, step, momentum)
        ctx.record(k, p.back(x))
    return p.back(x)
