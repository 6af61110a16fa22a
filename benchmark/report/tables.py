"""Boards as pandas tables and short texts. The width of an interval decides how many digits a number has."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.report import information
from benchmark.report.board import Board, Row
from benchmark.report.decimals import MOST, digits
from benchmark.report.order import improves, sign
from benchmark.spec import Metric
from benchmark.statistics import Estimate, Key

ARROW = {"higher": "↑", "lower": "↓"}
TOO_FEW = "n < 4"
TRIALS = (
    "Parameter sets that the method was run with on tuning data of this preset, counted from the runs that are stored here. "
    "Empty: none is stored"
)
SIGNIFICANT = 0.05  # a p that cannot be as small is not shown
UNRANKED = "Empty: incomplete, or fewer than 4 instances."


@dataclass(frozen=True)
class Column:
    """How a column of a table is shown. format is the printf format of a number, and None for text."""

    help: str
    width: int
    format: str | None = None


def interval(estimate: Estimate | None, places: int, signed: bool = False) -> str:
    """The interval as '[low, high]', or the reason why there is none."""
    if estimate is None:
        return ""
    if math.isnan(estimate.low):
        return TOO_FEW
    return f"[{number(estimate.low, places, signed)}, {number(estimate.high, places, signed)}]"


def number(value: float, places: int, signed: bool = False) -> str:
    """The number as '3.21', or as '3.2e-09' where even the largest number of decimals would show zero."""
    sign = "+" if signed else ""
    tiny = places == MOST and 0 < abs(value) < 10**-MOST
    return f"{value:{sign}.1e}" if tiny else f"{value:{sign}.{places}f}"


def with_unit(text: str, metric: Metric) -> str:
    """The text with the unit of the metric, as '3.2 dB'. A metric without a unit leaves it as it is."""
    return f"{text} {metric.unit}" if metric.unit else text


def gain_text(estimate: Estimate, metric: Metric, places: int | None = None) -> str:
    """A difference with its unit and interval, as '+3.21 dB [+2.90, +3.52]'."""
    places = digits([estimate]) if places is None else places
    mean, spread = with_unit(number(estimate.mean, places, signed=True), metric), interval(estimate, places, signed=True)
    return f"{mean}, {spread}: no interval" if spread == TOO_FEW else f"{mean} {spread}"


def heading(metric: Metric) -> str:
    """The heading of a metric's column, as 'psnr ↑ (dB)'."""
    return f"{metric.name} {ARROW[metric.better]}" + (f" ({metric.unit})" if metric.unit else "")


def gain_heading(board: Board) -> str:
    """The heading of the difference to the baseline, as 'Δ psnr (dB)'."""
    primary = board.task.primary
    return f"Δ {primary.name}" + (f" ({primary.unit})" if primary.unit else "")


def count(number: int, word: str) -> str:
    """A number with its noun, as '1 seed' or '2 seeds'."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def ordinal(number: int) -> str:
    """'' for 1, '2nd ', '3rd ', '11th '; before a superlative."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return "" if number == 1 else f"{number}{ending} "


def ordered(board: Board) -> list[Metric]:
    """The metrics with the primary one first."""
    return sorted(board.task.metrics, key=lambda metric: not metric.primary)


def primary_digits(board: Board) -> int:
    """How many decimals the primary metric has everywhere on a board."""
    return digits(row.means.get(board.task.primary.name) for row in board.rows)


class _Builder:
    """Collects the columns of a table in their order."""

    def __init__(self) -> None:
        self.values: dict[str, Sequence[object]] = {}
        self.columns: dict[str, Column] = {}

    def number(self, name: str, cells: Sequence[object], text: str, form: str, width: int = 92) -> None:
        self.values[name], self.columns[name] = cells, Column(text, width, form)

    def text(self, name: str, cells: Sequence[str], text: str, widest: int = 220) -> None:
        """A column of texts, as wide as the longest of them, up to `widest` pixels."""
        longest = max((len(cell) for cell in [name, *cells]), default=0)
        self.values[name], self.columns[name] = cells, Column(text, min(widest, 22 + 7 * longest))


