"""The functions that every interface's problem has, and the instance that holds a problem with its truth."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor


class Problem(Protocol):
    """The parts that the problems of all interfaces share. Truth and estimates are tensors, whatever the interface.

    to       the same problem with its tensors on a device
    shown    all tensors that a method sees as data: their hash says whether two methods met the same observations
    check    the estimate, if it is a valid one. Raises ValueError otherwise
    near     an estimate at a distance from the truth that grows with `scale`, 0 for the truth itself

    An interface may also have `diverged(estimate) -> bool`: whether finite numbers are no answer all the same.
    """

    @property
    def y(self) -> Tensor: ...
    def to(self, device: torch.device | str) -> Self: ...
    def shown(self) -> list[Tensor]: ...
    def check(self, estimate: object) -> Tensor: ...
    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One problem drawn from a task: all that a method may see, and the truth that only the scorer sees."""

    problem: Any  # a Problem: an interface's own dataclass
    truth: Tensor
    label: str
