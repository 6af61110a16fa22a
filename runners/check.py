"""Check what a method or a task promises:  python -m runners.check NAME_OR_FILE

The checks are those that everything in the repository passes in its tests (benchmark/contracts/).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark import registry
from benchmark.errors import UserError, unknown
from runners import completion
from runners.cli import run_app

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(epilog="Examples:\n\npython -m runners.check dip\n\npython -m runners.check mri")
def main(
    what: Annotated[
        str, typer.Argument(metavar="NAME_OR_FILE", autocompletion=completion.methods, help="Method, task or file.")
    ],
    include: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file with methods or tasks that it needs. Repeatable.")
    ] = None,
) -> None:
    """Run every check and print a line for each. The exit code is 1 if one fails."""
    registry.include(include or ())
    failed = done = 0
    for subject, check in _checks(*_named(what)):
        verdict, reason = _verdict(check, subject)
        failed += verdict == "FAILED"
        done += verdict == "ok"
        print(f"{verdict:11} {_name(subject)}: {(check.__doc__ or '').strip()}{f' -- {reason}' if reason else ''}", flush=True)
    print(f"{done} checks passed, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _named(what: str) -> tuple[list[str], list[str]]:
    """The names of the methods and tasks that are meant. Raises UserError for a name or file that is none."""
    if what.endswith(".py"):
        path = Path(what)
        if not path.is_file():
            raise UserError(f"{what}: no such file")
        if not any(path.resolve().is_relative_to(registry.ROOT / room) for room in ("methods", "tasks")):
            registry.include([path])
        methods = [name for name, entry in registry.methods().items() if entry.file.resolve() == path.resolve()]
        tasks = [name for name, entry in registry.tasks().items() if entry.file.resolve() == path.resolve()]
        if not methods and not tasks:
            raise UserError(f"{what} registers nothing: a method has @method(...), a task a SPEC and @task(SPEC)")
        return methods, tasks
    methods, tasks = [what] if what in registry.methods() else [], [what] if what in registry.tasks() else []
    if not methods and not tasks:
        raise unknown("method or task", what, [*registry.methods(), *registry.tasks()])
    return methods, tasks


def _checks(methods: list[str], tasks: list[str]) -> Iterator[tuple[Any, Callable[[Any], None]]]:
    from benchmark import contracts

    for name in tasks:
        yield from ((registry.get_task(name), check) for check in contracts.TASK_CHECKS)
    pairs = [pair for pair in contracts.pairs() if pair.method.spec.name in methods]
    if alone := set(methods) - {pair.method.spec.name for pair in pairs}:
        raise UserError(f"{min(alone)} fits no task that is here: {_why_not(min(alone))}")
    for pair in pairs:
        yield from ((pair, check) for check in contracts.METHOD_CHECKS)


def _why_not(method: str) -> str:
    spec = registry.get_method(method).spec
    return "; ".join(spec.misfit(task.spec.at("tiny"), f"{name}/tiny") for name, task in registry.tasks().items())


def _verdict(check: Callable[[Any], None], subject: Any) -> tuple[str, str]:
    from benchmark.contracts import Broken, NotChecked

    try:
        check(subject)
    except NotChecked as reason:
        return "not checked", str(reason)
    except Broken as reason:
        return "FAILED", str(reason)
    except Exception as error:
        return "FAILED", f"it raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return "ok", ""


def _name(subject: Any) -> str:
    pair = hasattr(subject, "method")
    return f"{subject.method.spec.name} on {subject.task.spec.name}" if pair else subject.spec.name


if __name__ == "__main__":
    run_app(app)
