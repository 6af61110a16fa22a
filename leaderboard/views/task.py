"""One board: the ranks, the curves, the costs, what is hidden and why, and how to make each row again."""

import ast

import streamlit as st

from benchmark import environment, registry, statistics
from benchmark.report import cells, data_sources, formats, information, pairs, studies, tables
from benchmark.report.board import Board
from benchmark.report.verdict import by_processor, verdict
from leaderboard.addresses import address, of_board
from leaderboard.charts import board_table, cell_charts, cost, curve_chart, hyperparameter_chart, spread
from leaderboard.ui import cached, choices, downloads, drawing, widgets
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import drawings

BADGES = {"self_reported": "○ self_reported", "scored": "◐ scored", "reproduced": "● reproduced"}  # told apart by shape
BANDS = ["band of instances", "band of seeds"]
AXES = ["step", "seconds"]
ALL = "all"


def describe(board: Board) -> None:
    """The description of the task: title, preset, source, metrics; the task's own header on demand."""
    task, preset = board.task, board.task.presets.get(board.preset, {})
    st.header(plain(f"{task.title} / {board.preset}"))
    licences = data_sources.licences(preset.get("data", []))
    sources = data_sources.known()
    links = ", ".join(
        f"[{plain(name)}]({address('data', source=name)})" if name in sources else plain(name) for name in licences
    )
    facts = [
        f"Task {plain(task.name)} version {task.version}",
        plain(preset.get("about", "")),
        f"{tables.count(board.instances, 'instance')} a seed",
        f"data: {links}" if links else "",
        f"baseline {plain(task.baseline)}",
        f"source {widgets.paper(task.source)}",
    ]
    st.write(" · ".join(fact for fact in facts if fact))
    live = registry.tasks().get(task.name)
    if live and live.spec.version != task.version:
        st.warning(f"The task is now at version {live.spec.version}; these results are of version {task.version}.")
    with st.expander("Definition: data and metrics"):
        for metric in tables.ordered(board):
            role = " (primary metric: it ranks the methods)" if metric.primary else ""
            st.markdown(f"- **{plain(tables.heading(metric))}** {plain(metric.description)}; {metric.better} is better{role}")
        for name, licence in licences.items():
            st.markdown(f"- data {plain(name)}: {licence or 'its licence is not known here'}")
        if live and live.spec.version == task.version:
            text = ast.get_docstring(ast.parse(live.file.read_text(encoding="utf-8"))) or ""
            st.code(text, language=None)
        if board.labels:
            drawings.example(board, min(board.labels))


def counting(board: Board) -> Board:
    """The board as it ranks, or with truncated instances counted: a choice that lives in the URL."""
    cut = sum(len(row.truncated) for row in board.rows)
    if not cut:
        return board
    if "count_truncated" not in st.session_state:
        st.session_state["count_truncated"] = st.query_params.get("truncated") == "count"
    text = "Their time budget ended them; without this, their rows have no rank. The command that made them tries them again"
    counted = st.toggle(f"Rank by {tables.count(cut, 'truncated instance')} too", key="count_truncated", help=text)
    if counted:
        st.query_params["truncated"] = "count"
    else:
        st.query_params.pop("truncated", None)
    return cached.with_truncated(board) if counted else board


def informed(board: Board) -> Board:
    """The board, or the rows of it that see the same, ranked among themselves: a choice that lives in the URL."""
    groups = information.groups(board)
    if not groups:
        return board
    names = {ALL: f"all methods: {tables.count(len(board.rows), 'row')}", **groups}
    with st.columns([2, 5])[0]:
        chosen = choices.choose("Methods that see the same information", "sees", list(names), names.__getitem__)
    if chosen == ALL:
        return board
    st.caption(
        f"Ranked among themselves: methods that see {information.meaning(chosen)}. Differences stay those to the baseline."
    )
    return information.same(board, chosen)


def ranks(board: Board) -> None:
    """The main table with its explanation and download."""
    if board.unequal:
        count = len(board.unequal)
        st.error(
            f"The observations are not identical for all methods on {tables.count(count, '(seed, instance) pair')}: do not "
            "compare scores there. The page of an instance names the methods that saw other observations."
        )
    if differ := by_processor(board):
        st.caption(differ)
    if not board.rankable:
        st.info(f"This preset has {board.instances} instances: too few for intervals, so there are no ranks.")
    if board.baseline is None:
        st.info(f"No differences: the baseline {plain(board.task.baseline)} has no results on this preset.")
    incomplete = sum(not row.complete for row in board.rows)
    if incomplete:
        st.warning(
            f"Incomplete: {incomplete} of {tables.count(len(board.rows), 'row')}, at the end, without a rank (see n, status)."
        )
    frame, columns = tables.leaderboard(board)
    said = downloads.about(f"page: {of_board(board)}")
    st.html(board_table.STYLE + board_table.html(board))
    ties = "A blue bar joins methods that share a rank. Dot: rank; pale bar: the ranks that the data allow (95 %). "
    ties = ties if any(row.rank for row in board.rows) else ""
    st.caption(f"{ties}In brackets: 95 % intervals. {plain(information.legend(board))}")
    with st.expander("Every column, to sort and search"):
        widgets.numbers(frame.assign(trust=[BADGES.get(row.trust, row.trust) for row in board.rows]), columns)
        st.caption("Trust: ○ self_reported < ◐ scored (predictions scored here) < ● reproduced (code run here).")
    with st.expander("How ranks and intervals are made"):
        few = f" Fewer than {statistics.SEPARABLE} instances cannot separate any two methods." if too_few(board) else ""
        tested = tables.tests(board)
        hidden_p = f" It is not shown here: with {tested}." if tested.count and tested.smallest > tables.SIGNIFICANT else ""
        st.markdown(
            f"- **Rank**: {statistics.HOW_RANKED}.{few}\n"
            f"- **Rank 95 %**: {statistics.HOW_BOUNDED}.\n"
            f"- **Δ p**: {statistics.HOW_TESTED}.{hidden_p}\n"
            "- **Other intervals**: bootstrap-t over instances, seeds averaged first.\n"
            "- **Times** are of the method alone. Compare them only on one device."
        )
    downloads.buttons(lambda: formats.board_view(board, said), downloads.stem(board))


