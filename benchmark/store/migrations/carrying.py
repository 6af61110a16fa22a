"""Runs keep their place where the code they depend on was rebuilt and computes the same.

A table sources_REVISION.json says, for each task, method and preset, which hash stood for which code before and after. A run
with another hash was made by other code. It stays as it is and counts as older. What methods learnt lies in files named by keys
too.
"""

import json
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from alembic import op

_KEY = ("task", "version", "preset", "method", "parameters", "seed", "source", "data")
_ROWS = """
SELECT run.id, run.digest, run.origin, run.preset, run.parameters, run.seed, run.source, run.data,
       task.name AS task, task.version, method.name AS method
FROM run JOIN task ON run.task_id = task.id JOIN method ON run.method_id = method.id
"""


def _digest(key: dict) -> str:
    """As benchmark.spec.RunKey.digest is at this revision."""
    return sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def carry(revision: str, before: int, after: int) -> None:
    """Write the hash at place `after` of the table of a revision into every run that has the one at place `before`."""
    known = json.loads(Path(__file__).with_name(f"sources_{revision}.json").read_text(encoding="utf-8"))
    connection = op.get_bind()
    rows = connection.execute(sa.text(_ROWS)).mappings().all()
    taken = {(row["digest"], row["origin"]) for row in rows}
    for row in rows:
        pair = known.get(row["task"], {}).get(row["method"], {})
        found = pair.get("presets", {}).get(row["preset"])
        if found is None or row["source"] != found["run"][before]:
            continue
        parameters = row["parameters"] if isinstance(row["parameters"], dict) else json.loads(row["parameters"])
        key = {name: row[name] for name in _KEY} | {"parameters": parameters}
        digest = _digest(key | {"source": found["run"][after]})
        if (digest, row["origin"]) not in taken:
            taken.add((digest, row["origin"]))
            values = {"id": row["id"], "digest": digest, "source": found["run"][after]}
            connection.execute(sa.text("UPDATE run SET digest = :digest, source = :source WHERE id = :id"), values)
        if "fit" in found:
            chosen = {name: value for name, value in parameters.items() if name in pair["learns"]}
            fit = key | {"preset": found["at"], "parameters": chosen}
            _rename(*(_digest(fit | {"source": found["fit"][place]}) for place in (before, after)))


def _rename(before: str, after: str) -> None:
    """Files of what methods learnt, beside the database."""
    url = op.get_bind().engine.url
    folder = Path(url.database).parent if url.get_backend_name() == "sqlite" and url.database else Path("results")
    for file in (folder / "fits").glob(f"{before}-*.safetensors"):
        file.replace(file.with_name(file.name.replace(before, after)))
