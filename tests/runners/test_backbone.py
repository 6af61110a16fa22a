"""--backbone: an encoder of the user's own, by folder or by its name on the hub, without the network."""

import json

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.datasets import encoders
from benchmark.errors import UserError
from benchmark.store.database import open_database
from benchmark.store.models import Method, Run
from tests.methods import tiny_encoder
from tests.tasks.test_few_shot_task import glue

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def encoder(tmp_path):
    return tmp_path / "models" / "mine", tiny_encoder.save(tmp_path / "models" / "mine")


def stsb(command, *words):
    given = ("--task", "few_shot", "--preset", "full_stsb", "--data-dir", str(command.folder), "--set", "steps=2")
    return command(*given, "--method", "deep_lora", *words)  # and its baseline


def runs(command, method):
    with Session(open_database(str(command.db))) as session:
        return [
            (run.status, run.command)
            for run in session.scalars(select(Run).join(Method, Run.method_id == Method.id).where(Method.name == method))
        ]


def test_a_run_with_an_encoder_of_ones_own(command, encoder):
    folder, named = encoder
    glue(command.folder, "stsb", 520, 30)
    done = stsb(command, "--backbone", named)
    assert done.returncode == 0, done.stderr
    assert "pearson" in done.stdout
    [(status, line)] = runs(command, "deep_lora")
    assert status == "done"
    assert f"--source backbone={named}" in line
    assert stsb(command, "--source", f"backbone={named}").returncode == 0
    assert len(runs(command, "deep_lora")) == len(runs(command, "linear_probe")) == 1
    # other weights under the same names, of the same size: another run
    tiny_encoder.model(seed=1).save_pretrained(folder)
    assert stsb(command, "--backbone", named, "--no-baseline").returncode == 0
    assert len(runs(command, "deep_lora")) == 2


@pytest.mark.parametrize(
    ("preset", "backbone", "message"),
    [
        ("full_stsb", "/nowhere/encoder", "the encoder's folder /nowhere/encoder does not exist; give one with config.json"),
        ("full_stsb", "nobody/no-such", "the encoder 'nobody/no-such' cannot be had: no folder, and not in the hub's cache"),
        ("full_stsb", None, "no backbone/config.json in "),
        ("small", "MINE", "--source backbone: few_shot/small takes no backbone of yours; its presets full_backbone, full_glue"),
    ],
)
def test_bad_encoders_are_one_line(command, encoder, preset, backbone, message):
    glue(command.folder, "stsb", 520, 30)
    words = ["--backbone", encoder[1] if backbone == "MINE" else backbone] if backbone else []
    done = command("--task", "few_shot", "--method", "lora", "--preset", preset, "--data-dir", str(command.folder), *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not command.db.exists()


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("config.json", "has no config.json, so"),
        ("model.safetensors", r"has no weights \(\*.safetensors, \*.bin\) for its bert"),
        ("tokenizer.json", r"has no tokenizer \(tokenizer.json, vocab.txt"),
    ],
)
def test_a_folder_that_lacks_something_is_one_line(encoder, removed, message):
    folder, _ = encoder
    (folder / "vocab.txt").unlink(missing_ok=True)  # a tokenizer of its own
    (folder / removed).unlink()
    with pytest.raises(UserError, match=message):
        list(map(encoders.check, folder.iterdir()))


def test_a_configuration_that_is_none_is_one_line(encoder):
    folder, _ = encoder
    for content in ("{", json.dumps({"layers": 2}), "[]"):
        (folder / "config.json").write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match="names no model_type"):
            encoders.check(folder / "config.json")