def too_few(board: Board) -> bool:
    """Whether there are ranks, but too few instances to separate any of them."""
    return board.rankable and board.instances < statistics.SEPARABLE


def hidden(board: Board) -> None:
    """How many runs have no row, and why; and the instances that failed in those that have."""
    frame, failed = tables.hidden(board), tables.failures(board)
    counts = [f"{reason}: {count}" for reason, count in frame["reason"].value_counts().items()]
    label = f"Hidden runs: {len(frame)} ({plain(', '.join(counts))})" if counts else "No run is hidden"
    if len(failed):
        label += f"; failed or truncated instances in the runs shown: {len(failed)}"
    if frame.empty and failed.empty:
        st.caption(f"{label}: every run of this task and preset is in the table.")
        return
    with st.expander(label):
        for what, table in {"hidden runs": frame, "failed or truncated instances": failed}.items():
            if len(table):
                st.dataframe(table, hide_index=True)
                downloads.of_board(board, {what: widgets.view(what, table, {})})


def progress(board: Board) -> None:
    """Primary metric against step and against seconds."""
    st.subheader(f"Progress of {plain(board.task.primary.name)} while a method runs")
    lines = cached.lines(board)
    lines = lines[lines["label"].isin([row.label for row in board.rows])]
    if lines.empty:
        st.write("This task has no curves: no method on it recorded intermediate estimates.")
        return
    several_seeds = bool(lines["seed_low"].notna().any())
    with st.container(horizontal=True, vertical_alignment="center"):
        axis = st.segmented_control("Against", AXES, default=AXES[0], key="axis", required=True)
        log = st.toggle("Logarithmic", value=axis == "seconds", key=f"log_{axis}")
        band = st.segmented_control("Band", BANDS, default=BANDS[0], key="band", required=True) if several_seeds else BANDS[0]
    drawing.show(curve_chart.curve(lines, board, axis, log, seeds=band == BANDS[1]), f"{downloads.stem(board)}_{axis}")
    several = (
        "Thick line: the estimate that a method would return if it stopped there. Thin line: another iterate, or another "
        "quantity that the task computes. "
    )
    others = several if set(lines["series"]) - {"estimate"} else ""
    silent = [row.label for row in board.comparable if row.label not in set(lines["label"])]
    without = f" No curve: {plain(', '.join(silent))} (no intermediate estimates)." if silent else ""
    partial = [row.label for row in board.rows if row not in board.comparable]
    without += f" Not drawn, because incomplete: {plain(', '.join(partial))}." if partial else ""
    st.caption(
        f"{others}A line is the mean over instances, seeds averaged first. Band of instances: their middle half (spread, not "
        "an interval of the mean). Band of seeds: from the lowest to the highest mean of one seed. Seconds: mean at the same "
        f"step. A run that has ended keeps its last value.{without} Click a name to highlight it. {tables.contention(board)}"
    )


def distribution(board: Board) -> None:
    """Scores of every instance."""
    if not board.rows:
        return
    st.subheader("Distribution over instances")
    drawing.show(spread.spread(board), f"{downloads.stem(board)}_distribution")
    st.caption(spread.HOW)


def costs(board: Board) -> None:
    """Quality against time."""
    st.subheader("Quality against time")
    if not any(row.fair_time for row in board.rows):
        st.write(f"This board has no times that compare. {tables.contention(board)}")
        return
    drawing.show(cost.quality_against_time(board), f"{downloads.stem(board)}_quality_and_time")
    devices = sorted({row.devices for row in board.rows})
    mixed = " **Measured on different devices: times do not compare.**" if len(devices) > 1 else ""
    st.caption(
        "Dashed line: the Pareto front, the complete rows that no other row equals or beats in both mean score and mean time. "
        "Rows on it are filled, and named where there is room; point at the others for their names. (k of n): an incomplete "
        "row, whose mean is over fewer instances. "
        f"Bars: 95 % interval of the mean. Measured on {plain('; '.join(devices))}.{mixed} {plain(tables.learning(board))} "
        + tables.contention(board)
    )


