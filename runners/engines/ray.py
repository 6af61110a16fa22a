"""Jobs on a Ray cluster. A job is one Ray task, which runs the isolated worker on its node and streams what that says.

Resources are Ray's: threads are its CPUs, a memory limit its memory, and a GPU or a part of one its GPUs.
"""

import math
import os
import socket
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmark import environment, registry
from benchmark.errors import UserError
from runners.engines.base import Place
from runners.engines.desk import Desk, Events, Going
from runners.engines.messages import Message
from runners.engines.node import Differs, Errand, Full, carried_out, read
from runners.plan import Job

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
try:
    import ray
    from ray.exceptions import RayError
except ImportError:
    raise UserError("--engine ray needs Ray: pip install 'lowdimbench[ray]'") from None

_BEAT = 5.0  # seconds after which the caller gets a word even when no job has one
_SILENT = 180.0  # seconds without a word after which a node counts as lost; workers give a sign of life every five
_UNHEARD = 60.0  # seconds after which a job that no node has begun is asked for anew; twice as many each further time
_LOOK = 10.0  # seconds between looks at how much room the cluster has
_PATIENCE = 5.0  # seconds to reach a cluster, and for its jobs to end
_SHIPPED = [".git", ".venv", "results", "docs", "tests", "leaderboard/reference"]  # left out of the tree that is sent


def carry(errand: Errand, names: list[str], *contents: bytes) -> Iterator[str]:
    """The Ray task: an errand with its files, carried out on the node that it came to."""
    here = f"{socket.gethostname()} ({ray.get_runtime_context().get_node_id()[:8]})"
    yield from carried_out(errand, dict(zip(names, contents, strict=True)), here)


