"""The table at the end of a command: each method's metrics with interval, cost, and the paired difference to the baseline."""

from math import floor, isnan, log10

from rich.table import Table
from sqlalchemy.orm import Session

from benchmark.spec import TaskSpec
from benchmark.statistics import Estimate, mean, paired_difference
from benchmark.store.queries import Entry, entries


def result_table(session: Session, spec: TaskSpec, preset: str, split: str = "test") -> Table:
    """A row for each method and parameter set with results on this preset, best first."""
    rows = entries(session, spec.name, spec.version, preset, split)
    primary = spec.primary
    sign = -1 if primary.better == "higher" else 1
    rows.sort(key=lambda e: sign * mean(e.scores[primary.name]).mean)
    reference = next((e for e in rows if e.method == spec.baseline), None)
    best = rows[0] if rows else None
    total = spec.presets[preset].instances
    unit = f" ({primary.unit})" if primary.unit else ""

    table = Table(title=f"{spec.title} ({spec.name} v{spec.version}, {preset}, {split} data)", title_justify="left")
    table.add_column("method", min_width=20, overflow="fold")
    for metric in spec.metrics:
        arrow = "↑" if metric.better == "higher" else "↓"
        table.add_column(f"{metric.name}{f' [{metric.unit}]' if metric.unit else ''} {arrow}".replace("[", r"\["))
    table.add_column(f"{primary.name} − {spec.baseline}{unit}")
    table.add_column(f"{primary.name} − best{unit}")
    table.add_column("n", justify="right")
    table.add_column("s/instance", justify="right")
    table.add_column("peak MB", justify="right")
    for entry in rows:
        table.add_row(*_cells(entry, spec, reference, best, total))
    table.caption = (
        "mean \\[95 % bootstrap interval over instances]; differences are paired by instance; "
        "n: instances x seeds; time is the method's own"
    )
    table.caption_justify = "left"
    return table


def _cells(entry: Entry, spec: TaskSpec, reference: Entry | None, best: Entry | None, total: int) -> list[str]:
    primary = spec.primary.name
    cells = [entry.label.replace("[", r"\[")]
    cells += [show(mean(entry.scores[m.name])) if entry.scores.get(m.name) else "–" for m in spec.metrics]
    for other, name in ((reference, "baseline"), (best, "best")):
        gap = paired_difference(entry.scores[primary], other.scores[primary]) if other else None
        cells.append(name if entry is other else show(gap, signed=True) if gap else "–")
    instances, seeds = mean(entry.scores[primary]).n, len({seed for seed, _ in entry.scores[primary]})
    cells.append((f"{instances}" if instances == total else f"{instances} of {total}") + f" x {seeds}")
    cells.append(f"{sum(entry.seconds.values()) / max(1, len(entry.seconds)):.3g}")
    cells.append(f"{entry.peak_memory:.0f}" if entry.peak_memory else "–")
    return cells


def show(estimate: Estimate, *, signed: bool = False) -> str:
    """'26.31 [25.9, 26.8]', with as many digits as the interval's width deserves."""
    sign = "+" if signed else ""
    if isnan(estimate.low):
        return f"{estimate.mean:{sign}.3g}"
    digits = decimals(estimate.high - estimate.low)
    return rf"{estimate.mean:{sign}.{digits}f} \[{estimate.low:{sign}.{digits}f}, {estimate.high:{sign}.{digits}f}]"


def decimals(width: float) -> int:
    """Decimals that show two figures of an interval's width; at most 6."""
    return 3 if width <= 0 else min(6, max(0, 1 - floor(log10(width))))
