"""The app on a database, opened through the real door."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

# Streamlit looks through every installed package each time that a test opens a page.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
APP = Path(__file__).parents[2] / "leaderboard" / "app.py"


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a page of the app on a database, without a browser; `query` is what a link says."""

    def opened(database: Path | str, page: str, **query: Any) -> AppTest:
        monkeypatch.setenv("LOWDIMBENCH_DB", str(database))
        monkeypatch.setattr(sys, "argv", ["app.py"])
        app = AppTest.from_file(str(APP), default_timeout=120)  # a busy machine is no failure
        app.query_params.update(query)
        if page != "papers":  # the first one, which would take its time
            app.switch_page(f"views/{page}.py")
        return app.run()

    return opened
