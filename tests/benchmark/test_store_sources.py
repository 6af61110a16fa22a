"""Runs and fits of a database of the first version of the hash are carried over to the second."""

import json
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from benchmark import registry, store
from benchmark.spec import RunKey
from benchmark.store import database
from tests.benchmark.test_store import OLD

SOURCES = Path(store.__file__).parent / "migrations" / "sources_0004.json"
KNOWN = json.loads(SOURCES.read_text(encoding="utf-8"))


def test_the_table_knows_every_pair_and_preset_of_its_time():
    pairs = {(t, m) for t, methods in KNOWN.items() for m in methods}
    methods = {m for _, m in pairs}
    assert pairs == {
        (t.spec.name, m.spec.name)
        for t in registry.tasks().values()
        for m in registry.methods().values()
        if not m.spec.misfit(t.spec) and t.spec.name in KNOWN and m.spec.name in methods
    }
    assert {len(one["run"][0]) for methods in KNOWN.values() for m in methods.values() for one in m["presets"].values()} == {64}


def key(method, preset, source, parameters, task="spectral"):
    version = registry.get_task(task).spec.version
    return RunKey(
        task=task, version=version, preset=preset, method=method, parameters=parameters, seed=0, source=source, data="d"
    )


@pytest.fixture
def old(tmp_path):
    """A database of revision 0003 with a run of each (method, preset, source), and its file."""
    config = Config()
    config.set_main_option("script_location", str(SOURCES.parent))
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {database._APPLICATION}")
    connection.close()

    def make(*keys):
        with create_engine(f"sqlite:///{path}").begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0003")
            task = OLD["task"] | {"name": "spectral", "version": keys[0].version}
            methods = sorted({one.method for one in keys})
            rows = [("task", task), ("environment", OLD["environment"])]
            rows += [("method", OLD["method"] | {"id": methods.index(name), "name": name}) for name in methods]
            for number, one in enumerate(keys):
                own = {"id": number, "digest": one.digest, "preset": one.preset, "method_id": methods.index(one.method)}
                more = {"parameters": json.dumps(one.parameters), "source": one.source, "data": one.data}
                rows.append(("run", OLD["run"] | own | more))
            for table, row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + n for n in row)})"), row)
        return path

    return make


def carry(path):
    """To the revision that the table belongs to."""
    config = Config()
    config.set_main_option("script_location", str(SOURCES.parent))
    with create_engine(f"sqlite:///{path}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")


def test_runs_of_known_code_get_its_present_hash_and_others_stay(old):
    before, now = KNOWN["spectral"]["nnls"]["presets"]["tiny"]["run"]
    known, other = key("nnls", "tiny", before, {"a": 1}), key("nnls", "tiny", "0" * 64, {})
    path = old(known, other)
    carry(path)
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT source, digest FROM run ORDER BY id").fetchall()
    connection.close()
    assert found == [(now, known.model_copy(update={"source": now}).digest), (other.source, other.digest)]


def test_what_was_learnt_is_found_under_its_new_name(old, tmp_path):
    pair = KNOWN["spectral"]["sim2real"]
    size = pair["presets"]["small"]
    parameters = dict.fromkeys(pair["learns"], 1) | {"of_the_answer": 2}
    run = key("sim2real", "small", size["run"][0], parameters)
    learnt = dict.fromkeys(pair["learns"], 1)
    before, after = (key("sim2real", size["at"], source, learnt).digest for source in size["fit"])
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / f"{before}-cpu.safetensors").write_bytes(b"learnt")
    (tmp_path / "fits" / "other-cpu.safetensors").write_bytes(b"other")
    carry(old(run))
    names = {file.name: file.read_bytes() for file in (tmp_path / "fits").iterdir()}
    assert names == {f"{after}-cpu.safetensors": b"learnt", "other-cpu.safetensors": b"other"}
