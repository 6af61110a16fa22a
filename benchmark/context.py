"""What a method may use besides its problem: the device, randomness, the loop that keeps the budget, and the recorder."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

import torch
from torch import Tensor

from benchmark.randomness import Draws

_POINTS = 60  # of a curve at least, where there are as many steps; a point costs one scoring
Point = Tensor | Callable[[], Tensor]


class Times(NamedTuple):
    """Readings of three clocks in seconds: on the wall, of processors by all threads of the process, by this thread alone."""

    wall: float = 0.0
    process: float = 0.0
    thread: float = 0.0

    @classmethod
    def now(cls) -> Self:
        return cls(time.perf_counter(), time.process_time(), time.thread_time())

    def plus(self, since: "Times", until: "Times") -> "Times":
        """These and what passed between two readings."""
        return Times(*(spent + end - begin for spent, begin, end in zip(self, since, until, strict=True)))


class Clock:
    """Time of the method alone: the device is synchronised at both ends, pauses do not count. Its thread reads it.

    seconds      by the clock on the wall
    cpu_seconds  of a processor, a thread: of the method's own thread, or of all threads over how many may compute, whichever is
                 more; None on a GPU. Waiting for a processor that others use does not count
    spent        what a budget counts: cpu_seconds, on a GPU seconds
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._threads = 0
        self._before = Times()  # up to the last stop
        self._since: Times | None = None

    def _now(self) -> Times:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return Times.now()

    def start(self) -> None:
        """Let it run."""
        self._threads = self._threads or torch.get_num_threads()  # as given, whatever the method makes of them
        self._since = self._now()

    def stop(self) -> None:
        """Hold it."""
        if self._since is not None:
            self._before = self._before.plus(self._since, self._now())
            self._since = None

    def _so_far(self) -> Times:
        """While running, without waiting for the device."""
        return self._before if self._since is None else self._before.plus(self._since, Times.now())

    @property
    def seconds(self) -> float:
        return self._so_far().wall

    @property
    def cpu_seconds(self) -> float | None:
        if self._device.type == "cuda":
            return None
        found = self._so_far()
        return max(found.thread, found.process / max(1, self._threads))

    @property
    def spent(self) -> float:
        busy = self.cpu_seconds
        return self.seconds if busy is None else busy


class Context:
    """One instance's surroundings. A method gets a fresh one each time and nothing else.

    device       where the problem's tensors are and the estimate should be
    budget       seconds of its clock (`spent`) that this instance may take; `steps` ends when they are spent
    steps_done   how many steps `steps` has given out
    truncated    whether the budget ended `steps` early
    kept         what the method stored with `keep`, by name
    """

    def __init__(
        self,
        device: torch.device,
        seed: int,
        budget: float = float("inf"),
        on_step: Callable[[int, int], None] = lambda step, total: None,
        on_record: Callable[[int, float, dict[str, Tensor]], None] = lambda step, seconds, estimates: None,
        recall: Callable[[str], Tensor] = lambda digest: torch.empty(0),
    ) -> None:
        self.device = device
        self.budget = budget
        self._draws = Draws(device, seed)
        self.clock = Clock(device)
        self.steps_done = 0
        self.truncated = False
        self.kept: dict[str, Tensor] = {}
        self._recall = recall
        self._on_step, self._on_record = on_step, on_record
        self._every = 1
        self._total = 0
        self._given = 0  # by all loops together
        self._before = 0  # the step at hand, by earlier loops

    @property
    def generator(self) -> torch.Generator:
        """On the CPU, for what must be the same on every device, such as initial weights."""
        return self._draws.generator

    def rand(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Uniform on [0, 1), drawn on the device."""
        return self._draws.rand(*shape, dtype=dtype)

    def randn(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal, drawn on the device."""
        return self._draws.randn(*shape, dtype=dtype)

    def keep(self, name: str, thing: Tensor) -> None:
        """Store something besides the estimate with this instance, such as a mask: an artifact of the run, by its name.

        Raises ValueError for a name under which the suite itself keeps a picture: estimate, truth, estimate_..., truth_...
        """
        if name.partition("_")[0] in ("estimate", "truth"):
            raise ValueError(f"ctx.keep({name!r}, ...): the suite keeps a picture of its own under this name; choose another")
        self.kept[name] = thing.detach()

    def recall(self, digest: str) -> Tensor:
        """What another run kept, on this device, by its SHA-256 (a hyperparameter of type Kept)."""
        return self._recall(digest).to(self.device)

    def steps(self, total: int, points: int = _POINTS) -> Iterator[int]:
        """0, 1, ... total - 1, ending early when the budget is spent. The loop of an iterative method.

        points: of its curve at least, if it takes all its steps; a method that often ends before asks for more.
        After another loop, the steps that are counted and recorded go on from where that one ended.
        """
        self._total, self._every = total, max(1, total // points)
        for step in range(total):
            if self.clock.spent >= self.budget:
                self.truncated = True
                return
            self._before = self._given - step
            self._given += 1
            self._on_step(self._before + step, self._before + total)
            yield step
            self.steps_done += 1

    def record(self, step: int, estimate: Point, **others: Point) -> None:
        """Offer the running estimate for the curve. Call it every step: it keeps 60 to 120 points (or as many as `steps` was
        asked for), evenly spread, and the last one; the clock is held while it scores. `others` become curves of their own,
        by name: estimates too, or 0-d tensors, which are values on the primary metric's scale, or on one of their own that the
        name ends with in brackets, as "query (log10 sigma_1)": boards draw no such curve beside the metric, figures of papers
        may. What only the curve needs may be a function of no arguments: it is called for a point alone, with the clock held.
        """
        last = step == self._total - 1
        if step % self._every and not last:
            return
        self.clock.stop()
        found = {name: (x() if callable(x) else x).detach() for name, x in {"estimate": estimate, **others}.items()}
        self._on_record(self._before + step, self.clock.seconds, found)
        self.clock.start()
