"""The real app on a free port of this machine, and a page of the system's Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.leaderboard import synthetic_retrieval

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that the system has."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        line = "no Chromium on this machine; get it with: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(line)
        pytest.skip(line)
    return found


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The made-up database, or the one that LOWDIMBENCH_SCREENSHOT_DB names."""
    if named := os.environ.get("LOWDIMBENCH_SCREENSHOT_DB"):
        return str(Path(named).resolve())
    path = tmp_path_factory.mktemp("board") / "made_up.db"
    synthetic_retrieval.make_everything(path).dispose()
    return str(path)


@contextmanager
def serve(database: str, folder: Path) -> Iterator[str]:
    """The app on a database, and its address. folder: for its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    log = folder / "log.txt"
    command = [sys.executable, "-m", "leaderboard", "--db", database, *options]
    plugin = folder / "plugin"
    plugin.mkdir()
    synthetic_retrieval.install(plugin)
    search = os.pathsep.join(filter(None, [str(plugin), os.environ.get("PYTHONPATH", "")]))
    with log.open("w") as out:
        app = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": search}
        )
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health", app, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            app.terminate()
            app.wait(timeout=120)


@pytest.fixture(scope="session")
def address(chromium: str, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the running app. `chromium` is asked for first, so that nothing starts where there is none."""
    with serve(database, tmp_path_factory.mktemp("app")) as found:
        yield found


def _wait(url: str, app: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        if app.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"the app did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def page(chromium: str) -> "Iterator[Page]":
    """A page of a browser, one for all tests of a file."""
    from playwright.sync_api import sync_playwright

    from tests.browser.driver import PATIENCE

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        found = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
        found.set_default_timeout(PATIENCE)
        yield found
        browser.close()


@pytest.fixture
def problems(page: "Page") -> Iterator[list[str]]:
    """What the browser complains of. Streamlit itself asks for two of its addresses below the page's own first: 404."""
    found: list[str] = []

    def on_console(message: "ConsoleMessage") -> None:
        if message.type == "error" and "/_stcore/" not in message.location.get("url", ""):
            found.append(message.text)

    def on_error(error: object) -> None:
        found.append(str(error))

    page.on("console", on_console)
    page.on("pageerror", on_error)
    yield found
    page.remove_listener("console", on_console)
    page.remove_listener("pageerror", on_error)
