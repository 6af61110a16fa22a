"""What keeps the server of the pages to itself: it asks nobody on the internet, and browsers load nothing from elsewhere.

The policy is as strict as Streamlit's own pages allow. It has to let through
    style-src 'unsafe-inline'   Streamlit styles every element where it stands
    script-src 'unsafe-eval'    Vega compiles the expressions of charts
    script-src blob:            Streamlit loads a component of ours (leaderboard/ui/wipe.py) from the browser's memory
so it does not stop a script that is already in the page. No script, picture, font or frame of another server is loaded, nothing
is sent to one, no form leads to one, and no other site can show the pages in a frame.
"""

import ipaddress
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util

INDEX = Path(st.__file__).with_name("static") / "index.html"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def ask_nobody() -> None:
    """Streamlit asks a server of the internet for the address of this machine, to print it and to compare origins with it."""

    def unknown() -> None:
        return None

    net_util.get_external_ip = unknown
    net_util.get_internal_ip = unknown  # it opens a socket to a server of the internet, without sending anything


def is_loopback(address: str | None) -> bool:
    """Whether a server at this address can be reached from its own machine alone. None is every address."""
    if address in (None, ""):
        return False
    try:
        return address == "localhost" or ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return str(address).startswith("unix://")


def policy(index: str) -> str:
    """The Content-Security-Policy for pages whose index.html this is; the scripts in it are allowed by their hashes."""
    scripts = (b64encode(sha256(text.encode()).digest()).decode() for text in _INLINE.findall(index))
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *(f"'sha256-{digest}'" for digest in scripts), "'unsafe-eval'", "blob:"]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "frame-src": "'self' blob: data:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class Protected:
    """Adds the policy, and what browsers without it understand, to every answer."""

    def __init__(self, app: ASGIApp, index: Path = INDEX) -> None:
        self.app = app
        self.headers = {
            "Content-Security-Policy": policy(index.read_text(encoding="utf-8")),
            "X-Frame-Options": "SAMEORIGIN",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    found[name] = value
            await send(message)

        await self.app(scope, receive, with_headers)
