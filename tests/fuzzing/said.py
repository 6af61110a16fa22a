"""What workers say: the lines of a whole job, some changed, lost, doubled, moved or spoilt, from the pipe to the rows."""

import io
import json
import queue
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from hypothesis import strategies as st
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store import exchange, health
from benchmark.store.database import open_database
from benchmark.store.models import ANSWERED, Instance, Run
from runners.engines import local, messages
from runners.engines.base import Place
from runners.engines.wall import Wall
from runners.execute import Execution
from runners.plan import Job, Plan, make_plan
from runners.progress import Display
from runners.request import Request
from tests.fuzzing.sandbox import Sandbox
from tests.fuzzing.values import json_values, mutated

_ABOUT = {
    "digest": "d" * 64,
    "commit": "c",
    "dirty": False,
    "python": "3.12.0",
    "platform": "p",
    "cpu": "[/b]",
    "cores": 2,
    "threads": 1,
}
_SCORES = {"psnr": 20.0, "ssim": 0.5, "nmse": 0.01}


def _solved(number: int) -> dict[str, Any]:
    curve = [["estimate", 1, 0.1, 20.0], ["iterate", 1, 0.1, 19.0]]
    about = {
        "label": "a",
        "observation": "o",
        "seconds": 1.0,
        "cpu_seconds": 0.9,
        "queued": 0.1,
        "steps": 1,
        "truncated": False,
    }
    return {"kind": "instance", "instance": number, **about, "scores": _SCORES, "curve": curve, "artifacts": []}


SOUND: tuple[dict[str, Any], ...] = (
    {"kind": "hello", "environment": {**_ABOUT, "memory_gb": 1.0, "device": "cpu", "packages": {"torch": "2"}}},
    {"kind": "making", "over": False},
    {"kind": "making", "over": True},
    {"kind": "step", "instance": 0, "step": 1, "steps": 2, "score": 20.0},
    _solved(0),
    {"kind": "learnt", "seconds": 1.0, "truncated": False, "before": False},
    {"kind": "failed", "instance": 1, "status": "failed", "reason": "it raised", "trace": "here\nthere"},
    _solved(1),
    {"kind": "end", "peak_memory": 1.0, "peak_device_memory": None},
)
_OTHERS: tuple[dict[str, Any], ...] = (
    {"kind": "start"},
    {"kind": "refused", "reason": "wrong input"},
    {"kind": "broken", "reason": "it raised", "trace": "t"},
    {"kind": "killed", "status": "memory", "reason": "r", "trace": "t"},
    {**_solved(0), "artifacts": [{"kind": "image", "sha256": "a" * 64, "content": None}]},
    {
        **_solved(1),
        "artifacts": [
            {"kind": "image", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "content": ""}
        ],
    },
)
_RAW = (
    b"",
    b"123",
    b"{}",
    b"[]",
    b"null",
    b'"end"',
    b"\xff\xfe",
    b"\x00",
    b'{"kind": "end"',
    b"[" * 20_000,
    b'{"kind":' * 5000,
    b"9" * 5000,
)


class Said(NamedTuple):
    """What comes through the pipe."""

    content: bytes


@st.composite
def conversations(draw: st.DrawFn) -> Said:
    """The bytes of a job's pipe."""
    said: list[Any] = [*SOUND]
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        at = draw(st.integers(0, len(said) - 1))
        how = draw(st.sampled_from(["mutate"] * 6 + ["drop", "double", "move", "other", "raw", "value"]))
        if how == "mutate":
            said[at] = said[at] if isinstance(said[at], bytes) else draw(mutated(said[at]))
        elif how == "drop" and len(said) > 1:
            del said[at]
        elif how in ("double", "move"):
            said.insert(draw(st.integers(0, len(said) - 1)), said[at] if how == "double" else said.pop(at))
        else:
            strange = {"other": st.sampled_from(_OTHERS), "raw": st.sampled_from(_RAW), "value": json_values}
            said.insert(at, draw(strange.get(how, st.sampled_from(_OTHERS))))
    lines = []
    for one in said:
        try:
            lines.append(
                one if isinstance(one, bytes) else json.dumps(one, ensure_ascii=False).encode("utf-8", "surrogatepass")
            )
        except (ValueError, RecursionError):
            lines.append(b"{")
    content = b"\n".join(lines) + b"\n"
    if draw(st.integers(0, 9)) == 0:
        where = draw(st.integers(0, len(content)))
        content = content[:where] + draw(st.sampled_from([b"", *_RAW])) + content[where + draw(st.integers(0, 3)) :]
    return Said(content)


