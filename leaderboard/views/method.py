"""One method: its paper, its header, its hyperparameters, every result, and the commands that made them."""

import pandas as pd
import streamlit as st
from sqlalchemy.orm import Session

from benchmark.registry import MethodEntry
from benchmark.report import comparison, filters, information, method_card, runs, tables
from benchmark.report.board import Board, Row
from benchmark.report.method_card import Card
from leaderboard.addresses import address
from leaderboard.charts import formulas, method_chart
from leaderboard.ui import cached, choices, downloads, drawing, opened, widgets
from leaderboard.ui.plain import plain

COMMANDS = 5  # of one row
Found = list[tuple[Board, Row]]


def solved(poses: str) -> str:
    """The kind of problem in words, with the name of its class: 'linear inverse problems (LinearInverse)'."""
    family = filters.FAMILIES.get(poses)
    return f"{family[0].lower()}{family[1:]} ({poses})" if family else poses


def describe(found: Card) -> None:
    """The method's own description."""
    marks = information.seen(found.name, found.kind)
    st.header(plain(found.name))
    st.write(plain(found.summary))
    facts = [
        f"Kind: {plain(found.kind)}",
        f"solves {plain(solved(found.solves))}",
        f"source {widgets.paper(found.paper)}" if found.paper else "",
    ]
    if found.entry:
        facts.append(f"file `{method_card.place(found.entry)}`")
        needs = ", ".join(need.replace("|", " or ") for need in found.entry.spec.needs)
        facts += [f"fits tasks that offer {needs}"] * bool(needs)
        facts += ["learns once for all instances"] * (found.entry.spec.learns is not None)
    facts += [plain(information.said(marks))] * bool(marks)
    st.write(" · ".join(fact for fact in facts if fact))
    if found.entry is None:
        st.info("This method is not installed here: the database has its results, but not its code.")
    else:
        with st.expander("Definition: formulas, source, differences from the paper", expanded=True):
            header = method_card.header(found.entry).removeprefix(found.summary).removeprefix(".").strip("\n")
            st.html(formulas.STYLE + formulas.html(header or "The file says no more."))


def hyperparameters(entry: MethodEntry) -> None:
    """Defaults, what is allowed, and recommended values."""
    st.subheader("Hyperparameters")
    spec, views = entry.spec, {}
    if not spec.parameters.model_fields:
        st.write("This method has none.")
        return
    views["hyperparameters"] = widgets.view(
        f"Hyperparameters of {spec.name}", method_card.parameters(spec), method_card.PARAMETERS
    )
    widgets.table(views["hyperparameters"])
    if spec.settings:
        st.caption("Recommended values that differ from the defaults. `--set NAME=VALUE` overrides both.")
        views["settings"] = widgets.view(f"Recommended values of {spec.name}", method_card.settings(spec), method_card.SETTINGS)
        widgets.table(views["settings"])
    downloads.menus(views, f"method_{spec.name}")


def results(name: str, found: Found) -> None:
    """Every row of every board."""
    st.subheader("Results")
    if not found:
        st.write("No board has a result of this method.")
        return
    ranked = method_chart.frame(found)
    if len(ranked):
        drawing.show(method_chart.chart(ranked), f"method_{name}_ranks")
        st.caption("Dot: rank on a board. Bar: the ranks that the data allow (95 %). Grey line: all ranks of the board.")
    frame = method_card.results(found)
    links = [address("task", task=board.task.name, preset=board.preset) for board, _ in found]
    widgets.table(widgets.view("", frame[list(method_card.RESULTS)], method_card.RESULTS), links)
    st.caption(
        "Each line is a row of a board; its link opens the board. Ranks are within a board: do not average them over boards. "
        "Intervals are 95 % bootstrap-t intervals over instances."
    )
    view = widgets.view(f"Results of {name}", frame, method_card.RESULTS)
    downloads.menus({"results": view}, f"method_{name}")


def rivals(found: Found) -> None:
    """Links to the comparison with its rival on each board."""
    pairs = [(board, row, comparison.rival(board, row)) for board, row in found if len(board.rows) > 1]
    if not pairs:
        return
    with st.expander(f"Compare it, instance by instance ({tables.count(len(pairs), 'row')})"):
        for board, row, other in pairs:
            label = f"{board.task.name} / {board.preset}: {row.label} against {other.label}"
            widgets.go("compare", label, task=board.task.name, preset=board.preset, first=row.label, second=other.label)


def reproduce(found: Found) -> None:
    """The command of each row."""
    st.subheader("Reproduce")
    for board, row in found:
        with st.expander(plain(f"{board.task.name} / {board.preset}: {row.label}")):
            st.caption(f"Hyperparameters: {plain(tables.parameters_text(row))}")
            commands = method_card.commands(row)
            for command in commands[:COMMANDS]:
                st.code(command, language="bash", wrap_lines=True)
            if len(commands) > COMMANDS:
                st.caption(f"{len(commands) - COMMANDS} more commands, for other seeds, are on the pages of its runs.")
            st.caption(f"Runs: {widgets.run_links(run.id for run in row.runs)}")


def every_run(session: Session, name: str) -> None:
    """All its runs, those on no board too."""
    st.subheader("Runs")
    frame: pd.DataFrame = runs.listing(session, name)
    if frame.empty:
        st.write("The database has no run of this method.")
        return
    view = widgets.view(f"Runs of {name}", frame, runs.LISTING)
    widgets.table(view, [address("run", run=number) for number in frame["run"]])
    if len(frame) == runs.LISTED:
        st.caption(f"The newest {runs.LISTED}. The Run page opens any run by its number or digest.")
    downloads.menus({"runs": view}, f"method_{name}")


with Session(opened.engine()) as session:
    with st.columns(3)[0]:
        name = choices.choose("Method", "method", method_card.names(session))
    card = method_card.card(session, name)
    places = method_card.boards_of(session, name)
    on_boards = method_card.rows([cached.board(*pair) for pair in cached.known_boards() if pair in places], name)
    describe(card)
    results(name, on_boards)
    rivals(on_boards)
    if card.entry:
        hyperparameters(card.entry)
    if on_boards:
        reproduce(on_boards)
    every_run(session, name)
    untried = method_card.to_try(card.entry.spec, places) if card.entry else []
    if untried:
        st.caption("It has no run on these tasks that it fits. The commands use the default preset:")
        st.code("\n".join(untried), language="bash", wrap_lines=True)
