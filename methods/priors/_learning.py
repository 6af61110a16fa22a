"""The part of a training that does not depend on what is learnt: steps, averaged weights, and files to go on from."""

import copy
import math
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from benchmark.errors import UserError


class Course(Protocol):
    """What a recipe says of the course of a training: how many pictures it sees, how many a step, and how fast it learns."""

    @property
    def pictures(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def memory(self) -> float: ...
    @property
    def seed(self) -> int: ...


class Learning(ABC):
    """parts: the networks that learn; averaged: an average of their weights. Subclasses write `_loss`.

    half: the networks compute in bfloat16, their weights stay float32.
    """

    def __init__(self, recipe: Course, parts: nn.ModuleDict, device: torch.device, *, half: bool = False) -> None:
        self.course, self.device, self.half = recipe, device, half
        self.name = repr(recipe)  # what a checkpoint is of
        self.parts = parts.to(device)
        self.averaged = copy.deepcopy(self.parts).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(self.parts.parameters(), lr=recipe.rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.step, self.seconds = 0, 0.0

    @property
    def seen(self) -> int:
        """Pictures so far."""
        return self.step * self.course.batch

    @property
    def done(self) -> bool:
        """Whether all pictures of the recipe were seen."""
        return self.seen >= self.course.pictures

    @abstractmethod
    def _loss(self) -> Tensor:
        """The loss of the next batch, one number."""

    def advance(self) -> float:
        """One step. Returns its loss."""
        begun, course = self._clock(), self.course
        loss = self._loss()
        for group in self.optimiser.param_groups:
            group["lr"] = course.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, self.seen / course.pictures)))
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        memory = min(course.memory, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for old, new in zip(self.averaged.parameters(), self.parts.parameters(), strict=True):
                old.lerp_(new, 1 - memory)
        self.seconds += self._clock() - begun
        return float(loss.detach())

    def _clock(self) -> float:
        return time.process_time() if self.device.type == "cpu" else time.monotonic()

    def save(self, file: Path) -> None:
        """Keep all that the next step depends on. The file is replaced whole."""
        state = {
            "recipe": self.name,
            "parts": self.parts.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": self.seconds,
        }
        beside = file.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(file)

    def load(self, file: Path) -> None:
        """Go on from a file that `save` wrote; from the start where there is none.

        Raises UserError for that of another recipe.
        """
        if not file.is_file():
            return
        state = torch.load(file, map_location=self.device, weights_only=True)
        if state["recipe"] != self.name:
            raise UserError(f"{file} is of another recipe ({state['recipe']}); move it away to begin anew")
        self.parts.load_state_dict(state["parts"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
        self.step, self.seconds = state["step"], state["seconds"]
