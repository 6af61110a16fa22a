"""Notices what a method may not do, as far as that is cheap. The instance then fails with one line that says what it was.

A method's code runs with its user's rights, so this keeps nobody out. It tells mistakes and plain tricks from honest numbers.
References are taken before the method is loaded, and compared when it has answered.
"""

import os
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from operator import attrgetter, is_
from time import perf_counter
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.context import Context, Point
from benchmark.decorators import Method

# What times, checks and scores an estimate, beside the task's own module. A worker is __main__.
_LIBRARY = ("context", "fits", "instances", "metrics", "models", "operators", "problems", "solving", "threads")
_SUITE = (*(f"benchmark.{name}" for name in _LIBRARY), "tasks", "runners.honest", "runners.worker", "__main__")
_OF_SUITE = tuple(f"{name}." for name in _SUITE)
_CLOCKS = ("monotonic", "perf_counter", "process_time", "thread_time")
_code = attrgetter("__code__")
_CODE = (FunctionType, BuiltinFunctionType, classmethod, staticmethod, property, type)
_INSTALLED = (*(sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")), "<frozen")
_SECONDS = 1.0  # a shorter time is never out of proportion
_BUSIER = 1.5  # processors for each thread that was given, at most
_ENDING = 0.2  # seconds a thread may take to end after the answer
_DEPTH = 6  # of objects in objects that a problem holds
_THREADS = "the number of PyTorch's threads"
_STATE: dict[str, Callable[[], Any]] = {
    _THREADS: torch.get_num_threads,
    "the default type of PyTorch": torch.get_default_dtype,
    "how many modes of PyTorch are on": lambda: torch._C._len_torch_function_stack() + torch._C._len_torch_dispatch_stack(),
    "the profiler of Python": sys.getprofile,
}


class Noticed(Exception):  # noqa: N818  # reads as what it is
    """The method did what it may not do. The message says what in one line."""


class Watched(Context):
    """A context that notices changes of its clock and budget from outside, and what is done while the clock is held.

    aside  seconds in functions that `record` was given; held: in these and in scoring what they gave
    """

    def __init__(self, *given: Any, **hooks: Any) -> None:
        super().__init__(*given, **hooks)
        self.aside = self.held = 0.0
        self.wrong: str | None = None
        self._on_record = self._counted(self._on_record)
        self.settle()

    def _counted(self, hook: Callable[..., None]) -> Callable[..., None]:
        def counted(*given: Any) -> None:
            begin = perf_counter()
            hook(*given)
            self.held += perf_counter() - begin

        return counted

    def _reading(self) -> tuple[object, ...]:
        return self.clock, self.clock._before, self.clock._since, self.budget

    def settle(self) -> None:
        """The clock and the budget are as they should be."""
        self._settled = self._reading()

    def look(self) -> None:
        """Note where they are not as they were."""
        if any(now is not then for now, then in zip(self._reading(), self._settled, strict=True)):
            self.wrong = self.wrong or "the method changed its clock or its budget"

    def record(self, step: int, estimate: Point, **others: Point) -> None:
        self.look()
        super().record(step, self._plain(estimate), **{name: self._plain(other) for name, other in others.items()})
        self.settle()

    def _plain(self, point: Point) -> Point:
        if not callable(point):
            self.wrong = self.wrong or _odd(point)
            return point

        def counted() -> Tensor:
            begin = perf_counter()
            found = point()
            spent = perf_counter() - begin
            self.aside, self.held = self.aside + spent, self.held + spent
            self.wrong = self.wrong or _odd(found)
            return found

        return counted


class Place:
    """A module or a class, and what is to stay in it. To compare them takes microseconds."""

    def __init__(self, name: str, held: Mapping[str, object], known: Mapping[str, object]) -> None:
        self.name, self.held, self.known = name, held, known
        self.things = tuple(known.values())
        inner = {key: getattr(thing, "__func__", thing) for key, thing in known.items()}
        self.functions = {key: thing for key, thing in inner.items() if isinstance(thing, FunctionType)}
        self.codes = tuple(map(_code, self.functions.values()))

    def replaced(self) -> str | None:
        """The name of something that is no longer what it was."""
        now, codes = tuple(map(self.held.get, self.known)), tuple(map(_code, self.functions.values()))
        if all(map(is_, now, self.things)) and all(map(is_, codes, self.codes)):
            return None
        changed = [key for key, new, old in zip(self.known, now, self.things, strict=True) if new is not old]
        changed += [key for key, new, old in zip(self.functions, codes, self.codes, strict=True) if new is not old]
        return f"{self.name}.{changed[0]}"


class Witness:
    """What the suite's code and the state of the process were, and whether a method leaves them so.

    seconds  of the last call of a method by a clock of ours, without what its context held the clock for
    """

    def __init__(self, task: object) -> None:
        self.task = task
        self.seconds = 0.0
        self._places = [place for name, module in list(sys.modules.items()) for place in _places(name, module, type(task))]
        self._places.append(Place("time", vars(time), {name: getattr(time, name) for name in _CLOCKS}))
        self._state = {name: read() for name, read in _STATE.items()}

    def of(self, method: Method) -> Method:
        """The same method, watched. Its context is a Watched, and it raises Noticed."""
        fit = None if method.fit is None else self._around(method.fit, solves=False)
        return replace(method, function=self._around(method.function, solves=True), fit=fit)

    def look(self) -> None:
        """Raises Noticed where functions of the suite, or clocks, were replaced. To be called when an instance is scored."""
        for place in self._places:
            if (replaced := place.replaced()) is not None:
                raise Noticed(f"the method replaced {replaced}")
        for name in vars(self.task):
            if callable(getattr(type(self.task), name, None)):
                raise Noticed(f"the method replaced {type(self.task).__name__}.{name}")

    def _around(self, function: Callable[..., Any], *, solves: bool) -> Callable[..., Any]:
        own = (getattr(function, "__module__", None) or "").partition(".")[0]

        @wraps(function)
        def watched(shown: Any, ctx: Watched, *learnt: Any, **given: Any) -> Any:
            ctx.clock.stop()
            state = {**self._state, _THREADS: min(self._state[_THREADS], torch.get_num_threads())}  # a preset may take fewer
            before = dict(_contents(shown, "")) if solves else {}
            versions = _versions(*learnt)
            threads = set(sys._current_frames())
            busy, begin = _processors(), perf_counter()
            ctx.clock.start()
            ctx.settle()
            returned = function(shown, ctx, *learnt, **given)
            ctx.look()
            ctx.clock.stop()
            spent, busy = perf_counter() - begin, _processors() - busy
            self.seconds = max(0.0, spent - ctx.held)
            _same_state(state)
            _same_problem(before, dict(_contents(shown, "")) if solves else {})
            if _versions(*learnt) != versions:
                raise Noticed("the method changed in place what it had learnt")
            _no_thread(threads, own)
            if (wrong := ctx.wrong or _costs(ctx, spent, busy)) is not None:
                raise Noticed(wrong)
            return _answer(returned) if solves else returned

        return watched


def _places(name: str, module: ModuleType, of: type) -> Iterator[Place]:
    """A module of the suite, or the task's, and its classes, with the functions that they hold."""
    if not f"{name}.".startswith(_OF_SUITE) and name != of.__module__:
        return
    found = {key: thing for key, thing in vars(module).items() if isinstance(thing, _CODE)}
    yield Place(name, vars(module), found)
    for key, thing in found.items():
        if isinstance(thing, type) and thing.__module__ == name:
            yield Place(f"{name}.{key}", vars(thing), {k: part for k, part in vars(thing).items() if isinstance(part, _CODE)})


def _contents(thing: object, name: str) -> Iterator[tuple[str, object]]:
    """All that a problem holds, by name: tensors as a checksum of their bytes, other things of its own as they are."""
    if isinstance(thing, Tensor):
        yield name, _hash(thing)
    elif isinstance(thing, np.ndarray):
        yield name, str(crc32(thing.tobytes()))
    elif isinstance(thing, dict):
        for key, inner in thing.items():
            yield from _contents(inner, f"{name}.{key}")
    elif isinstance(thing, list | tuple) and thing and isinstance(thing[0], Tensor):
        for number, inner in enumerate(thing):
            yield from _contents(inner, f"{name}.{number}")
    elif hasattr(thing, "__dict__") and not isinstance(thing, _CODE) and name.count(".") < _DEPTH:
        for key, inner in vars(thing).items():
            yield from _contents(inner, f"{name}.{key}".lstrip("."))
            if callable(getattr(type(thing), key, None)):
                yield f"{name}.{key}()".lstrip("."), None
    elif "." not in name:  # an operator's own counters and caches may change
        yield name, thing


def _hash(tensor: Tensor) -> str:
    if tensor.layout != torch.strided or not tensor.numel():
        return f"{tensor.layout} {tensor._version}"
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
    return f"{tensor.dtype} {tuple(tensor.shape)} {crc32(plain.numpy().data)}"


def _same_problem(before: dict[str, object], after: dict[str, object]) -> None:
    changed = [name for name, thing in before.items() if name not in after or not _same(after[name], thing)]
    changed += [name for name in after if name.endswith("()") and name not in before]  # in place of a function of its class
    if changed:
        raise Noticed(f"the method changed its problem: {', '.join(changed)}")


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, str) and one == other)


