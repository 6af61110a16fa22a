"""Grids of cells, levels of a metric, and what methods kept: tables behind the charts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report import cells, pairs
from benchmark.report.board import Board
from benchmark.statistics import first_reached
from benchmark.store.database import open_database
from leaderboard.artifacts import spectra
from leaderboard.charts import cell_charts, marks, spectrum_charts


@pytest.fixture
def opened(made: Callable[[str], Path]) -> tuple[dict[str, Board], pd.DataFrame, pd.DataFrame]:
    engine = open_database(str(made("completion")), create=False)
    with Session(engine) as session:
        boards = {preset: reading.board(session, "completion", preset) for preset in ("small", "small_noise", "full")}
        points = reading.curves(session, boards["small"].comparable)
        kept = spectra.spectra(session, made("completion").parent, boards["small"].rows, (0, 0))
    engine.dispose()
    return boards, points, kept


def test_a_board_has_the_metrics_of_its_preset_and_its_first_one_ranks(opened) -> None:
    boards = opened[0]
    assert [metric.name for metric in boards["small"].task.metrics] == ["log_error", "success"]
    assert boards["small"].task.primary.name == "log_error"
    assert boards["full"].task.primary.name == "stars"


def test_axes_are_the_fields_with_several_values(opened) -> None:
    boards = opened[0]
    assert [cells.axes(boards[name]) for name in boards] == [["n", "rank"], ["noise"], []]


def test_each_cell_has_the_mean_of_its_instances_and_seeds(opened) -> None:
    board = opened[0]["small"]
    success = next(metric for metric in board.task.metrics if metric.name == "success")
    frame = cells.values(board, success)
    found = frame[frame["label"] == "base_fill"].set_index(["n", "rank"])
    assert found["value"].to_dict() == {(n, r): float(r == 5) for n in (50, 100) for r in (2, 3, 5)}
    assert (frame["n"].isin([50, 100])).all()
    drawn = cell_charts.chart(frame, board, success, ["n", "rank"]).to_dict()
    assert drawn["spec"]["encoding"]["color"]["scale"]["domain"] == [0, 1]


def test_one_field_is_a_line_on_a_logarithmic_axis_where_it_spans_decades(opened) -> None:
    board = opened[0]["small_noise"]
    drawn = cell_charts.chart(cells.values(board, board.task.primary), board, board.task.primary, ["noise"]).to_dict()
    assert drawn["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_levels_are_reached_between_points_and_by_half_of_the_instances_or_not_at_all(opened) -> None:
    boards, points, _ = opened
    table = pairs.levels(boards["small"], points).set_index("method")
    assert table.loc["steady", "≤ -2: reached"] == "6 of 6"
    assert table.loc["steady", "≤ -2: steps"] == pytest.approx(100 / 3)
    assert table.loc["steady", "≤ -2: s"] == pytest.approx(2 / 3)
    assert table.loc["base_fill", "≤ -4: reached"] == "2 of 6"
    assert np.isnan(table.loc["base_fill", "≤ -4: steps"])


@pytest.mark.parametrize(
    ("level", "better", "expected"),
    [(-2.0, "lower", (15.0, 1.5)), (0.0, "lower", (0.0, 0.0)), (-9.0, "lower", (np.inf, np.inf)), (-1.0, "higher", (0.0, 0.0))],
)
def test_where_a_curve_first_reaches_a_level(level, better, expected) -> None:
    steps, seconds, values = np.array([0, 10, 20, 30]), np.array([0, 1, 2, 3]), np.array([0, -1, -3, -2.5])
    assert first_reached(steps, seconds, values, level, better) == expected


def test_singular_values_are_read_by_method_step_and_number(opened) -> None:
    spectra = opened[2]
    mine = spectra[spectra["label"] == "steady"]
    assert len(mine) == 10
    assert mine[mine["number"] == 1]["value"].tolist() == pytest.approx(np.geomspace(1, 1e-3, 5).tolist())
    assert (
        spectrum_charts.spectra_chart(spectra, opened[0]["small"]).to_dict()["spec"]["encoding"]["y"]["scale"]["type"] == "log"
    )


def test_kept_files_that_are_missing_or_foreign_are_left_out(tmp_path: Path) -> None:
    from tests.leaderboard import synthetic

    engine = synthetic.make_completion(tmp_path / "a.db")
    files = sorted((tmp_path / "kept").iterdir())
    files[0].unlink()
    np.save(files[1], np.full((2, 3), np.nan))
    with Session(engine) as session:
        board = reading.board(session, "completion", "small")
        labels = {label for seed in (0, 1) for label in spectra.spectra(session, tmp_path, board.rows, (seed, 0))["label"]}
    engine.dispose()
    assert labels == {"steady"}


@pytest.fixture
def groups(made: Callable[[str], Path]) -> Board:
    engine = open_database(str(made("curves")), create=False)
    with Session(engine) as session:
        board = reading.board(session, "waves", "small")
    engine.dispose()
    return board


def test_a_grid_of_names_has_the_mean_and_interval_of_each_group(groups: Board) -> None:
    assert cells.axes(groups) == ["group"]
    frame = cells.values(groups, groups.task.primary).set_index(["label", "group"])
    row = next(row for row in groups.rows if row.label == "learner_plain")
    scores = [row.scores["rmse"][0, instance] for instance in (1, 4, 7, 10)]  # the second group of three
    found = frame.loc[("learner_plain", "lamps")]
    assert found["value"] == pytest.approx(np.mean(scores))
    assert found["low"] < found["value"] < found["high"]
    assert (frame["scores"] == 4).all()


def test_cells_of_numbers_have_no_interval(opened) -> None:
    board = opened[0]["small_noise"]
    assert cells.values(board, board.task.primary)[["low", "high"]].isna().all(axis=None)
    assert not cells.named(board, "noise")


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
    assert "compare methods within one" in cell_charts.caption(groups, metric, ["group"])


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
    assert "compare methods within one; all panels have one vertical scale" in cell_charts.caption(
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
