"""The view of scores and the description of the tables, on both kinds of database."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from benchmark import store
from benchmark.store import database, schema, views
from benchmark.store.models import Base, Run, Score
from tests import postgresql
from tests.leaderboard.synthetic import Writer, fill


def checked(engine, folder):
    """The view holds every score once, under the names of the issue's columns, with its unit."""
    with Session(engine) as session:
        fill(Writer(session, folder))
        session.commit()
        rows = session.execute(text("SELECT * FROM scores")).mappings().all()
        assert list(rows[0]) == list(views.COLUMNS)
        assert sorted(row["value"] for row in rows) == sorted(
            session.scalars(Score.__table__.select().with_only_columns(Score.value))
        )
        one = session.get_one(Run, rows[0]["run"])
        assert (rows[0]["preset"], rows[0]["seed"], rows[0]["trust"]) == (one.preset, one.seed, one.trust)
        assert {(row["task"], row["metric"], row["unit"]) for row in rows} == {
            ("imaging", "psnr", "dB"),
            ("imaging", "nmse", ""),
            ("sorting", "error", ""),
        }
        assert {row["status"] for row in rows} == {"done"}


def test_the_view_of_a_file(tmp_path):
    engine = database.open_database(str(tmp_path / "a.db"))
    checked(engine, tmp_path)
    engine.dispose()


@pytest.mark.slow
def test_the_view_of_a_server(tmp_path):
    pytest.importorskip("psycopg", reason="no driver psycopg; get it with: pip install 'lowdimbench[postgresql]'")
    with postgresql.server() as socket:
        engine = database.open_database(f"postgresql+psycopg://{postgresql.USER}@/postgres?host={socket}")
        checked(engine, tmp_path)
        engine.dispose()


def test_tables_that_the_view_reads_can_be_changed(tmp_path):
    """SQLite refuses to change a table below a view; the migrations take the view away before."""
    path = tmp_path / "a.db"
    database.open_database(str(path)).dispose()
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))

    def scores(connection):
        return connection.scalar(text("SELECT COUNT(*) FROM sqlite_master WHERE type = 'view' AND name = 'scores'"))

    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        assert scores(connection) == 0
        command.upgrade(config, "head")
        assert scores(connection) == 1
    engine.dispose()


def test_every_table_and_column_is_described():
    found = {table.name: table for table in schema.tables()}
    assert next(iter(found)) == "scores"
    assert found.keys() - {"scores"} == set(Base.metadata.tables)
    for name, table in Base.metadata.tables.items():
        assert found[name].about
        assert [column for column, _, _ in found[name].columns] == [column.name for column in table.columns]
    assert ("run_id", "integer", "refers to run.id") in found["score"].columns
    assert ("error", "text or null", "") in found["run"].columns


def test_the_example_runs(tmp_path):
    engine = database.open_database(str(tmp_path / "a.db"))
    with Session(engine) as session:
        fill(Writer(session, tmp_path))
        session.commit()
        assert len(session.execute(text(schema.EXAMPLE)).all()) > 5
    engine.dispose()
