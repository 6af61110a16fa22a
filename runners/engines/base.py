"""What an engine is: it runs jobs somewhere and hands on what their workers say. One module of this package is one engine."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ConfigDict

from benchmark import registry
from benchmark.spec import Frozen
from runners.engines.messages import Message

if TYPE_CHECKING:
    from runners.plan import Job


@dataclass(frozen=True)
class Place:
    """Where jobs run, and with how much. threads and memory (bytes) are for one job. relearn ignores cached fits. apart
    computes scores in a process that never loads the method.
    """

    device: str
    threads: int
    artifacts: Path
    data_dir: Path | None
    memory: float
    relearn: bool = False
    apart: bool = False

    @property
    def fits(self) -> Path:
        """The folder of cached fits, beside the artifacts."""
        return self.artifacts.parent / "fits"

    def gpus(self, given: float | None, there: Callable[[], bool]) -> float:
        """GPUs that a job asks a cluster for: as many as given, else one where its device is a GPU, or may be one and there is
        one.
        """
        if given is not None:
            return given
        return float(self.device.startswith("cuda") or (self.device == "auto" and there()))

    def with_gpus(self, number: float) -> "Place":
        """The same on a node that gives a job this many GPUs: those it sees, or none."""
        return replace(self, device="cuda" if number else "cpu")


class FitOrder(Frozen):
    """The part of the job that the method learns once. preset has its training data, digest is its key, folder keeps it. anew
    says that it is learnt even if it is there.
    """

    preset: str
    digest: str
    folder: str
    anew: bool


class Order(Frozen):
    """All that a worker is told. It holds no code and no path object, so that it crosses to any process as JSON or a pickle.

    scratch: the worker's own temporary folder, which goes when its parent goes; None where somebody else clears up.
    shared: the worker writes what it keeps into `artifacts`; otherwise the bytes are part of its messages.
    apart: another process solves, and the worker scores what that one hands over; hands_over: this is that process.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    task: str
    preset: str
    method: str
    parameters: dict[str, Any]
    seed: int
    todo: tuple[int, ...]
    include: tuple[str, ...]
    device: str
    artifacts: str
    fit: FitOrder | None
    data_dir: str | None
    scratch: str | None = None
    shared: bool = True
    apart: bool = False
    hands_over: bool = False


def order_of(job: "Job", place: Place, *, scratch: str | None = None, shared: bool = True) -> Order:
    """What a worker is told of a job."""
    key, fit = job.key, job.fit_key
    return Order(
        task=key.task,
        preset=key.preset,
        method=key.method,
        parameters=dict(key.parameters),
        seed=key.seed,
        todo=job.todo,
        include=tuple(map(str, registry.included())),
        device=place.device,
        artifacts=str(place.artifacts),
        fit=None if fit is None else FitOrder(preset=fit.preset, digest=fit.digest, folder=str(place.fits), anew=place.relearn),
        data_dir=str(place.data_dir) if place.data_dir else None,
        scratch=scratch,
        shared=shared,
        apart=place.apart,
    )


class Engine(Protocol):
    """An engine makes jobs. It asks `jobs` for the next one when there is room for it. `name` is kept with what it ran."""

    name: str

    def __iter__(self) -> Generator["tuple[Job, Message] | None"]:
        """Yields (job, message) as they come, and None as a sign of life at least every few seconds.

        The first message of a job is `Start`, the last is `End`, `Refused`, `Broken` or `Killed`, and nothing follows it. After
        `Moved` the job begins again.
        Closing the generator kills what runs.
        """
        ...

    def drop(self, job: "Job") -> None:
        """Stops a job. Nothing more is heard of it."""
        ...


StartEngine = Callable[["Iterable[Job]", int, Place], Engine]  # jobs, how many side by side, where
