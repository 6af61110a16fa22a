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
        # The best mean PSNR, 27.4 dB, over the six tuning photographs of denoising/small, of 8 windows (10 to 200) by 7
        # patiences (50 to 1000), replayed from one training each. Window 100 and patience 500 have 27.0, the best stop of each
        # curve 28.5: brick and gravel still lose 2 dB to theirs.
        "denoising/small*": {"window": 150, "patience": 50},
        # The network and the steps of `oes` there.
        "*/small_128": {"width": 16, "widest": 64, "scales": 5, "steps": 3000},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"width": 8, "widest": 16, "scales": 3, "steps": 60, "window": 5, "patience": 20},
    },
    search={"*/small*": {"window": (10, 200, "log"), "patience": (50, 1000, "log")}},
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
