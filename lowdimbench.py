"""LowDimBench from Python: what a notebook imports.

    import lowdimbench as ldb
    ldb.tasks(), ldb.methods("mri"), ldb.results("mri", "small")      tables (pandas)
    ldb.run("mri", ["dip", "self_guided_dip"], preset="tiny")         as the command: own processes, stored
    found = ldb.evaluate("mri", lambda p: p.A.H(p.y), preset="tiny")  in this process, nothing stored
    problem, truth = ldb.instance("mri", "tiny", 0)
    ldb.evaluate("mri", ldb.bridge(module), preset="tiny")            a module of (y, physics), as deepinv writes them
    ldb.claims("2406.05822")                                          which claims of a paper hold

Importing it imports neither torch nor pandas. Every function raises benchmark.UserError, one line, for a name or value that is
none.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from benchmark.bridge import as_deepinv, bridge, method_from
    from benchmark.errors import UserError
    from benchmark.evaluation import Evaluation
    from benchmark.physics import Physics
    from benchmark.registry import include

EXPORTS = {
    "Evaluation": "benchmark.evaluation",
    "Physics": "benchmark.physics",
    "UserError": "benchmark.errors",
    "as_deepinv": "benchmark.bridge",
    "bridge": "benchmark.bridge",
    "include": "benchmark.registry",
    "method_from": "benchmark.bridge",
}
__all__ = [
    "Evaluation",
    "Physics",
    "UserError",
    "as_deepinv",
    "bridge",
    "claims",
    "evaluate",
    "include",
    "instance",
    "method_from",
    "methods",
    "results",
    "run",
    "run_benchmark",
    "tasks",
]
Seeds = int | str | Sequence[int]


def tasks() -> "pd.DataFrame":
    """One line for each task: name, title, what it poses, its presets, baseline, primary metric, source."""
    import pandas as pd

    from benchmark import registry

    specs = [entry.spec for entry in registry.tasks().values()]
    return pd.DataFrame(
        {
            "task": [spec.name for spec in specs],
            "title": [spec.title for spec in specs],
            "poses": [spec.poses for spec in specs],
            "presets": [list(spec.presets) for spec in specs],
            "metric": [spec.primary.name for spec in specs],
            "baseline": [spec.baseline for spec in specs],
            "source": [spec.source for spec in specs],
        }
    )


def methods(task: str | None = None) -> "pd.DataFrame":
    """One line for each method, of those that fit `task` where one is named: name, what it solves, kind, paper, summary."""
    import pandas as pd

    from benchmark import registry

    spec = None if task is None else registry.get_task(task).spec
    found = [entry.spec for entry in registry.methods().values() if spec is None or not entry.spec.misfit(spec)]
    columns = ("solves", "kind", "paper", "summary")
    return pd.DataFrame(
        {"method": [one.name for one in found], **{name: [getattr(one, name) for one in found] for name in columns}}
    )


def results(task: str, preset: str = "small", db: str | None = None) -> "pd.DataFrame":
    """The board of a preset: columns of benchmark.report.frames.rows_frame. Of the database where it has results on the preset,
    else the reference results that come with the suite. Raises UserError where there are none.
    """
    from benchmark.report.boards import board
    from benchmark.report.frames import board_frame

    _preset(task, preset)
    with _results(task, preset, db) as session:
        return board_frame(board(session, task, preset))


def claims(paper: str | None = None, db: str | None = None, scale: str = "small") -> "pd.DataFrame":
    """The claims of a paper, or of all, with their verdicts: the columns of benchmark.claims.telling.frame.

    The database is given the results that came with the suite, as by the command. scale: small, or full, the paper's own.
    """
    from benchmark.claims.telling import frame
    from benchmark.errors import unknown
    from benchmark.store.database import location
    from runners.claims import SCALES, choose, verdicts_of

    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    return frame(verdicts_of(choose(paper, None, "full" if scale == "full" else "small"), location(db)))


def instance(task: str, preset: str = "small", number: int = 0, seed: int = 0) -> tuple[Any, Any]:
    """The problem, all that a method sees, and the truth (a tensor) of one instance. seed: 1000 and more draw tuning data."""
    from benchmark.errors import UserError
    from benchmark.instances import make_instance
    from runners.parse import parse_seeds

    entry = _preset(task, preset)
    if not 0 <= number < (count := entry.spec.presets[preset].instances):
        raise UserError(f"{task}/{preset} has the instances 0 to {count - 1}, not {number}")
    found = make_instance(entry.load(), preset, number, parse_seeds([seed])[0])
    return found.problem, found.truth


def evaluate(
    task: str,
    method: Any,
    preset: str = "small",
    seeds: Seeds = 1,
    *,
    name: str = "",
    parameters: dict[str, Any] | None = None,
    db: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    data_dir: str | Path | None = None,
    progress: bool = True,
) -> "Evaluation":
    """Evaluate a method in this process, with the data, seeds, clock and scores of a run. Nothing is stored.

    method      a name; a function of (problem) or (problem, ctx) that returns the estimate; a module of (y, physics)
    seeds       a count, or a list of repeats
    name        what the table calls it
    parameters  hyperparameters, of a registered method; others keep the recommended values
    threads     of the CPU, at most

    The ranking sets it beside the board of the preset (see `results`). Where that has no row of the task's baseline, this is
    evaluated too. What the method raises passes through.
    """
    from pydantic import ValidationError

    from benchmark import registry
    from benchmark.bridge import method_of
    from benchmark.errors import UserError
    from benchmark.evaluation import evaluate
    from runners.parse import parse_seeds

    entry = _preset(task, preset)
    found = registry.get_method(method).load() if isinstance(method, str) else method_of(method, name)
    try:
        given = found.spec.resolve(task, preset, parameters or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{found.spec.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    base = registry.methods().get(entry.spec.at(preset).baseline)
    return evaluate(
        entry.load(None if data_dir is None else Path(data_dir)),
        found,
        preset,
        parse_seeds(seeds),
        given,
        _rows(task, preset, db),
        base=None if base is None else base.load(),
        device=device,
        threads=threads,
        progress=_bar if progress else lambda these, total: these,
    )


def run(
    task: str | list[str],
    methods: str | list[str],
    preset: str = "small",
    seeds: Seeds = 1,
    db: str | None = None,
    *,
    parameters: dict[str, Any] | None = None,
    baseline: bool = True,
    device: str = "auto",
    jobs: int | None = None,
    threads: int | None = None,
    timeout: float | str | None = None,
    data_dir: str | Path | None = None,
    force: bool = False,
    progress: bool = True,
) -> "pd.DataFrame":
    """What `python -m runners.run` does: each job in a process of its own, results stored, what is done not done again.

    Returns one line for each instance of what was asked for, whether it was computed now or before: task, preset, method,
    parameters, seed, instance, label, status, the metrics, seconds, truncated, error. baseline: run the task's too.
    jobs, threads: side by side, and of each; None chooses by the cores that are free.
    """
    from rich.console import Console

    from benchmark.store.database import location
    from runners.progress import Display
    from runners.request import Request
    from runners.start import How, execute, opened, prepare

    target = location(db)
    how = How(device, jobs, threads, data_dir=None if data_dir is None else Path(data_dir), force=force)
    request = Request(
        task=task,
        method=methods,
        preset=preset,
        seeds=seeds if isinstance(seeds, int | str) else list(seeds),
        set=parameters or {},
        baseline=baseline,
        timeout=timeout,
    )
    plan = prepare([request], how, target)
    with opened(plan, target, force=force) as (session, left):
        with Display(left, Console(quiet=not progress), many=jobs != 1) as display:
            execute(session, left, target, how, display)
        return _stored(session, [job.key.digest for job in plan.jobs])


def run_benchmark(solver: Callable[..., Any], name: str, **options: Any) -> "pd.DataFrame":
    """Solver (y, physics) -> x on the benchmark `name`, such as "mri" or "mri/tiny": the scores, one line for each instance.
    The signature is that of deepinv's benchmarks. options: those of `evaluate`.
    """
    from benchmark.bridge import bridge

    task, _, preset = name.partition("/")
    return evaluate(task, bridge(solver), preset or "small", **options).scores


def _preset(task: str, preset: str) -> Any:
    """The entry of a task. Raises UserError for an unknown task or preset."""
    from benchmark import registry
    from benchmark.errors import unknown

    entry = registry.get_task(task)
    if preset not in entry.spec.presets:
        raise unknown(f"preset of {task}", preset, entry.spec.presets)
    return entry


@contextmanager
def _results(task: str, preset: str, db: str | None) -> "Iterator[Session]":
    """A session on the database where it has results on the preset; else on the reference results, in a folder that goes."""
    from benchmark.store.database import location, open_database
    from benchmark.store.queries import newest_version
    from runners.load import merge_reference

    with ExitStack() as stack:
        target = location(db)
        if "://" in target or Path(target).exists():
            session = _opened(stack, open_database(target, read_only=True))
            if newest_version(session, task, preset) is not None:
                yield session
                return
        target = str(Path(stack.enter_context(TemporaryDirectory())) / "reference.db")
        session = _opened(stack, open_database(target))
        merge_reference(session, [(task, preset)], target)
        yield session


def _opened(stack: ExitStack, engine: "Engine") -> "Session":
    from sqlalchemy.orm import Session

    stack.callback(engine.dispose)
    return stack.enter_context(Session(engine))


def _rows(task: str, preset: str, db: str | None) -> list[Any]:
    """The rows of the board; none where there is no result."""
    from benchmark.report.boards import board
    from benchmark.store.queries import newest_version

    with _results(task, preset, db) as session:
        return board(session, task, preset).rows if newest_version(session, task, preset) is not None else []


def _stored(session: "Session", digests: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd
    from sqlalchemy import select

    from benchmark.store.models import Instance, Method, Run, Score, Task

    runs = session.execute(
        select(Run.id, Run.digest, Task.name, Run.preset, Method.name.label("method"), Run.parameters, Run.seed)
        .join(Task, Run.task_id == Task.id)
        .join(Method, Run.method_id == Method.id)
        .where(Run.digest.in_(digests), Run.origin == "here")
    ).all()
    order = {digest: position for position, digest in enumerate(digests)}
    lines: list[dict[str, Any]] = []
    for one in sorted(runs, key=lambda found: order[found.digest]):
        scores: dict[int, dict[str, float]] = {}
        for number, metric, value in session.execute(
            select(Score.instance, Score.metric, Score.value).where(Score.run_id == one.id).order_by(Score.id)
        ):
            scores.setdefault(number, {})[metric] = value
        about = {"task": one.name, "preset": one.preset, "method": one.method, "parameters": one.parameters, "seed": one.seed}
        for found in session.scalars(select(Instance).where(Instance.run_id == one.id).order_by(Instance.number)):
            state = {"seconds": found.seconds, "truncated": found.status == "truncated", "error": found.error}
            lines.append(
                {
                    **about,
                    "instance": found.number,
                    "label": found.label,
                    "status": found.status,
                    **scores.get(found.number, {}),
                    **state,
                }
            )
    return pd.DataFrame(lines)


def _bar(these: Iterable[Any], total: int) -> Iterable[Any]:
    from rich.progress import track

    return track(these, "instances", total=total, transient=True)


def __getattr__(name: str) -> Any:
    if name in EXPORTS:
        return getattr(import_module(EXPORTS[name]), name)
    raise AttributeError(f"module 'lowdimbench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
