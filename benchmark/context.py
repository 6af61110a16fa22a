"""What a method may use besides its problem: the device, randomness, the loop that keeps the budget, and the recorder."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

_POINTS = 40  # of a curve, at most; a point costs one scoring


class Clock:
    """Seconds of the method alone: the device is synchronised at both ends and pauses do not count."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._spent = 0.0
        self._since: float | None = None

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def start(self) -> None:
        """Let it run."""
        self._since = self._now()

    def stop(self) -> None:
        """Hold it."""
        if self._since is not None:
            self._spent += self._now() - self._since
            self._since = None

    @property
    def seconds(self) -> float:
        """Seconds counted so far; while running, without waiting for the device."""
        return self._spent + (0.0 if self._since is None else time.perf_counter() - self._since)


class Context:
    """One instance's surroundings. A method gets a fresh one each time and nothing else.

    device       where the problem's tensors are and the estimate should be
    generator    CPU generator for what must be the same on every device, such as initial weights
    budget       seconds this instance may take; `steps` ends when they are spent
    steps_done   how many steps `steps` has given out
    truncated    whether the budget ended `steps` early
    """

    def __init__(
        self,
        device: torch.device,
        seed: int,
        budget: float = float("inf"),
        on_step: Callable[[int, int], None] = lambda step, total: None,
        on_record: Callable[[int, float, dict[str, Tensor]], None] = lambda step, seconds, estimates: None,
    ) -> None:
        self.device = device
        self.budget = budget
        self.generator = torch.Generator().manual_seed(seed)
        self.clock = Clock(device)
        self.steps_done = 0
        self.truncated = False
        self._on_device = self.generator if device.type == "cpu" else torch.Generator(device).manual_seed(seed)
        self._on_step, self._on_record = on_step, on_record
        self._every = 1
        self._total = 0

    def rand(self, *shape: int) -> Tensor:
        """Uniform on [0, 1), float32, drawn on the device."""
        return torch.rand(shape, generator=self._on_device, device=self.device)

    def randn(self, *shape: int) -> Tensor:
        """Standard normal, float32, drawn on the device."""
        return torch.randn(shape, generator=self._on_device, device=self.device)

    def steps(self, total: int) -> Iterator[int]:
        """0, 1, ... total - 1, ending early when the budget is spent. The loop of an iterative method."""
        self._total, self._every = total, max(1, total // _POINTS)
        for step in range(total):
            if self.clock.seconds > self.budget:
                self.truncated = True
                return
            self._on_step(step, total)
            yield step
            self.steps_done += 1

    def record(self, step: int, estimate: Tensor, **others: Tensor) -> None:
        """Offer the running estimate for the curve. Call it every step: it keeps about 40 points, evenly spread, and the
        last one; the clock is held while it scores. `others` become curves of their own, by name.
        """
        last = step == self._total - 1
        if step % self._every and not last:
            return
        self.clock.stop()
        self._on_record(step, self.clock.seconds, {"estimate": estimate.detach()} | {k: v.detach() for k, v in others.items()})
        self.clock.start()
