"""The server of `python -m leaderboard`: the app behind a middleware that says what a browser may load (protection.py), one
that lets the server end (ending.py), and one that keeps the files of Streamlit's own pages in memory.

A browser asks for about 70 of them before the first page can be seen. Streamlit opens each anew for each visitor, in a thread
and below all its middleware, which is a quarter of what a visit costs the server.
"""

import mimetypes
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it starts from any folder

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from leaderboard.ending import Ending
from leaderboard.protection import Protected

FOLDER = Path(st.__file__).with_name("static")
YEAR = "public, immutable, max-age=31536000"  # as Streamlit says: the names of these files hold their hashes


class KeptFiles:
    """Answers GET for the files that were in `folder`/static when it was made, by their exact names; passes on all else."""

    def __init__(self, app: ASGIApp, folder: Path = FOLDER) -> None:
        self.app = app
        files = (path for path in (folder / "static").rglob("*") if path.is_file())
        self.paths = {f"/{path.relative_to(folder).as_posix()}": path for path in files}
        self.kept: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in self.paths:
            await self.app(scope, receive, send)
            return
        name = scope["path"]
        if name not in self.kept:
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            headers = {"Cache-Control": YEAR, "X-Content-Type-Options": "nosniff"}
            self.kept[name] = Response(self.paths[name].read_bytes(), headers=headers, media_type=kind)
        await self.kept[name](scope, receive, send)


app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(Ending), Middleware(Protected), Middleware(KeptFiles)])
