"""From runs in a database to the frame of a figure."""

import numpy as np
import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.claims.evidence import Evidence
from benchmark.claims.figure import Figure, Mark, Published, grid, over
from benchmark.claims.figures import HERE, PUBLISHED, drawn
from benchmark.claims.paper import Runs, curve, of_curve, score
from benchmark.datasets.sources import fingerprint
from benchmark.store.database import open_database
from benchmark.store.models import Curve
from tests.leaderboard.synthetic import Writer

OURS, THEIRS, NONE = (Runs("mri", "small", name, 1) for name in ("cg_sense", "zero_filled", "tv"))
BASE = [20.0, 22.0, 24.0, 26.0, 28.0, 30.0, 32.0, 34.0]


def point(run, instance, step, seconds, value, series="estimate"):
    return {"run_id": run, "instance": instance, "series": series, "step": step, "seconds": seconds, "value": value}


@pytest.fixture
def evidence(tmp_path):
    """cg_sense is 1 dB above zero_filled on each slice of mri/small and has curves; tv has not run."""
    engine, task = open_database(str(tmp_path / "a.db")), registry.get_task("mri")
    spec, data = task.spec.model_dump(mode="json"), fingerprint(task.spec.presets["small"].data, None)
    with Session(engine) as session:
        writer = Writer(session, tmp_path)
        for runs, gain in ((OURS, 1.0), (THEIRS, 0.0)):
            entry = registry.get_method(runs.method)
            usual = {"source": registry.source_hash(task, entry, "small"), "data": data}
            made = writer.run(spec, "small", runs.method, 0, parameters=entry.spec.resolve("mri", "small", {}), **usual)
            for number, value in enumerate(BASE):
                writer.instance(made, number, {"psnr": value + gain, "ssim": 0.5, "nmse": 0.1}, 1.0)
                if gain:
                    points = [(step, 0.1 * step, value + 0.01 * step) for step in (0, 50, 100)]
                    beside = [(step, seconds, value - 5) for step, seconds, value in points]
                    session.execute(insert(Curve), [point(made.id, number, *one) for one in points])
                    session.execute(insert(Curve), [point(made.id, number, *one, "beside") for one in beside])
        session.flush()
        yield Evidence(session)
    engine.dispose()


def figure(kind, *marks, **others):
    return Figure("a", "A figure.", kind, marks, x="x", y="y", **others)


def test_dots_have_mean_interval_and_n_and_published_values_have_none(evidence):
    marks = (Mark("psnr", score(OURS), "ours"), Mark("psnr", score(THEIRS), "theirs"))
    found = drawn(figure("dots", *marks, published=(Published("psnr", 30.0, "ours"),), source="a table"), evidence)
    assert found.gaps == ()
    rows = found.frame.set_index(["source", "at"])
    ours = rows.loc[(HERE, "ours")]
    assert ours["value"] == pytest.approx(28.0)
    assert ours["low"] < 28.0 < ours["high"]
    assert ours["n"] == 8
    published = rows.loc[(PUBLISHED, "ours")]
    assert published["value"] == 30.0
    assert np.isnan(published["low"])


def test_a_difference_is_paired(evidence):
    found = drawn(figure("dots", Mark("gain", score(OURS), "ours", less=score(THEIRS))), evidence)
    row = found.frame.iloc[0]
    assert row["value"] == pytest.approx(1.0)
    assert np.isnan(row["low"])  # all alike: nothing to draw, where unpaired spreads are 9 dB wide


def test_curves_are_means_over_instances_with_their_middle_half(evidence):
    given = figure("curves", Mark("ours", curve(OURS)), published=(Published("ours", 25.0),), source="a curve")
    frame = drawn(given, evidence).frame
    here = frame[frame["source"] == HERE]
    assert list(here["at"]) == [0, 50, 100]
    assert list(here["value"]) == pytest.approx([27.0, 27.5, 28.0])
    assert list(here["low"]) == pytest.approx([23.5, 24.0, 24.5])
    published = frame[frame["source"] == PUBLISHED].iloc[0]
    assert (published["at"], published["value"]) == (100, 25.0)  # at the end of our curve


def test_a_curve_beside_the_estimates_is_drawn_by_its_name(evidence):
    marks = (Mark("ours", curve(OURS)), Mark("beside", curve(OURS, series="beside")))
    frame = drawn(figure("curves", *marks), evidence).frame.set_index("series")
    assert list(frame.loc["ours", "value"]) == pytest.approx([27.0, 27.5, 28.0])
    assert list(frame.loc["beside", "value"]) == pytest.approx([22.0, 22.5, 23.0])
    found = evidence.read(of_curve("before", OURS, series="beside", after=60))
    assert found[0, 0] == pytest.approx(20.0 + 0.5 - 5)
    assert [gap.why for gap in evidence.gaps(curve(OURS, series="nothing"))] == ["no curve"]


def test_a_scatter_reads_its_place_off_the_same_runs(evidence):
    frame = drawn(figure("scatter", Mark("ours", score(OURS), against=score(OURS, "ssim"))), evidence).frame
    assert (frame["at"].iloc[0], frame["value"].iloc[0]) == (0.5, pytest.approx(28.0))


def test_what_is_missing_is_said_with_its_command(evidence):
    found = drawn(figure("dots", Mark("psnr", score(OURS), "ours"), Mark("psnr", score(NONE), "tv")), evidence)
    assert list(found.frame["at"]) == ["ours"]
    assert found.missing == "mri/small tv: not run"
    assert found.commands == ["python -m runners.run --task mri --preset small --method tv --no-baseline"]
    assert not found.empty
    nothing = drawn(figure("dots", Mark("psnr", score(NONE), "tv")), evidence)
    assert nothing.empty
    assert list(nothing.frame.columns) == ["source", "series", "at", "up", "value", "low", "high", "n"]


def test_marks_of_cells():
    runs = Runs("mc", "small", "relu_gd")
    lines = over("ours", score(runs, "success", n=200), "rank", (2, 3))
    assert [(mark.at, dict(mark.of.cells)) for mark in lines] == [
        (2, {"n": (200,), "rank": (2,)}),
        (3, {"n": (200,), "rank": (3,)}),
    ]
    cells = grid("ours", score(runs, "success"), ("rank", (2, 3)), ("n", (50, 100)))
    assert {(mark.at, mark.up) for mark in cells} == {(2, 50), (2, 100), (3, 50), (3, 100)}


@pytest.mark.parametrize(
    ("kind", "marks", "others", "why"),
    [
        ("dots", (), {}, "no marks"),
        ("dots", (Mark("a", score(OURS)),), {}, "without a place"),
        ("curves", (Mark("a", score(OURS)),), {}, "curves of what is none"),
        ("map", (Mark("a", score(OURS), 1),), {}, "without a height"),
        ("scatter", (Mark("a", score(OURS)),), {}, "without a place"),
        ("dots", (Mark("a", score(OURS), "b"),), {"published": (Published("a", 1.0, "b"),)}, "without a source"),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_refused(kind, marks, others, why):
    with pytest.raises(ValueError, match=why):
        figure(kind, *marks, **others)
