"""The loop of solvers that anneal between the data and the prior: DCDP, DiffPIR, DDNM, DAPS.

    found = data(clean)    x = renoise(found, to the next level)    clean = D(x) or what stands for it

A method gives the three parts; it starts with a clean picture, and ends with `data` of its last round, `x` or `clean`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from torch import Tensor

from benchmark import Context


class Round(NamedTuple):
    """What one round made: the picture that agrees with the data, that picture with noise, and cleaned again."""

    step: int
    data: Tensor
    noisy: Tensor
    clean: Tensor


def annealed(
    ctx: Context,
    rounds: int,
    noisy: Tensor,
    clean: Tensor,
    data: Callable[[Tensor, int], Tensor],
    renoise: Callable[[Tensor, Tensor, Tensor, int], Tensor],
    purify: Callable[[Tensor, int], Tensor],
) -> Iterator[Round]:
    """Rounds 0, 1, ... while the budget lasts.

    data(clean, round), renoise(found, clean, noisy, round), purify(noisy, round): of pictures (B, *shape)
    """
    for step in ctx.steps(rounds):
        found = data(clean, step)
        noisy = renoise(found, clean, noisy, step)
        clean = purify(noisy, step)
        yield Round(step, found, noisy, clean)
