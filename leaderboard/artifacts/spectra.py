"""Singular values that methods kept along a run."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from benchmark.report.board import Row
from benchmark.statistics import Key
from leaderboard.artifacts.files import kept_files, load

_KIND = "singular_values"


def spectra(session: Session, folder: Path, rows: Iterable[Row], key: Key) -> pd.DataFrame:
    """Columns label, step, number, value of one (seed, instance): the largest singular values at each point, 1 the largest.

    A file that is missing, or holds something else, is left out.
    """
    parts = []
    for label, _, relative in kept_files(session, rows, key, [_KIND]):
        table = load(folder, relative)  # (points, 1 + k): the step, then the values
        if isinstance(table, str) or table.ndim != 2 or table.dtype.kind != "f" or not np.isfinite(table).all():
            continue
        points, count = len(table), table.shape[1] - 1
        parts.append(
            pd.DataFrame(
                {
                    "label": label,
                    "step": table[:, 0].repeat(count),
                    "number": np.tile(np.arange(1, count + 1), points),
                    "value": table[:, 1:].ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["label", "step", "number", "value"])
