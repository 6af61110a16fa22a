"""Two rows of a board compared instance by instance, in tables and sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from benchmark import statistics
from benchmark.report.board import Board, Row
from benchmark.report.decimals import digits
from benchmark.report.order import improves, sign
from benchmark.report.tables import (
    ARROW,
    TOO_FEW,
    Column,
    count,
    gain_text,
    heading,
    interval,
    ordered,
    parameters_text,
    with_unit,
)
from benchmark.spec import Metric
from benchmark.statistics import Comparison, Estimate, Key


@dataclass(frozen=True)
class Duel:
    """Two rows in one metric, over the (seed, instance) pairs that both have. signed is the difference first - second of each
    pair; found and wilcoxon are None where they share none.
    """

    board: Board
    metric: Metric
    first: Row
    second: Row
    found: Comparison | None
    wilcoxon: float | None
    signed: dict[Key, float]

    @property
    def alone(self) -> int:
        """How many (seed, instance) pairs only one of both has."""
        return len(self._scores(self.first).keys() ^ self._scores(self.second).keys())

    def _scores(self, row: Row) -> Mapping[Key, float]:
        return row.scores.get(self.metric.name, {})

    @property
    def places(self) -> int:
        """Decimals of scores and differences: those of the interval."""
        return digits([self.found.difference if self.found else None])

    def verdict(self) -> str:
        """One sentence that says which row is better and by how much, or that it cannot be told."""
        one, other, name = self.first.label, self.second.label, self.metric.name
        if self.found is None:
            return f"{one} and {other} share no instance of the same seed in {name}."
        difference = self.found.difference
        text = f"{name} {ARROW[self.metric.better]}: {one} − {other} = {gain_text(difference, self.metric, self.places)}"
        if TOO_FEW in interval(difference, self.places):
            return f"{text}: {count(difference.n, 'instance')} are too few to tell them apart."
        which = {
            "better": f"{one} is better.",
            "worse": f"{other} is better.",
            "unclear": "the interval holds zero: which is better cannot be told.",
        }[improves(difference, self.metric)]
        return f"{text}; {which}"

    def wins(self) -> str:
        """Two sentences that say how many instances each row wins, and the p of both tests."""
        found = self.found
        if found is None or self.wilcoxon is None:
            return ""
        ties = f", equal on {found.ties}" if found.ties else ""
        return (
            f"Of {count(found.n, 'instance')} (seeds averaged first) {self.first.label} wins {found.wins}, "
            f"{self.second.label} {found.losses}{ties}. Sign-flip test p = {found.p:.2g}, "
            f"Wilcoxon's signed-rank test p = {self.wilcoxon:.2g}."
        )


def duel(board: Board, first: Row, second: Row, metric: Metric) -> Duel:
    """Compares two rows in a metric."""
    mine, other = first.scores.get(metric.name, {}), second.scores.get(metric.name, {})
    found = statistics.compare(mine, other, metric.better)
    ranked = statistics.compare(mine, other, metric.better, "wilcoxon")
    signed = {key: value - other[key] for key, value in mine.items() if key in other}
    return Duel(board, metric, first, second, found, ranked.p if ranked else None, signed)


def rival(board: Board, row: Row) -> Row:
    """The row that a method is best compared with: the one that it builds on, whose name begins or ends its own (dip for
    self_guided_dip); else the runner-up, for the best row, or the best row.
    """
    parts = row.method.split("_")
    inner = {"_".join(piece) for at in range(1, len(parts)) for piece in (parts[:at], parts[at:])}
    others = [one for one in board.rows if one is not row]
    bases = sorted((one for one in others if one.method in inner), key=lambda one: -len(one.method))
    return bases[0] if bases else others[0]


def winner(one: Duel, key: Key) -> str:
    """Label of the row that is better on a pair, or 'equal'."""
    gain = sign(one.metric) * one.signed[key]
    return one.first.label if gain > 0 else one.second.label if gain < 0 else "equal"


def instances(one: Duel) -> tuple[pd.DataFrame, dict[str, Column]]:
    """A table with a line for each (seed, instance) that both have, the first row's largest lead first; and its columns."""
    name, places = one.metric.name, one.places
    of_first, of_second = f"{name} of {one.first.label}", f"{name} of {one.second.label}"
    unit = f" ({one.metric.unit})" if one.metric.unit else ""
    lines = [
        {
            "seed": key[0],
            "instance": key[1],
            "name": one.board.labels.get(key, ""),
            "better": winner(one, key),
            f"Δ {name}{unit}": difference,
            of_first: one.first.scores[name][key],
            of_second: one.second.scores[name][key],
            f"s of {one.first.label}": one.first.seconds.get(key),
            f"s of {one.second.label}": one.second.seconds.get(key),
        }
        for key, difference in sorted(one.signed.items(), key=lambda item: (-sign(one.metric) * item[1], item[0]))
    ]
    text = f"{one.metric.description}; {one.metric.better} is better"
    columns = {
        "seed": Column("Repeat", 56, "%d"),
        "instance": Column("Its number", 74, "%d"),
        "name": Column("What the task calls it", 170),
        "better": Column("Which method is better on it", 170),
        f"Δ {name}{unit}": Column(f"{one.first.label} − {one.second.label}; {text}", 110, f"%+.{places}f"),
        of_first: Column(text, 150, f"%.{places}f"),
        of_second: Column(text, 150, f"%.{places}f"),
        f"s of {one.first.label}": Column("The method's own seconds", 130, "%.3g"),
        f"s of {one.second.label}": Column("The method's own seconds", 130, "%.3g"),
    }
    return pd.DataFrame(lines, columns=list(columns)), columns


