"""The middleware that keeps Streamlit's own files in memory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from leaderboard.serve import FOLDER, KeptFiles

BELOW = 299  # what the app below answers


async def below(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": BELOW, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(app: KeptFiles, path: str, method: str = "GET", kind: str = "http") -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "method": method, "path": path, "headers": []}
    asyncio.run(app(scope, None, send))  # type: ignore[arg-type]  # nothing here receives
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


@pytest.fixture
def app(tmp_path: Path) -> KeptFiles:
    (tmp_path / "static/js").mkdir(parents=True)
    (tmp_path / "static/js/index.A1.js").write_text("let one = 1;")
    (tmp_path / "index.html").write_text("the page")
    (tmp_path.parent / "secret.txt").write_text("not to be seen")
    return KeptFiles(below, tmp_path)


def test_a_file_is_read_once_and_browsers_may_keep_it(app: KeptFiles) -> None:
    for _ in range(2):
        status, headers, body = ask(app, "/static/js/index.A1.js")
        assert (status, body) == (200, b"let one = 1;")
        assert headers["content-type"].startswith("text/javascript")
        assert headers["content-length"] == "12"
        assert "immutable" in headers["cache-control"]
        app.paths["/static/js/index.A1.js"].unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/", "GET"),
        ("/index.html", "GET"),
        ("/static/js/none.js", "GET"),
        ("/static/js/index.A1.js", "POST"),
        ("/static/js/index.A1.js", "HEAD"),
        ("/static/js", "GET"),
        ("/static/../../secret.txt", "GET"),
        ("/static//js/index.A1.js", "GET"),
        ("//static/js/index.A1.js", "GET"),
    ],
)
def test_everything_else_is_for_the_app(app: KeptFiles, path: str, method: str) -> None:
    assert ask(app, path, method)[0] == BELOW


def test_of_streamlit_only_files_whose_names_hold_their_hashes_are_kept() -> None:
    names = KeptFiles(below).paths
    assert len(names) > 50
    assert any(name.startswith("/static/js/index.") for name in names)
    assert not any(path.name in ("index.html", "manifest.json") for path in names.values())
    assert all(path.is_relative_to(FOLDER) for path in names.values())
