"""Plans for engines on other machines, and what a database holds of them besides times."""

import io
import math
from pathlib import Path

from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.store.database import open_database
from benchmark.store.models import Artifact, Curve, Instance, Method, Run, Score
from runners.engines.base import Place
from runners.engines.local import Pool
from runners.execute import Execution
from runners.plan import make_plan
from runners.progress import Display
from runners.request import Request

PARTS = '''
"""Short instances, of which a method can be told how long they take, and methods that cost whoever runs them."""

import errno
import os
import signal
import time

import torch

from benchmark import Context, Instance, LinearInverse, Metric, NonNegative, Preset, TaskSpec, method, task
from benchmark.operators import LinearOperator

SPEC = TaskSpec(
    name="parts", version=1, title="Parts", poses="LinearInverse", baseline="rests", source="",
    metrics=(Metric(name="error", better="lower", description="", primary=True),),
    presets={
        "tiny": Preset(instances=6, budget=20), "small": Preset(instances=6, budget=20), "full": Preset(instances=6, budget=20)
    },
)


CALLS = []


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
class Parts:
    def make(self, preset, split, index, generator):
        x = torch.randn(4, generator=generator)
        return Instance(problem=LinearInverse(A=Identity(), y=x.clone(), noise=0.0), truth=x, label=str(index))

    def score(self, instance, estimate):
        return {"error": (estimate - instance.truth).norm().item()}

    def picture(self, instance, estimate):
        return {"image": estimate[None]}


@method("rests", solves="LinearInverse", kind="test", paper="")
def rests(problem: LinearInverse, ctx: Context, *, pause: NonNegative = 0.0) -> torch.Tensor:
    time.sleep(pause)
    estimate = problem.y + 0.1 * ctx.randn(4)
    ctx.record(1, estimate)
    return estimate


@method("cramped", solves="LinearInverse", kind="test", paper="")
def cramped(problem: LinearInverse, ctx: Context, *, flag: str = "") -> torch.Tensor:
    """Finds no room on its disk on the third of its instances, while there is such a file, which it takes away."""
    CALLS.append(flag)
    if len(CALLS) == 3 and os.path.exists(flag):
        os.remove(flag)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return problem.y + 0.1 * ctx.randn(4)


@method("fells", solves="LinearInverse", kind="test", paper="")
def fells(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    """Takes the process that started this one with it."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
    return problem.y
'''


def parts(folder, *methods, seeds=1, **settings):
    """A plan of these methods on the task above."""
    file = Path(folder) / "parts.py"
    if not file.exists():
        file.write_text(PARTS.lstrip(), encoding="utf-8")
    registry.include([file])
    return make_plan([Request(task="parts", method=list(methods), preset="tiny", seeds=seeds, set=settings, baseline=False)])


def carried_out(folder, plan, engine=Pool, *, at_once=1, on_instance=lambda job, message, node: None, relearn=False):
    """(outcome, rows, what was said) of a plan on an engine, with a database in the folder."""
    folder.mkdir(exist_ok=True)
    said = io.StringIO()
    opened = open_database(str(folder / "a.db"))

    class Watching(Display):
        told_node: dict[str, str] = {}  # noqa: RUF012  # one for each plan

        def start(self, job, message):
            super().start(job, message)
            self.told_node[job.key.digest] = message.node

        def instance(self, job, message):
            super().instance(job, message)
            on_instance(job, message, self.told_node[job.key.digest])

    with Session(opened) as session:
        place = Place("cpu", 1, folder / "artifacts", None, math.inf, relearn)
        display = Watching(plan, Console(file=said, width=300), many=True)
        outcome = Execution(session, plan, place, display, lambda job: "again", at_once=at_once, engine=engine)()
        rows = _rows(session)
    opened.dispose()
    return outcome, rows, said.getvalue()


def _rows(session):
    """All that a run tells and no clock does."""
    wanted = {
        "run": select(Run.digest, Method.name, Run.status, Run.error).join(Method),
        "instance": select(
            Run.digest, Instance.number, Instance.status, Instance.label, Instance.observation, Instance.steps
        ).join(Run, Run.id == Instance.run_id),
        "score": select(Run.digest, Score.instance, Score.metric, Score.value).join(Run, Run.id == Score.run_id),
        "curve": select(Run.digest, Curve.instance, Curve.series, Curve.step, Curve.value).join(Run, Run.id == Curve.run_id),
        "artifact": select(Run.digest, Artifact.instance, Artifact.kind, Artifact.path, Artifact.sha256).join(
            Run, Run.id == Artifact.run_id
        ),
    }
    return {name: sorted(map(tuple, session.execute(query)), key=repr) for name, query in wanted.items()}


def ran(folder):
    """(engine, node, tries) of each run of a database in the folder."""
    opened = open_database(str(folder / "a.db"))
    with Session(opened) as session:
        found = sorted(map(tuple, session.execute(select(Run.engine, Run.node, Run.tries))), key=repr)
    opened.dispose()
    return found


def stored(file):
    """The same of a database that a command filled."""
    opened = open_database(str(file))
    with Session(opened) as session:
        rows = _rows(session)
    opened.dispose()
    return rows
