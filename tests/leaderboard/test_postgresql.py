"""The same board from a real PostgreSQL server as from SQLite, read-only and beside a writer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from benchmark.report import boards, outlines, tables
from benchmark.store.database import open_database
from benchmark.store.models import Base, Run, Score
from tests import postgresql
from tests.leaderboard.synthetic import Writer, fill
from tests.leaderboard.test_app import AppTest, html

pytestmark = pytest.mark.slow
pytest.importorskip("psycopg", reason="no driver psycopg; get it with: pip install 'lowdimbench[postgresql]'")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a database with what make_full makes."""
    with postgresql.server() as socket:
        url = f"postgresql+psycopg://{postgresql.USER}@/postgres?host={socket}"
        engine = open_database(url)
        with Session(engine) as session:
            fill(Writer(session, tmp_path_factory.mktemp("pictures")))
            session.commit()
        engine.dispose()
        yield url


@pytest.fixture
def reader(address: str) -> Iterator[Engine]:
    engine = open_database(address, read_only=True)
    yield engine
    engine.dispose()


def test_every_migration_leads_to_the_tables_of_the_models(address: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_database(address)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_the_boards_are_those_of_sqlite(reader: Engine, made: Callable[[str], Path]) -> None:
    lite = open_database(str(made("full")), read_only=True)
    with Session(reader) as here, Session(lite) as there:
        places = boards.boards(here)
        assert places == boards.boards(there)
        for place in places:
            ours, theirs = boards.board(here, *place), boards.board(there, *place)
            assert tables.leaderboard(ours)[0].equals(tables.leaderboard(theirs)[0])
            assert [row.rank for row in outlines.outline(here, *place).rows] == [row.rank for row in theirs.rows]
        assert len(boards.curves(here, boards.board(here, "imaging", "small").rows)) > 1000


def test_a_reader_cannot_write(reader: Engine) -> None:
    with Session(reader) as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.execute(update(Run).values(preset="other"))


def test_what_a_writer_commits_is_seen_and_what_it_holds_is_not_waited_for(reader: Engine, address: str) -> None:
    writer = open_database(address)
    with Session(reader) as session:
        before = outlines.states(session)["imaging", "small"]
    with Session(writer) as session:
        session.execute(update(Run).where(Run.id == 1).values(seconds=2.0))  # a lock that is held
        with Session(reader) as other:
            assert outlines.states(other)["imaging", "small"] == before
        first = session.get_one(Run, 1)
        values = {column.key: getattr(first, column.key) for column in Run.__table__.columns if column.key != "id"}
        late = Run(**{**values, "digest": "late", "preset": "small", "seed": 5})
        session.add(late)
        session.flush()
        session.add(Score(run_id=late.id, instance=0, metric="psnr", value=25.0))
        session.commit()
    with Session(reader) as session:
        assert outlines.states(session)["imaging", "small"] != before
    with writer.begin() as connection:
        connection.execute(text("DELETE FROM run WHERE seed = 5"))
    writer.dispose()


def test_the_app_shows_it_and_hides_the_password(
    address: str, open_page: Callable[..., AppTest], made: Callable[[str], Path]
) -> None:
    url = address.replace(f"{postgresql.USER}@", f"{postgresql.USER}:secret@")
    app = open_page(url, "overview")
    assert not app.exception
    assert html(app).count("<tr>") == html(open_page(made("full"), "overview")).count("<tr>")
    assert "secret" not in html(app)
    app = open_page(url, "task", task="imaging", preset="small")
    assert not app.exception
