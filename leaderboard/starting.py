"""The leaderboard, ready before the first visitor: python -m leaderboard [--db PATH] [--host ADDRESS] [--port N]

Without --host only this machine reaches it. Options of `streamlit run` may follow.

Answers only once it has computed its first page, or after PATIENCE seconds without. `streamlit run leaderboard/app.py` shows
the same, but imports and computes while its first visitor waits, and reads its files for each visitor (leaderboard/serve.py).
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import altair  # noqa: F401  # the pages of tasks draw with it: imported there, it would be a visitor's time
from scipy import special  # noqa: F401  # the statistics import it when they first need it, which would be a visitor's time
from sqlalchemy.exc import DBAPIError
from streamlit.web import cli
from threadpoolctl import threadpool_limits

from benchmark.errors import UserError
from benchmark.report import leaders, methods_by_boards  # noqa: F401  # of the first pages
from benchmark.report.across import by_preset
from leaderboard.charts import heat_table, paper_tables, rank_table, verdict_bars  # noqa: F401  # of the first pages
from leaderboard.protection import ask_nobody, is_loopback
from leaderboard.ui import cached, claimed, downloads, opened  # noqa: F401  # of the first pages

SERVER = Path(__file__).with_name("serve.py")
LOOPBACK = "127.0.0.1"
CALLED = "LOWDIMBENCH_CALLED"  # how the user called the command, for its messages
PATIENCE = 30.0  # seconds: a visitor of a far or huge database rather waits on a page that says so


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError
    return count


def flags(host: str | None, port: int | None, rest: Sequence[str]) -> list[str]:
    """Options of `streamlit run` for an address and a port. `rest`: those that the user gave as Streamlit calls them.

    A server for this machine alone answers to this machine's names alone, so that no page of another site reaches it by a name
    of its own.
    """
    found = ["--browser.gatherUsageStats=false"]
    named = next((word.partition("=")[2] for word in rest if word.startswith("--server.address=")), None)
    address = host or named or LOOPBACK
    if not named or host:
        found.append(f"--server.address={address}")
    if port is not None:
        found.append(f"--server.port={port}")
    if is_loopback(address) and not any(word.startswith("--server.allowedHosts") for word in rest):
        found += [f"--server.allowedHosts={name}" for name in dict.fromkeys(("localhost", LOOPBACK, "::1", address))]
    return found


def prepare() -> None:
    """Fill the caches of the papers and of the overview. What stands in the way of that, the pages say themselves."""
    if opened.is_missing(opened.database_name()):
        return
    try:
        found, _ = claimed.every()
        claimed.pictures(one.paper for one in found)
        for group in by_preset(cached.overview()).values():
            cached.averages(group)
    except (UserError, DBAPIError):
        return


def main() -> None:
    """Start the server with the options of the command line."""
    parser = argparse.ArgumentParser(prog=os.environ.get(CALLED, "python -m leaderboard"), allow_abbrev=False)
    parser.add_argument("--db", help="path of a SQLite file, or a URL; default: LOWDIMBENCH_DB, else results/lowdimbench.db")
    parser.add_argument("--host", help="address to listen on; default: 127.0.0.1, this machine alone; 0.0.0.0: every network")
    parser.add_argument("--port", type=_port, help="default: the first that is free from 8501 on")
    parser.add_argument(
        "--hand-ins", type=_count, metavar="N", help="submissions that the Submit page takes an hour; default: 20"
    )
    options, rest = parser.parse_known_args()
    if options.db:
        os.environ["LOWDIMBENCH_DB"] = options.db
    if options.hand_ins is not None:
        os.environ["LOWDIMBENCH_HAND_INS"] = str(options.hand_ins)
    sys.argv = ["streamlit", "run", str(SERVER), *rest, *flags(options.host, options.port, rest)]
    ask_nobody()
    threadpool_limits(1, "blas")  # its products are small: a second thread hardly saves time, and keeps a processor busy
    ready = Thread(target=prepare, daemon=True)
    ready.start()
    ready.join(PATIENCE)
    gc.freeze()  # objects made so far stay: no collection need look at them again
    gc.enable()
    cli.main()
