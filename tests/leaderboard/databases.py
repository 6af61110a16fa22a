"""The made-up databases by name. The fixture `made` in tests/conftest.py makes each once a session."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from tests.leaderboard import (
    synthetic,
    synthetic_curves,
    synthetic_figures,
    synthetic_papers,
    synthetic_retrieval,
    synthetic_varied,
)

MAKERS: dict[str, Callable[[Path], Engine]] = {
    "empty": synthetic.make_empty,
    "tiny": synthetic.make_tiny,
    "completion": synthetic.make_completion,
    "curves": synthetic_curves.make_curves,
    "figures": synthetic_figures.make_figures,
    "papers": synthetic_papers.make_papers,
    "retrieval": synthetic_retrieval.make_retrieval,
    "full": synthetic.make_full,
    "varied": synthetic_varied.make_varied,
}
