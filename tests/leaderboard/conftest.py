"""Made-up databases, one for each size, made once a session and opened through the real door."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.leaderboard import synthetic, synthetic_curves

MAKERS: dict[str, Callable[[Path], Engine]] = {
    "empty": synthetic.make_empty,
    "tiny": synthetic.make_tiny,
    "completion": synthetic.make_completion,
    "curves": synthetic_curves.make_curves,
    "full": synthetic.make_full,
    "large": synthetic.make_large,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Path of the made-up database of a name: empty, tiny, completion, curves, full or large."""
    paths: dict[str, Path] = {}

    def path_of(size: str) -> Path:
        if size not in paths:
            paths[size] = tmp_path_factory.mktemp(size) / f"{size}.db"
            MAKERS[size](paths[size]).dispose()
        return paths[size]

    return path_of
