"""One instance of a board inside one file: what methods made of it, as the instance's page of the board draws it."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session

from benchmark.report import tables
from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from leaderboard.artifacts import figures, scales
from leaderboard.artifacts.figures import TRUTH, Array, Figure, read_figures
from leaderboard.artifacts.files import kept_keys
from leaderboard.charts import confusion, figure_charts, pixels, singular_values, stack_charts
from leaderboard.document.drawing import Charts, image
from leaderboard.document.html import Markup, el, join

_MANY = 12  # charts of one kind in a file: each has all its numbers in it


def instance(session: Session, folder: Path, board: Board, charts: Charts) -> Markup:
    """The first instance that was kept of a board, or nothing."""
    keys = [key for key in kept_keys(session, board.rows) if key in board.labels]
    if not keys:
        return Markup()
    key = keys[0]
    found = read_figures(session, folder, board.rows, key, board.task.pictures)
    parts = [_figure(board, one, key, charts) for one in found if not one.empty]
    if not any(parts):
        return Markup()
    name = board.labels[key] or f"instance {key[1]}"
    return join(el("h3", f"One instance: {name}"), el("p", f"Seed {key[0]}, instance {key[1]}.", class_="quiet"), *parts)


def _figure(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    picture = figure.picture
    draw = _curves if picture.one_by_one else _PARTS.get(picture.kind)
    shown = draw(board, figure, key, charts) if draw else Markup()
    if not shown:
        return shown
    head = [el("h4", picture.title)] * bool(picture.title) + [el("p", picture.about, class_="quiet")] * bool(picture.about)
    return join(*head, shown)


def _tile(board: Board, row: Row | None, key: Key, *content: str) -> Markup:
    if row is None:
        return el("div", el("p", el("strong", "truth")), *content, class_="tile")
    said = el("p", el("strong", row.label), el("br"), el("small", tables.caption(board, row, key)))
    return el("div", said, *content, class_="tile")


def _images(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    truth = figure.truth
    if truth is None:
        return Markup()
    top, limit = float(truth.max()), pixels.error_limit(figure)
    size = f"{truth.shape[-2]} x {truth.shape[-1]} pixels"
    tiles = [_tile(board, None, key, image(pixels.picture_png(truth, top, 1), f"truth, {size}"))]
    for row in figures.ordered(board, figure):
        mine = figure.estimates[row.label]
        words = tables.caption(board, row, key)
        error = pixels.heat_png(pixels.error_map(mine, truth), limit, 1)
        pair = [image(pixels.picture_png(mine, top, 1), f"estimate of {row.label}: {words}")]
        pair.append(image(error, f"error of {row.label}, brighter is larger"))
        tiles.append(_tile(board, row, key, *pair))
    said = (
        f"Upper images: 0 (dark) to {top:.3g} (full), the largest value of the truth. Lower images: error |estimate - truth| "
        f"from 0 (dark) to {limit:.2g} and more (bright)."
    )
    return join(el("div", *tiles, class_="tiles"), el("p", said, class_="quiet"))


def _matrices(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    shown, frame = _images(board, figure, key, charts), singular_values.table(figure)
    if frame.empty:
        return shown
    about = singular_values.about(figure)
    return join(shown, charts.add(singular_values.chart(frame, board), "singular values of the matrices", about))


def _strips(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    ends = scales.limits(figure)
    if ends is None:
        return Markup()
    return el(
        "div", *_tiles(board, figure, key, "images in a row", lambda mine: pixels.strip_png(mine, ends, 1)), class_="strips"
    )


def _heat(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    ends = scales.limits(figure)
    if ends is None:
        return Markup()
    tiles = _tiles(board, figure, key, figure.picture.title, lambda mine: figure_charts.tile(mine, ends))
    said = f"All tiles: {figure.picture.value}, from {ends[0]:.3g} (dark) to {ends[1]:.3g} (bright)."
    return join(el("div", *tiles, class_="tiles"), el("p", said, class_="quiet"))


def _tiles(board: Board, figure: Figure, key: Key, what: str, draw: Callable[[Array], bytes]) -> list[Markup]:
    """The truth, where it is there, and every estimate, drawn alike. what: what a tile shows."""
    tiles = []
    if figure.truth is not None:
        tiles.append(_tile(board, None, key, image(draw(figure.truth), f"truth: {what}")))
    for row in figures.ordered(board, figure):
        text = f"{what} of {row.label}: {tables.caption(board, row, key)}"
        tiles.append(_tile(board, row, key, image(draw(figure.estimates[row.label]), text)))
    return tiles


def _lines(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    ends = scales.limits(figure)
    if ends is None:
        return Markup()
    labels = [row.label for row in figures.ordered(board, figure)][:_MANY] or [TRUTH]
    said = f"A line for each {figure.picture.rows}; broad and grey: the truth's."
    drawn = (charts.add(figure_charts.chart(figure, one, board, ends), f"{figure.picture.title}: {one}", one) for one in labels)
    return join(el("div", *drawn, class_="several"), el("p", said, class_="quiet"))


def _curves(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    if figure.truth is None:
        return Markup()
    labels = [row.label for row in board.rows if row.label in figure.estimates]
    frame = stack_charts.table(figure, 0, stack_charts.first_choice(board, labels))
    chart = stack_charts.chart(frame, board, stack_charts.axis_of(figure.picture))
    return charts.add(
        chart, f"{figure.picture.title or 'curve'}, number 0", "The first curve: the truth, broad and grey, and estimates."
    )


def _names(board: Board, figure: Figure, key: Key, charts: Charts) -> Markup:
    truth = figure.truth
    if truth is None:
        return Markup()
    classes, drawn = confusion.tells_classes(truth), []
    for row in figures.ordered(board, figure)[:_MANY]:
        mine = figure.estimates[row.label]
        chart = confusion.matrix(mine) if classes else confusion.grades(truth, mine)
        drawn.append(charts.add(chart, f"names given by {row.label}", f"{row.label}: {tables.caption(board, row, key)}"))
    said = "Rows: true classes; columns: the names that a method gives them; the diagonal is correct."
    return join(
        el("div", *drawn, class_="several"), el("p", said if classes else "Estimates against true grades.", class_="quiet")
    )


_PARTS: dict[str, Callable[[Board, Figure, Key, Charts], Markup]] = {
    "image": _images,
    "matrix": _matrices,
    "strip": _strips,
    "heat": _heat,
    "lines": _lines,
    "text": _names,
}
