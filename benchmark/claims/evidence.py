"""What the stored runs say of a claim's quantities, and what keeps them from saying it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.claims.paper import Quantity, Runs
from benchmark.claims.rules import OF_CURVES, Curves, Values
from benchmark.errors import UserError, unknown
from benchmark.statistics import Key
from benchmark.store.models import Curve, Run, Task
from benchmark.store.queries import Entry, entries


@dataclass(frozen=True)
class Gap:
    """Runs that cannot speak for a claim, and why."""

    runs: Runs
    why: str


class Evidence:
    """What a database holds, read once for each preset and each row's curves."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._boards: dict[tuple[str, str], list[Entry]] = {}
        self._curves: dict[tuple[int, str], dict[Key, np.ndarray]] = {}
        places = select(Task.name, Run.preset).join(Run, Run.task_id == Task.id).distinct()
        self._places = {(task, preset) for task, preset in session.execute(places)}

    def gaps(self, quantity: Quantity) -> list[Gap]:
        """The reasons why runs of a quantity do not count. They are the marks of rows that a board does not rank."""
        runs = quantity.runs
        row = self.row(runs)
        if row is None:
            return [Gap(runs, "not run")]
        found = []
        if self.metric(quantity) not in row.scores:
            return [Gap(runs, f"its runs did not store {self.metric(quantity)}")]
        have = {seed for seed, _ in row.scores[self.metric(quantity)]}
        if lacking := [seed for seed in range(runs.seeds) if seed not in have]:
            found.append(f"no seed {', '.join(map(str, lacking))}")
        wanted = self.keys(quantity)
        failed = wanted - row.scores[self.metric(quantity)].keys()
        failed = {key for key in failed if key[0] not in lacking}
        marks = {
            f"{len(failed)} instances without a score": failed,
            "older code": row.older,
            "older data": row.old_data,
            "truncated by the time budget": wanted & row.truncated,
            "contended: others had the processors": quantity.of_time and len(wanted & row.contended) > len(wanted) / 2,
            "no curve": quantity.of_curves and not lacking and not self.curves(quantity),
        }
        return [Gap(runs, why) for why in [*found, *(why for why, there in marks.items() if there)]]

    def row(self, runs: Runs) -> Entry | None:
        """The board's row of these runs. Raises UserError for a task, preset, method or hyperparameter that is none."""
        parameters = resolved(runs)
        place = runs.task, runs.preset
        if place not in self._places:  # rows of what has no run would still need the checksums of its data
            return None
        if place not in self._boards:
            spec = registry.get_task(runs.task).spec
            self._boards[place] = list(entries(self._session, runs.task, spec.version, runs.preset))
        rows = [row for row in self._boards[place] if row.method == runs.method and row.parameters == parameters]
        return rows[0] if rows else None

    def read(self, quantity: Quantity) -> Values | Curves:
        """The quantity by (seed, instance), of what there is. Raises ValueError where there is nothing."""
        row = self.row(quantity.runs)
        if row is None:
            raise ValueError(f"{quantity.runs.label} is not run")
        if self.metric(quantity) not in row.scores:
            raise ValueError(f"the runs {quantity.runs.label} did not store {self.metric(quantity)}")
        wanted = self.keys(quantity)
        found: Mapping[Key, Any]
        if quantity.what == "score":
            found = _within(row.scores[self.metric(quantity)], wanted)
        elif quantity.what == "seconds":
            found = _within(row.seconds, wanted - row.contended)
        elif quantity.what == "curve":
            found = self.curves(quantity)
        else:
            options = dict(quantity.options)
            if quantity.runs.training and quantity.what in ("before", "peak", "end"):
                options["after"] = begin(quantity.runs)
            if (other := options.pop("as_long_as", None)) is not None:
                options["until"] = begin(quantity.runs) + training_steps(other)
            if quantity.what == "reached" and quantity.of_time:
                found = _within(self.curves(quantity), wanted - row.contended)
            else:
                found = self.curves(quantity)
            found = OF_CURVES[quantity.what](found, **options)
        if not found:
            raise ValueError(f"{quantity.runs.label} has no {quantity.what}")
        return found

    def curves(self, quantity: Quantity) -> dict[Key, np.ndarray]:
        """Points (p, 3) of step, seconds and value of the quantity's series by (seed, instance)."""
        row = self.row(quantity.runs)
        if row is None:
            return {}
        place = id(row), quantity.series
        if place not in self._curves:
            seeds = {run.id: run.seed for run in row.runs}
            columns = (Curve.run_id, Curve.instance, Curve.step, Curve.seconds, Curve.value)
            rows = select(*columns).where(Curve.run_id.in_(seeds), Curve.series == quantity.series).order_by(Curve.step)
            points: dict[Key, list[Any]] = defaultdict(list)
            for run, instance, *point in self._session.execute(rows):
                points[seeds[run], instance].append(point)
            self._curves[place] = {key: np.array(those, float) for key, those in points.items()}
        return _within(self._curves[place], self.keys(quantity))

    @staticmethod
    def keys(quantity: Quantity) -> set[Key]:
        """The (seed, instance) pairs that the quantity is about. Raises UserError for a cell that the preset does not have."""
        size = registry.get_task(quantity.runs.task).spec.presets[quantity.runs.preset]
        cells = size.cells()
        for name, values in quantity.cells.items():
            known = getattr(size, name, ()) if name in size.grid else ()
            if not set(values) <= set(known):
                raise UserError(f"{quantity.runs.task}/{quantity.runs.preset} has no cell with {name} = {values}")
        places = {name: size.grid.index(name) for name in quantity.cells}
        numbers = [
            number
            for number in range(size.instances)
            if all(cells[number % len(cells)][place] in quantity.cells[name] for name, place in places.items())
        ]
        return {(seed, number) for seed in range(quantity.runs.seeds) for number in numbers}

    @staticmethod
    def metric(quantity: Quantity) -> str:
        """The name of the quantity's metric or trait, on its preset. Raises UserError for one that it has not."""
        spec = registry.get_task(quantity.runs.task).spec.at(quantity.runs.preset)
        known = [one.name for one in spec.metrics] + [one.name for one in spec.traits]
        if quantity.metric and quantity.metric not in known:
            raise unknown(f"metric of {quantity.runs.task}/{quantity.runs.preset}", quantity.metric, known)
        return quantity.metric or spec.primary.name


