"""What happens on another machine: one errand is carried out there, and every word of it is a line of text.

The node computes its own source key first: results of different code are never mixed. Then it runs the job as this machine
would (local.py). It shares no disk with the head, so that files go with the errand and come back in messages.
"""

import atexit
import math
import shutil
import tempfile
import traceback
from collections.abc import Generator, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from benchmark import environment, registry
from benchmark.datasets import sources
from benchmark.errors import UserError
from benchmark.spec import Frozen, RunKey
from benchmark.store.writing import is_full, write_whole
from runners.engines import messages
from runners.engines.base import Place
from runners.engines.files import path_of
from runners.engines.local import Pool
from runners.engines.messages import Broken, Failed, Learnt, Said, Solved, reason_of
from runners.plan import Job

_SHARE = 0.9  # of a node's memory that all its cores together may use
_CODE = ("benchmark", "tasks", "methods", "runners")


class Errand(Frozen):
    """A job as it crosses to a node. fit_key: see Job. memory (bytes) is infinite where the node is to give each core its
    share.

    sources: places of the user's data by name. included: the files among those sent that hold tasks and methods.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    key: RunKey
    fit_key: RunKey | None
    todo: tuple[int, ...]
    timeout: float
    device: str
    threads: int
    memory: float
    data_dir: str | None
    relearn: bool
    apart: bool
    sources: dict[str, str]
    included: tuple[str, ...]


class At(Frozen):
    """The errand is at this node."""

    kind: Literal["at"] = "at"
    node: str


class Beat(Frozen):
    """The job is at work and has nothing to tell."""

    kind: Literal["beat"] = "beat"


class Differs(Frozen):
    """This node has other code or data than the head, and does not run the job."""

    kind: Literal["differs"] = "differs"
    reason: str


class Full(Frozen):
    """This node's disk has no room for the job, which did not end."""

    kind: Literal["full"] = "full"
    reason: str


class Fitted(messages.Typed):
    """What the method learnt, as a file of this name (benchmark/fits.py)."""

    kind: Literal["fitted"] = "fitted"
    name: Annotated[str, Field(pattern=r"^[0-9a-f]{64}-[a-z]+\.safetensors$")]
    content: bytes


Word = At | Beat | Differs | Full | Fitted | Said
_ANY: TypeAdapter[Word] = TypeAdapter(Annotated[Word, Field(discriminator="kind")])


def read(line: str) -> Word:
    """The word of a line, or the end of a job that says what is none."""
    try:
        return _ANY.validate_json(line)
    except ValidationError as error:
        return Broken(reason=f"the node sent no valid message ({messages.why(error)})")


def carried_out(errand: Errand, files: Mapping[str, bytes], node: str) -> Generator[str]:
    """The lines of an errand on this machine, which is called `node`: `At`, then `Differs` or what the job says to its last
    message; `Full` ends them early. files: by their place, `artifacts/...`, `fits/...` or `include/...`.

    Closing the generator kills the job.
    """
    yield At(node=node).model_dump_json()
    try:
        with tempfile.TemporaryDirectory(prefix="lowdimbench-node-", ignore_cleanup_errors=True) as scratch:
            for word in _words(errand, files, node, Path(scratch)):
                yield word.model_dump_json()
    except Exception as error:
        word = Broken(reason=f"{node}: {reason_of(error)}", trace=traceback.format_exc())
        yield (Full(reason=str(error)) if is_full(error) else word).model_dump_json()


def _words(errand: Errand, files: Mapping[str, bytes], node: str, folder: Path) -> Iterator[Word]:
    try:
        job = _same(errand, files, node)
    except UserError as error:
        yield Differs(reason=f"{node}: {error}")
        return
    for name, content in files.items():
        if not name.startswith("include/"):
            write_whole(folder / name, content)
    place = Place(
        errand.device,
        errand.threads,
        folder / "artifacts",
        Path(errand.data_dir) if errand.data_dir else None,
        errand.memory if errand.memory < math.inf else _SHARE * environment.memory() * errand.threads / environment.cores(),
        errand.relearn,
        errand.apart,
    )
    with sources.replaced(errand.sources):
        pool = iter(Pool([job], 1, place))
        try:
            for event in pool:
                if event is None:
                    yield Beat()
                elif isinstance(message := event[1], Failed | Broken) and message.full:
                    yield Full(reason=message.reason)
                    return
                elif isinstance(message, Said) and not isinstance(message, messages.Start):
                    if isinstance(message, Learnt) and not message.before:
                        yield from _learnt(errand, place)
                    yield _whole(message, place.artifacts)
        finally:
            pool.close()


def _same(errand: Errand, files: Mapping[str, bytes], node: str) -> Job:
    """The job of an errand, as this node's registry has it. Raises UserError where code or data here are not the head's."""
    _look_again()
    _include(errand, files)
    key, fit = errand.key, errand.fit_key
    task, method = registry.get_task(key.task), registry.get_method(key.method)
    if key.preset not in task.spec.presets or task.spec.version != key.version:
        raise UserError(f"it has version {task.spec.version} of {key.task} and not {key.version}")
    found = registry.source_hash(task, method, key.preset)
    learns = fit and registry.source_hash(task, method, fit.preset, learning=True)
    if (found, learns) != (key.source, fit and fit.source):
        commit = environment.commit_text(*environment.commit(), 12)
        raise UserError(f"its code of {key.method} on {key.task} is {found[:12]}, of {commit}, and not {key.source[:12]}")
    with sources.replaced(errand.sources):
        size, data_dir = task.spec.presets[key.preset], Path(errand.data_dir) if errand.data_dir else None
        if sources.fingerprint(sources.read_by(size), data_dir) != key.data:
            raise UserError(f"its data of {key.task}/{key.preset} are not those of the head")
    return Job(key, task, method, errand.timeout, errand.todo, fit_key=fit)


_seen: list[object] = []


def _look_again() -> None:
    """Forgets what was read of the suite's code where a file of it changed since the last look."""
    state = {path: path.stat().st_mtime_ns for folder in _CODE for path in (registry.ROOT / folder).rglob("*.py")}
    if _seen != [state]:
        registry.include(())
        _seen[:] = [state]


def _include(errand: Errand, files: Mapping[str, bytes]) -> None:
    """Registers the files with tasks and methods that came along, unless such files are registered here."""
    here = {path.read_bytes() for path in registry.included() if path.is_file()}
    if {files[name] for name in errand.included} <= here:
        return
    sent = {name: content for name, content in files.items() if name.startswith("include/")}
    digest = sha256("".join(f"{name} {sha256(content).hexdigest()}\n" for name, content in sorted(sent.items())).encode())
    folder = _included_here() / digest.hexdigest()
    for name, content in sent.items():
        write_whole(folder / name, content)
    registry.include(folder / name for name in errand.included)


@cache
def _included_here() -> Path:
    folder = tempfile.mkdtemp(prefix="lowdimbench-included-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _learnt(errand: Errand, place: Place) -> Iterator[Fitted]:
    digest = errand.fit_key.digest if errand.fit_key else ""
    for path in place.fits.glob(f"{digest}-*.safetensors"):
        yield Fitted(name=path.name, content=path.read_bytes())


def _whole(message: Said, artifacts: Path) -> Said:
    """The message with the bytes of what it names."""
    if not isinstance(message, Solved):
        return message
    kept = [one.model_copy(update={"content": (artifacts / path_of(one.sha256)).read_bytes()}) for one in message.artifacts]
    return message.model_copy(update={"artifacts": tuple(kept)})
