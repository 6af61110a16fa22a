"""The hyperparameters that methods of leading directions share."""

from dataclasses import dataclass

from benchmark import Count, Fraction


@dataclass(frozen=True)
class Leading:
    """t: of the edit; steps: of DDIM for all of t; count: directions found, of which one is taken; rounds: of the power method
    at most; sketch: products from which it starts, 0 for a random start.
    """

    t: Fraction = 0.6
    steps: Count = 50
    count: Count = 5
    rounds: Count = 50
    sketch: int = 0


@dataclass(frozen=True)
class Projected(Leading):
    """outside: leading directions outside of a region, off which the others are projected."""

    outside: Count = 5
