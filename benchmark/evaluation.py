"""A method evaluated in this process, with nothing stored: the same seeds, clock, checks and scores as of a run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import torch

from benchmark import solving
from benchmark.decorators import Method, Task
from benchmark.errors import UserError, unknown
from benchmark.repeatable import repeatable
from benchmark.report.board import Means, Row
from benchmark.report.boards import ordered
from benchmark.report.frames import comparison_frame, rows_frame
from benchmark.report.order import baseline
from benchmark.spec import TaskSpec
from benchmark.statistics import Key
from benchmark.threads import few_threads

_SHOWN = ("label", "rank", "estimate", "lower", "upper", "rank_low", "rank_high", "gain", "p", "seconds")  # in a notebook


@dataclass(frozen=True)
class Evaluation:
    """What a method scored on a preset of a task, beside the rows of its board.

    scores   one line for each instance: seed, instance, label, every metric, seconds, steps, truncated
    others   rows of the board that it is compared with
    """

    spec: TaskSpec
    preset: str
    name: str
    scores: pd.DataFrame
    others: Sequence[Row] = field(default=(), repr=False)

    @cached_property
    def row(self) -> Row:
        """Its row, as of a board."""
        return _row(self.name, self.scores, self.spec)

    @cached_property
    def rows(self) -> list[Row]:
        """Its row and those of the board, best first, complete ones first."""
        every = [self.row, *self.others]
        return ordered(every, self.spec.primary, baseline(self.others, self.spec.baseline))

    @property
    def ranking(self) -> pd.DataFrame:
        """The board with its row among the others: columns of `benchmark.report.frames.rows_frame`, the first ones first."""
        every = rows_frame(self.rows, self.spec.metrics)
        first = [*_SHOWN, "parameters"]
        return every[first + [name for name in every.columns if name not in first]]

    def compare(self, label: str) -> pd.DataFrame:
        """Paired with another row of the ranking, metric by metric. Raises UserError for a label that has no row."""
        theirs = next((row for row in self.others if row.label == label), None)
        theirs = theirs or next((row for row in self.others if row.method == label), None)
        if theirs is None:
            raise unknown("row", label, [row.label for row in self.others])
        return comparison_frame(self.row.scores, theirs.scores, self.spec.metrics)

    @property
    def _title(self) -> str:
        primary = self.spec.primary
        unit = f" ({primary.unit})" if primary.unit else ""
        return f"{self.spec.name}/{self.preset}: {primary.name}{unit}, {primary.better} is better"

    def __repr__(self) -> str:
        table: str = self.ranking[list(_SHOWN)].to_string(index=False, na_rep="–", float_format=lambda value: f"{value:.4g}")
        return f"{self._title}\n{table}"

    def _repr_html_(self) -> str:
        table: str = self.ranking[list(_SHOWN)].to_html(index=False, na_rep="–", float_format=lambda value: f"{value:.4g}")
        return f"<p>{self._title}</p>{table}"


def _row(label: str, scores: pd.DataFrame, spec: TaskSpec, method: str = "", kind: str = "evaluated here") -> Row:
    keys: list[Key] = list(zip(scores["seed"].tolist(), scores["instance"].tolist(), strict=True))
    found: dict[str, Mapping[Key, float]] = {
        metric.name: dict(zip(keys, scores[metric.name].tolist(), strict=True)) for metric in spec.metrics
    }
    return Row(
        label=label,
        method=method or label,
        kind=kind,
        parameters={},
        scores=found,
        means=Means(found, spec.metrics),
        seconds=dict(zip(keys, scores["seconds"].tolist(), strict=True)),
        peak_memory=None,
        runs=(),
        done=len(keys),
        expected=len(keys),
        truncated=frozenset(key for key, cut in zip(keys, scores["truncated"].tolist(), strict=True) if cut),
    )


def evaluate(
    task: Task,
    method: Method,
    preset: str,
    repeats: Sequence[int],
    parameters: Mapping[str, Any],
    others: Sequence[Row] = (),
    *,
    base: Method | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] = lambda these, total: these,
) -> Evaluation:
    """Solve every instance of the preset for each repeat, and set the scores beside `others`.

    base: the task's baseline, where `others` has no row of it: it is evaluated too. threads: of the CPU, at most; those of
    PyTorch where None. Raises UserError for a method that does not fit; what the method raises passes through.
    """
    spec = task.spec.at(preset)
    if method.spec.kind != "function" and (why := method.spec.misfit(spec)):
        raise UserError(why)
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else torch.device(device)
    rows = list(others)
    with few_threads(threads), repeatable(place):
        if base is not None and base.spec.name != method.spec.name and not any(row.method == base.spec.name for row in rows):
            given = base.spec.resolve(spec.name, preset, {})
            rows.append(_row(base.spec.name, scores(task, base, preset, repeats, given, place), spec, kind=base.spec.kind))
        table = scores(task, method, preset, repeats, parameters, place, progress)
    taken = {row.label for row in rows}
    label = method.spec.name if method.spec.name not in taken else f"{method.spec.name} (here)"
    return Evaluation(spec, preset, label, table, rows)


def scores(
    task: Task,
    method: Method,
    preset: str,
    repeats: Sequence[int],
    parameters: Mapping[str, Any],
    device: torch.device = solving.CPU,
    progress: Callable[[Iterable[Any], int], Iterable[Any]] = lambda these, total: these,
) -> pd.DataFrame:
    """One line for each instance of each repeat: seed, instance, label, metrics, seconds, steps, truncated."""
    numbers = range(task.spec.presets[preset].instances)
    fits: dict[int, Any] = {}
    lines = []
    every = [(repeat, number) for repeat in repeats for number in numbers]
    for repeat, number in progress(every, len(every)):
        if method.fit is not None and repeat not in fits:
            fits[repeat] = solving.learn(task, method, preset, repeat, parameters, device)
        found = solving.solve(task, method, preset, number, repeat, parameters, fit=fits.get(repeat), device=device)
        cost = {"seconds": found.seconds, "steps": found.steps, "truncated": found.truncated}
        lines.append({"seed": repeat, "instance": number, "label": found.instance.label, **found.scores, **cost})
    return pd.DataFrame(lines)