class Cluster:
    """An Engine (base.py). at_once is 0 for as many jobs as there is room for.

    address: HOST:PORT of the cluster's head; without it the cluster that this machine belongs to, else a new one on this
    machine. gpus: of one job, 1 or a part such as 0.25; None is one where the job's device is a GPU. ship: the nodes get this
    tree's code.

    Raises UserError where no cluster answers, and where it can never run such a job.
    """

    name = "ray"

    def __init__(
        self,
        jobs: Iterable[Job],
        at_once: int,
        place: Place,
        *,
        address: str | None = None,
        gpus: float | None = None,
        ship: bool = False,
    ) -> None:
        _connect(address, ship)
        gpus = place.gpus(gpus, lambda: _has("GPU", 1))
        self.place = place.with_gpus(gpus)
        self.at_once, self.desk = at_once, Desk(jobs, self.place)
        self.needs = {"CPU": float(place.threads), "GPU": gpus} | ({"memory": place.memory} if place.memory < math.inf else {})
        for name, amount in self.needs.items():
            if not _has(name, amount):
                what = f"{amount / 1e9:.3g} GB of memory" if name == "memory" else f"{amount:g} {name}s"
                ray.shutdown()
                raise UserError(f"--engine ray: no node of the cluster has {what}, which a job needs")
        self.out: dict[Any, Going] = {}  # by the stream of its lines
        self.refused: set[str] = set()  # nodes with other code, by id
        self.hung: set[str] = set()  # nodes that fell silent or have no room, by id
        self.anew = 0  # how often jobs were asked for anew
        self.sent: dict[tuple[Path, int], Any] = {}  # files in the object store, by path and time of change
        self.room, self.looked = 0, 0.0

    def __iter__(self) -> Generator[tuple[Job, Message] | None]:
        beat = time.monotonic()
        try:
            while True:
                self._send()
                if not self.out:
                    return
                ready, _ = ray.wait(list(self.out), num_returns=1, timeout=_BEAT)
                if ready:
                    ready, _ = ray.wait(list(self.out), num_returns=len(self.out), timeout=0)
                for stream in ready:
                    if stream in self.out:  # otherwise it was dropped
                        yield from self._next_line(stream)
                yield from self._silent()
                if time.monotonic() - beat > _BEAT or not ready:
                    beat = time.monotonic()
                    yield None
        finally:
            self._leave()

    def drop(self, job: Job) -> None:
        """Stops a job. Nothing more is heard of it."""
        if (one := self.desk.drop(job)) is not None:
            self._cancel(one)

    def _send(self) -> None:
        while len(self.out) < (self.at_once or self._room()) and (one := self.desk.next()) is not None:
            files = self.desk.files(one)
            refs = [self._stored(path) for path in files.values()]
            how: dict[str, Any] = {"num_cpus": self.needs["CPU"], "num_gpus": self.needs["GPU"]}
            if "memory" in self.needs:
                how["memory"] = self.needs["memory"]
            shunned = self.refused | self.hung
            if self.anew:  # Ray holds like requests to be one, which a node that hangs may have: no node has this name
                shunned.add(f"anew-{self.anew}")
            if shunned:
                how["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(shunned))})"}
            # a job that is lost is sent again by the desk, for what it still lacks
            task = ray.remote(carry).options(num_returns="streaming", max_retries=0, **how)
            self.out[task.remote(self.desk.errand(one), list(files), *refs)] = one

    def _stored(self, path: Path) -> Any:
        key = path, path.stat().st_mtime_ns
        if key not in self.sent:
            self.sent[key] = ray.put(path.read_bytes())
        return self.sent[key]

    def _room(self) -> int:
        """The number of jobs that fit onto the nodes, and one more, which waits to begin."""
        if time.monotonic() - self.looked > _LOOK or not self.room:
            self.looked = time.monotonic()
            needs = {name: amount for name, amount in self.needs.items() if amount}
            self.room = 1 + sum(
                int(min(node["Resources"].get(name, 0.0) // amount for name, amount in needs.items())) for node in self._nodes()
            )
        return self.room

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in self.refused | self.hung]

    def _next_line(self, stream: Any) -> Events:
        one = self.out[stream]
        try:
            line: str = ray.get(next(stream))
        except StopIteration:
            del self.out[stream]
            if self.desk.going.get(one.digest) is one:
                yield from self.desk.lost(one, "it fell silent before the job's last message")
            return
        except RayError as error:
            del self.out[stream]
            if self.desk.going.get(one.digest) is one:
                yield from self.desk.lost(one, _reason(error))
            return
        yield from self.desk.heard(one, line)
        if '"full"' in line[:40] and isinstance(word := read(line), Full):
            del self.out[stream]
            self._shun(_nodes_of(one))
            yield from self.desk.lost(one, f"no room: {word.reason}")
        elif '"differs"' in line[:40] and isinstance(word := read(line), Differs):
            del self.out[stream]
            self.refused |= _nodes_of(one)
            self._shun(set())
            able = [node for node in self._nodes() if _enough(node, self.needs)]
            yield from self.desk.elsewhere(one, word.reason, hopeless=not able)

    def _silent(self) -> Events:
        """Gives up jobs whose node says nothing any more. Asks anew for those that no node begins: a node that hangs may
        have the request.
        """
        now = time.monotonic()
        for stream, one in list(self.out.items()):
            if one.heard and now - one.heard > _SILENT:
                self._cancel(one, force=True)
                del self.out[stream]
                self._shun(_nodes_of(one))
                yield from self.desk.lost(one, f"no word for {_SILENT:.0f} s")
        if any(not one.heard and now - one.sent > _UNHEARD * 2**one.back for one in self.out.values()):
            self._recall()

    def _shun(self, silent: set[str]) -> None:
        """Keeps jobs from nodes that fell silent or have no room, while there are others. Where all did, some were only slow
        and disks are cleared, and each may have jobs again. Jobs that wait for a node were sent with what was known before.
        """
        before, self.hung = self.hung, self.hung | silent
        if not any(_enough(node, self.needs) for node in self._nodes()):
            self.hung = set()
        if self.hung != before:
            self._recall()

    def _recall(self) -> None:
        """Takes back what no node has begun, to be sent anew."""
        self.looked, self.anew = 0.0, self.anew + 1
        for stream, one in list(self.out.items()):
            if not one.heard:
                self._cancel(one)
                del self.out[stream]
                self.desk.back(one)

    def _cancel(self, one: Going, *, force: bool = False) -> None:
        for stream, other in list(self.out.items()):
            if other is one:
                with suppress(RayError, ValueError):
                    ray.cancel(stream, force=force)

    def _leave(self) -> None:
        """Ends what runs, in time for the nodes to kill what it started."""
        streams = list(self.out)
        for one in list(self.out.values()):
            self._cancel(one)
        end = time.monotonic() + _PATIENCE
        for stream in streams:
            with suppress(StopIteration, RayError):
                while time.monotonic() < end:
                    if ray.wait([stream], timeout=max(0.0, end - time.monotonic()))[0]:
                        ray.get(next(stream))
        ray.shutdown()


def _connect(address: str | None, ship: bool) -> None:
    if address is not None and address != "auto":
        _answers(address)
    head, dirty = environment.commit()
    shipped = {
        "working_dir": str(registry.ROOT),
        "excludes": _SHIPPED,
        "env_vars": {environment.COMMIT: f"{head} dirty" if dirty else head},
    }
    how: dict[str, Any] = {"runtime_env": shipped} if ship else {}
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None and "RAY_ADDRESS" not in os.environ:
        with suppress(ConnectionError):
            ray.init(address="auto", **quiet, **how)
            return
        ray.init(include_dashboard=False, num_cpus=environment.cores(), **quiet, **how)
        return
    try:
        ray.init(address=address, **quiet, **how)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"--address {address}: {' '.join(str(error).split()) or type(error).__name__}") from None


def _answers(address: str) -> None:
    """Raises UserError where nobody answers at HOST:PORT. Ray itself would try for a minute."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit() or int(port) >= 1 << 16:
        raise UserError(f"--address {address}: write HOST:PORT of the cluster's head, such as 10.0.0.1:6379, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except OSError as error:
        raise UserError(f"--address {address}: no Ray cluster answers there ({error})") from None


def _nodes_of(one: Going) -> set[str]:
    """The id of the node that said that it has a job, in a set."""
    begins = one.node.rpartition("(")[2].removesuffix(")")
    return {node["NodeID"] for node in ray.nodes() if node["NodeID"].startswith(begins)}


def _has(resource: str, amount: float) -> bool:
    """Whether any node has so much of a resource."""
    return not amount or any(node["Alive"] and node["Resources"].get(resource, 0.0) >= amount for node in ray.nodes())


def _enough(node: dict[str, Any], needs: dict[str, float]) -> bool:
    return all(node["Resources"].get(name, 0.0) >= amount for name, amount in needs.items())


def _reason(error: RayError) -> str:
    """Ray's reason for a lost job, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = getattr(error, "cause", None)
    said = f"{type(cause).__name__}: {cause}" if cause is not None else lines[0] if lines else ""
    return f"{type(error).__name__}: {said}"[:300]