def leaderboard(board: Board) -> tuple[pd.DataFrame, dict[str, Column]]:
    """The main table with one line for each row of the board, and how each column is shown."""
    table, rows, primary = _Builder(), board.rows, board.task.primary
    table.number("rank", [row.rank for row in rows], f"Best mean first; {statistics.HOW_RANKED}. {UNRANKED}", "%d", 52)
    table.text("method", [row.label for row in rows], "In brackets: changed hyperparameters")
    if marks := information.extra(board):
        table.text("sees more", [information.text(marks.get(row.label, ())) for row in rows], information.legend(board))
    _add_metric(table, board, primary)
    text = f"Which ranks are possible: {statistics.HOW_BOUNDED}. {UNRANKED}"
    table.text("rank 95 %", [row.standing.interval for row in rows], text)
    table.text("n", [_count(row, primary) for row in rows], "Instances x seeds")
    if board.baseline:
        _add_gain(table, board)
    table.number("s / instance", [row.time for row in rows], "Mean seconds of the method's own time", "%.3g", 86)
    if any(run.fit_seconds for row in rows for run in row.runs):
        text = "Seconds to learn, once for all instances and not part of s / instance; mean over seeds. Empty: learns nothing"
        table.number("s to learn", [row.fit_time for row in rows], text, "%.3g", 86)
    if any(row.trials for row in rows):
        table.number("trials", [row.trials or None for row in rows], TRIALS, "%d", 60)
    memory = "Largest peak of memory: of the GPU where one was used, else of the process"
    table.number("peak MB", [row.peak_memory for row in rows], memory, "%.0f", 74)
    trust = "self_reported < scored (predictions scored here) < reproduced (code run here)"
    table.text("trust", [row.trust for row in rows], trust)
    table.text("status", [row.status for row in rows], "Complete, or what is missing and why")
    for metric in ordered(board):
        if not metric.primary:
            _add_metric(table, board, metric)
    if any(len(row.seeds) > 1 for row in rows):
        text = f"Standard deviation over seeds of the mean {primary.name}"
        spreads = [seed_spread(row, primary) for row in rows]
        table.number("seed sd", spreads, text, f"%.{primary_digits(board) + 1}f", 74)
    table.text("kind", [row.kind for row in rows], "The family of the method")
    table.text("device", [row.devices for row in rows], "What the time was measured on", 320)
    return pd.DataFrame(table.values), table.columns


def bounds(board: Board) -> pd.DataFrame:
    """The unrounded ends of all intervals of `leaderboard`: those of ranks, metrics and differences."""
    rows = board.rows
    ends: dict[str, Sequence[float | None]] = {
        "rank lower": [row.standing.low for row in rows],
        "rank upper": [row.standing.high for row in rows],
    }
    for metric in ordered(board):
        found = [row.means.get(metric.name) for row in rows]
        ends[f"{metric.name} lower"] = [None if e is None else e.low for e in found]
        ends[f"{metric.name} upper"] = [None if e is None else e.high for e in found]
    if board.baseline:
        name = f"Δ {board.task.primary.name}"
        ends[f"{name} lower"] = [None if row.gain is None else row.gain.low for row in rows]
        ends[f"{name} upper"] = [None if row.gain is None else row.gain.high for row in rows]
    return pd.DataFrame({title: [nan if end is None else end for end in values] for title, values in ends.items()})


def _add_metric(table: _Builder, board: Board, metric: Metric) -> None:
    found = [row.means.get(metric.name) for row in board.rows]
    places, text = digits(found), f"{metric.description}; {metric.better} is better"
    wide = max(92, 22 + 7 * len(heading(metric)))
    table.number(heading(metric), [e.mean if e else None for e in found], text, f"%.{places}f", wide)
    spread = "95 % bootstrap-t interval of the mean over instances (seeds of one instance are averaged first)"
    table.text(f"{metric.name} 95 %", [interval(e, places) for e in found], spread)


