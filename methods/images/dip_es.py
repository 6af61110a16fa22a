"""DIP with early stopping: the dense network, ended where its output moves least.

    VAR_t = mean over the last `window` outputs x_s of ||x_s - their mean||^2,   x_hat = x_t at the smallest VAR_t

While the picture forms the outputs move together, later they move with the noise; between the two VAR has its valley. The
search ends when VAR has set no new minimum for `patience` steps. No truth is needed. The network is the hourglass of `oes`.
Source: Wang et al., TMLR 2023 (arXiv:2112.06074); window 100 and patience 1000 are quoted from memory
"""

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, method
from methods.images._fitting import Fitting
from methods.images._hourglass import Recipe, draw_input, hourglass


@dataclass(frozen=True)
class EarlyStopping(Recipe):
    """The fitting, the hourglass, outputs that VAR is taken over, and steps without a new minimum."""

    window: Count = 100
    patience: Count = 1000


@method(
    "dip_es",
    solves="LinearInverse",
    kind="untrained network",
    paper="arXiv:2112.06074",
    needs=("image", "range"),
    settings={
        "*/small*": {"width": 8, "widest": 32, "scales": 4, "steps": 1500, "patience": 500},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"width": 8, "widest": 16, "scales": 3, "steps": 60, "window": 5, "patience": 20},
    },
    parameters=EarlyStopping,
)
def dip_es(problem: LinearInverse, ctx: Context, given: EarlyStopping) -> Tensor:
    window, patience = given.window, given.patience
    f = hourglass(problem.A.shape, width=given.width, widest=given.widest, scales=given.scales)
    z = draw_input(ctx, problem.A.shape)
    fit = Fitting(problem, lambda theta: f(theta, z), f.weights.initial(ctx.generator, ctx.device), given.lr)
    answer = fit.output().detach()
    past = deque[Tensor]()
    total = torch.zeros(problem.A.shape, dtype=torch.float64, device=ctx.device)  # of the outputs in the window
    squares = torch.zeros((), dtype=torch.float64, device=ctx.device)
    least, found = float("inf"), 0

    for step in ctx.steps(given.steps, points=4 * 60):
        x = fit.step()
        past.append(x)
        total += x
        squares += x.double().square().sum()
        if len(past) > window:
            oldest = past.popleft()
            total -= oldest
            squares -= oldest.double().square().sum()
        variance = (squares / len(past) - (total / len(past)).square().sum()).item()
        if step + 1 < window:
            answer = x
        elif variance < least:
            least, found, answer = variance, step, x
        ctx.record(step, answer, iterate=x)
        if step + 1 >= window and step - found >= patience:
            break
    return answer