def succeeding(board: Board) -> None:
    """Where methods succeed: a metric over the cells of the preset."""
    axes = cells.axes(board)
    if not axes or not board.rows:
        return
    st.subheader(f"Scores by {plain(' and '.join(axes))}")
    metrics = {metric.name: metric for metric in tables.ordered(board)}
    names = list(metrics)
    first = names.index("success") if "success" in names and len(axes) == 2 else 0
    metric = metrics[st.selectbox("Metric", names, first, key="cells")]
    drawing.show(cell_charts.chart(cells.values(board, metric), board, metric, axes), f"{downloads.stem(board)}_cells")
    st.caption(plain(cell_charts.caption(board, metric, axes)))


def study(board: Board) -> None:
    """A metric against a hyperparameter, where rows differ in it alone."""
    found = studies.families(board)
    if not found:
        return
    st.subheader("Scores by hyperparameter")
    left, right = st.columns(2)
    name = left.selectbox("Hyperparameter", list(found), key="hyperparameter")
    metrics = {metric.name: metric for metric in tables.ordered(board)}
    scored = [one for one, metric in metrics.items() if len(studies.values(found[name], name, metric))]
    metric = metrics[right.selectbox("Metric", scored, key="study")]
    frame = studies.values(found[name], name, metric)
    drawing.show(hyperparameter_chart.chart(frame, board, metric, name), f"{downloads.stem(board)}_study_{name}")
    st.caption(plain(hyperparameter_chart.caption(frame, found[name], board, metric, name)))


def duel(board: Board) -> None:
    """Any two rows against each other."""
    rows = {row.label: row for row in board.rows}
    if len(rows) < 2:
        return
    st.subheader("Compare two methods")
    left, right = st.columns(2)
    first = left.selectbox("Method", list(rows), key="first")
    others = [label for label in rows if label != first]
    second = right.selectbox("against", others, index=0, key="second")
    st.write(plain(pairs.comparison_text(board, rows[first], rows[second])))
    place = {"task": board.task.name, "preset": board.preset}
    widgets.go("compare", "Compare them instance by instance →", **place, first=first, second=second)
    st.caption(
        "Paired by instance, seeds averaged first. p is two-sided and for this one comparison: of many comparisons some have "
        "p < 0.05 by chance. The ranks above are corrected for that."
    )


def arrivals(board: Board) -> None:
    """How soon each method is as good as another one's final answer."""
    st.subheader("Time to quality")
    labels = [row.label for row in board.comparable]
    base = board.baseline.label if board.baseline and board.baseline.label in labels else labels[-1]
    reference = st.selectbox("As good as the final estimate of", labels, index=labels.index(base), key="reference")
    times = cached.times(board, reference)
    times = times[times["method"].isin(labels)]
    widgets.numbers(times, pairs.TIMES)
    downloads.of_board(board, {"times": widgets.view(f"time until as good as {reference}", times, pairs.TIMES)})
    if board.task.primary.levels:
        levels, columns = cached.levels(board), pairs.level_columns(board.task.primary)
        widgets.numbers(levels, columns)
        downloads.of_board(board, {"levels": widgets.view("time until a level", levels, columns)})
        st.caption(
            f"Steps and seconds until {plain(board.task.primary.name)} first reaches a level, interpolated linearly between "
            "recorded points. Medians over instances; empty if half of them never reach it."
        )
    st.caption(
        f"First recorded time at which the {plain(board.task.primary.name)} of a method's estimate is at least as good as that "
        f"of the final estimate of {plain(reference)} on the same instance. A method without a curve has one point, its final "
        f"estimate. {plain(tables.learning(board))} {tables.contention(board)}"
    )


def reproduce(board: Board) -> None:
    """Command, hyperparameters, seed and environment of each row."""
    with st.expander("How to reproduce each row"):
        for row in board.rows:
            st.markdown(f"**{plain(row.label)}**, hyperparameters: {plain(tables.parameters_text(row))}")
            for run in row.runs:
                st.code(run.command, language="bash")
                env = run.environment
                packages = ", ".join(f"{name} {version}" for name, version in env["packages"].items())
                st.caption(
                    f"{widgets.run_links([run.id])} · "
                    + plain(
                        f"seed {run.seed} · code {environment.commit_text(env['commit'], env['dirty'], 10)} · "
                        f"Python {env['python']} · {env['platform']} · {env['cpu']}, "
                        f"{tables.count(env['threads'], 'thread')} on {tables.count(env['cores'], 'core')}, "
                        f"{env['memory_gb']:.0f} GB · device {env['device']} · {packages}"
                    )
                )


shown = choices.choose_board(*st.columns([2, 2, 3])[:2])
describe(shown)
shown = informed(counting(shown))
if said := verdict(shown):
    st.markdown(f"**{plain(said)}**")
ranks(shown)
hidden(shown)
place = {"task": shown.task.name, "preset": shown.preset}
widgets.go("instance", "See the instances of this board one by one →", **place)
succeeding(shown)
study(shown)
progress(shown)
costs(shown)
distribution(shown)
arrivals(shown)
duel(shown)
reproduce(shown)