def _add_gain(table: _Builder, board: Board) -> None:
    gains = [row.gain for row in board.rows]
    places = digits(gains)
    text = f"Mean over instances of the difference to the baseline {board.task.baseline} on the same instance"
    table.number(gain_heading(board), [g.mean if g else None for g in gains], text, f"%+.{places}f")
    cells = [
        "baseline" if row is board.baseline else interval(row.gain, places, signed=True) or "no shared seed"
        for row in board.rows
    ]
    table.text(f"Δ {board.task.primary.name} 95 %", cells, "95 % bootstrap-t interval of the paired difference over instances")
    tested = tests(board)
    if tested.count and tested.smallest <= SIGNIFICANT:
        text = f"{statistics.HOW_TESTED}: {tested}. Only complete rows are tested"
        table.number("Δ p", [row.standing.p for row in board.rows], text, "%.2g", 74)


@dataclass(frozen=True)
class Tests:
    """count: rows that are compared with the baseline; instances: the fewest of one; smallest: the least value that p can have,
    for it is a share of sign patterns, times the comparisons.
    """

    count: int
    instances: int
    smallest: float

    def __str__(self) -> str:
        few = count(self.instances, "instance")
        return f"{count(self.count, 'comparison')} over {few}, the smallest possible p is {self.smallest:.2g}"


def tests(board: Board) -> Tests:
    """The tests of the differences to the baseline on a board."""
    tested = [row.standing for row in board.rows if row.standing.p is not None]
    fewest = min((one.gain.n for one in tested if one.gain), default=0)
    return Tests(len(tested), fewest, min(1.0, len(tested) * max(2.0**-fewest * 2, 1e-4)))


def _count(row: Row, primary: Metric) -> str:
    solved = len({instance for _, instance in row.scores[primary.name]})
    some = "" if row.complete else f" of {row.expected // len(row.runs)}"
    return f"{solved}{some} x {len(row.seeds)}"


def seed_spread(row: Row, metric: Metric) -> float | None:
    """Standard deviation over seeds of the mean over instances; None with one seed."""
    by_seed: dict[int, list[float]] = defaultdict(list)
    for (seed, _), value in row.scores[metric.name].items():
        by_seed[seed].append(value)
    means = [np.mean(values) for values in by_seed.values()]
    return float(np.std(means, ddof=1)) if len(means) > 1 else None


def instance_scores(board: Board, key: Key) -> pd.DataFrame:
    """One line for each row with every metric on one (seed, instance), the difference to the baseline, seconds and status."""
    primary = board.task.primary
    lines = []
    for row in board.rows:
        line: dict[str, object] = {"method": row.label}
        for metric in ordered(board):
            line[heading(metric)] = row.scores.get(metric.name, {}).get(key)
            if metric.primary and board.baseline:
                line[gain_heading(board)] = gain_at(board, row, key)
        line["seconds"] = row.seconds.get(key)
        done = "done" if key in row.scores[primary.name] else ""
        line["status"] = next((f"{f.status}: {f.reason}" for f in row.failures if (f.seed, f.instance) == key), done)
        lines.append(line)
    return pd.DataFrame(lines)


def gain_at(board: Board, row: Row, key: Key) -> float | None:
    """Difference of a row to the baseline on one (seed, instance). The baseline itself has None, as has a missing score."""
    if board.baseline is None or row is board.baseline:
        return None
    mine = row.scores[board.task.primary.name].get(key)
    base = board.baseline.scores[board.task.primary.name].get(key)
    return None if mine is None or base is None else mine - base


