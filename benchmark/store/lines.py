"""Runs as lines of text, to carry them from one database to another with everything that says how they were made.

A file is JSON Lines: a header, then one line a run. Nothing of a line is believed: its key must have its digest, its scores
must be finite and those of the task, its instances those of the preset.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from benchmark import environment, seeds
from benchmark.spec import Frozen, Interface, Name, NonNegative, Picture, Preset, RunKey, TaskSpec, related
from benchmark.store.models import ANSWERED

Origin = Literal["here", "reference", "loaded"]
FORMAT: Literal[2] = 2  # of the file; 1 said of an instance that is done whether it was truncated
PREDICTIONS = "predictions"  # kind of a method of which only predictions came; how it got them is not scored
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Whole = Annotated[int, Field(ge=-(2**31), lt=2**31)]  # what every database takes
Number = Annotated[Whole, Field(ge=0)]


def _has_zone(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time needs its zone")
    try:
        time.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time is outside the years 1 to 9999 in UTC") from None
    return time


Time = Annotated[datetime, AfterValidator(_has_zone)]


class Line(Frozen):
    """Base of the parts of a file: strict, and no number is infinite or undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Header(Line):
    """The first line. runs: "task/preset" -> digests of the lines that follow; commit: of the code that wrote the file."""

    format: Literal["lowdimbench runs"] = "lowdimbench runs"
    version: Literal[1, 2] = FORMAT
    commit: str
    runs: dict[str, tuple[Sha256, ...]]


class _Size(Preset):
    """A preset with whatever its task added to it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class TaskPart(TaskSpec):
    """A task's specification as it was when it ran."""

    presets: dict[str, _Size]  # type: ignore[assignment]  # narrower than the field of the base


class MethodPart(Line):
    """Columns of table method."""

    name: Name
    solves: Interface
    kind: str
    paper: str
    summary: str


class EnvironmentPart(Line):
    """Columns of table environment without its digest, which follows from them."""

    commit: str
    dirty: bool
    python: str
    platform: str
    cpu: str
    cores: Whole
    threads: Whole
    memory_gb: float
    device: str
    packages: dict[str, str]


class InstancePart(Line):
    """Columns of table instance, and the scores by metric."""

    number: Number
    label: str
    observation: str
    status: str
    seconds: NonNegative
    cpu_seconds: NonNegative | None = None
    queued: Annotated[float, Field(ge=0, le=1)] | None = None
    steps: Number
    error: str | None
    scores: dict[Name, float]

    @model_validator(mode="before")
    @classmethod
    def _of_format_1(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("truncated"), bool):
            return values
        rest = {name: value for name, value in values.items() if name != "truncated"}
        if values["truncated"] and rest.get("status") == "done":
            rest |= {"status": "truncated", "error": f"its time budget ended it after {rest.get('steps')} steps"}
        return rest


class CurvePart(Line):
    """One series of one instance: (step, seconds, value), the last two to six significant digits."""

    instance: Number
    series: str
    points: tuple[tuple[Whole, float, float], ...]


class PicturePart(Line):
    """A file pictures/SHA256.npy beside the file of runs: float16, of a shape that `is_picture` knows."""

    instance: Number
    kind: Name
    sha256: Sha256


class RunLine(Line):
    """One run with everything that is known about it. Raises pydantic.ValidationError where its parts do not agree."""

    digest: Sha256
    key: RunKey
    origin: Origin
    trust: Literal["self_reported", "scored", "reproduced"]
    split: seeds.Split
    on_test: bool
    status: Literal["done", "failed", "diverged", "timeout", "memory", "interrupted"]
    instances: Annotated[Whole, Field(ge=1)]
    command: str
    started: Time
    finished: Time | None
    seconds: NonNegative
    fit_seconds: NonNegative
    peak_memory: NonNegative | None
    peak_device_memory: NonNegative | None
    error: str | None
    task: TaskPart
    method: MethodPart
    environment: EnvironmentPart
    results: tuple[InstancePart, ...]
    curves: tuple[CurvePart, ...] = ()
    pictures: tuple[PicturePart, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        key, numbers = self.key, [one.number for one in self.results]
        done = {one.number for one in self.results if one.status in ANSWERED}
        size = self.task.presets.get(key.preset)
        task = self.task.at(key.preset) if size else self.task
        metrics, primary = {metric.name for metric in task.metrics}, task.primary.name
        always = {
            metric.name for metric in task.metrics if metric.of is None
        }  # a preset may offer a feature later than its rows
        known = metrics | {trait.name for trait in task.traits}
        required = {primary} if self.method.kind == PREDICTIONS or self.trust == "scored" else always
        claims = {
            "the digest is not that of the key": self.digest == key.digest,
            "the version is too large": key.version < 2**31,
            "key and task do not agree": (key.task, key.version) == (self.task.name, self.task.version),
            "key and method do not agree": key.method == self.method.name,
            "the method does not solve the task": related(self.method.solves, self.task.poses),
            "the task has no such preset": key.preset in self.task.presets,
            "split and seed do not agree": self.split == seeds.split(key.seed),
            "an instance stands there twice": len(set(numbers)) == len(numbers),
            "an instance is not of the preset": all(number < self.instances for number in numbers),
            "a finished instance lacks scores, or has others than its task": all(
                (required if one.number in done else set()) <= one.scores.keys() <= (known if one.number in done else set())
                for one in self.results
            ),
            "the run is done and its instances are not": self.status != "done" or len(done) == self.instances,
            "a curve or picture is of an instance that is not done": done
            >= {c.instance for c in self.curves} | {p.instance for p in self.pictures},
        }
        if wrong := [text for text, holds in claims.items() if not holds]:
            raise ValueError(wrong[0])
        if self.instances != self.task.presets[key.preset].instances:
            raise ValueError("the number of instances is not that of the preset")
        if len({(c.instance, c.series, point[0]) for c in self.curves for point in c.points}) != sum(
            len(c.points) for c in self.curves
        ):
            raise ValueError("a point of a curve stands there twice")
        return self

    def text(self) -> str:
        """The line, without its end; the same run gives the same text."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def header(lines: Sequence[RunLine]) -> Header:
    """The first line of a file with these lines."""
    runs: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        runs[f"{line.key.task}/{line.key.preset}"].append(line.digest)
    return Header(commit=environment.commit()[0], runs={name: tuple(digests) for name, digests in runs.items()})


def is_drawn(kind: str) -> bool:
    """Whether an artifact of this kind is a picture of the truth or of an estimate, and not what a method kept."""
    return kind.partition("_")[0] in ("truth", "estimate")


def is_picture(shape: Sequence[int]) -> bool:
    """Whether an array of this shape can be shown: (H, W), (3, H, W) in colour, or several of them, (N, 1 or 3, H, W)."""
    return any(Picture(kind=kind).fits(shape) for kind in ("image", "strip"))


def file_digest(content: bytes) -> str:
    """SHA-256 of a file's content."""
    return sha256(content).hexdigest()
