"""What the server says to browsers, where it listens, and that it asks nobody."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from leaderboard import protection
from leaderboard import starting as command
from leaderboard.serve import FOLDER
from tests.leaderboard.test_serve import ask, below

ROOT = Path(__file__).parents[2]
LARGEST = "/" + max((FOLDER / "static").rglob("*.js"), key=lambda path: path.stat().st_size).relative_to(FOLDER).as_posix()
SPY = """
import os, sys
def spy(event, given):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        place = given[0] if event == "socket.getaddrinfo" else given[1]
        with open(os.environ["SPY"], "a") as file:
            print(event, place, file=file)
sys.addaudithook(spy)
"""


def test_every_answer_has_a_policy_and_no_other_site_may_frame_it() -> None:
    status, headers, _ = ask(protection.Protected(below), "/")  # type: ignore[arg-type]
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert (status, rules["default-src"], rules["frame-ancestors"], rules["object-src"]) == (299, "'self'", "'self'", "'none'")
    assert not any(word.startswith(("http", "*")) for rule in rules.values() for word in rule.split())
    assert "unsafe-inline" not in rules["script-src"]
    assert "sha256-" in rules["script-src"]
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_only_this_machine_unless_a_host_is_named() -> None:
    alone = command.flags(None, None, [])
    assert "--server.address=127.0.0.1" in alone
    assert "--server.allowedHosts=localhost" in alone
    opened = command.flags("0.0.0.0", 8502, [])
    assert {"--server.address=0.0.0.0", "--server.port=8502"} <= set(opened)
    assert not any("allowedHosts" in word for word in opened)
    assert "--server.address=127.0.0.1" not in command.flags(None, None, ["--server.address=10.0.0.1"])
    assert all("--browser.gatherUsageStats=false" in found for found in (alone, opened))


@pytest.mark.parametrize(
    ("address", "alone"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.1", False), (None, False)],
)
def test_what_is_reached_from_this_machine_alone(address: str | None, alone: bool) -> None:
    assert protection.is_loopback(address) == alone


@pytest.mark.slow
@pytest.mark.parametrize("words", [["-m", "leaderboard"], ["-m", "runners.main", "leaderboard"]])
def test_an_open_server_opens_no_connection_to_elsewhere_and_ends_beside_a_visitor_who_does_not_read(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SPY)
    log = tmp_path / "log"
    log.touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    options = ["--db", str(tmp_path / "none.db"), "--host", "0.0.0.0", "--port", str(port), "--server.headless=true"]
    environment = {**os.environ, "PYTHONPATH": path, "SPY": str(log)}
    with subprocess.Popen([sys.executable, *words, *options], cwd=tmp_path, env=environment) as app:
        try:
            for _ in range(600):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                        assert "Content-Security-Policy" in answer.headers
                        break
                except OSError:
                    assert app.poll() is None
                    time.sleep(0.2)
            greet(port)
            with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall(f"GET {LARGEST} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode() * 50)
                time.sleep(1)
                app.terminate()
                assert app.wait(timeout=60) == 0
        finally:
            app.kill()
    found = [
        line
        for line in log.read_text().splitlines()
        if not any(word in line for word in ("127.0.0.1", "localhost", "::1", "0.0.0.0"))
    ]
    assert found == []


def greet(port: int) -> None:
    """Ask for the page's channel as a page of another site: Streamlit then compares with the addresses of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        head = (
            f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://other.example\r\nConnection: Upgrade\r\n"
        )
        head += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        line.sendall(head.encode())
        assert b" 403 " in line.recv(1000)
