"""The table of submissions that the Submit page shows."""

import pandas as pd
from sqlalchemy.orm import Session

from benchmark.report.tables import Column
from benchmark.submissions import store

STATES = {
    "received": "it is kept; code waits until a maintainer has read and run it",
    "checked": "it obeys every rule, and is being scored or run",
    "scored": "predictions that were scored here",
    "reproduced": "code that was run here",
    "refused": "a rule was broken; the reason is in the table, and nothing else of it was kept",
    "withdrawn": "taken back; its results are gone",
}
COLUMNS = {
    "submission": Column("Its number, for status and withdrawal", 80),
    "method": Column("The name on the board", 160),
    "state": Column("; ".join(f"{name}: {what}" for name, what in STATES.items()), 100),
    "reason": Column("Why it was refused or withdrawn", 340),
    "task": Column("Task, preset and number of seeds", 200),
    "near": Column(
        "The truth, where nearly all answers are right; methods whose predictions are nearly these; r: how far apart they are, "
        "0 where both are the same",
        160,
    ),
    "kind": Column("Predictions, or code", 100),
    "authors": Column("As told", 160),
    "licence": Column("As told", 100),
    "link": Column("As told", 160),
    "changed": Column("When its state changed", 180),
}


def table(session: Session, states: list[str]) -> pd.DataFrame:
    """A table of all submissions that are in one of the states, the newest first."""
    rows = [store.public(row) for row in store.listed(session) if row.state in states]
    return pd.DataFrame([{name: row[name] for name in COLUMNS} for row in rows], columns=list(COLUMNS))
