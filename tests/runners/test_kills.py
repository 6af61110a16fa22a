"""The runner is killed at random moments: no finished instance is lost or half-written, and the next call continues."""

import random
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

KILLS, LANES = 30, 2
LONGEST = 5.0  # seconds: start of the runner and its worker take half of it

PIECES = '''
"""Many short instances."""

import time

import torch

from benchmark import Context, Instance, LinearInverse, Metric, Preset, TaskSpec, method, task
from benchmark.operators import LinearOperator

SPEC = TaskSpec(
    name="pieces", version=1, title="Pieces", poses="LinearInverse", baseline="naps", source="",
    metrics=(Metric(name="error", better="lower", description="", primary=True),),
    presets={
        "tiny": Preset(instances=150, budget=1), "small": Preset(instances=8, budget=1), "full": Preset(instances=8, budget=1)
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


@method("naps", solves="LinearInverse", kind="test", paper="")
def naps(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    time.sleep(0.03)
    return problem.y + 0.1 * ctx.randn(4)
'''
WORDS = ("--task", "pieces", "--preset", "tiny", "--method", "naps", "--threads", "1")


def finished(command):
    """Numbers of finished instances, after checking that each of them is whole."""
    if not command.db.exists() or command.db.stat().st_size == 0:
        return set()
    with sqlite3.connect(command.db) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall():
            assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,), "half of a schema"
            return set()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        done = {number for (number,) in connection.execute("SELECT number FROM instance WHERE status = 'done'")}
        assert {number for (number,) in connection.execute("SELECT instance FROM score")} == done
        pictures = connection.execute("SELECT instance, kind, path, sha256 FROM artifact").fetchall()
    assert {(number, kind) for number, kind, _, _ in pictures} == {(n, kind) for n in done for kind in ("estimate", "truth")}
    for _, _, path, digest in pictures:
        assert sha256((command.folder / path).read_bytes()).hexdigest() == digest
    return done


def scores(command):
    with sqlite3.connect(command.db) as connection:
        return connection.execute("SELECT instance, metric, value FROM score ORDER BY 1, 2").fetchall()


def lane(kind, folder, seed, longest):
    """Kill it half of the times, each time checking what is there; then let it end. Returns how much each kill found."""
    folder.mkdir()
    (folder / "pieces.py").write_text(PIECES.lstrip())
    command, chance, found = kind(folder), random.Random(seed), [set()]
    words = (*WORDS, "--include", str(folder / "pieces.py"))
    for _ in range(KILLS // LANES):
        process = subprocess.Popen(
            command.words(*words), cwd=folder, env=command.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(chance.uniform(0.1, longest))
        process.kill()
        process.communicate()
        found.append(finished(command))
        assert found[-2] <= found[-1]
        if len(found[-1]) == 150:  # all done early: again from the start, so that every kill hits something
            with sqlite3.connect(command.db) as connection:
                for table in ("score", "instance", "artifact", "curve"):
                    connection.execute(f"DELETE FROM {table}")
            found.append(set())
    last = command(*words)
    assert last.returncode == 0, last.stderr
    assert finished(command) == set(range(150))
    return [len(numbers) for numbers in found], scores(command)


@pytest.mark.slow
def test_thirty_kills(command):
    (command.folder / "pieces.py").write_text(PIECES.lstrip())
    began = time.monotonic()
    assert command(*WORDS, "--include", str(command.folder / "pieces.py")).returncode == 0
    longest = max(LONGEST, time.monotonic() - began)  # a busy machine takes longer to begin
    with ThreadPoolExecutor(LANES) as lanes:
        folders = [command.folder / "a", command.folder / "b"]
        results = list(lanes.map(lane, [type(command)] * 2, folders, [1, 2], [longest] * 2))
    counts = [counts for counts, _ in results]
    assert any(0 < count < 150 for one in counts for count in one), f"no kill hit a run at work: {counts}"
    assert results[0][1] == results[1][1], "what was killed and continued ends with the same scores"
