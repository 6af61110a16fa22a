"""The curves of many runs averaged to one line for each method: means over instances at common steps."""

import numpy as np
import pandas as pd

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
    for (label, series), line in points.sort_values("step").groupby(["label", "series"], sort=True):
        steps = _steps(line)
        values = _by_instance(line, steps, "value")  # (instances, steps)
        part = {"label": label, "series": series, "step": steps, "mean": values.mean(), "n": len(values)}
        spread = {"low": values.quantile(0.25), "high": values.quantile(0.75), **_over_seeds(line, steps)}
        parts.append(pd.DataFrame({**part, **spread, "seconds": _seconds(line, steps)}))
    names = ["label", "series", "step", "seconds", "mean", "low", "high", "seed_low", "seed_high", "n"]
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def _seconds(line: pd.DataFrame, steps: np.ndarray) -> np.ndarray:
    known = line[line["seconds"].notna()]
    return np.full(len(steps), np.nan) if known.empty else _by_instance(known, steps, "seconds").mean().to_numpy()


def _over_seeds(line: pd.DataFrame, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Lowest and highest mean of any one seed at each step."""
    by_seed = [_by_instance(runs, steps, "value").mean().to_numpy() for _, runs in line.groupby("seed")]
    if len(by_seed) < 2:
        return dict.fromkeys(("seed_low", "seed_high"), np.full(len(steps), np.nan))
    return {"seed_low": np.min(by_seed, axis=0), "seed_high": np.max(by_seed, axis=0)}


def _steps(line: pd.DataFrame) -> np.ndarray:
    """The steps at which a line is drawn."""
    steps = np.unique(line["step"].to_numpy())
    steps = steps[steps >= line.groupby(["seed", "instance"])["step"].min().max()]
    return np.asarray(steps[np.unique(np.linspace(0, len(steps) - 1, _POINTS).round().astype(int))])


def _by_instance(line: pd.DataFrame, steps: np.ndarray, column: str) -> pd.DataFrame:
    """A column of the points at the given steps, a row for each instance, averaged over its seeds."""
    rows = []
    for _, runs in line.groupby("instance"):
        held = [np.interp(steps, one["step"], one[column]) for _, one in runs.groupby("seed")]
        rows.append(np.mean(held, axis=0))
    return pd.DataFrame(rows)
