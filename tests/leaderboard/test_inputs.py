"""What methods were given, made anew from the real tasks, and the singular values of kept matrices."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark import registry
from benchmark.errors import UserError
from benchmark.instances import drawn, make_instance, observed
from benchmark.spec import Picture
from leaderboard.artifacts import inputs
from leaderboard.artifacts.figures import Figure
from leaderboard.charts import singular_values
from tests.leaderboard.synthetic import Writer, make_empty
from tests.leaderboard.synthetic_curves import keep
from tests.leaderboard.test_app import text

Open = Callable[..., AppTest]


def database(folder: Path, name: str, observation: str = "") -> Path:
    """One run of a real task at preset tiny, whose estimates are the truth; of texts all are named 0."""
    task = registry.get_task(name).load()
    engine = make_empty(folder / "real.db")
    with Session(engine) as session:
        writer = Writer(session, folder)
        run = writer.run(task.spec.model_dump(mode="json"), "tiny", "guess")
        for number in range(task.spec.presets["tiny"].instances):
            instance = make_instance(task, "tiny", number, 0)
            estimate = instance.truth
            if name == "few_shot":
                estimate = (instance.truth[:, None] * 0.0).repeat(1, 2)
            seen = observation or observed(instance.problem.shown())
            spec = task.spec.at("tiny")
            scores = {metric.name: 0.5 for metric in spec.metrics}
            writer.instance(run, number, scores, 0.1, label=instance.label, observation=seen)
            keep(writer, run, number, **{kind: one.numpy() for kind, one in drawn(task, instance, estimate).items()})
        session.commit()
    engine.dispose()
    return folder / "real.db"


def test_a_mask_of_columns_and_the_measured_k_space() -> None:
    entry = registry.get_task("mri")
    found = inputs.make("mri", entry.spec.version, "tiny", (0, 0))
    instance = make_instance(entry.load(), "tiny", 0, 0)
    mask, measured = found.plates
    assert mask.title == "k-space mask"
    np.testing.assert_array_equal(mask.picture, np.tile(instance.problem.A.mask.float().numpy(), (48, 1)))
    assert f"{int(instance.problem.A.mask.sum())} of 48 columns" in mask.about
    assert measured.picture.shape == (48, 48)
    assert measured.picture[:, ~instance.problem.A.mask.numpy()].max() == 0
    assert measured.picture.max() == 1
    assert found.observation == observed(instance.problem.shown())


@pytest.mark.parametrize(
    ("task", "titles"),
    [
        ("inpainting", ["mask", "as measured"]),
        ("deblurring", ["kernel of the blur", "as measured"]),
        ("denoising", ["as measured"]),
        ("phase_retrieval", ["as measured"]),
        ("mc", ["entries seen"]),
    ],
)
def test_other_problems_have_other_pictures(task: str, titles: list[str]) -> None:
    spec = registry.get_task(task).spec
    plates = inputs.make(task, spec.version, "tiny", (0, 0)).plates
    assert [plate.title for plate in plates] == titles
    assert all(0 <= plate.picture.min() < plate.picture.max() <= 1 for plate in plates)


def test_a_task_is_offered_by_what_it_poses() -> None:
    def info(poses: str, *offers: str) -> bool:
        return inputs.offered(SimpleNamespace(poses=poses, offers=offers))  # type: ignore[arg-type]

    assert info("FewShot")
    assert info("Completion")
    assert info("NonlinearInverse", "image", "range", "magnitude")
    assert info("LinearInverse", "image", "coils")
    assert not info("LinearInverse", "spectrum")
    assert not info("Retrieval", "training")


def test_another_version_and_an_unknown_task_are_refused() -> None:
    with pytest.raises(UserError, match="is version 1, these results are of version 99"):
        inputs.make("mri", 99, "tiny", (0, 0))
    with pytest.raises(UserError, match="the task imaging is not installed here"):
        inputs.make("imaging", 1, "tiny", (0, 0))


def test_texts_that_most_have_wrong_come_first() -> None:
    found = inputs.Given("", texts=("a", "b", "c"), labels=(1.0, 0.0, 1.0))
    rows = [SimpleNamespace(label="one"), SimpleNamespace(label="two"), SimpleNamespace(label="silent")]
    board = SimpleNamespace(rows=rows, baseline=rows[1])
    named = {"one": np.array([[1.0, 1.0, 0.0]]), "two": np.array([[1.0, 0.0, 0.0]])}
    frame = inputs.texts(found, named, board)  # type: ignore[arg-type]
    assert list(frame) == ["number", "text", "true", "two", "one"]
    assert frame["text"].tolist() == ["c", "b", "a"]
    assert frame["number"].tolist() == [2, 1, 0]
    assert frame["one"].tolist() == ["✗ 0", "✗ 1", "✓"]
    assert frame["two"].tolist() == ["✗ 0", "✓", "✓"]


def test_singular_values_are_those_of_the_matrix_behind_a_picture() -> None:
    random = np.random.default_rng(0)
    low = random.standard_normal((30, 3)) @ random.standard_normal((3, 20))
    top = np.abs(low).max()
    picture = np.asarray((low / top + 1) / 2, np.float32)
    true = np.linalg.svd(low / top, compute_uv=False)[:3]
    np.testing.assert_allclose(singular_values.values(picture), true, rtol=1e-5)  # no more than three: the rest is rounding
    half = picture.astype(np.float16).astype(np.float32)
    assert singular_values.rounding(half) > 1000 * singular_values.rounding(picture)
    np.testing.assert_allclose(singular_values.values(half), true, rtol=1e-2)
    full = np.asarray(random.random((30, 20)), np.float32)
    assert len(singular_values.values(full)) == 20
    frame = singular_values.table(Figure(Picture(kind="matrix"), picture, {"a": full}, {}))
    assert list(dict.fromkeys(frame["label"])) == ["truth", "a"]
    assert frame["number"].tolist() == [1, 2, 3, *range(1, 21)]


def test_the_measurement_is_there_at_once(open_page: Open, tmp_path: Path) -> None:
    app = open_page(database(tmp_path, "mri"), "instance", task="mri", preset="tiny")
    assert not app.exception
    assert len(app.get("image")) >= 2
    assert "**k-space mask**" in text(app)
    assert "**k-space as measured**" in text(app)


def test_other_data_are_not_shown(open_page: Open, tmp_path: Path) -> None:
    app = open_page(database(tmp_path, "mri", observation="other"), "instance", task="mri", preset="tiny")
    assert not app.exception
    assert app.info[0].value == "The observations cannot be shown: the data here are not those that the methods saw."
    assert "**k-space mask**" not in text(app)


def test_texts_are_shown_with_what_they_were_named(open_page: Open, tmp_path: Path) -> None:
    path = database(tmp_path, "few_shot")
    app = open_page(path, "instance", task="few_shot", preset="tiny", instance="0")
    assert not app.exception
    frame = next(one.value for one in app.dataframe if "text" in one.value)
    assert len(frame) == 24
    assert frame["guess"].tolist() == ["✗ 0"] * int((frame["true"] == 1).sum()) + ["✓"] * int((frame["true"] == 0).sum())
    for file in (tmp_path / "curves").glob("*_estimate_labels.npy"):
        file.unlink()
    app = open_page(path, "instance", task="few_shot", preset="tiny", instance="0")
    assert not app.exception
    assert "The labels that these methods gave were not kept, because their runs are older: guess" in text(app)


def test_matrices_have_their_singular_values(open_page: Open, tmp_path: Path) -> None:
    app = open_page(database(tmp_path, "mc"), "instance", task="mc", preset="tiny")
    assert not app.exception
    assert "Singular values of the matrices" in text(app)
    drawn = [element.proto.spec for element in app.get("vega_lite_chart")]
    assert len(drawn) == 2
    assert '"domain": ["truth", "guess"]' in drawn[0]