def metrics(board: Board, first: Row, second: Row) -> tuple[pd.DataFrame, dict[str, Column]]:
    """A table with a line for each metric, and its columns. Three more columns hold the numbers behind the texts."""
    one_wins, other_wins = f"{first.label} wins", f"{second.label} wins"
    columns = {
        "metric": Column("The first one ranks; ↑ higher is better, ↓ lower is better", 160),
        f"mean of {first.label}": Column("Over the instances that both have", 230),
        f"mean of {second.label}": Column("Over the instances that both have", 230),
        "difference": Column(f"Mean of {first.label} − {second.label}", 120),
        "95 %": Column("Bootstrap-t interval of the difference over instances", 180),
        "n": Column("Instances that both have", 46, "%d"),
        one_wins: Column("Instances on which it is better", 200, "%d"),
        other_wins: Column("Instances on which it is better", 200, "%d"),
        "p": Column("Two-sided sign-flip test of this one comparison, not corrected", 74, "%.2g"),
    }
    lines = []
    for metric in ordered(board):
        one = duel(board, first, second, metric)
        if one.found is None:
            continue
        difference, places = one.found.difference, one.places
        means = [_shared_mean(one, row) for row in (first, second)]
        texts = [with_unit(f"{mean.mean:.{places}f}", metric) for mean in means]
        change = with_unit(f"{difference.mean:+.{places}f}", metric)
        line = [heading(metric), *texts, change, interval(difference, places, signed=True), one.found.n]
        numbers = [difference.mean, difference.low, difference.high]
        lines.append([*line, one.found.wins, one.found.losses, one.found.p, *numbers])
    return pd.DataFrame(lines, columns=[*columns, "value", "low", "high"]), columns


def _shared_mean(one: Duel, row: Row) -> Estimate:
    return statistics.mean({key: row.scores[one.metric.name][key] for key in one.signed}).within(
        one.metric.least, one.metric.most
    )


def side_by_side(board: Board, first: Row, second: Row) -> list[tuple[str, str, str]]:
    """Cost, trust and hyperparameters of both rows, as (what, the first's, the second's)."""
    primary = board.task.primary
    columns: list[tuple[str, Callable[[Row], str]]] = [
        ("rank", lambda row: f"{row.rank} of {count(len(board.rows), 'row')}" if row.rank else "not ranked"),
        ("scores", lambda row: f"{len(row.scores[primary.name])} of {row.expected}"),
        ("seeds", lambda row: ", ".join(map(str, row.seeds))),
        ("time on an instance", lambda row: f"{row.time:.3g} s" if row.time is not None else "not known"),
        ("time to learn", lambda row: f"{row.fit_time:.3g} s" if row.fit_time else "nothing is learnt beforehand"),
        ("peak memory", lambda row: f"{row.peak_memory:.0f} MB" if row.peak_memory is not None else "not known"),
        ("device", lambda row: row.devices),
        ("status", lambda row: row.status),
        ("kind", lambda row: row.kind),
        ("trust", lambda row: row.trust),
        ("hyperparameters", parameters_text),
    ]
    return [(name, of(first), of(second)) for name, of in columns]
