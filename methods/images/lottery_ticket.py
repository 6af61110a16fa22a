"""Lottery ticket: prune by magnitude after training, rewind to the initial weights, again and again.

    round r = 1 ... rounds:  theta_r = theta_0 trained under m_{r-1} on mean (A f(m theta, z) - y)^2
                             m_r = 1 on the keep^(r / rounds) d largest |m_{r-1} theta_r|
    x_hat = f(m theta, z) after training theta from theta_0 under m = m_rounds

f is the hourglass, all its d weights in one pool. Iterative magnitude pruning takes `rounds` trainings before the one that
counts; they are its time and the first part of its curve. The code of arXiv:2406.05288 masks what is zero, (parameter != 0), so
that its shifts of norms, which start at zero, are never trained; here the mask is kept apart from the weights, and shifts train
until they are cut.
Source: Frankle, Carbin, ICLR 2019 (arXiv:1803.03635), as the baseline of arXiv:2406.05288 (13 prunings of 20 %)
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, LinearInverse, method
from methods.images._fitting import Fitting
from methods.images._hourglass import Recipe, draw_input, hourglass
from methods.images._pruned import kept_shares, largest


@dataclass(frozen=True)
class Lottery(Recipe):
    """The last training, the hourglass, the share of weights that stays, and the trainings before."""

    keep: Fraction = 0.055
    rounds: Count = 13
    round_steps: Count = 40000


@method(
    "lottery_ticket",
    solves="LinearInverse",
    kind="pruned untrained network",
    paper="arXiv:1803.03635",
    needs=("image", "range", "direct"),
    settings={
        # Fewer and shorter rounds than the paper's, so that the run stays under 5 minutes; keep as in `oes`.
        "*/small*": {"width": 8, "widest": 32, "scales": 4, "keep": 0.05, "rounds": 4, "round_steps": 250, "steps": 1000},
        # The network, share and steps of `oes` there.
        "*/small_128": {
            "width": 16,
            "widest": 64,
            "scales": 5,
            "keep": 0.03,
            "rounds": 8,
            "round_steps": 500,
            "steps": 3000,
        },
        "*/tiny": {"width": 8, "widest": 16, "scales": 3, "rounds": 2, "round_steps": 20, "steps": 60},
    },
    parameters=Lottery,
    traits=kept_shares,
)
def lottery_ticket(problem: LinearInverse, ctx: Context, given: Lottery) -> Tensor:
    keep, rounds, lr = given.keep, given.rounds, given.lr
    f = hourglass(problem.A.shape, width=given.width, widest=given.widest, scales=given.scales)
    z, theta = draw_input(ctx, problem.A.shape), f.weights.initial(ctx.generator, ctx.device)
    order = torch.randperm(f.weights.count, generator=ctx.generator).to(ctx.device)
    mask = torch.ones_like(theta)
    fit = Fitting(problem, lambda theta: f(theta, z), theta, lr, mask)
    with torch.no_grad():
        x = fit.output()

    for step in ctx.steps(rounds * given.round_steps + given.steps):
        number, since = divmod(step, given.round_steps)
        if since == 0 and 0 < number <= rounds:
            mask = largest((mask * fit.theta).abs(), keep ** (number / rounds), order)
            fit = Fitting(problem, lambda theta: f(theta, z), theta, lr, mask)
        x = fit.step()
        ctx.record(step, x)
    ctx.keep("mask", mask.bool())
    return x
