"""The curves of many runs averaged to one line for each method: means over instances at common steps."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pandas as pd

Held = dict[tuple[int, int], np.ndarray]  # (instance, seed) -> values at the steps of a line

_POINTS = 160  # of one line


def summarise(points: pd.DataFrame) -> pd.DataFrame:
    """The points of each line. Columns: label, series, step, seconds, mean, low, high, seed_low, seed_high, n.

    points has the columns label, series, seed, instance, step, seconds, value. Seeds of one instance are averaged first. At
    each step, seconds and mean are means over instances, and low and high are the middle half of their values. seed_low and
    seed_high are the lowest and the highest mean over instances of any one seed, NaN for a single seed. A run that has ended
    keeps its last point, and a line begins where every instance has begun. Seconds that are NaN are left out of the mean. It
    is NaN where all are.
    """
    parts = []
    order = ["label", "series", "instance", "seed", "step"]
    for (label, series), line in points.sort_values(order).groupby(["label", "series"], sort=True):
        steps = _steps(line)
        held = _held(line, steps, "value")
        values = _by_instance(held)  # (instances, steps)
        part = {"label": label, "series": series, "step": steps, "mean": values.mean(), "n": len(values)}
        spread = {"low": values.quantile(0.25), "high": values.quantile(0.75), **_over_seeds(held, steps)}
        parts.append(pd.DataFrame({**part, **spread, "seconds": _seconds(line, steps)}))
    names = ["label", "series", "step", "seconds", "mean", "low", "high", "seed_low", "seed_high", "n"]
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def _seconds(line: pd.DataFrame, steps: np.ndarray) -> np.ndarray:
    known = line[line["seconds"].notna()]
    return np.full(len(steps), np.nan) if known.empty else _by_instance(_held(known, steps, "seconds")).mean().to_numpy()


def _over_seeds(held: Held, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Lowest and highest mean of any one seed at each step."""
    by_seed = [pd.DataFrame(rows).mean().to_numpy() for rows in _grouped(held, 1)]
    if len(by_seed) < 2:
        return dict.fromkeys(("seed_low", "seed_high"), np.full(len(steps), np.nan))
    return {"seed_low": np.min(by_seed, axis=0), "seed_high": np.max(by_seed, axis=0)}


def _steps(line: pd.DataFrame) -> np.ndarray:
    """The steps at which a line is drawn."""
    steps = np.unique(line["step"].to_numpy())
    steps = steps[steps >= line.groupby(["seed", "instance"])["step"].min().max()]
    return np.asarray(steps[np.unique(np.linspace(0, len(steps) - 1, _POINTS).round().astype(int))])


def _held(line: pd.DataFrame, steps: np.ndarray, column: str) -> Held:
    """A column of each run at the given steps. The line is in the order of instance, seed and step.

    Slices of arrays: a frame for each of some hundred runs takes ten times as long.
    """
    runs, step, values = line[["instance", "seed"]].to_numpy(), line["step"].to_numpy(), line[column].to_numpy()
    edges = [0, *(np.flatnonzero((runs[1:] != runs[:-1]).any(1)) + 1), len(line)]
    return {(runs[at, 0], runs[at, 1]): np.interp(steps, step[at:end], values[at:end]) for at, end in pairwise(edges)}


def _grouped(held: Held, place: int) -> list[list[np.ndarray]]:
    """The rows of each instance (place 0) or of each seed (place 1)."""
    found: dict[int, list[np.ndarray]] = defaultdict(list)
    for key, row in held.items():
        found[key[place]].append(row)
    return list(found.values())


def _by_instance(held: Held) -> pd.DataFrame:
    """A row for each instance, averaged over its seeds."""
    return pd.DataFrame([np.mean(rows, axis=0) for rows in _grouped(held, 0)])
