"""Grids of noise levels: step indices of a schedule of T steps, falling, and levels sigma, falling.

even          n of 0 .. T - 1, both ends among them, rounded          (respaced DDPM, DDIM of dcdp)
strided       i T // n: 0 is among them, T - 1 is not                  (DDRM, DDNM, ReSample, SITCOM, PiGDM)
crowded       T - 1 - sqrt(linspace(0, T^2, n)): dense at small noise  (DiffPIR's "quad")
powers        (high^(1/7) + i / (n - 1) (low^(1/7) - high^(1/7)))^7    (EDM, DAPS)
geometric     equal ratios                                            (DPIR)
"""

import math


def even(total: int, count: int) -> list[int]:
    """Raises ValueError where there are fewer than `count` steps; so do the two after it."""
    check(total, count)
    stride = (total - 1) / max(1, count - 1)
    return [round(i * stride) for i in reversed(range(count))]


def strided(total: int, count: int) -> list[int]:
    """The noise of the first is less than the schedule's largest, by one stride."""
    check(total, count)
    return [i * total // count for i in reversed(range(count))]


def crowded(total: int, count: int) -> list[int]:
    """Both ends are among them; steps that come twice are taken once."""
    check(total, count)
    roots = [int(math.sqrt(total**2 * i / max(1, count - 1))) for i in range(count)]
    return list(dict.fromkeys(total - 1 - min(root, total - 1) for root in roots))


def powers(high: float, low: float, count: int, power: float = 7.0) -> list[float]:
    """Both ends are among them; `high` alone for a count of 1."""
    first, last = high ** (1 / power), low ** (1 / power)
    return [(first + i / max(1, count - 1) * (last - first)) ** power for i in range(count)]


def geometric(high: float, low: float, count: int) -> list[float]:
    """Both ends are among them; `high` alone for a count of 1."""
    return [high * (low / high) ** (i / max(1, count - 1)) for i in range(count)]


def check(total: int, count: int) -> None:
    """Raises ValueError where a schedule of `total` steps has no `count` of them."""
    if count > total:
        raise ValueError(f"{count} steps are asked for, and the prior's schedule has {total}; --set steps={total} takes all")
