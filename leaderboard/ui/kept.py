"""What was kept of one (seed, instance), read from the files beside the database; nothing of a database on a server."""

import pandas as pd
from sqlalchemy.orm import Session

from benchmark.report.board import Board
from benchmark.spec import Picture
from benchmark.statistics import Key
from leaderboard.artifacts import nearest, spectra
from leaderboard.artifacts.figures import Array, Figure, read_beside, read_figures
from leaderboard.artifacts.files import kept_keys
from leaderboard.ui.opened import engine, folder


def drawn(shown: Board, key: Key) -> list[Figure]:
    """What the task declares that it draws, in its order."""
    return figures_of(shown, key, *shown.task.pictures)


def figures_of(shown: Board, key: Key, *pictures: Picture) -> list[Figure]:
    """These pictures, declared or not."""
    where = folder()
    if where is None:
        return [Figure(picture, None, {}, {}) for picture in pictures]
    with Session(engine()) as session:
        return read_figures(session, where, shown.rows, key, pictures)


def measured(shown: Board, key: Key) -> Array | str | None:
    """The measurement of the instance, as the task kept it; why it cannot be read; None where it kept nothing."""
    where = folder()
    if where is None:
        return None
    with Session(engine()) as session:
        return read_beside(session, where, shown.rows, key, "measured")


def singular_values(shown: Board, key: Key) -> pd.DataFrame:
    """Singular values that methods kept along the run."""
    where = folder()
    if where is None:
        return pd.DataFrame()
    with Session(engine()) as session:
        return spectra.spectra(session, where, shown.rows, key)


def keys(shown: Board) -> list[Key]:
    """Each (seed, instance) of which an estimate was kept."""
    if folder() is None:
        return []
    with Session(engine()) as session:
        return kept_keys(session, shown.rows)


def observations(shown: Board, key: Key) -> dict[str, str]:
    """Label -> hash of what the method was shown."""
    with Session(engine()) as session:
        return nearest.observations(session, shown.rows, key)
