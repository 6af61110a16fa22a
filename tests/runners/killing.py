"""Runners, workers and database servers killed at random moments, and what the database must hold after each."""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.store.database import open_database
from runners import record

PIECES = '''
"""Many short instances."""

import os
import time

import torch

from benchmark import Context, Instance, LinearInverse, Metric, Preset, TaskSpec, method, task
from benchmark.operators import LinearOperator

SPEC = TaskSpec(
    name="pieces", version=1, title="Pieces", poses="LinearInverse", baseline="naps", source="",
    metrics=(Metric(name="error", better="lower", description="", primary=True),),
    presets={
        "tiny": Preset(instances=40, budget=1), "small": Preset(instances=8, budget=1), "full": Preset(instances=8, budget=1)
    },
)


class Identity(LinearOperator):
    shape = data_shape = (4,)
    dtype = torch.float32

    def forward(self, x):
        return x

    def adjoint(self, y):
        return y

    def to(self, device):
        return self


@task(SPEC)
class Pieces:
    def make(self, preset, split, index, generator):
        x = torch.randn(4, generator=generator)
        return Instance(problem=LinearInverse(A=Identity(), y=x.clone(), noise=0.0), truth=x, label=str(index))

    def score(self, instance, estimate):
        return {"error": (estimate - instance.truth).norm().item()}

    def picture(self, instance, estimate):
        return {"image": estimate[None]}


def within(what):
    with open(os.environ["WITHIN"], "w") as file:
        file.write(what)


@method("naps", solves="LinearInverse", kind="test", paper="")
def naps(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    within("an instance")
    time.sleep(0.02)
    within("")
    return problem.y + 0.1 * ctx.randn(4)
'''
PLANS = {
    "pieces": ("--task", "pieces", "--preset", "tiny", "--method", "naps", "--seeds", "2", "--include", "pieces.py"),
    "mri": ("--task", "mri", "--preset", "tiny", "--method", "cg_sense", "--method", "l1_wavelet", "--seeds", "2"),
}
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, 40)  # a worker dies of; a runner is killed


