"""What is known of one method: what its file says, its hyperparameters, and where it stands on every board."""

import ast
import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.registry import MethodEntry
from benchmark.report.board import Board, Row
from benchmark.report.decimals import digits
from benchmark.report.tables import Column, gain_text, heading, interval, primary_digits, with_unit
from benchmark.spec import MethodSpec
from benchmark.store.models import Method, Run, Task

PARAMETERS = {
    "hyperparameter": Column("Keyword-only argument of the method: --set NAME=VALUE", 150),
    "allowed": Column("What values it takes", 260),
    "default": Column("Without a setting", 110),
    "used to": Column("Of a method that learns once for all instances: learn, or solve", 90),
}
SETTINGS = {
    "where": Column("Task, or task/preset; * is any. The later and the closer one counts", 200),
    "recommended values": Column("Instead of the defaults", 700),
}
RESULTS = {
    "task": Column("", 130),
    "preset": Column("", 110),
    "row": Column("In brackets: hyperparameters that are not the recommended ones", 220),
    "metric": Column("The one that ranks; ↑ higher is better, ↓ lower is better", 120),
    "score": Column("Mean over instances", 100),
    "95 %": Column("Bootstrap-t interval of the mean over instances (seeds of one instance are averaged first)", 150),
    "Δ to the baseline": Column("Mean over instances of the difference on the same instance, with its 95 % interval", 220),
    "rank": Column("Of its tie group on that board. Empty: incomplete, or fewer than 4 instances", 52, "%d"),
    "rank 95 %": Column("Which ranks are possible", 76),
    "rows": Column("Rows of that board", 52, "%d"),
    "n": Column("Instances with a score", 46, "%d"),
    "seeds": Column("", 56, "%d"),
    "s / instance": Column("Mean seconds of the method's own time; compare within one device only", 86, "%.3g"),
    "trust": Column("self_reported < scored (predictions scored here) < reproduced (code run here)", 100),
    "status": Column("Complete, or what is missing and why", 220),
    "device": Column("What the time was measured on", 260),
}


@dataclass(frozen=True)
class Card:
    """How a method describes itself. entry is that of the registry, and None for a method that is not known here."""

    name: str
    kind: str
    paper: str
    summary: str
    solves: str
    entry: MethodEntry | None


def names(session: Session) -> list[str]:
    """The names of all methods that are known here or have a run."""
    return sorted({*registry.methods(), *session.scalars(select(Method.name))})


def card(session: Session, name: str) -> Card:
    """How the registry describes the method now. An unknown one has what it said of itself when it last ran."""
    entry = registry.methods().get(name)
    if entry is not None:
        spec = entry.spec
        return Card(name, spec.kind, spec.paper, spec.summary, spec.solves, entry)
    row = session.scalars(select(Method).where(Method.name == name)).one()
    return Card(name, row.kind, row.paper, row.summary, row.solves, None)


def header(entry: MethodEntry) -> str:
    """The docstring of the method's file, followed by that of its function."""
    tree = ast.parse(entry.file.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef) and _names(node, entry.spec.name))
    texts = [ast.get_docstring(tree), *(ast.get_docstring(node) for node in functions)]
    return "\n\n".join(text for text in texts if text)


def _names(node: ast.FunctionDef, name: str) -> bool:
    """Whether a function is decorated with @method(name)."""
    calls = (call for call in node.decorator_list if isinstance(call, ast.Call) and call.args)
    return any(isinstance(call.args[0], ast.Constant) and call.args[0].value == name for call in calls)


def place(entry: MethodEntry) -> str:
    """The path of its file within this repository. A file elsewhere has its module or its name alone."""
    inside = entry.file.is_relative_to(registry.ROOT)
    return entry.file.relative_to(registry.ROOT).as_posix() if inside else entry.module or entry.file.name