def caption(board: Board, row: Row, key: Key) -> str:
    """The score of a row on one (seed, instance), as 'psnr 28.1 dB (+3.2 dB to baseline)'."""
    primary, places = board.task.primary, primary_digits(board)
    value = row.scores[primary.name].get(key)
    if value is None:
        return "no score"
    text = f"{primary.name} {with_unit(f'{value:.{places}f}', primary)}"
    gain = gain_at(board, row, key)
    if gain is not None:
        text += f" ({with_unit(f'{gain:+.{places}f}', primary)} to baseline)"
    return text + (" — the baseline" if row is board.baseline else "")


def representatives(board: Board) -> dict[str, Row]:
    """Method -> its row with the recommended hyperparameters, or its first other row where it has none with them."""
    chosen: dict[str, Row] = {}
    for row in sorted(board.rows, key=lambda r: (r.label != r.method, r.label)):
        chosen.setdefault(row.method, row)
    return chosen


def gains(boards: Iterable[Board]) -> pd.DataFrame:
    """The difference to the baseline of each method on each board.

    Columns: board, method, gain, share, text, verdict, detail. A method stands there with its recommended hyperparameters. One
    without such a row has the first of its others, marked *. `share` is the gain divided by the largest gain of the same
    board, so that units never mix. It is positive for better.
    """
    lines = []
    for board in boards:
        primary = board.task.primary
        chosen = representatives(board)
        largest = max((abs(r.gain.mean) for r in chosen.values() if r.gain), default=0.0) or 1.0
        for method, row in chosen.items():
            name = f"{board.task.name} / {board.preset}" + (f" ({primary.unit})" if primary.unit else "")
            base = row is board.baseline
            if row.gain is None and not base:
                continue
            verdict = improves(row.gain, primary) if row.gain else "baseline"
            verdict = verdict if row.complete else "unclear"
            places = digits([row.gain])
            mean = row.gain.mean if row.gain else 0.0
            lines.append(
                {
                    "board": name,
                    "method": method,
                    "gain": mean,
                    "share": sign(primary) * mean / largest,
                    "text": "base" if base else f"{mean:+.{places}f}" + ("" if row.label == method else "*"),
                    "verdict": verdict,
                    "detail": (gain_text(row.gain, primary) if row.gain else "the baseline") + f"; {row.status}",
                }
            )
    return pd.DataFrame(lines)


def hidden(board: Board) -> pd.DataFrame:
    """The runs without a row on the board. Columns: reason, method, seed, started, detail."""
    lines = [[h.reason, h.method, h.seed, h.started, h.detail] for h in board.hidden]
    return pd.DataFrame(lines, columns=["reason", "method", "seed", "started", "detail"])


def failures(board: Board) -> pd.DataFrame:
    """The instances of shown runs that failed or that their budget ended. Columns: method, seed, instance, status, reason."""
    lines = [[f.label, f.seed, f.instance, f.status, f.reason] for row in board.rows for f in row.failures]
    return pd.DataFrame(lines, columns=["method", "seed", "instance", "status", "reason"])


def learning(board: Board) -> str:
    """A sentence that says who learnt and for how long, because no other number has that time. Empty where nobody learnt."""
    fits = [f"{row.label} {row.fit_time:.3g} s" for row in board.rows if row.fit_time]
    return f"Time to learn is not included: {', '.join(fits)}, each once for all instances." if fits else ""


def contention(board: Board) -> str:
    """How many seconds are left out of comparisons of time, and why, as a sentence. Empty where none are."""
    every = sum(len(row.contended) for row in board.rows)
    if not every:
        return ""
    return (
        f"Left out: the seconds of {count(every, 'instance')}, because other programs used the processors (contended: the "
        "method's threads waited for a processor for more than 30 % of the time in which they could have run)."
    )


def parameters_text(row: Row) -> str:
    """The hyperparameters of a row, as 'lr = 0.01, steps = 500'."""
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in sorted(row.parameters.items())) or "none"
