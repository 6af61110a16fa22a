import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy.orm import Session

from benchmark import registry, source
from tests import migrated

torch.set_num_threads(1)
migrated.copy()
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which may be missing
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist loadgroup one process runs all tests of a group. The marks of pytest-xdist 3.8 for that do nothing with
    pytest 9.2, and say nothing.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)


def group(nodeid: str) -> str:
    """The tests of a file, or of a pair of task and method, so that what they share is made once. Tests of the browser go where
    there is room.
    """
    file, _, name = nodeid.partition("::")
    if file.startswith("tests/browser/"):
        return nodeid
    return f"{file}::{name.rpartition('-')[0]}" if file == "tests/test_contracts.py" and "[" in name else file


@pytest.fixture(autouse=True)
def _clean_registry(monkeypatch):
    """Files that a test includes are gone after it. What was read of the suite stays known unless a test had it forgotten."""
    forgotten = []
    forget = source.forget

    def noticed():
        forgotten.append(True)
        forget()

    monkeypatch.setattr(registry, "_included", [])
    monkeypatch.setattr(source, "forget", noticed)
    yield
    monkeypatch.undo()
    if forgotten:
        registry.include([])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Path of the made-up database of a name: empty, tiny, completion, curves, figures, retrieval, full or varied."""
    from tests.leaderboard.databases import MAKERS  # what they need takes a second

    paths: dict[str, Path] = {}

    def path_of(name: str) -> Path:
        if name not in paths:
            paths[name] = tmp_path_factory.mktemp(name) / f"{name}.db"
            MAKERS[name](paths[name]).dispose()
        return paths[name]

    return path_of


@pytest.fixture
def session_of(made: Callable[[str], Path]) -> Iterator[Callable[[str], Session]]:
    """A session on the made-up database of a name, as readers open it, until the test ends."""
    from benchmark.store.database import open_database

    with ExitStack() as ends:

        def opened(name: str) -> Session:
            engine = open_database(str(made(name)), create=False)
            ends.callback(engine.dispose)
            return ends.enter_context(Session(engine))

        yield opened
