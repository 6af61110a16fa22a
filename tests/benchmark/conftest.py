import pytest
from sqlalchemy.orm import Session

from benchmark.store.database import open_database


@pytest.fixture
def session(tmp_path):
    """A session on a new, empty database results.db in the test's folder."""
    engine = open_database(str(tmp_path / "results.db"))
    with Session(engine) as opened:
        yield opened
    engine.dispose()
