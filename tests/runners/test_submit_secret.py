"""The commands of a board with a private seed, from the secret to the row, and what never shows of it."""

import json
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.submissions import private
from runners import export, submit
from runners.cli import run_app

INPUTS = ("export-inputs", "--private", "--task", "mc", "--preset", "tiny", "--output", "inputs")


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """A command in a folder with a database of its own: exit code, output, errors. Whatever is said is kept in `call.said`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOWDIMBENCH_DB", str(tmp_path / "results.db"))
    monkeypatch.delenv(private.VARIABLE, raising=False)

    def run(*words, app=submit.app):
        monkeypatch.setattr(sys, "argv", ["submit", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            run_app(app)
        out, err = capsys.readouterr()
        run.said += out + err
        return left.value.code, out, err

    run.said = ""
    return run


def bundle(name="bundle.zip", folder="inputs"):
    """Answers in zeros, packed."""
    inputs = Path(folder)
    form = (inputs / "entry.toml").read_text()
    for empty, full in (('""', '"answered"'), ('[""]', '["A"]'), ('contact = ""', 'contact = "a@b.c"')):
        form = form.replace(empty, full, 1)
    (inputs / "entry.toml").write_text(form)
    for one in json.loads((inputs / "manifest.json").read_text())["instances"]:
        assert set(load_file(inputs / one["inputs"])) == {"y", "where"}
        save_file({"estimate": torch.zeros(one["answers"][0]["shape"], dtype=torch.float64)}, inputs / one["prediction"])
    with zipfile.ZipFile(name, "w") as packed:
        for path in [inputs / "entry.toml", *(inputs / "predictions").iterdir()]:
            packed.write(path, path.relative_to(inputs))
    return name


def test_from_the_secret_to_the_row_and_nothing_shows_of_it(call, tmp_path):
    code, out, err = call("secret")
    file = tmp_path / "results.db.secret"
    commitment = private.read(file).commitment
    assert (code, err) == (0, "")
    assert out.startswith(f"private seed {commitment} in {file}: keep it")
    assert call("secret")[1] == out  # it is there, and stays
    code, out, err = call(*INPUTS)
    assert (code, err, "note:" in out) == (0, "", False)
    code, out, err = call("predictions", bundle())
    assert (code, err) == (0, "")
    assert f"answered on mc/tiny_private_{commitment} is scored" in out
    assert f"mc/tiny_private_{commitment}, seeds: 1" in call("status", 1)[1]
    assert (
        f"tiny_private_{commitment}"
        in call("--format", "jsonl", "--output", "runs.jsonl", app=export.app)[1] + (tmp_path / "runs.jsonl").read_text()
    )
    board = ("--task", "mc", "--preset", f"tiny_private_{commitment}", "--format", "markdown")
    assert f"private seed {commitment}" in call(*board, app=export.app)[1]

    digits = file.read_text().strip()
    hidden = [digits.encode(), digits.upper().encode(), bytes.fromhex(digits)]
    found = [path for path in tmp_path.rglob("*") if path.is_file() and path != file]
    assert {"results.db", "runs.jsonl", "manifest.json", "entry.toml", "bundle.zip"} <= {path.name for path in found}
    for content in [call.said.encode(), *(path.read_bytes() for path in found)]:
        assert not any(one in content for one in hidden)


def test_a_replaced_secret_refuses_older_answers_and_draws_others(call, tmp_path):
    old = call("secret")[1].split()[2]
    call(*INPUTS)
    first = json.loads(Path("inputs", "manifest.json").read_text())
    code, out, err = call("secret", "--rotate")
    new = private.read(tmp_path / "results.db.secret").commitment
    assert (code, err, old != new) == (0, "", True)
    assert out.startswith(
        f"private seed {old} is replaced; it lies in {tmp_path / f'results.db.secret.{old}'}, to be published"
    )
    code, out, err = call("predictions", bundle())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"it answers inputs of the private seed {old}; that of this board is {new} now" in err
    call(*INPUTS[:-1], "others")
    others = json.loads(Path("others", "manifest.json").read_text())
    assert (first["private"], others["private"]) == (old, new)
    hashes = [{one["observation"] for one in manifest["instances"]} for manifest in (first, others)]
    assert not hashes[0] & hashes[1]


def test_what_is_wrong_is_one_line(call, tmp_path):
    file = tmp_path / "results.db.secret"

    def refused(*words):
        code, out, err = call(*words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        return err

    assert "no private seed (results.db.secret is missing); its owner makes one with: python" in refused(*INPUTS)
    assert "no private seed" in refused("secret", "--rotate")
    call("secret")
    call(*INPUTS)
    bundle()
    file.chmod(0o644)
    for words in (INPUTS, ("secret",), ("secret", "--rotate"), ("predictions", "bundle.zip")):
        assert "others may read the private seed results.db.secret (its mode is 644); chmod 600 it" in refused(*words)
    file.unlink()
    assert "no private seed" in refused("predictions", "bundle.zip")
    file.mkdir()
    assert "cannot be" in refused("predictions", "bundle.zip")
    assert not list(tmp_path.glob("artifacts/*"))


def test_the_secret_lies_where_it_is_told_to(call, tmp_path, monkeypatch):
    elsewhere = tmp_path / "kept apart" / "seed"
    assert f"in {elsewhere}: keep it" in call("secret", "--secret-file", elsewhere)[1]
    monkeypatch.setenv(private.VARIABLE, str(elsewhere))
    assert call(*INPUTS)[0] == 0
    assert call("predictions", bundle())[0] == 0
    assert not (tmp_path / "results.db.secret").exists()


def test_truths_that_come_with_the_suite_get_a_note(call):
    call("secret")
    out = call("export-inputs", "--private", "--task", "spectral", "--preset", "tiny", "--no-training", "--output", "inputs")[1]
    assert "note: the truths of 2 of 3 instances come with the suite, so that everybody has them" in out  # the lamps
