"""The pages of the file: what the board shows of papers, tasks and methods, by the same functions of `benchmark.report`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy.orm import Session

from benchmark import statistics
from benchmark.claims import figures, telling
from benchmark.claims.figure import Figure
from benchmark.claims.figures import Drawn
from benchmark.claims.paper import Paper, Runs
from benchmark.claims.verdicts import Verdict
from benchmark.report import boards as reading
from benchmark.report import (
    cells,
    curves,
    filters,
    formats,
    information,
    leaders,
    method_card,
    methods_by_boards,
    pairs,
    studies,
    tables,
)
from benchmark.report.across import HOW_AVERAGED, across, by_preset, shared
from benchmark.report.board import Board, Row
from benchmark.report.formats import View
from benchmark.report.tables import Column
from benchmark.report.verdict import by_processor, verdict
from benchmark.spec import MethodSpec
from leaderboard.charts import (
    cell_charts,
    cost,
    curve_chart,
    heat_table,
    hyperparameter_chart,
    leader_blocks,
    paper_figures,
    paper_tables,
    rank_table,
    spread,
    verdict_bars,
)
from leaderboard.document import pictures
from leaderboard.document.drawing import Charts
from leaderboard.document.html import Markup, el, folded, join, lines, link, place, relinked, source, table
from leaderboard.document.shell import page

PAPERS, OVERVIEW, TASKS, METHODS = "papers", "overview", "tasks", "methods"
MENU = {PAPERS: "Papers", OVERVIEW: "Overview", TASKS: "Tasks", METHODS: "Methods"}
_COMMANDS = 3  # of one row


@dataclass(frozen=True)
class Claimed:
    """A paper, the verdicts on its claims, the runs behind them, and what its figures draw."""

    paper: Paper
    verdicts: Sequence[Verdict]
    links: Mapping[Runs, Sequence[int]]
    figures: Sequence[tuple[Figure, Drawn]]


class Pages:
    """The pages, made one after the other; each charts' number is its own in the whole file."""

    def __init__(self, session: Session, folder: Path | None, boards: Sequence[Board], papers: Sequence[Claimed]) -> None:
        """folder: where pictures lie, beside the database; None for a database on a server."""
        self.session, self.folder, self.boards, self.papers = session, folder, boards, papers
        self.charts = Charts()
        self.methods = method_card.names(session)
        ids = [place("task", board.task.name, board.preset) for board in boards]
        ids += [place("task", task) for task in {board.task.name for board in boards}]
        ids += [place("method", name) for name in self.methods] + [place("paper", one.paper.id) for one in papers]
        self.known = frozenset([*MENU, *ids])

    # --- papers -------------------------------------------------------------------------------------------------------

    def list_of_papers(self) -> Markup:
        """What each claims, and how much of it holds."""
        verdicts = [verdict for one in self.papers for verdict in one.verdicts]
        found = [(one.paper, one.verdicts, _small(one)) for one in self.papers]
        said = (
            f"The suite checks {tables.count(len(verdicts), 'claim')} of {tables.count(len(found), 'paper')} on "
            "low-dimensional structure. Each verdict is computed from the runs in the database that this file was made from."
        )
        bars = Markup(verdict_bars.bar(verdicts) + verdict_bars.legend(verdicts))
        listed = relinked(paper_tables.papers(found, {board.task.name for board in self.boards}), self.known)
        return page(PAPERS, "LowDimBench: papers", el("p", said), bars, el("h2", "Papers"), listed, first=True)

    def paper(self, one: Claimed) -> Markup:
        """Its claims and figures."""
        paper = one.paper
        venue = paper.venue if str(paper.year) in paper.venue else f"{paper.venue}, {paper.year}"
        parts = [
            el("p", f"{', '.join(paper.authors)} · {venue} · ", source(f"arXiv:{paper.id}")),
            el("p", paper.about),
            Markup(verdict_bars.bar(one.verdicts) + verdict_bars.legend(one.verdicts)),
            el("p", telling.headline(one.verdicts), class_="said"),
            el("p", el("strong", "How our setting differs. "), paper.scale),
            el("p", *self._several("task", paper.tasks), " ", *self._several("method", paper.methods)),
            el("h2", "Claims"),
            relinked(paper_tables.claims(one.verdicts, one.links), self.known),
        ]
        drawn = [(figure, found) for figure, found in one.figures if not found.empty]
        parts += [el("h2", "Figures from the runs")] * bool(drawn)
        for figure, found in drawn:
            chart = paper_figures.chart(figure, found.frame)
            parts.append(self.charts.add(chart, figure.title, figures.caption(figure, found)))
        gaps = telling.commands([gap for verdict in one.verdicts for gap in verdict.gaps])
        if gaps:
            parts += [el("h2", "What is missing"), el("pre", "\n".join(gaps))]
        parts += [el("h2", "Citation"), el("pre", paper.bibtex)]
        return page(place("paper", paper.id), paper.title, *parts)

    def _several(self, kind: str, names: Sequence[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            found += [join(f"{kind} "), link(name, kind, name, known=self.known), " "]
        return found

    # --- the overview -------------------------------------------------------------------------------------------------

    def overview(self) -> Markup:
        """Who leads where, average ranks, and every method on every board."""
        everything = filters.select(self.boards, {})
        frame, _ = leaders.table(self.boards)
        tasks = len({board.task.name for board in self.boards})
        said = (
            f"{tables.count(tasks, 'task')}, {tables.count(len(self.boards), 'board')}, "
            f"{tables.count(everything.all_methods, 'method')}. Every method meets the same instances, so differences are "
            "paired; intervals are 95 % bootstrap intervals over instances."
        )
        parts = [el("p", said), el("h2", "Who leads"), relinked(leader_blocks.html(self.boards, frame), self.known)]
        parts.append(el("p", leaders.HOW, class_="quiet"))
        for preset, group in by_preset(self.boards).items():
            parts += self._ranks(preset, group)
        matrix = methods_by_boards.of_selection(everything, False)
        parts += [el("h2", "Methods on every board"), relinked(heat_table.html(matrix), self.known)]
        parts.append(el("p", methods_by_boards.HOW_RANKS.replace("\\*", "*"), class_="quiet"))
        return page(OVERVIEW, "Overview", *parts)

    def _ranks(self, preset: str, group: Sequence[Board]) -> list[Markup]:
        found, sets = across(group), [one for one in shared(group) if len(one[0]) < len(group)]
        if len(found.intervals) < 2 and sets:
            found = across([board for board in group if board.task.name in sets[0][0]])
        if len(found.intervals) < 2:
            return []
        return [
            el("h2", f"Average rank over {', '.join(found.tasks)}, preset {preset}"),
            relinked(rank_table.html(found, information.of_methods(group)), self.known),
            el("p", " ".join([*found.sentences, HOW_AVERAGED]), class_="quiet"),
        ]

    # --- tasks --------------------------------------------------------------------------------------------------------

    def list_of_tasks(self) -> Markup:
        """Every board, with its verdict."""
        rows = [(board, verdict(board) or leaders.leaders(board)) for board in self.boards]
        body = [
            el(
                "li",
                el("p", link(f"{b.task.title} / {b.preset}", "task", b.task.name, b.preset, known=self.known), el("br"), said),
            )
            for b, said in rows
        ]
        return page(TASKS, "Tasks", el("ul", *body))

    def task(self, boards: Sequence[Board]) -> Markup:
        """A task: its boards, a preset each."""
        one = boards[0].task
        items = [
            el("li", link(f"{one.title} / {b.preset}", "task", one.name, b.preset, known=self.known), f": {verdict(b)}")
            for b in boards
        ]
        return page(place("task", one.name), one.title, el("ul", *items))

    def board(self, board: Board, pictured: bool) -> Markup:
        """One task and preset."""
        task, preset = board.task, board.task.presets.get(board.preset, {})
        facts = [
            f"Task {task.name} version {task.version}",
            str(preset.get("about", "")),
            f"{tables.count(board.instances, 'instance')} a seed",
            f"baseline {task.baseline}",
        ]
        parts: list[Markup] = [el("p", " · ".join(fact for fact in facts if fact), " · source ", source(task.source))]
        if said := verdict(board):
            parts.append(el("p", said, class_="said"))
        if board.unequal:
            parts.append(
                el(
                    "p",
                    "The observations are not identical for all methods on some instances: do not compare scores there.",
                    class_="said",
                )
            )
        if said := by_processor(board):
            parts.append(el("p", said, class_="said"))
        parts += self._table(board)
        if pictured and self.folder is not None:
            shown = pictures.instance(self.session, self.folder, board, self.charts)
            parts += [el("h2", "Pictures"), shown] if shown else []
        parts += self._pictures_of_numbers(board)
        parts += self._making(board)
        return page(place("task", task.name, board.preset), f"{task.title} / {board.preset}", *parts)

    def _table(self, board: Board) -> list[Markup]:
        view = formats.board_view(board, ())
        links = {"method": [("method", row.method) for row in board.rows]}
        metrics = [
            (tables.heading(metric), metric.description + (" (ranks the methods)" if metric.primary else ""))
            for metric in tables.ordered(board)
        ]
        how = [
            ("Rank", f"{statistics.HOW_RANKED}."),
            ("Rank 95 %", f"{statistics.HOW_BOUNDED}."),
            ("Δ p", f"{statistics.HOW_TESTED}."),
            ("Other intervals", "bootstrap-t over instances, seeds averaged first."),
            ("Times", "of the method alone. Compare them only on one device."),
        ]
        hidden = tables.hidden(board)
        counts = ", ".join(f"{reason}: {count}" for reason, count in hidden["reason"].value_counts().items())
        return [
            el("h2", "Ranks"),
            table(view, "method", self.known, links, f"ranks on {board.task.name} / {board.preset}"),
            el("p", f"Hidden runs: {len(hidden)}{f' ({counts})' if counts else ''}.", class_="quiet"),
            folded("Metrics", lines(metrics, ("metric", "what it is"), "metrics")),
            folded("How ranks and intervals are made", lines(how, ("what", "how"), "how ranks are made")),
        ]

    def _pictures_of_numbers(self, board: Board) -> list[Markup]:
        add, primary, parts = self.charts.add, board.task.primary, []
        if axes := cells.axes(board):
            metric = next((m for m in board.task.metrics if m.name == "success" and len(axes) == 2), primary)
            chart = cell_charts.chart(cells.values(board, metric), board, metric, axes)
            name = f"{metric.name} by {' and '.join(axes)}"
            parts += [el("h2", f"Scores by {' and '.join(axes)}"), add(chart, name, cell_charts.caption(board, metric, axes))]
        for name, family in list(studies.families(board).items())[:1]:
            frame = studies.values(family, name, primary)
            if len(frame):
                said = hyperparameter_chart.caption(frame, family, board, primary, name)
                chart = hyperparameter_chart.chart(frame, board, primary, name)
                parts += [el("h2", f"Scores by {name}"), add(chart, f"{primary.name} against {name}", said)]
        points = reading.curves(self.session, board.comparable)
        found = curves.summarise(points)
        if not found.empty:
            said = "Line: mean over instances. Band: the middle half of the instances (spread, not an interval of the mean)."
            name = f"{primary.name} against steps"
            parts += [el("h2", "Progress while a method runs"), add(curve_chart.curve(found, board, "step"), name, said)]
        if any(row.fair_time for row in board.rows):
            devices = ", ".join(sorted({row.devices for row in board.rows}))
            said = (
                "Filled and joined: the Pareto front. Bars: 95 % interval of the mean. "
                f"Measured on {devices}. {tables.learning(board)} {tables.contention(board)}"
            )
            parts += [el("h2", "Quality against time"), add(cost.quality_against_time(board), "quality against time", said)]
        if board.rows:
            parts += [
                el("h2", "Distribution over instances"),
                add(spread.spread(board), "scores of every instance", spread.HOW),
            ]
        if not found.empty and board.baseline is not None and board.baseline in board.comparable:
            times = pairs.times_to_quality(board, points, board.baseline)
            view = View("time to quality", times, pairs.TIMES, None, frozenset(), ())
            head = f"Time until as good as {board.baseline.label}"
            parts += [el("h2", head), table(view, "method", self.known, label=head)]
        return parts

    def _making(self, board: Board) -> list[Markup]:
        rows = []
        for row in board.rows:
            commands = method_card.commands(row)
            more = [f"{len(commands) - _COMMANDS} more for other seeds"] * (len(commands) > _COMMANDS)
            rows.append((row.label, tables.parameters_text(row), "; ".join([*commands[:_COMMANDS], *more])))
        heads = ("method", "parameters", "command")
        return [el("h2", "Reproduce"), folded("The command of each row", lines(rows, heads, "commands"))] if rows else []

    # --- methods ------------------------------------------------------------------------------------------------------

    def list_of_methods(self) -> Markup:
        """All methods, grouped by the interface they solve."""
        cards = [method_card.card(self.session, name) for name in self.methods]
        parts = []
        for solves in sorted({card.solves for card in cards}):
            mine = [card for card in cards if card.solves == solves]
            items = [el("li", link(card.name, "method", card.name, known=self.known)) for card in mine]
            parts += [el("h2", f"{solves}: {tables.count(len(items), 'method')}"), el("ul", *items, class_="plain")]
        return page(METHODS, "Methods", *parts)

    def method(self, name: str, found: Sequence[tuple[Board, Row]]) -> Markup:
        """What it is, and where it stands."""
        card = method_card.card(self.session, name)
        facts = [f"Kind: {card.kind}", f"solves {card.solves}"]
        parts: list[Markup] = [el("p", card.summary)]
        if card.entry:
            facts.append(f"file {method_card.place(card.entry)}")
        parts.append(el("p", " · ".join(facts), *([" · source ", source(card.paper)] if card.paper else [])))
        parts.append(el("h2", "Results"))
        if found:
            view = View("", method_card.results(found)[list(method_card.RESULTS)], method_card.RESULTS, None, frozenset(), ())
            links = {"task": [("task", board.task.name, board.preset) for board, _ in found]}
            parts.append(table(view, "task", self.known, links, f"results of {name}"))
        else:
            parts.append(el("p", "No board has a result of this method."))
        if card.entry:
            parts += [el("h2", "What its file says"), el("pre", method_card.header(card.entry) or "It has no header.")]
            parts += self._parameters(card.entry.spec)
        else:
            parts.append(
                el("p", "This method was not installed where this file was made: its results are here, but not its code.")
            )
        return page(place("method", name), name, *parts)

    def _parameters(self, spec: MethodSpec) -> list[Markup]:
        if not spec.parameters.model_fields:
            return []
        shown = [("Hyperparameters", method_card.parameters(spec), method_card.PARAMETERS, "hyperparameter")]
        if spec.settings:
            shown.append(("Recommended values", method_card.settings(spec), method_card.SETTINGS, "where"))
        parts = []
        for title, frame, columns, head in shown:
            parts += [el("h2", title), _texts(frame, columns, head, self.known, title)]
        return parts


def _texts(frame: pd.DataFrame, columns: Mapping[str, Column], head: str, known: frozenset[str], label: str) -> Markup:
    view = View(label, frame, {name: column for name, column in columns.items() if name in frame}, None, frozenset(), ())
    return lines(
        list(zip(*(view.printed(str(name)) for name in frame.columns), strict=True)), list(map(str, frame.columns)), label
    )


def _small(one: Claimed) -> str:
    """The small picture of a paper: its first figure of which something is there."""
    drawn = next(((figure, found) for figure, found in one.figures if not found.empty), None)
    return paper_figures.small(drawn[0], drawn[1].frame) if drawn else ""
