from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy.orm import Session

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


def test_where_colours_begin_anew_the_shape_is_another(opened: tuple[Board, pd.DataFrame, list[Board]]) -> None:
    board = replace(opened[0], known_methods=[f"m{n:02}" for n in range(24)] + ["base_fill"], rows=[])
    pairs = list(zip(marks.colours(board).values(), marks.shapes(board).values(), strict=True))
    assert pairs[0][0] == pairs[10][0]
    assert len(set(pairs)) == 25


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


def test_names_of_neighbouring_points_do_not_overlap() -> None:
    names = ["label", "seconds", "mean", "low", "high"]
    lines = [["a", 1.0, 20.0, 19, 21], ["b", 1.0, 19.99, 19, 21], ["c", 1.3, 20, 19, 21], ["d", 100, 19.98, 19, 21]]
    placed = cost._place_names(pd.DataFrame(lines, columns=names))
    assert list(placed["side"]) == ["right", "right", "left", "left"]
    assert placed["name_y"][0] - placed["name_y"][1] == pytest.approx(0.12)
    assert placed["name_y"][3] == 19.98