def parameters(spec: MethodSpec) -> pd.DataFrame:
    """A table with a line for each hyperparameter. Its columns are those of PARAMETERS."""
    described = spec.parameters.model_json_schema().get("properties", {})
    lines = []
    for name, field in spec.parameters.model_fields.items():
        step = "" if spec.learns is None else "learn" if name in spec.learns else "solve"
        lines.append([name, allowed(described.get(name, {})), json.dumps(field.default), step])
    frame = pd.DataFrame(lines, columns=list(PARAMETERS))
    return frame if spec.learns is not None else frame.drop(columns="used to")


def allowed(schema: dict[str, Any]) -> str:
    """What the JSON schema of one hyperparameter allows, in words such as 'number > 0'."""
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kinds = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text", "array": "list"}
    kind = kinds.get(schema.get("type", ""), "")
    if "anyOf" in schema:
        return " or ".join(allowed(one) for one in schema["anyOf"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[name]:g}" for name, sign in signs.items() if name in schema]
    if "pattern" in schema:
        limits.append("SHA-256 of what another run kept")
    return " ".join([kind or "any", ", ".join(limits)]).strip()


def settings(spec: MethodSpec) -> pd.DataFrame:
    """A table of the recommended values by place. A later line overrides an earlier one."""
    lines = [
        [where, ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())]
        for where, values in spec.settings.items()
    ]
    return pd.DataFrame(lines, columns=list(SETTINGS))


def boards_of(session: Session, name: str) -> set[tuple[str, str]]:
    """(task, preset) of every run of the method."""
    query = (
        select(Task.name, Run.preset)
        .join(Run, Run.task_id == Task.id)
        .join(Method, Run.method_id == Method.id)
        .where(Method.name == name)
        .distinct()
    )
    return {(task, preset) for task, preset in session.execute(query)}


def rows(boards: Iterable[Board], name: str) -> list[tuple[Board, Row]]:
    """The rows of a method, each with its board."""
    return [(board, row) for board in boards for row in board.rows if row.method == name]


def results(found: Iterable[tuple[Board, Row]]) -> pd.DataFrame:
    """A table with a line for each row: the columns of RESULTS, then the numbers behind the texts."""
    lines = []
    for board, row in found:
        primary, places = board.task.primary, primary_digits(board)
        mean, gain = row.means[primary.name], row.gain
        against = gain_text(gain, primary, digits([gain])) if gain else "no shared seed" if board.baseline else "no baseline"
        line = {
            "task": board.task.name,
            "preset": board.preset,
            "row": row.label,
            "metric": heading(primary),
            "score": with_unit(f"{mean.mean:.{places}f}", primary),
            "95 %": interval(mean, places),
            "Δ to the baseline": "the baseline" if row is board.baseline else against,
            "rank": row.rank,
            "rank 95 %": row.standing.interval,
            "rows": len(board.rows),
            "n": mean.n,
            "seeds": len(row.seeds),
            "s / instance": row.time,
            "trust": row.trust,
            "status": row.status,
            "device": row.devices,
        }
        numbers = {"mean": mean.mean, "low": mean.low, "high": mean.high}
        if gain:
            numbers |= {"difference": gain.mean, "difference low": gain.low, "difference high": gain.high}
        lines.append({**line, **numbers})
    return pd.DataFrame(lines, columns=[*RESULTS, *NUMBERS])


NUMBERS = ("mean", "low", "high", "difference", "difference low", "difference high")


def commands(row: Row) -> list[str]:
    """The commands that made the runs of a row, each once."""
    return list(dict.fromkeys(run.command for run in row.runs))


def to_try(spec: MethodSpec, done: set[tuple[str, str]]) -> list[str]:
    """A command for each task that the method fits and that has no run of it on its default preset."""
    return [
        shlex.join(["python", "-m", "runners.run", "--task", name, "--method", spec.name])
        for name, task in registry.tasks().items()
        if not spec.misfit(task.spec.at("small")) and not spec.too_long("small") and (name, "small") not in done
    ]
