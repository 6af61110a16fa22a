"""Everything that is stored about one run."""

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report import runs
from benchmark.store.database import open_database
from benchmark.store.models import Curve, Method, Run, Score


def number(path: Path, method: str, **wanted: object) -> int:
    """Id of a run of the made-up database."""
    engine = open_database(str(path), create=False)
    with Session(engine) as session:
        query = select(Run).join(Method, Run.method_id == Method.id).where(Method.name == method)
        found = [run.id for run in session.scalars(query) if all(getattr(run, k) == v for k, v in wanted.items())]
    engine.dispose()
    return found[0]


def test_everything_that_is_stored_is_in_the_object(made: Callable[[str], Path]) -> None:
    path, wanted = made("full"), number(made("full"), "net_guided", preset="small", seed=0)
    engine = open_database(str(path), create=False)
    with Session(engine) as session:
        run = session.get_one(Run, wanted)
        found = runs.detail(session, run, path.parent)
        scores = {(s.instance, s.metric): s.value for s in session.scalars(select(Score).where(Score.run_id == wanted))}
        points = len(session.scalars(select(Curve).where(Curve.run_id == wanted)).all())
    engine.dispose()
    back = json.loads(json.dumps(runs.content(found)))
    assert len(back["curves"]) == points
    assert {(line["instance"], "psnr"): line["psnr ↑ (dB)"] for line in back["scores"]}.items() <= scores.items()
    assert back["key"]["digest"] == run.digest
    assert back["command"] == run.command
    assert "runner" not in back["outcome"]  # names the machine


def test_a_file_that_is_missing_or_lies_elsewhere_is_said_to(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("x")
    assert runs._there(tmp_path / "in", "none.npy") == "missing"
    assert runs._there(tmp_path / "in", "../secret") == "outside the folder"
    assert runs._there(None, "none.npy") == "not known"
