"""The view `scores`: what most questions ask of the database, without a join. Each migration makes it anew
(migrations/env.py).
"""

from sqlalchemy import Connection, text

NAME = "scores"
COLUMNS = {
    "task": "name of the task",
    "preset": "its size",
    "method": "name of the method",
    "seed": "repeat; 1000 and more draw tuning data",
    "instance": "number within the preset",
    "metric": "what was measured",
    "value": "its value",
    "unit": "of the value, empty where it has none",
    "status": "how the instance ended",
    "trust": "self_reported, scored or reproduced",
    "version": "of the task; versions do not compare",
    "parameters": "hyperparameters, as JSON",
    "split": "test or tuning",
    "origin": "here, reference or loaded; a run may be there once of each",
    "run": "number of the run, for runners.show",
}
# the units of a task's metrics stand in its specification; a query that reads each once is 30 times faster than one a score
_UNITS = {
    "sqlite": "SELECT task.id AS task_id, json_extract(m.value, '$.name') AS metric, json_extract(m.value, '$.unit') AS unit "
    "FROM task, json_each(task.spec, '$.metrics') AS m",
    "postgresql": "SELECT task.id AS task_id, m ->> 'name' AS metric, m ->> 'unit' AS unit "
    "FROM task, json_array_elements(task.spec -> 'metrics') AS m",
}
_VIEW = """
CREATE VIEW {name} AS
WITH units AS MATERIALIZED ({units})
SELECT task.name AS task, run.preset AS preset, method.name AS method, run.seed AS seed, score.instance AS instance,
       score.metric AS metric, score.value AS value, COALESCE(units.unit, '') AS unit, instance.status AS status,
       run.trust AS trust, task.version AS version, run.parameters AS parameters, run.split AS split, run.origin AS origin,
       run.id AS run
FROM score
JOIN run ON score.run_id = run.id
JOIN task ON run.task_id = task.id
JOIN method ON run.method_id = method.id
JOIN instance ON instance.run_id = score.run_id AND instance.number = score.instance
LEFT JOIN units ON units.task_id = task.id AND units.metric = score.metric
"""


def drop(connection: Connection) -> None:
    """Take the view away: SQLite changes no table that a view reads."""
    connection.execute(text(f"DROP VIEW IF EXISTS {NAME}"))


def create(connection: Connection) -> None:
    """Make the view. It needs the newest schema."""
    connection.execute(text(_VIEW.format(name=NAME, units=_UNITS[connection.dialect.name])))
