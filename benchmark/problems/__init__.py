"""The problems that methods receive: one module and one dataclass for each interface, so that none depends on another."""

from benchmark.problems.instance import Instance, Problem
from benchmark.problems.linear_inverse import LinearInverse

__all__ = ["Instance", "LinearInverse", "Problem"]
