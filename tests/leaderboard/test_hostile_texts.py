"""Markup in every text of the database and in every query: no page shows any of it as markup."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import String, select, update
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark.store.models import Base, Run
from tests.leaderboard import synthetic, synthetic_curves

pytestmark = pytest.mark.slow

MARK = "![x](http://evil.example/p.png) :red[y] <b>z</b> $w$"
RAW = re.compile(r"(?<!\\)!\[x\\?\]|(?<!\\)\]\(http://evil|(?<!\\):red\[|(?<!\\)<b>z")
# what the suite compares with its own words; without these a row is on no page
FIXED = {("run", "origin"), ("run", "status"), ("run", "trust"), ("run", "split"), ("instance", "status"), ("artifact", "path")}
FIXED |= {
    ("run", "preset"),
    ("task", "name"),
    ("score", "metric"),
    ("curve", "series"),
    ("artifact", "kind"),
    ("run", "source"),
}
FIXED |= {("run", "data"), ("submission", "state"), ("instance", "observation")}
QUERIES = [
    "task",
    "preset",
    "seed",
    "instance",
    "first",
    "second",
    "metric",
    "method",
    "run",
    "source",
    "state",
    "tasks",
    "presets",
]
QUERIES += ["id", "kinds", "papers", "trust", "devices", "show", "query", "queries", "curve"]


@pytest.fixture(scope="module", params=["images", "curves"])
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "[b](http://evil.example).db"
    engine = (synthetic.make_full if request.param == "images" else synthetic_curves.make_curves)(path)
    with Session(engine) as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, String) and not column.foreign_keys and (table.name, column.name) not in FIXED:
                    for key, value in session.execute(select(table.c.id, column)).all():
                        if value is not None:
                            session.execute(update(table).where(table.c.id == key).values({column.name: f"{value} {MARK}"}))
        task = Base.metadata.tables["task"]
        for key, spec in session.execute(select(task.c.id, task.c.spec)).all():
            session.execute(update(task).where(task.c.id == key).values(spec=poisoned(spec)))
        session.execute(update(Run).values(parameters={MARK: MARK}))
        session.commit()
    engine.dispose()
    return path


def poisoned(spec: dict[str, Any]) -> dict[str, Any]:
    """A task's specification with markup in each text that is no name."""
    found: dict[str, Any] = json.loads(json.dumps(spec))
    for name in ("title", "source", "baseline"):
        found[name] = f"{found[name]} {MARK}"
    for metric in found["metrics"]:
        metric |= {"description": MARK, "unit": MARK}
    for size in found["presets"].values():
        size |= {"about": MARK, "data": [MARK]}
    return found


def shown(app: AppTest) -> list[str]:
    """Every text of a page that Streamlit reads as Markdown."""
    kinds = ("markdown", "caption", "header", "subheader", "error", "warning", "info", "success", "title")
    texts = [str(element.value) for kind in kinds for element in getattr(app, kind)]
    widgets = [*app.selectbox, *app.multiselect, *app.button, *app.text_input, *app.toggle, *app.expander]
    links = [one.proto.label for one in app.get("page_link")]
    return [*texts, *(str(one.label) for one in widgets), *links]


@pytest.mark.parametrize(
    "page", ["papers", "paper", "overview", "task", "instance", "compare", "method", "run", "data", "submit"]
)
def test_no_text_of_a_database_or_link_is_markup(open_page: Callable[..., AppTest], hostile: Path, page: str) -> None:
    for query in ({}, dict.fromkeys(QUERIES, MARK), {"run": "1"}):
        app = open_page(hostile, page, **query)
        assert not app.exception, app.exception
        for text in shown(app):
            assert not RAW.search(text), text
        assert not any("<b>z" in element.proto.body for element in app.get("html"))
