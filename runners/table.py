"""The table at the end of a command, with ranks, metrics with intervals, paired differences to the baseline, and cost."""

import shlex
from math import isnan

from rich.markup import escape
from sqlalchemy.orm import Session

from benchmark import statistics
from benchmark.report.decimals import decimals
from benchmark.report.order import baseline
from benchmark.spec import TaskSpec
from benchmark.statistics import Estimate, Standing, mean, standings
from benchmark.store.queries import Entry, entries, trials
from runners.fitting import Fitting


def result_table(
    session: Session, spec: TaskSpec, preset: str, split: str = "test", *, count_truncated: bool = False, db: str = ""
) -> Fitting:
    """A row for each method and parameter set with results on this preset. The complete rows come best first, then the others.

    A narrow terminal lacks columns: first the peak of memory, then trials, the metrics that do not rank from the last on, p, n,
    seconds, the rank's interval, the difference to the baseline, the rank.

    count_truncated ranks truncated rows by the scores that their instances had when the budget ended. db is the database, for
    the command that shows what is left out.
    """
    spec = spec.at(preset)
    total, primary = spec.presets[preset].instances, spec.primary
    rows = [entry for entry in entries(session, spec.name, spec.version, preset, split) if entry.scores.get(primary.name)]
    complete_at = {id(entry): is_complete(entry, primary.name, total, count_truncated) for entry in rows}
    sign = -1 if primary.better == "higher" else 1
    rows.sort(key=lambda e: (not complete_at[id(e)], sign * mean(e.scores[primary.name]).mean))
    base = baseline(rows, spec.baseline)
    position = next((at for at, entry in enumerate(rows) if entry is base), None)
    complete = [complete_at[id(entry)] for entry in rows]
    found = standings([entry.scores[primary.name] for entry in rows], complete, primary.better, position)
    unit = f" ({primary.unit})" if primary.unit else ""

    title = escape(f"{spec.title} ({spec.name} v{spec.version}, {preset}, {split} data)")
    instead = ["python", "-m", "runners.export", "--task", spec.name, "--preset", preset, "--format", "csv"]
    instead += ["--db", db] if db else []
    table = Fitting(title, instead=shlex.join(instead) if split == "test" else "")
    table.column("rank", justify="right", goes=9)
    table.column("95 %", justify="right", goes=7)
    table.column("method", least=20)
    for number, metric in enumerate(spec.metrics):
        arrow = "↑" if metric.better == "higher" else "↓"
        name = escape(f"{metric.name}{f' [{metric.unit}]' if metric.unit else ''} {arrow}")
        table.column(name, whole=True, goes=None if metric is primary else 3 - number / len(spec.metrics))
    table.column(escape(f"{primary.name} − {spec.baseline}{unit}"), whole=True, goes=8)
    table.column("p", justify="right", whole=True, goes=4)
    table.column("n", justify="right", whole=True, goes=5)
    table.column("s/instance", justify="right", goes=6)
    table.column("peak MB", justify="right", goes=1)
    tried = trials(session, spec.name, spec.version, preset)
    if told := any(entry.method in tried for entry in rows):
        table.column("trials", justify="right", goes=2)
    for entry, standing in zip(rows, found, strict=True):
        count = [f"{tried.get(entry.method, '–')}"] if told else []
        table.add_row(*_cells(entry, standing, spec, total, entry is base), *count)
    table.caption = (
        f"Rank: {statistics.HOW_RANKED}; – where incomplete or n < {statistics.MINIMUM}. Its 95 %: {statistics.HOW_BOUNDED}. "
        f"p: {statistics.HOW_TESTED}. "
        "Metrics: mean \\[95 % bootstrap-t interval over instances]; n: instances x seeds; time is the method's own"
    )
    if told:
        table.caption += "; trials: parameter sets run on tuning data, of those stored here"
    if any(run.origin != "here" for entry in rows for run in entry.runs):
        table.caption += "; rows not made here (reference: they came with the suite) have the seconds of another machine"
    if truncated := sum(len(entry.truncated) for entry in rows):
        ranked = "ranked by what they scored then" if count_truncated else "– for their rows (--count-truncated ranks them)"
        table.caption += f"; truncated: a budget ended {truncated} instances early, {ranked}; the same command tries them again"
    if contended := sum(len(entry.contended) for entry in rows):
        ran = f"{contended} {'instance' if contended == 1 else 'instances'}"
        table.caption += f"; contended: other programs had the processors while {ran} ran, whose seconds do not compare"
    if any(entry.unknown for entry in rows):
        table.caption += "; unknown commit: made by an installed package, outside a clone of the repository"
    return table


def is_complete(entry: Entry, metric: str, total: int, count_truncated: bool = False) -> bool:
    """Whether every instance of each of its seeds has a score. Those that a budget cut short are none unless they count."""
    return len(entry.scores[metric]) >= max(total, 1) * len(entry.runs) and (count_truncated or not entry.truncated)


def _cells(entry: Entry, standing: Standing, spec: TaskSpec, total: int, is_baseline: bool) -> list[str]:
    primary = spec.primary.name
    marks = [*entry.marks]
    for keys, word in ((entry.truncated, "truncated"), (entry.contended, "contended")):
        marks += [f"{len(keys)} of {len(entry.scores[primary])} {word}"] if keys else []
    label = f"{entry.label} ({', '.join(marks)})" if marks else entry.label
    cells = [f"{standing.rank or '–'}", standing.interval or "–", escape(label)]
    cells += [show(mean(entry.scores[m.name])) if entry.scores.get(m.name) else "–" for m in spec.metrics]
    cells.append("baseline" if is_baseline else show(standing.gain, signed=True) if standing.gain else "–")
    cells.append("–" if standing.p is None else f"{standing.p:.2g}")
    instances, seeds = mean(entry.scores[primary]).n, len({seed for seed, _ in entry.scores[primary]})
    cells.append((f"{instances}" if instances == total else f"{instances} of {total}") + f" x {seeds}")
    cells.append(f"{sum(entry.seconds.values()) / max(1, len(entry.seconds)):.3g}")
    cells.append(f"{entry.peak_memory:.0f}" if entry.peak_memory else "–")
    return cells


def show(estimate: Estimate, *, signed: bool = False) -> str:
    """An estimate with its interval, '26.31 [25.9, 26.8]', with as many digits as the interval's width deserves."""
    sign = "+" if signed else ""
    if isnan(estimate.low):
        return f"{estimate.mean:{sign}.3g}"
    width = estimate.high - estimate.low
    digits = decimals(width) if width > 0 else 3
    return rf"{estimate.mean:{sign}.{digits}f} \[{estimate.low:{sign}.{digits}f}, {estimate.high:{sign}.{digits}f}]"
