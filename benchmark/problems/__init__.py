"""The problems that methods receive: one module and one dataclass for each interface, so that none depends on another."""

from benchmark.problems.completion import Completion
from benchmark.problems.distribution import Distribution
from benchmark.problems.editing import Editing
from benchmark.problems.few_shot import FewShot
from benchmark.problems.instance import Instance, Problem
from benchmark.problems.jacobian import Jacobian
from benchmark.problems.linear_inverse import LinearInverse
from benchmark.problems.nonlinear_inverse import NonlinearInverse
from benchmark.problems.representation import Representation
from benchmark.problems.retrieval import Retrieval

__all__ = [
    "Completion",
    "Distribution",
    "Editing",
    "FewShot",
    "Instance",
    "Jacobian",
    "LinearInverse",
    "NonlinearInverse",
    "Problem",
    "Representation",
    "Retrieval",
]
