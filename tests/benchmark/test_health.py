"""Databases that another program damaged: one line, whichever value it is."""

import shutil
import sqlite3

import pytest
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.store.database import open_database
from runners import record
from tests.runners.test_record import ARTIFACTS, END, HERE, a_job, solved


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.db"
    engine = open_database(str(path))
    with Session(engine) as session:
        run = record.begin(session, a_job(), HERE, "the command")
        for number in range(2):
            one = solved(number, psnr=1.0 + number).model_copy(update={"curve": (("estimate", 1, 0.5, 2.0),)})
            record.instance(session, run, one, ARTIFACTS)
        record.end(session, run, END)
    engine.dispose()
    return path


@pytest.fixture
def damaged(whole, tmp_path):
    def change(*statements):
        path = tmp_path / "a.db"
        shutil.copy(whole, path)
        with sqlite3.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return str(path)

    return change


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE alembic_version SET version_num = 'abc'", "its schema is 'abc'"),
        ("UPDATE alembic_version SET version_num = ''", "its schema is ''"),
        ("UPDATE alembic_version SET version_num = 7", "its schema is '7'"),
        ("UPDATE alembic_version SET version_num = '0000'", "cannot be brought up to date"),
        ("DROP TABLE curve", "it lacks the table curve"),
        ("ALTER TABLE instance DROP COLUMN seconds", "its table instance lacks the column seconds"),
        ("UPDATE run SET parameters = '{\"steps\": '", "its table run holds no proper parameters in row 1"),
        ("UPDATE run SET parameters = '[1]'", "its table run holds no proper parameters in row 1"),
        ("UPDATE task SET spec = 'x'", "its table task holds no proper spec in row 1"),
        ("UPDATE run SET started = 'yesterday'", "its table run holds no proper started in row 1"),
        ("UPDATE run SET started = '2026-13-01 00:00:00'", "its table run holds no proper started in row 1"),
        ("UPDATE run SET heartbeat = 7", "its table run holds no proper heartbeat in row 1"),
        ("UPDATE score SET value = 'good' WHERE instance = 1", "its table score holds no proper value in row 2"),
        ("UPDATE score SET value = 9e999", "its table score holds no proper value in row 1"),
        ("UPDATE score SET metric = x'ff'", "its table score holds no proper metric in row 1"),
        ("UPDATE curve SET step = 0.5", "its table curve holds no proper step in row 1"),
        ("UPDATE instance SET cpu_seconds = 'maybe'", "its table instance holds no proper cpu_seconds in row 1"),
        ("UPDATE run SET seed = 'one'", "its table run holds no proper seed in row 1"),
        ("DELETE FROM method", "run 1 names a method that is not there"),
    ],
)
def test_what_is_damaged_is_said_in_one_line(damaged, statement, reason):
    with pytest.raises(UserError, match=r"choose another with --db|damaged") as caught:
        open_database(damaged(statement)).dispose()
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "UPDATE run SET error = NULL, finished = NULL, peak_memory = NULL",
        'UPDATE run SET parameters = \'{"lr": Infinity, "far": -Infinity, "none": NaN}\'',
        "UPDATE score SET value = 3",
        "UPDATE score SET value = -1.7976931348623157e308",
        "UPDATE run SET started = '0001-01-01 00:00:00.000000'",
    ],
)
def test_what_the_suite_writes_is_no_damage(damaged, statement):
    open_database(damaged(statement)).dispose()


def test_a_database_in_memory_keeps_nothing():
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(UserError, match="in memory, of which nothing would be kept"):
            open_database(url)


def test_an_url_of_a_file_is_that_file(whole):
    engine = open_database(f"sqlite:///{whole}", create=False)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()
