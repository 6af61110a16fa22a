"""Made-up databases, one for each size, made once a session and opened through the real door; and the app on one of them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

from tests.leaderboard import synthetic, synthetic_curves, synthetic_figures, synthetic_retrieval, synthetic_varied

APP = Path(__file__).parents[2] / "leaderboard" / "app.py"
MAKERS: dict[str, Callable[[Path], Engine]] = {
    "empty": synthetic.make_empty,
    "tiny": synthetic.make_tiny,
    "completion": synthetic.make_completion,
    "curves": synthetic_curves.make_curves,
    "figures": synthetic_figures.make_figures,
    "retrieval": synthetic_retrieval.make_retrieval,
    "full": synthetic.make_full,
    "varied": synthetic_varied.make_varied,
    "large": synthetic.make_large,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Path of the made-up database of a name: empty, tiny, completion, curves, figures, retrieval, full, varied or large."""
    paths: dict[str, Path] = {}

    def path_of(size: str) -> Path:
        if size not in paths:
            paths[size] = tmp_path_factory.mktemp(size) / f"{size}.db"
            MAKERS[size](paths[size]).dispose()
        return paths[size]

    return path_of


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a page of the app on a database, without a browser; `query` is what a link says."""

    def opened(database: Path | str, page: str, **query: Any) -> AppTest:
        monkeypatch.setenv("LOWDIMBENCH_DB", str(database))
        monkeypatch.setattr(sys, "argv", ["app.py"])
        app = AppTest.from_file(str(APP), default_timeout=120)  # a busy machine is no failure
        if page == "overview":
            app.query_params.update(query)
        app.run()
        if page != "overview":
            app.query_params.update(query)
            app.switch_page(f"views/{page}.py").run()
        return app

    return opened