class Lane:
    """One database in a folder of its own, on which the same command is started, killed and started again.

    server: where the database is (tests/postgresql.py), if it is not a file.
    """

    def __init__(self, forge, plan, folder, server=None):
        self.forge, self.folder, self.server = forge, folder, server
        folder.mkdir()
        (folder / "pieces.py").write_text(PIECES.lstrip())
        self.words = (*PLANS[plan], "--threads", "1")
        self.db = server.address if server else str(folder / "results.db")
        self.beside = folder / "results" if server else folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(registry.ROOT),
            "WITHIN": str(folder / "within"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        self.output = folder / "said"
        self.lost: list[str] = []
        self.hit: Counter[str] = Counter()
        self.done: set[tuple[str, int]] = set()

    def start(self):
        return self.forge.run(
            [*self.words, "--db", self.db], environment=self.environment, folder=self.folder, output=self.output
        )

    def said(self, before=0):
        """What it said, after so many bytes."""
        return self.output.read_bytes()[before:].decode() if self.output.exists() else ""

    def whole(self, timeout=300):
        """Let it run to its end; what it says."""
        before = len(self.said().encode())
        code = self.start().wait(timeout)
        said = self.said(before)
        if code:
            self.lost.append(f"the command ended with {code}: {said[-500:]}")
        return said

    def workers(self, runner):
        found = []
        for child in psutil.Process(self.forge.server.pid).children():
            with suppress(psutil.Error):
                if child.pid != runner.pid and child.cwd() == str(self.folder):
                    found.append(child)
        return found

    def kill(self, chance, longest):
        """Start the command, kill its runner, a worker of it or the server after a while, and check what is there. Whether it
        hit one.
        """
        said = len(self.said().encode())
        runner = self.start()
        before = sum(self.hit.values())
        deadline = time.monotonic() + chance.uniform(0.0, longest)
        while time.monotonic() < deadline and runner.poll() is None:
            time.sleep(0.002)
        victim = chance.choice(("runner", "worker", "server") if self.server else ("runner", "worker"))
        workers = self.workers(runner)
        where = Path(self.environment["WITHIN"])
        inside = "within an instance" if where.exists() and where.read_text() else "between instances"
        if runner.poll() is None and victim == "runner":
            runner.kill()
            self.hit[f"runner, {inside if workers else 'without a worker'}"] += 1
        elif runner.poll() is None and victim == "worker" and workers:
            with suppress(ProcessLookupError):
                os.kill(workers[0].pid, chance.choice(SIGNALS))
            self.hit[f"worker, {inside}"] += 1
        elif runner.poll() is None and victim == "server" and ", limit " in self.said(said):  # it has opened the database
            how = chance.choice(("fast", "immediate"))
            self.server.stop(how)
            time.sleep(chance.choice((0.0, 0.5)))
            self.server.start()
            self.hit[f"server, {how}, {inside if workers else 'without a worker'}"] += 1
            if runner.wait(120):
                self.lost.append(f"the runner did not go on after a restart: {self.said(said)[-500:]}")
        runner.wait(120)
        for child in psutil.wait_procs(workers, timeout=5)[1]:
            self.lost.append(f"worker {child.pid} outlived its runner")
        where.unlink(missing_ok=True)
        self.check()
        return sum(self.hit.values()) > before

    def check(self, *, settled=True):
        """What is finished stays finished, once, whole, with its scores and pictures; nothing is left `running`."""
        if "://" not in self.db and not (Path(self.db).exists() and Path(self.db).stat().st_size):
            return
        engine = open_database(self.db)
        with Session(engine) as session:
            if settled:
                record.settle(session)
            lite = engine.dialect.name == "sqlite"
            if lite and session.execute(text("PRAGMA integrity_check")).scalar() != "ok":
                self.lost.append("the file is damaged")
            found = session.execute(
                text("SELECT digest, number FROM instance JOIN run ON run.id = run_id WHERE instance.status = 'done'")
            )
            rows = [tuple(row) for row in found]
            done = set(rows)
            scores = session.execute(
                text("SELECT digest, instance, count(*) FROM score JOIN run ON run.id = run_id GROUP BY digest, instance")
            )
            counts = {(digest, number): count for digest, number, count in scores}
            pictures = [
                tuple(row)
                for row in session.execute(
                    text("SELECT digest, instance, kind, path, sha256 FROM artifact JOIN run ON run.id = run_id")
                )
            ]
            running = session.execute(text("SELECT count(*) FROM run WHERE status = 'running'")).scalar()
            silent = session.execute(
                text("SELECT count(*) FROM run WHERE status NOT IN ('done', 'interrupted', 'running') AND error IS NULL")
            ).scalar()
        engine.dispose()
        self.lost += [f"lost: {one}" for one in self.done - done]
        self.lost += ["doubled"] * (len(rows) - len(done))
        metrics = 1 if "pieces" in self.words else 3
        self.lost += [f"half-written: {one}" for one in done ^ counts.keys()] + [
            f"scores: {one}" for one, n in counts.items() if n != metrics
        ]
        kinds = {(digest, number, kind) for digest, number, kind, _, _ in pictures}
        wanted = {(*one, kind) for one in done for kind in ("estimate", "truth")}
        self.lost += [f"picture: {one}" for one in kinds ^ wanted]
        for _, _, _, path, digest in pictures:
            file = self.beside / path
            if not file.is_file() or sha256(file.read_bytes()).hexdigest() != digest:
                self.lost.append(f"picture {path} is not whole")
        self.lost += ["left running"] * running + ["ended without a reason"] * silent
        self.done = done

    def scores(self):
        engine = open_database(self.db)
        query = "SELECT digest, instance, metric, value FROM score JOIN run ON run.id = run_id ORDER BY 1, 2, 3"
        with Session(engine) as session:
            found = [tuple(row) for row in session.execute(text(query))]
        engine.dispose()
        return found

    def again(self):
        """Forget everything, so that the next kill hits something."""
        self.execute("DELETE FROM run")
        self.done = set()

    def ask(self, query):
        """One number, 0 where there is no database yet."""
        if "://" not in self.db and not (Path(self.db).exists() and Path(self.db).stat().st_size):
            return 0
        engine = open_database(self.db)
        with Session(engine) as session:
            found = session.execute(text(query)).scalar()
        engine.dispose()
        return found

    def execute(self, statement):
        engine = open_database(self.db)
        with Session(engine) as session:
            session.execute(text(statement))
            session.commit()
        engine.dispose()


def killed(forge, folder, plan, kills, seed, server=None):
    """A lane that was killed so often, then ran to its end, and was compared with one that was left alone."""
    alone = Lane(forge, plan, folder / f"{plan}-alone")
    began = time.monotonic()
    alone.whole()
    alone.check()
    longest, wanted = time.monotonic() - began, alone.scores()
    lane, chance = Lane(forge, plan, folder / plan, server), random.Random(seed)
    lane.lost += alone.lost
    if not wanted:
        lane.lost.append("the run that was left alone has no scores")
    while kills:
        kills -= lane.kill(chance, longest)
        if len(lane.done) * (1 if plan == "pieces" else 3) == len(wanted):
            if lane.scores() != wanted:
                lane.lost.append("other scores than of the run that was left alone")
            lane.again()
    lane.whole()
    lane.check()
    if lane.scores() != wanted:
        lane.lost.append("other scores than of the run that was left alone")
    return lane
