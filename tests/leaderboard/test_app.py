"""Every page on a missing, an empty, a tiny, a fuller and a broken database, without a browser."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from tests.leaderboard import synthetic, synthetic_curves
from tests.leaderboard.conftest import APP

PAGES = ["papers", "overview", "task", "instance", "compare"]


def text(app: AppTest) -> str:
    """All words of a page, as a reader sees them: a backslash before a sign of Markdown is not shown."""
    kinds = ("markdown", "caption", "header", "subheader", "error", "warning", "info", "code")
    return re.sub(
        r"\\(?=[^A-Za-z0-9\s])", "", "\n".join(str(element.value) for kind in kinds for element in getattr(app, kind))
    )


def html(app: AppTest) -> str:
    """What a page shows as HTML."""
    return "\n".join(element.proto.body for element in app.get("html"))


def painted(folder: Path, estimate: tuple[int, ...], truth: tuple[int, ...] = (3, 16, 24)) -> Path:
    """A database with the pictures of one run, of these shapes."""
    engine = synthetic.make_empty(folder / "colour.db")
    with Session(engine) as session:
        writer = synthetic.Writer(session, folder)
        run = writer.imaging_run("tiny", "classic_cg")
        writer.pictures(run, 0, noise=0.1)
        for kind, shape in (("truth", truth), ("estimate", estimate)):
            np.save(folder / f"pictures/{run.id}_0_{kind}.npy", np.full(shape, 0.5, np.float32))
        session.commit()
    engine.dispose()
    return folder / "colour.db"


@pytest.mark.parametrize("page", PAGES)
def test_missing_database_says_how_to_fill_it(open_page: Callable[..., AppTest], tmp_path: Path, page: str) -> None:
    app = open_page(tmp_path / "none.db", page)
    assert not app.exception
    assert "No results yet" in text(app)
    assert "python -m runners.run --task mri --method all" in text(app)
    assert str(tmp_path) not in text(app)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("page", PAGES)
def test_empty_database_says_how_to_fill_it(open_page: Callable[..., AppTest], made: Callable[[str], Path], page: str) -> None:
    app = open_page(made("empty"), page)
    assert not app.exception
    assert "The database holds no score" in text(app)
    assert "make demo" in text(app)


@pytest.mark.parametrize("page", PAGES)
def test_foreign_file_is_one_line(open_page: Callable[..., AppTest], tmp_path: Path, page: str) -> None:
    (tmp_path / "notes.db").write_text("not a database, but long enough to be taken for one" * 20)
    app = open_page(tmp_path / "notes.db", page)
    assert not app.exception
    assert len(app.error) == 1
    assert "not a readable SQLite database" in app.error[0].value


@pytest.mark.parametrize("page", PAGES)
def test_tiny_database(open_page: Callable[..., AppTest], made: Callable[[str], Path], page: str) -> None:
    app = open_page(made("tiny"), page)
    assert not app.exception
    assert "Imaging (made up)" in text(app) or page in ("papers", "overview")
    if page == "task":
        assert "too few for intervals" in text(app)
        assert "no curves" in text(app)
    if page == "instance":
        assert "no images" in text(app)
    assert "database tiny.db" in text(app)


def test_overview_lists_every_board_and_its_leaders(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "overview")
    assert not app.exception
    assert "net_guided" in html(app)
    assert "2 instances are too few for ranks" in html(app)
    assert "Rank 1 is best. Methods share a rank if the test does not separate" in text(app)
    assert "Average rank over tasks, preset small" in text(app)
    assert "preset tiny" not in text(app)  # only one task has results there
    assert "Critical difference (Nemenyi" in text(app)
    assert html(app).count('title="average rank ') == 2  # drawn; four more are not ranked
    assert html(app).count("not ranked: ") == 4


def test_task_page_of_a_link(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "task", task="imaging", preset="small")
    assert not app.exception
    assert [box.value for box in app.selectbox][:2] == ["imaging", "small"]
    assert len(app.dataframe[0].value) == 9
    assert "Incomplete: 1 of 9 rows" in text(app)
    assert any("Hidden runs: 4 (" in box.label for box in app.expander)
    assert "python -m runners.run --task imaging --preset small --method net_guided --seeds 0" in text(app)
    assert "data none: its licence is not known here" in text(app)
    assert "· data: none ·" in text(app)  # no page knows such a source
    assert "code 0123456789" in text(app)
    assert "sign-flip test over instances of all pairs at once" in text(app)
    assert "Holm's correction" in text(app)
    assert list(app.dataframe[0].value.columns[:2]) == ["rank", "method"]


def test_choosing_another_preset_changes_the_link(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "task", task="imaging", preset="small")
    app.selectbox[1].select("tiny").run()
    assert not app.exception
    assert app.query_params["preset"] == "tiny"
    assert "Imaging (made up) / tiny" in text(app)


def test_task_without_curves_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "task", task="sorting", preset="small")
    assert not app.exception
    assert "This task has no curves" in text(app)


def test_link_to_what_is_not_there_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "task", task="nothing", preset="small")
    assert not app.exception
    assert "the link asks for task 'nothing'" in text(app)


def test_instance_page_of_a_link(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "instance", task="imaging", preset="small", seed="0", instance="1")
    assert not app.exception
    assert "Imaging (made up) / small: slice 1" in text(app)
    assert "to baseline)" in text(app)
    assert re.search(r"it is the (\d(st|nd|rd|th) )?hardest of the 8 instances of seed 0", text(app))


def test_instance_of_colour_photographs(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    app = open_page(painted(tmp_path, estimate=(3, 16, 24)), "instance")
    assert not app.exception
    assert "16 x 24 pixels" in text(app)
    assert "Upper images: each channel from 0 to 0.5, the largest value of the truth." in text(app)
    assert "|estimate - truth|, mean over the channels, all on this scale" in text(app)
    assert "No image of classic_cg" not in text(app)


def test_array_that_is_no_picture_is_a_problem(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    app = open_page(painted(tmp_path, estimate=(4, 16, 24)), "instance")
    assert not app.exception
    assert "No image of classic_cg: pictures/" in text(app)
    assert "holds float32 (4, 16, 24), not an image (H, W) or (3, H, W)." in text(app)


def test_truth_that_is_no_picture_is_a_problem(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    app = open_page(painted(tmp_path, estimate=(3, 16, 24), truth=(2, 16, 24)), "instance")
    assert not app.exception
    assert "holds float32 (2, 16, 24), not an image (H, W) or (3, H, W)." in text(app)
    assert "This instance has no images" not in text(app)


def test_instance_without_images_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "instance", task="sorting", preset="small")
    assert not app.exception
    assert "This instance has no images" in text(app)
    assert "From [classic_cg](method?method=classic_cg) [run" in text(app)


def test_database_can_be_named_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, made: Callable[[str], Path], tmp_path: Path
) -> None:
    monkeypatch.setenv("LOWDIMBENCH_DB", str(tmp_path / "none.db"))
    monkeypatch.setattr(sys, "argv", ["app.py", "--db", str(made("tiny"))])
    app = AppTest.from_file(str(APP), default_timeout=20).run()
    assert not app.exception
    assert "database tiny.db" in text(app)


def test_any_two_methods_can_be_compared(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "task", task="sorting", preset="small")
    reference, first, second = app.selectbox[2:]
    assert [reference.value, first.value, second.value] == ["base_fill", "classic_cg", "base_fill"]
    assert "error of classic_cg − base_fill:" in text(app)
    first.select("base_fill").run()
    assert not app.exception
    assert "error of base_fill − classic_cg:" in text(app)


def test_time_to_quality_of_another_reference(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "task", task="imaging", preset="small")
    app.selectbox[2].select("net_guided").run()
    assert not app.exception
    assert "of the final estimate of net_guided on the same instance" in text(app)
    frame = next(element.value for element in app.dataframe if "median s" in element.value.columns)
    assert frame.set_index("method").loc["net_guided", "reached"] == "8 of 8"


def test_an_instance_without_pictures_says_which_has_some(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    app = open_page(painted(tmp_path, estimate=(3, 16, 24)), "instance", instance="1")
    assert not app.exception
    assert "This instance has no images" in text(app)
    [label] = [one.proto.label for one in app.get("page_link") if "its estimates were kept" in one.proto.label]
    assert "See seed 0, instance 0 (slice 0)" in label.replace("\\", "")
    app = open_page(tmp_path / "colour.db", "instance", instance="0")
    assert not any("its estimates were kept" in one.proto.label for one in app.get("page_link"))


def test_a_preset_of_cells_shows_where_methods_succeed(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("completion"), "task", task="completion", preset="small")
    assert not app.exception
    assert "Scores by n and rank" in text(app)
    assert next(box for box in app.selectbox if box.key == "cells").value == "success"
    app = open_page(made("completion"), "task", task="completion", preset="small_noise")
    assert not app.exception
    assert "Scores by noise" in text(app)


def test_a_board_shows_the_metrics_of_its_preset(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("completion"), "task", task="completion", preset="full")
    assert not app.exception
    table = app.dataframe[0].value
    assert "stars ↓" in table
    assert not any("log_error" in name for name in table)


def test_singular_values_are_drawn_where_methods_kept_them(
    open_page: Callable[..., AppTest], made: Callable[[str], Path]
) -> None:
    title = "Singular values of the iterate"
    app = open_page(made("completion"), "instance", task="completion", preset="small", instance="0")
    assert not app.exception
    assert title in text(app)
    app = open_page(made("completion"), "instance", task="completion", preset="small", instance="1")
    assert not app.exception
    assert title not in text(app)


def test_curves_are_drawn_as_lines_and_the_link_says_which(
    open_page: Callable[..., AppTest], made: Callable[[str], Path]
) -> None:
    app = open_page(made("curves"), "instance", task="waves", preset="small", instance="1", curve="3")
    assert not app.exception
    assert "Curve 3, method by method" in text(app)
    assert "**Measured signal of curve 3**" in text(app)
    assert len(app.multiselect[0].value) == 4
    assert "flat_guess" in app.multiselect[0].value
    assert "— the baseline · [run 1]" in text(app)
    assert sum(str(element.value).startswith("RMSE of this curve 0.") for element in app.caption) == 6
    assert "images" not in text(app)
    next(box for box in app.selectbox if box.label == "Curve").select(4).run()
    assert not app.exception
    assert app.query_params["curve"] == "4"
    assert "Curve 4, method by method" in text(app)


def test_truth_alone_where_no_method_is_chosen(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("curves"), "instance", task="waves", preset="small")
    drawn = [element.proto.spec for element in app.get("vega_lite_chart")]
    assert len(drawn) == 9  # all, measured, six methods, how hard
    assert "learner_wide" in drawn[0]
    app.multiselect[0].set_value([]).run()
    assert not app.exception
    assert "learner_wide" not in app.get("vega_lite_chart")[0].proto.spec
    assert "Curve 0, method by method" in text(app)


def test_instance_without_curves_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("curves"), "instance", task="waves", preset="small", instance="5")
    assert not app.exception
    assert "This instance has no curves: none were kept." in text(app)
    assert "How hard is this instance?" in text(app)


def test_curves_of_one_method_with_troubles(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    synthetic_curves.make_curves(tmp_path / "one.db", ["solver_fast"]).dispose()
    signal = np.geomspace(1e-6, 1e-2, 80).reshape(5, 16)
    signal[:, :3] = -1e-6
    np.save(tmp_path / "curves/1_0_measured.npy", signal)
    (tmp_path / "curves/1_1_measured.npy").unlink()
    np.save(tmp_path / "curves/1_1_estimate.npy", np.full((5, 301), -1.0))
    app = open_page(tmp_path / "one.db", "instance", instance="0")
    assert not app.exception
    assert app.multiselect[0].value == ["solver_fast"]
    assert "3 of 16 values that are zero or negative" in text(app)
    app = open_page(tmp_path / "one.db", "instance", instance="1")
    assert not app.exception
    assert "RMSE of this curve 1." in text(app)
    assert "Reaches beyond this picture and is cut off: solver_fast." in text(app)
    assert "No line of the measured signal: curves/1_1_measured.npy is missing beside the database." in text(app)
    (tmp_path / "curves/1_1_truth.npy").unlink()
    app = open_page(tmp_path / "one.db", "instance", instance="1")
    assert not app.exception
    assert "No line of the truth: curves/1_1_truth.npy is missing beside the database." in text(app)


def test_a_preset_of_named_groups(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("curves"), "task", task="waves", preset="small")
    assert not app.exception
    assert "Scores by group" in text(app)
    assert "compare methods within a group" in text(app)
    assert text(app).count("Time to learn is not included: learner_wide 95.5 s") == 2
    assert "s to learn" in app.dataframe[0].value


def test_rows_that_differ_in_one_hyperparameter_are_drawn_against_it(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    engine = synthetic.make_empty(tmp_path / "study.db")
    with Session(engine) as session:
        writer = synthetic.Writer(session, tmp_path)
        for steps in (10, 20, 40):
            writer.imaging_run("small", "net_plain", parameters={"steps": steps, "rate": 0.1})
        session.commit()
    engine.dispose()
    app = open_page(tmp_path / "study.db", "task", task="imaging", preset="small")
    assert not app.exception
    assert "Scores by hyperparameter" in text(app)
    boxes = {box.key: box for box in app.selectbox}
    assert (boxes["hyperparameter"].value, boxes["study"].options) == ("steps", ["psnr", "nmse"])
    boxes["study"].select("nmse").run()
    assert not app.exception
    assert "Mean of nmse over 8 instances and 1 seed." in text(app)


def test_no_hyperparameter_is_drawn_where_rows_are_too_few(
    open_page: Callable[..., AppTest], made: Callable[[str], Path]
) -> None:
    app = open_page(made("full"), "task", task="imaging", preset="small")
    assert "Scores by hyperparameter" not in text(app)