inputs = conversations()


class _Worker(local.Worker):
    """One that has said all that it will say."""

    def __init__(self, job: Job, place: Place, content: bytes) -> None:
        self.job, self.inbox, self.last = job, queue.Queue(), None
        self.said_last, self.making, self.made = threading.Event(), None, 0.0
        self.place, self.wall = place, Wall()
        self.process = SimpleNamespace(stdout=io.BytesIO(content))  # type: ignore[assignment]


class _Engine:
    """Hands on what one worker said, as the pool does."""

    name = "local"

    def __init__(self, content: bytes, jobs: Iterator[Job], place: Place) -> None:
        self.content, self.jobs, self.place, self.dropped = content, jobs, place, False

    def __iter__(self) -> Iterator[tuple[Job, messages.Message]]:
        for job in self.jobs:
            yield job, messages.Start()
            worker = _Worker(job, self.place, self.content)
            worker._read()
            while not self.dropped and not worker.inbox.empty():
                yield job, worker.inbox.get()[1]
            if not self.dropped:
                yield job, worker.last or messages.Killed(reason="it closed its pipe")

    def drop(self, job: Job) -> None:
        self.dropped = True


@cache
def plan() -> Plan:
    """One job of two instances."""
    return make_plan([Request(task="mri", method="zero_filled", preset="tiny")])


def check(box: Sandbox, said: Said) -> tuple[str, str]:
    """What is done wrong with what a worker said, and the status of its run."""
    for line in said.content.splitlines():
        try:
            message = messages.read(line)
        except ValueError as error:
            if len(str(error).splitlines()) != 1:
                return f"it refused in other than one line: {str(error)[:200]!r}", ""
        else:
            if messages.read(messages.written(message)) != message:
                return "what was read is not what is written", ""
    # where the worker scores apart, no clock of ours is held against its seconds
    place = Place("cpu", 1, box.folder / "artifacts", None, float("inf"), apart=len(said.content) % 4 > 0)
    registry.include([])
    with Session(open_database("empty.db")) as session:
        display = Display(plan(), Console(file=io.StringIO(), width=200))
        engine = lambda jobs, at_once, place: _Engine(said.content, jobs, place)  # noqa: E731
        try:
            Execution(session, plan(), place, display, lambda job: "the command", engine=engine)()
        except UserError as error:
            wrong = "" if len(str(error).splitlines()) == 1 else f"it refused in other than one line: {str(error)[:200]!r}"
            return box.restored(wrong), "refused"
        wrong, status = _stored(session, place.artifacts)
    box.close()
    return box.restored(wrong), status


def _stored(session: Session, artifacts: Path) -> tuple[str, str]:
    """What is wrong with the rows, and the status of the run."""
    if reason := health.damage(session.connection()):
        return f"the database is damaged: {reason}", ""
    run = session.scalar(select(Run))
    if run is None:
        return "", "no run"
    answered = session.scalars(select(Instance.number).where(Instance.status.in_(ANSWERED))).all()
    if run.status == "running" or (run.status == "done" and set(answered) != {0, 1}):
        return f"the run is {run.status} with the instances {answered}", run.status
    if run.status != "done" and not run.error and len(answered) < 2:
        return f"the run is {run.status} and says not why", run.status
    try:
        exchange.to_line(session, run)
    except ValidationError as error:
        return f"what was stored cannot be carried: {error.errors(include_url=False)[0]}", run.status
    return "", run.status


__all__ = ["SOUND", "Said", "check", "inputs"]
