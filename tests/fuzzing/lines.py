"""Files of runs: an export with one part of a line changed, keys and header made to agree again or not, or its bytes spoilt."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.spec import RunKey
from benchmark.store import exchange
from benchmark.store.database import open_database
from benchmark.store.lines import header
from benchmark.store.models import Run
from tests.fuzzing.sandbox import Sandbox, make_runs
from tests.fuzzing.values import mutated

_BYTES = (
    b"\xff",
    b"\x00",
    b"\r\n",
    b"\n",
    b"\xe2\x80\xa8",
    b"{",
    b"}",
    b'"',
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 400,
    b"\xed\xa0\x80",
)
_ZEROS = (b"\\u0000", b"\\ud800", b"\\udfff")


class Runs(NamedTuple):
    """The bytes of a file."""

    content: bytes


@cache
def export() -> tuple[dict[str, Any], ...]:
    """Header and runs of a real export, as trees."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        make_runs(path)
        engine = open_database(str(path))
        with Session(engine) as session:
            lines = [exchange.to_line(session, run) for run in session.scalars(select(Run))]
        engine.dispose()
    return json.loads(header(lines).model_dump_json()), *(json.loads(line.text()) for line in lines)


def _agreeing(lines: list[Any]) -> list[Any]:
    """The lines with digests of their keys, as far as they have keys, and a header that names them."""
    runs: dict[str, list[str]] = {}
    for line in lines[1:]:
        try:
            line["digest"] = RunKey.model_validate_json(json.dumps(line["key"])).digest
            runs.setdefault(f"{line['key']['task']}/{line['key']['preset']}", []).append(line["digest"])
        except (ValidationError, ValueError, KeyError, TypeError, RecursionError, AttributeError):
            continue
    return [{**lines[0], "runs": runs} if isinstance(lines[0], dict) else lines[0], *lines[1:]]


def _both(line: dict[str, Any]) -> dict[str, Any]:
    """What key, task and method say twice, said alike."""
    key = line.get("key")
    if isinstance(key, dict) and isinstance(line.get("task"), dict) and isinstance(line.get("method"), dict):
        line = {**line, "task": {**line["task"], "name": key.get("task"), "version": key.get("version")}}
        line["method"] = {**line["method"], "name": key.get("method")}
    return line


@st.composite
def files(draw: st.DrawFn) -> Runs:
    """A file of runs."""
    lines = [json.loads(json.dumps(one)) for one in export()]
    at = draw(st.sampled_from([0, 1, 1, 1, 1, 1, 1, 2]))
    part = draw(st.sampled_from(["whole", "key", "task", "method", "environment", "results", "curves"])) if at else "whole"
    change: Callable[[Any], Any] = lambda tree: draw(mutated(tree))  # noqa: E731
    lines[at] = change(lines[at]) if part == "whole" else {**lines[at], part: change(lines[at][part])}
    if at and isinstance(lines[at], dict) and draw(st.integers(0, 3)):
        lines[at] = _both(lines[at])
    if draw(st.integers(0, 3)):
        lines = _agreeing(lines)
    try:
        content = "\n".join(json.dumps(line, ensure_ascii=draw(st.booleans())) for line in lines).encode(
            "utf-8", "surrogatepass"
        )
    except (ValueError, RecursionError):
        content = b"["
    how = draw(st.integers(0, 19))
    where = draw(st.integers(0, len(content)))
    if how == 0:
        content = content[:where]
    elif how == 1:
        content = content[:where] + draw(st.sampled_from(_BYTES)) + content[where + draw(st.integers(0, 5)) :]
    elif how == 2:
        content = content.replace(b'": "', b'": "' + draw(st.sampled_from(_ZEROS)), draw(st.integers(1, 9)))
    elif how == 3:
        content = draw(st.sampled_from([b"\xef\xbb\xbf", b"\n", b"\x1f\x8b"])) + content
    elif how == 4:
        content += b"\n" + content.splitlines()[-1]
    return Runs(content)


inputs = files()
_READERS = (
    ("export", "--format", "jsonl"),
    ("export", "--view", "overview", "--format", "csv"),
    ("export", "--view", "instances", "--format", "html"),
    ("show", "1"),
    ("show", "2"),
    ("run", "--task", "mri", "--method", "dip", "--preset", "tiny", "--dry-run"),
)


def check(box: Sandbox, runs: Runs) -> tuple[str, str]:
    """What is done wrong with a file, or by those who read what was taken of it; and how it ended."""
    box.path("a.jsonl", runs.content)
    said = box("load", "a.jsonl", "--db", "empty.db", fresh=False)
    wrong = said.wrong
    if not wrong and said.code == 1:
        wrong = f"it failed: {said.err[:200]}"
    for words in _READERS if said.code == 0 and not wrong else ():
        read = box(*words, "--db", "empty.db", fresh=False)
        wrong = wrong or (read.wrong and f"{words[:3]} of what was loaded: {read.wrong}")
        if not wrong and read.code and "name one --task" not in read.err:
            wrong = f"{words[:3]} of what was loaded: {read.err[:200]}"
    return box.restored(wrong), f"{said.code}"
