"""Inputs out, predictions in: for each interface the scores are those of a direct run."""

import json
import zipfile
from dataclasses import dataclass

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.fits import training_data
from benchmark.instances import make_instance
from benchmark.store.database import open_database
from benchmark.store.models import Score
from benchmark.submissions import store, training
from benchmark.submissions.observations import answers_to, export, shown_by
from runners.engines.base import Order
from runners.engines.messages import Solved
from runners.honest import Witness
from runners.worker import solve

TASKS = ("mri", "deep_mc", "few_shot", "video_retrieval")


def direct(task, number, folder):
    """The estimate of the baseline on an instance, and the scores that a run of it stores."""
    method = registry.get_method(task.spec.baseline).load()
    found, messages = [], []

    def seen(*given):
        found.append(method(*given))
        return found[-1]

    seen.traits = method.traits
    parameters = method.spec.resolve(task.spec.name, "tiny", {})
    order = Order(
        task=task.spec.name,
        preset="tiny",
        method=method.spec.name,
        parameters=parameters,
        seed=0,
        todo=(number,),
        include=(),
        device="cpu",
        artifacts=str(folder / "artifacts"),
        fit=None,
        data_dir=None,
    )
    solve(task, seen, order, number, torch.device("cpu"), messages.append, Witness(task))
    [message] = [message for message in messages if isinstance(message, Solved)]
    return found[0], message


@pytest.mark.parametrize("name", TASKS)
def test_the_scores_of_predictions_are_those_of_a_direct_run(name, tmp_path):
    task = registry.get_task(name).load()
    inputs = tmp_path / "inputs"
    assert len(export(task, "tiny", [0], inputs)["instances"]) == 2
    manifest = json.loads((inputs / "manifest.json").read_text())
    assert (manifest["task"], manifest["version"], manifest["preset"]) == (name, registry.get_task(name).spec.version, "tiny")
    expected = {}
    for one in manifest["instances"]:
        estimate, message = direct(task, one["number"], tmp_path)
        assert one["observation"] == message.observation
        assert any(fits(estimate, form) for form in one["answers"])
        save_file({"estimate": estimate.contiguous()}, inputs / one["prediction"])
        expected |= {(one["number"], metric): value for metric, value in message.scores.items()}
    engine = open_database(str(tmp_path / "results.db"))
    with Session(engine) as session:
        done = store.receive_predictions(session, filled_in(inputs), tmp_path)
        assert (done.state, done.reason) == ("scored", "")
        scores = {(one.instance, one.metric): one.value for one in session.scalars(select(Score))}
    engine.dispose()
    assert scores == {key: value for key, value in expected.items() if key in scores}
    facts = task.facts(make_instance(task, "tiny", 0, 0), {})
    assert {metric for _, metric in expected.keys() - scores.keys()} <= facts.keys()


def filled_in(inputs):
    """The bundle of a folder of inputs whose predictions are there."""
    form = (inputs / "entry.toml").read_text()
    for empty, full in (('method = ""', 'method = "answered"'), ('[""]', '["A"]'), ('contact = ""', 'contact = "a@b.c"')):
        assert empty in form
        form = form.replace(empty, full, 1)
    (inputs / "entry.toml").write_text(form)
    packed = inputs.with_name("bundle.zip")
    with zipfile.ZipFile(packed, "w") as bundle:
        for path in [inputs / "entry.toml", *(inputs / "predictions").iterdir()]:
            bundle.write(path, path.relative_to(inputs))
    return packed.read_bytes()


def fits(estimate, form):
    lengths = [isinstance(side, str) or side == n for side, n in zip(form["shape"], estimate.shape, strict=False)]
    return str(estimate.dtype) == f"torch.{form['dtype']}" and len(form["shape"]) == estimate.ndim and all(lengths)


@pytest.mark.parametrize("name", [name for name in sorted(registry.tasks()) if name != "video_retrieval"])
def test_what_is_written_holds_no_truth_and_is_enough(name):
    task = registry.get_task(name).load()
    instance = make_instance(task, "tiny", 0, 0)
    shown = shown_by(instance.problem)
    assert {"y", "x", "samples", "labels", "pictures"} & shown.tensors.keys()
    truth = instance.truth.abs() if instance.truth.is_complex() else instance.truth
    for tensor in shown.tensors.values():
        values = (tensor.abs() if tensor.is_complex() else tensor).float()
        if values.shape == truth.shape:
            assert not torch.allclose(values, truth.float())
            assert not torch.allclose(values.square(), truth.float())
    json.dumps([shown.values, shown.texts])
    for form in answers_to(instance.problem):
        shape = [1 if isinstance(side, str) else side for side in form["shape"]]
        instance.problem.check(torch.zeros(shape, dtype=getattr(torch, form["dtype"])))


def test_an_operator_can_be_built_again_from_what_is_written(tmp_path):
    from benchmark.operators import MultiCoilMRI

    task = registry.get_task("mri").load()
    export(task, "tiny", [0], tmp_path / "a")
    read = load_file(tmp_path / "a" / "inputs" / "0-0.safetensors")
    problem = make_instance(task, "tiny", 0, 0).problem
    assert torch.equal(MultiCoilMRI(read["A.maps"], read["A.mask"]).H(read["y"]), problem.A.H(problem.y))
    assert "references.same" not in read  # all but the truth itself


