"""A metric by cell of a grid, drawn: maps, lines, dots and panels."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, cells
from benchmark.report.board import Board
from leaderboard.charts import cell_charts, marks


@pytest.fixture
def completion(session_of: Callable[[str], Session]) -> dict[str, Board]:
    session = session_of("completion")
    return {preset: boards.board(session, "completion", preset) for preset in ("small", "small_noise", "full")}


def test_a_share_of_two_fields_is_a_map_from_none_to_all(completion: dict[str, Board]) -> None:
    board = completion["small"]
    success = next(metric for metric in board.task.metrics if metric.name == "success")
    drawn = cell_charts.chart(cells.values(board, success), board, success, ["n", "rank"]).to_dict()
    assert drawn["spec"]["encoding"]["color"]["scale"]["domain"] == [0, 1]


def test_one_field_is_a_line_on_a_logarithmic_axis_where_it_spans_decades(completion: dict[str, Board]) -> None:
    board = completion["small_noise"]
    drawn = cell_charts.chart(cells.values(board, board.task.primary), board, board.task.primary, ["noise"]).to_dict()
    assert drawn["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


@pytest.fixture
def groups(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("curves"), "waves", "small")


def test_a_grid_of_names_is_dots_by_group_in_the_order_of_the_preset(groups: Board) -> None:
    metric, labels = groups.task.primary, [row.label for row in groups.rows]
    drawn = cell_charts.chart(cells.values(groups, metric), groups, metric, ["group"]).to_dict()
    bars, dots = drawn["layer"]
    assert bars["encoding"]["y"]["field"] == "low"
    assert dots["encoding"]["y"]["field"] == "value"
    assert dots["encoding"]["y"]["title"] == "rmse, ↓ lower is better"
    assert dots["encoding"]["x"]["sort"] == ["simulated", "lamps", "drifted"]
    assert dots["encoding"]["x"]["type"] == "nominal"
    assert dots["encoding"]["xOffset"]["scale"]["domain"] == labels
    assert dots["encoding"]["color"]["scale"]["range"] == [marks.colours(groups)[label] for label in labels]
    assert "compare methods within a group" in cell_charts.caption(groups, metric, ["group"])


def crossed(groups: Board, **fields: list[object]) -> Board:
    """The board with a grid of these fields."""
    preset = {**groups.task.presets["small"], "grid": list(fields), **fields}
    return replace(groups, task=replace(groups.task, presets={"small": preset}))


@pytest.mark.parametrize("turned", [False, True])
def test_a_grid_of_names_and_numbers_is_a_panel_for_each_name_in_the_order_of_the_preset(groups: Board, turned: bool) -> None:
    fields: dict[str, list[object]] = {"group": ["north", "east"], "level": [2.0, 4.0, 8.0]}
    board = crossed(groups, **dict(reversed(fields.items())) if turned else fields)
    metric, labels = board.task.primary, [row.label for row in board.rows]
    frame = cells.values(board, metric)
    drawn = cell_charts.chart(frame, board, metric, cells.axes(board)).to_dict()
    edges, lines, dots = drawn["layer"]
    titles = edges["encoding"]["x"]["axis"]
    assert (titles["values"], titles["orient"]) == ([0.5, 1.5], "top")
    assert '"0.5000": "north", "1.5000": "east"' in titles["labelExpr"]
    ticks = lines["encoding"]["x"]["axis"]
    assert ticks["values"] == pytest.approx([0.14, 0.5, 0.86, 1.14, 1.5, 1.86])  # 2, 4, 8 on a logarithmic scale, twice
    assert '"1.5000": "4"' in ticks["labelExpr"]
    assert lines["encoding"]["detail"]["field"] == "group"
    assert lines["encoding"]["color"]["scale"] == {"domain": labels, "range": [marks.colours(board)[name] for name in labels]}
    assert dots["encoding"]["shape"]["scale"]["range"] == ["circle"] * len(labels)
    placed = pd.DataFrame(drawn["datasets"][lines["data"]["name"]])
    one = placed[(placed["label"] == "learner_wide") & (placed["group"] == "east") & (placed["level"] == 8.0)]
    assert one["at"].tolist() == pytest.approx([1.86])
    assert "compare methods within a cell. All panels share one vertical scale" in cell_charts.caption(
        board, metric, cells.axes(board)
    )


def test_numbers_that_do_not_spread_lie_on_a_linear_scale(groups: Board) -> None:
    assert list(cell_charts._shares([1.0, 2.0, 3.0]).values()) == pytest.approx([0.14, 0.5, 0.86])
    assert list(cell_charts._shares([0.0, 25.0, 100.0]).values()) == pytest.approx([0.14, 0.32, 0.86])


def test_of_many_rows_the_best_and_the_baseline_are_drawn_in_full(groups: Board) -> None:
    board = crossed(groups, group=["north", "east"], level=[2.0, 4.0, 8.0])
    metric, fields = board.task.primary, ["group", "level"]
    assert "value" not in cell_charts.chart(cells.values(board, metric), board, metric, fields).to_dict()["params"][0]
    more = [replace(board.rows[0], label=f"learner_wide [steps={n}]") for n in range(9)]
    many = replace(board, rows=[*more, *board.rows])  # 15, the baseline last
    drawn = cell_charts.chart(cells.values(many, metric), many, metric, fields).to_dict()
    shown = [one["label"] for one in drawn["params"][0]["value"]]
    assert shown == [row.label for row in many.rows[:10]] + ["flat_guess"]
    assert "Faint at first: all but the 10 best and the baseline." in cell_charts.caption(many, metric, fields)
    assert "Faint" not in cell_charts.caption(board, metric, fields)


def test_a_legend_takes_clicks_where_the_first_layer_with_colours_has_the_selection(groups: Board) -> None:
    board, metric = crossed(groups, group=["north", "east"], level=[2.0, 4.0]), groups.task.primary
    for one, layer in ((groups, 0), (board, 1)):
        drawn = cell_charts.chart(cells.values(one, metric), one, metric, cells.axes(one)).to_dict()
        assert drawn["params"][0]["views"] == [drawn["layer"][layer]["name"]]