def check(quantity: Quantity) -> None:
    """Raises UserError where a quantity names a task, preset, method, hyperparameter, metric or cell that is none."""
    resolved(quantity.runs)
    begin(quantity.runs)
    if (other := quantity.options.get("as_long_as")) is not None:
        training_steps(other)
    Evidence.metric(quantity)
    Evidence.keys(quantity)


def resolved(runs: Runs) -> dict[str, Any]:
    """Every hyperparameter of the runs. Raises UserError for a task, preset, method or hyperparameter that is none."""
    spec = registry.get_task(runs.task).spec
    if runs.preset not in spec.presets:
        raise UserError(f"{runs.task} has no preset {runs.preset}")
    method = registry.get_method(runs.method).spec
    try:
        return method.resolve(runs.task, runs.preset, runs.parameters)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{runs.label}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from None


def begin(runs: Runs) -> float:
    """The step at which the curves' training begins."""
    given = resolved(runs)
    return float(np.prod([given[name] for name in runs.training])) if runs.training else 0.0


def training_steps(runs: Runs) -> float:
    """How many steps their training takes. Raises UserError where their method has no number of steps."""
    given = resolved(runs)
    if "steps" not in given:
        raise UserError(f"{runs.method} has no hyperparameter 'steps'")
    return float(given["steps"])


def _within(found: Mapping[Key, Any], wanted: set[Key]) -> dict[Key, Any]:
    return {key: value for key, value in found.items() if key in wanted}