def _versions(*learnt: Any) -> list[int]:
    """How often each tensor that was learnt was written into."""
    return [tensor._version for one in learnt if isinstance(one, dict) for tensor in one.values()]


def _same_state(before: dict[str, object]) -> None:
    for name, read in _STATE.items():
        if (now := read()) != before[name]:
            raise Noticed(f"the method changed {name}, from {before[name]} to {now}")


def _no_thread(before: set[int], own: str) -> None:
    """Raises Noticed where a thread that is new runs code of the method; one that a library keeps waiting is none."""
    until = perf_counter() + _ENDING
    while any(_runs(frame, own) for one, frame in sys._current_frames().items() if one not in before):
        if perf_counter() > until:
            raise Noticed("a thread of the method runs on after its answer")
        time.sleep(0.005)


def _runs(frame: FrameType | None, own: str) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == own or not frame.f_code.co_filename.startswith(_INSTALLED):
            return True
        frame = frame.f_back
    return False


def _processors() -> float:
    """Seconds of processors that this process and its children that ended took."""
    return sum(os.times()[:4])


def _costs(ctx: Watched, spent: float, busy: float) -> str | None:
    """The times that are out of proportion, if any: work that the clock does not count, or on more processors than were
    given.
    """
    own, threads = spent - ctx.held, torch.get_num_threads()
    if ctx.aside > own + _SECONDS:
        return f"functions that ctx.record was given took {ctx.aside:.3g} s, with the clock held; the method itself {own:.3g} s"
    if ctx.device.type == "cpu" and spent > _SECONDS and busy > _BUSIER * threads * spent:
        return f"the method computed on {busy / spent:.1f} processors and was given {threads} (--threads gives more)"
    return None


def _odd(thing: object) -> str | None:
    """What is odd about an estimate. A tensor of another class than PyTorch's own may compute once the clock has stopped."""
    if isinstance(thing, Tensor) and type(thing) not in (Tensor, nn.Parameter):
        return f"an estimate is a {type(thing).__name__}, not a plain torch.Tensor"
    return None


def _answer(returned: object) -> object:
    """The estimate, without what was attached to it. Raises Noticed for a tensor of another class."""
    if (odd := _odd(returned)) is not None:
        raise Noticed(odd)
    return Tensor.detach(returned) if isinstance(returned, Tensor) else returned
