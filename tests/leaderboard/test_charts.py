import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.report import boards, curves
from benchmark.report.board import Board
from benchmark.store.database import open_database
from leaderboard.charts import cost, curve_chart, instance_strip, marks, spread


@pytest.fixture
def opened(made: Callable[[str], Path]) -> tuple[Board, pd.DataFrame, list[Board]]:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        board = boards.board(session, "imaging", "small")
        points = boards.curves(session, board.rows)
        every = [boards.board(session, *place) for place in boards.boards(session)]
    engine.dispose()
    return board, points, every


def test_a_method_keeps_its_colour_on_every_preset(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    tiny, small = (marks.colours(board) for board in opened[2][:2])
    for name in ("net_guided", "net_reference", "base_fill"):
        assert tiny[name] == small[name]
    assert tiny["base_fill"] == marks.BASELINE


def test_a_method_keeps_its_look_on_every_task_of_its_subject(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    one = replace(opened[0], known_methods=["dip", "dps", "tv"], rows=[])
    other = replace(opened[0], known_methods=["cg_sense", "dip", "tv", "zero_filled"], rows=[])
    for look in (marks.colours, marks.shapes, marks.dashes):
        assert {name: look(one)[name] for name in ("dip", "tv")} == {name: look(other)[name] for name in ("dip", "tv")}


def test_methods_of_one_board_differ_in_colour_or_in_shape_and_dash(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    live = registry.methods()
    for subject in {method.file.parent for method in live.values()}:
        names = sorted(name for name, method in live.items() if method.file.parent == subject)
        board = replace(opened[0], known_methods=[*names, "not_installed", "base_fill"], rows=[])
        palette, shapes, dashes = marks.colours(board), marks.shapes(board), marks.dashes(board)
        assert len({(palette[name], shapes[name]) for name in palette}) == len(palette)
        assert len({(palette[name], str(dashes[name])) for name in palette}) == len(palette)


def test_charts_name_their_metric_unit_and_direction(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    board, points, _ = opened
    made = [
        curve_chart.curve(curves.summarise(points), board, "step"),
        curve_chart.curve(curves.summarise(points), board, "seconds", log=True),
        cost.quality_against_time(board),
        instance_strip.strip(board, (0, 1)),
        spread.spread(board),
    ]
    for chart in made:
        assert "psnr (dB), ↑ higher is better" in chart.to_json()


def test_the_band_of_seeds_lies_around_the_mean(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    board, points, _ = opened
    found = curves.summarise(points)
    several = found[found["seed_low"].notna()]
    assert len(set(several["label"])) == 4
    assert len(set(found["label"])) > 4  # others ran one seed
    assert (several["seed_low"] <= several["mean"] + 1e-9).all()
    assert (several["mean"] <= several["seed_high"] + 1e-9).all()
    assert "seed_low" in curve_chart.curve(found, board, "step", seeds=True).to_json()
    one = curves.summarise(points[points["seed"] == 0])
    assert one["seed_low"].isna().all()


def test_the_distribution_holds_each_instance_of_each_complete_row(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    board = opened[0]
    frame = spread.scores(board)
    assert len(frame) == 8 * sum(row.complete for row in board.rows)
    best = board.rows[0]
    mine = frame[frame["label"] == best.label].set_index("instance")["value"]
    assert mine[3] == pytest.approx((best.scores["psnr"][0, 3] + best.scores["psnr"][1, 3]) / 2)
    assert frame["name"][0] == "slice 0"


def test_names_of_a_legend_stay_on_a_narrow_screen() -> None:
    assert marks.legend_columns([]) == 4
    assert marks.legend_columns(["short"] * 9) == 4
    assert marks.legend_columns(["short", "name [weight=1e-06, penalty=1.0, steps=1000]"]) == 2
    assert marks.legend_columns(["x" * 400]) == 1


def placed(lines: list[tuple[str, float, float, bool]]) -> list[str]:
    frame = pd.DataFrame(lines, columns=["name", "seconds", "mean", "front"])
    return cost.corners(frame.assign(low=frame["mean"] - 1, high=frame["mean"] + 1))


def test_a_name_stands_where_it_covers_nothing_at_any_width() -> None:
    assert placed([("a", 1.0, 20.0, True), ("b", 100.0, 30.0, True)]) == ["right above", "right above"]
    # "first" would cover the point that follows at once, so it stands on the other side
    early = ("early", 1e-4, 10.0, False)
    assert placed([("first", 1.0, 20.0, True), ("next", 1.2, 20.0, False), early])[0] == "left above"
    assert placed([("crowded", 1.0 + 0.01 * at, 20.0, True) for at in range(9)]).count("") >= 7


def test_a_name_beside_another_point_or_off_the_front_is_left_to_the_legend() -> None:
    assert placed([("a", 1.0, 20.0, True), ("b", 100.0, 10.0, False)]) == ["right above", ""]
    assert placed([("a name of a good length, far too long for a phone", 1.0, 20.0, True), ("b", 9.0, 20.0, True)])[0] == ""


def test_a_plot_keeps_its_height_under_many_names(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    board, points, _ = opened
    lines = curves.summarise(points)
    few = curve_chart.curve(lines, board, "step").to_dict()["height"]
    rows = [replace(row, label=f"{row.label} {at}") for at in range(4) for row in board.rows]
    many = pd.concat([lines.assign(label=lines["label"] + f" {at}") for at in range(4)])
    found = curve_chart.curve(many, replace(board, rows=rows), "step").to_dict()["height"]
    names = len(set(lines["label"]))
    assert found - few >= marks.LEGEND_LINE * names
    assert few >= marks.PLOT > 220
    crowded = cost.quality_against_time(replace(board, rows=rows)).to_dict()["height"]
    assert crowded > marks.PLOT + marks.LEGEND_LINE * len(rows) / 4


def test_axes_stay_within_what_scores_can_be_and_are_logarithmic_over_decades() -> None:
    bounded = marks.value_scale([0.01, 0.4], (0.0, 1.0)).to_dict()
    assert bounded["domain"][0] == 0.0
    assert marks.value_scale([0.1, 0.99], (0.0, 1.0)).to_dict()["domain"][1] == 1.0
    free = marks.value_scale([0.01, 0.4], (-math.inf, math.inf)).to_dict()
    assert free["domain"][0] < 0
    decades = marks.value_scale([0.002, 3.0], (0.0, math.inf)).to_dict()
    assert decades["type"] == "log"
    assert 0 < decades["domain"][0] < 0.002
    assert not marks.spans([0.0, 3.0])


def test_limits_of_a_metric_are_read_off_its_scores(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    board = opened[0]
    nmse = next(metric for metric in board.task.metrics if metric.name == "nmse")
    assert marks.limits(board, nmse) == (0.0, 1.0)
    assert marks.limits(board, board.task.primary) == (0.0, math.inf)
