"""Every task and preset with results: where each method stands, what cannot be told apart, and who leads by how much."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from benchmark.report import filters, information, leaders, methods_by_boards, tables
from benchmark.report.across import HOW_AVERAGED, Across, by_preset
from benchmark.report.board import Board
from benchmark.report.filters import by_interface
from benchmark.report.formats import View
from leaderboard.addresses import address, anchor
from leaderboard.charts import heat_table, leader_blocks, paper_tables, rank_table, verdict_bars
from leaderboard.charts import task_cards as task_cards_html
from leaderboard.ui import cached, claimed, downloads
from leaderboard.ui.plain import plain

RANKS, GAINS = "rank", "difference to the baseline"
FOLD = 12  # methods; of more the matrix is folded


def sentence(boards: list[Board]) -> str:
    """The number of methods, tasks, boards and runs, in a sentence."""
    methods = {row.method for board in boards for row in board.rows}
    tasks = {board.task.name for board in boards}
    runs = sum(len(row.runs) for board in boards for row in board.rows)
    return (
        f"{tables.count(len(methods), 'method')} on {tables.count(len(tasks), 'task')} ({tables.count(len(boards), 'board')}, "
        f"{tables.count(runs, 'run')}). A board ranks the methods on one preset (size) of one task. All methods of a board "
        "solve the same instances, so differences are paired. Intervals are 95 % bootstrap intervals over instances."
    )


def choose(boards: list[Board]) -> dict[str, list[str]]:
    """The filters, which live in the URL."""
    known, chosen = filters.options(boards), {}
    with st.container(horizontal=True, gap="small"):
        for name, label in {**filters.BOARD_FILTERS, **filters.ROW_FILTERS}.items():
            lost = [text for text in st.query_params.get_all(name) if text and text not in known[name]]
            if lost:
                st.warning(f"the link asks for {label.lower()} '{plain(', '.join(lost))}', which is not there; it is left out")
            box = partial(st.multiselect, label, known[name], key=name, bind="query-params", placeholder="all", width=168)
            chosen[name] = box()
    return chosen


def reset() -> None:
    """Let every filter through."""
    for name in (*filters.BOARD_FILTERS, *filters.ROW_FILTERS):
        st.session_state[name] = []


def counts(shown: filters.Selection) -> None:
    """The rows that filters hide, with a button to show them, and the rows that the rules leave out."""
    if shown.hides:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/filter_alt: {shown.sentence()}", width="content")
            st.button("Show everything", on_click=reset, type="tertiary", key="reset", icon=":material/filter_alt_off:")
    left_out = sum(board.left_out for board in shown.boards)
    if left_out:
        st.caption(
            f"{tables.count(left_out, 'run')} of these boards {'is' if left_out == 1 else 'are'} not counted (unfinished, on "
            "tuning data, or of older code, data or task version). Each task's page lists them under its table."
        )


def task_cards(shown: filters.Selection) -> None:
    """What each task is, and who leads it."""
    st.html(task_cards_html.STYLE + task_cards_html.html(cached.cards(shown.boards), shown.methods))
    marks = {mark for board in shown.boards for several in information.extra(board).values() for mark in several}
    meanings = [f"+{mark}: {meaning}" for mark, meaning in information.MEANINGS.items() if mark in marks]
    st.caption(
        "Leading: the methods of rank 1. A test of all pairs does not separate them from the method with the best mean. The "
        "number is the paired difference of the best mean to the next, with its 95 % interval in brackets. \\*: not at the "
        "recommended hyperparameters."
        + (f" Marked methods see more than the problem. {plain('; '.join(meanings))}." if meanings else "")
    )


def papers() -> None:
    """Each paper with how many of its claims hold."""
    found, _ = claimed.every()
    if found:
        st.subheader("Papers")
        st.html(verdict_bars.STYLE + paper_tables.STYLE + paper_tables.short([(one.paper, one.verdicts) for one in found]))


def heat_map(shown: filters.Selection, about: list[str]) -> None:
    """Methods by boards, grouped by the interface that the tasks pose."""
    st.subheader("Methods on every board")
    mode = st.segmented_control(
        "Cells show",
        [RANKS, GAINS],
        default=RANKS,
        key="show",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    gains = mode == GAINS
    found = methods_by_boards.of_selection(shown, gains)
    parts = {_family(poses, part): methods_by_boards.of_selection(part, gains) for poses, part in by_interface(shown).items()}
    st.html(heat_table.STYLE + heat_table.folded(parts, fold=len(found.methods) > FOLD))
    st.caption(methods_by_boards.HOW_GAINS if gains else methods_by_boards.HOW_RANKS)
    title = "Difference to the baseline" if gains else "Rank on each board"
    stem = "differences" if gains else "ranks"
    downloads.buttons(lambda: methods_by_boards.view(found, gains, about), stem, lambda: heat_table.svg(found, title))


def _family(poses: str, part: filters.Selection) -> str:
    name = filters.FAMILIES.get(poses, poses)
    return f"{name}: {tables.count(len(part.methods), 'method')} on {tables.count(len(part.boards), 'board')}"


def average_ranks(preset: str, boards: list[Board], methods: list[str], about: list[str]) -> None:
    """The methods across the tasks of one preset; where no two are complete on all of them, across the largest shared set."""
    found, sets = cached.averages(boards)
    st.subheader(f"Average rank over tasks, preset {plain(preset)}")
    sets = [one for one in sets if len(one[0]) < len(boards)]
    if len(found.intervals) < 2 and sets:
        tasks, several = sets[0]
        found, _ = cached.averages([board for board in boards if board.task.name in tasks])
        st.write(
            f"No two methods are complete on all {len(boards)} tasks. The methods that are ranked here are the "
            f"{tables.count(several, 'method')} that are complete on {plain(', '.join(tasks))}."
        )
        sets = sets[1:]
    first = next(iter(found.intervals), "")
    if not first:
        st.write(" ".join(map(plain, found.sentences)))
        return
    found = found.only(methods)
    st.html(rank_table.STYLE + rank_table.html(found, information.of_methods(boards)))
    if found.hidden:
        st.caption(f"The filters hide {tables.count(found.hidden, 'method')} of this table; ranks are among all.")
    st.caption(" ".join(map(plain, found.sentences)))
    picture = partial(rank_table.svg, found, _title(found)) if found.intervals else None
    downloads.buttons(partial(ranks_view, found, first, about), f"average_ranks_{preset}", picture)
    if sets:
        links = [f"{sets_link(preset, tasks)} ({tables.count(several, 'method')})" for tasks, several in sets[:6]]
        st.html(f"<p><small>Other sets of tasks that methods share: {'; '.join(links)}.</small></p>")


def sets_link(preset: str, tasks: Sequence[str]) -> str:
    """A link to this page with these tasks alone."""
    return anchor(address("overview", tasks=tasks, presets=[preset]), ", ".join(tasks))


def _title(found: Across) -> str:
    return f"Average rank over {', '.join(found.tasks)}, preset {found.preset}"


def ranks_view(found: Across, first: str, about: list[str]) -> View:
    """The table of average ranks, to be saved."""
    best = [method == first for method in found.frame["method"]]
    return View(_title(found), found.frame, found.columns, best, frozenset({"method", "average rank"}), about)


def leading(shown: filters.Selection, about: list[str]) -> None:
    """Who leads on each board."""
    st.subheader("Who leads")
    frame, columns = leaders.table(shown.boards)
    st.html(heat_table.STYLE + leader_blocks.html(shown.boards, frame))
    st.caption(leaders.HOW)
    downloads.buttons(lambda: downloads.simple("Who leads", frame, columns, about), "leaders")


gains = st.session_state.get("show", st.query_params.get("show")) == GAINS
every = cached.overview(gains)
st.header("Overview")
st.write(sentence(every))
picked = choose(every)
shown = filters.select(every, picked)
counts(shown)
if shown.boards:
    said = downloads.about(filters.described(picked))
    task_cards(shown)
    papers()
    heat_map(shown, said)
    groups = by_preset(shown.boards)
    if groups:
        with st.expander("Average ranks over tasks"):
            for preset, group in groups.items():
                average_ranks(preset, group, shown.methods, said)
            st.caption(f"{HOW_AVERAGED} Dots and bars: average ranks with their 95 % intervals; left is better.")
    with st.expander("Who leads on every board"):
        leading(shown, said)
else:
    st.info("No result is left: the filters exclude each other. Show everything, or take one of them back.")
