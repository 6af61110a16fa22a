"""The leaderboard, ready before the first visitor: python -m leaderboard [--db PATH] [options of streamlit run]

Answers only once it has computed its first page, or after PATIENCE seconds without. `streamlit run leaderboard/app.py` shows
the same, but imports and computes while its first visitor waits, and reads its files for each visitor (leaderboard/serve.py).
"""

import argparse
import os
import sys
from pathlib import Path
from threading import Thread

from scipy import special  # noqa: F401  # the statistics import it when they first need it, which would be a visitor's time
from sqlalchemy.exc import DBAPIError
from streamlit.web import cli

from benchmark.errors import UserError
from benchmark.report import leaders, methods_by_boards  # noqa: F401  # of the first page
from benchmark.report.across import by_preset
from leaderboard.charts import heat_table, rank_table  # noqa: F401  # of the first page
from leaderboard.ui import cached, downloads, opened  # noqa: F401  # of the first page

SERVER = Path(__file__).with_name("serve.py")
PATIENCE = 30.0  # seconds: a visitor of a far or huge database rather waits on a page that says so


def prepare() -> None:
    """Fill the caches of the overview. What stands in the way of that, the page says itself."""
    if opened.is_missing(opened.database_name()):
        return
    try:
        for group in by_preset(cached.overview()).values():
            cached.averages(group)
    except (UserError, DBAPIError):
        return


def main() -> None:
    """Start the server with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m leaderboard", allow_abbrev=False, description=__doc__)
    parser.add_argument("--db", help="path of a SQLite file, or a URL; default: LOWDIMBENCH_DB, else results/lowdimbench.db")
    options, rest = parser.parse_known_args()
    if options.db:
        os.environ["LOWDIMBENCH_DB"] = options.db
    sys.argv = ["streamlit", "run", str(SERVER), *rest]
    ready = Thread(target=prepare, daemon=True)
    ready.start()
    ready.join(PATIENCE)
    cli.main()


if __name__ == "__main__":
    main()