def test_a_zip_file_holds_the_same_as_a_folder(tmp_path):
    task = registry.get_task("denoising").load()
    export(task, "tiny", [0], tmp_path / "a")
    export(task, "tiny", [0], tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        files = {path.relative_to(tmp_path / "a").as_posix(): path for path in (tmp_path / "a").rglob("*") if path.is_file()}
        assert set(packed.namelist()) == files.keys()
        assert packed.read("entry.toml") == files["entry.toml"].read_bytes()
    with safe_open(files["inputs/0-0.safetensors"], framework="pt") as file:
        assert list(file.keys()) == ["y"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.zip"]


def test_what_is_there_already_stays(tmp_path):
    task = registry.get_task("denoising").load()
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        export(task, "tiny", [0], tmp_path / "a.zip")
    with pytest.raises(UserError, match="cannot be written"):
        export(task, "tiny", [0], tmp_path / "a.zip" / "b")
    with pytest.raises(UserError, match="give a count"):
        export(task, "tiny", [3], tmp_path / "b")
    with pytest.raises(UserError, match="more than the 1000"):
        export(task, "tiny", range(501), tmp_path / "b")
    assert (tmp_path / "a.zip").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


# --- what methods learn from ------------------------------------------------------------------------------------------


def learnt_from(inputs, seed=0):
    """What manifest.json says of a seed, and the tensors."""
    [about] = [one for one in json.loads((inputs / "manifest.json").read_text())["training"] if one["seed"] == seed]
    return about, load_file(inputs / about["tensors"])


def test_what_is_learnt_from_is_written_once_for_each_seed(tmp_path):
    task = registry.get_task("video_retrieval").load()
    export(task, "tiny", [0, 1], tmp_path / "a")
    found = []
    for seed in (0, 1):
        about, tensors = learnt_from(tmp_path / "a", seed)
        videos = training_data(task, "tiny", seed).videos
        assert about == {"seed": seed, "preset": "tiny", "tensors": f"training/{seed}.safetensors", "bytes": videos.nbytes} | {
            "drawn": None,
            "values": {},
        }
        assert torch.equal(tensors["videos"], videos)
        found.append(tensors["videos"])
    assert not torch.equal(*found)
    assert sorted(path.name for path in (tmp_path / "a" / "training").iterdir()) == ["0.safetensors", "1.safetensors"]


def test_predictions_learnt_from_the_files_alone_are_scored(tmp_path, monkeypatch):
    """Least squares from simulated measurements to spectra, far better than nothing."""
    monkeypatch.setattr(training, "DRAWN", 500)
    task = registry.get_task("spectral").load()
    inputs = tmp_path / "a"
    export(task, "tiny", [0], inputs)
    about, seen = learnt_from(inputs)
    data = training_data(task, "tiny", 0)
    assert about["drawn"] == 500
    assert torch.equal(seen["matrix"], data.matrix)
    assert torch.equal(seen["drawn"], data.draw(500))
    x = seen["drawn"].double()  # (500, n)
    learnt = torch.linalg.solve(*_normal(x @ seen["matrix"].double().T, x))
    manifest = json.loads((inputs / "manifest.json").read_text())
    for one in manifest["instances"]:
        y = load_file(inputs / one["inputs"])["y"].double()
        save_file({"estimate": (y @ learnt).contiguous()}, inputs / one["prediction"])
    engine = open_database(str(tmp_path / "results.db"))
    with Session(engine) as session:
        done = store.receive_predictions(session, filled_in(inputs), tmp_path)
        assert (done.state, done.reason) == ("scored", "")
        found = session.scalar(select(Score.value).where(Score.metric == "rmse", Score.instance == 0))
    engine.dispose()
    instance = make_instance(task, "tiny", 0, 0)  # of simulated spectra, as those that were learnt from
    assert found < 0.5 * instance.truth.square().mean().sqrt().item()


def _normal(y, x):
    return y.T @ y + 1e-4 * y.square().mean() * len(y) * torch.eye(y.shape[1], dtype=y.dtype), y.T @ x


def test_presets_that_learn_as_another_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "DRAWN", 10)
    task = registry.get_task("spectral").load()
    listed = training.write(task, "small_lines", [0], lambda name, content: None)
    assert [one["preset"] for one in listed] == ["small"]


def test_seeds_with_the_same_data_share_a_file(monkeypatch):
    task = registry.get_task("video_retrieval").load()
    monkeypatch.setattr(training, "training_data", lambda *given: training_data(task, "tiny", 0))
    files = {}
    listed = training.write(task, "tiny", [0, 1], files.__setitem__)
    assert list(files) == ["training/0.safetensors"]
    assert [one["tensors"] for one in listed] == ["training/0.safetensors"] * 2


def test_what_is_learnt_from_is_left_out_where_it_is_too_large_or_not_wanted(tmp_path, monkeypatch):
    task = registry.get_task("video_retrieval").load()
    assert export(task, "tiny", [0], tmp_path / "a", learn=False)["training"] == []
    assert not (tmp_path / "a" / "training").exists()
    monkeypatch.setattr(training, "MAX_BYTES", 1000)
    with pytest.raises(UserError, match=r"video_retrieval/tiny have [\d,]+ bytes for each of 1 seeds; 1,000 .*--no-training"):
        export(task, "tiny", [0], tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    denoising = registry.get_task("denoising").load()  # whose methods learn from nothing
    assert export(denoising, "tiny", [0], tmp_path / "c")["training"] == []


@dataclass(frozen=True)
class Strange:
    """Training data with parts of every kind."""

    x: torch.Tensor
    rate: float = 0.5
    words: tuple = ()
    thing: object = None


def test_training_data_of_any_task_are_tensors_and_values():
    found = training.shown_by(Strange(torch.ones(2), thing="a"))
    assert (list(found.tensors), found.values) == (["x"], {"rate": 0.5, "words": (), "thing": "a"})
    with pytest.raises(UserError, match="'words' of the training data, texts, has no form"):
        training.shown_by(Strange(torch.ones(2), words=("a",)))
    with pytest.raises(UserError, match="'thing' of this problem, a set, has no form in a file"):
        training.shown_by(Strange(torch.ones(2), thing={1}))
