"""The messages of a worker, typed and checked. Whatever crosses from its process to ours is one of these, or ends its job.

All numbers are finite, counts fit the database, and text can be stored. A message is one line of JSON; bytes are base64.
"""

from collections.abc import Hashable, Iterable
from hashlib import sha256
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

Count = Annotated[int, Field(ge=0, lt=2**63)]
Stored = Annotated[int, Field(ge=0, lt=2**31)]  # what PostgreSQL takes for a whole number
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _storable(text: object) -> object:
    """Names of files may hold half of a character, and outputs a zero, which no database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?") if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(_storable)]


T = TypeVar("T", bound=Hashable)


def _twice(things: Iterable[T]) -> T | None:
    """The first thing that was there before, or None."""
    seen = set[T]()
    for thing in things:
        if thing in seen:
            return thing
        seen.add(thing)
    return None


class Typed(BaseModel):
    """Base of what crosses: immutable, strictly typed, without unknown keys. Bytes are base64 in JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, ser_json_bytes="base64", val_json_bytes="base64"
    )


class Surroundings(Typed):
    """The environment of a worker, as benchmark/environment.py captures it."""

    digest: Text
    commit: Text
    dirty: bool
    python: Text
    platform: Text
    cpu: Text
    cores: Stored
    threads: Stored
    memory_gb: Amount
    device: Text
    packages: dict[Text, Text]


class Kept(Typed):
    """A tensor that was kept, as a .npy file named by its SHA-256. content holds its bytes where the worker shares no disk with
    us.
    """

    kind: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    content: bytes | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.content is not None and sha256(self.content).hexdigest() != self.sha256:
            raise ValueError("its bytes are not those of its SHA-256")
        return self


class Start(Typed):
    """The engine begins with a job, on `node` where that is another machine, for the time number `tried`."""

    kind: Literal["start"] = "start"
    node: Text = ""
    tried: Stored = 1


class Hello(Typed):
    """The worker is ready."""

    kind: Literal["hello"] = "hello"
    environment: Surroundings


class Making(Typed):
    """The worker makes data, or is done with it if `over`. The method's time limit waits meanwhile."""

    kind: Literal["making"] = "making"
    over: bool = False


class Step(Typed):
    """The step that a method is at, of `steps`, on an instance; instance is None while the method learns. score is that of its
    last record.
    """

    kind: Literal["step"] = "step"
    instance: Count | None
    step: Count
    steps: Count
    score: float | None


class Learnt(Typed):
    """What the method learns once is ready. before says that an earlier run learnt it."""

    kind: Literal["learnt"] = "learnt"
    seconds: Amount
    truncated: bool
    before: bool


class Solved(Typed):
    """An instance with its scores. curve: (series, step, seconds, value), each step of a series once. queued: see Instance.
    aside: seconds since its data was made in which the method's clock was held, such as those of scoring.
    """

    kind: Literal["instance"] = "instance"
    instance: Stored
    label: Text
    observation: Text
    seconds: Amount
    cpu_seconds: Amount | None = None
    queued: Share | None = None
    aside: Amount = 0.0
    steps: Stored
    truncated: bool
    scores: dict[Text, float]
    curve: tuple[tuple[Text, Stored, Amount, float], ...]
    artifacts: tuple[Kept, ...]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if twice := _twice((series, step) for series, step, _, _ in self.curve):
            raise ValueError(f"step {twice[1]} of the curve '{twice[0]}' comes twice")
        if name := _twice(one.kind for one in self.artifacts):
            raise ValueError(f"two things are kept as '{name}'")
        return self


class Failed(Typed):
    """An instance raised. full: for want of room on a disk."""

    kind: Literal["failed"] = "failed"
    instance: Stored
    status: Literal["failed", "diverged"] = "failed"
    reason: Text
    trace: Text
    full: bool = False


class End(Typed):
    """Every instance was tried. Peaks are in MB."""

    kind: Literal["end"] = "end"
    peak_memory: Amount | None
    peak_device_memory: Amount | None


class Refused(Typed):
    """The job's input is wrong."""

    kind: Literal["refused"] = "refused"
    reason: Text


class Broken(Typed):
    """The job raised outside its instances, or sent no valid message. full: for want of room on a disk."""

    kind: Literal["broken"] = "broken"
    reason: Text
    trace: Text = ""
    full: bool = False


class Killed(Typed):
    """The engine ended the job, or found it dead."""

    kind: Literal["killed"] = "killed"
    status: Literal["failed", "timeout", "memory"] = "failed"
    reason: Text
    trace: Text = ""


class Moved(Typed):
    """The job leaves its node, for a reason that is not its own, and begins again with the instances that it still lacks. Only
    an engine says so.
    """

    kind: Literal["moved"] = "moved"
    reason: Text


Stopped = Refused | Broken | Killed
Last = End | Stopped
Said = Start | Hello | Making | Step | Learnt | Solved | Failed | Last
Message = Said | Moved
_ANY: TypeAdapter[Said] = TypeAdapter(Annotated[Said, Field(discriminator="kind")])


def read(line: bytes | str) -> Said:
    """The message of a line. Raises ValueError, in one line, for what is none."""
    try:
        return _ANY.validate_json(line)
    except ValidationError as error:
        raise ValueError(why(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def why(error: ValidationError) -> str:
    """The first thing that is wrong with a message, in one line."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return " ".join(f"{place}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ").split())


def checked(line: bytes | str) -> Said:
    """The message of a line, or the end of a job that says what is none."""
    try:
        return read(line)
    except ValueError as error:
        return Broken(reason=f"the worker sent no valid message ({error})")


class Ear:
    """Hears the lines of one worker. All begin with the mark of the first, which no method had been loaded to see."""

    def __init__(self) -> None:
        self._mark: bytes | None = None

    def heard(self, line: bytes) -> Said:
        """The message of a line, or the end of a job in which somebody else spoke."""
        mark, brace, rest = line.partition(b"{")
        if self._mark is None:
            self._mark = mark
        if mark != self._mark:
            return Broken(reason="a line on the worker's pipe is not the worker's own")
        return checked(brace + rest)


def reason_of(error: BaseException) -> str:
    """An error as one line: its kind and the first line of what it says."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def written(message: Message) -> str:
    """A message as one line, without its end."""
    return message.model_dump_json()
