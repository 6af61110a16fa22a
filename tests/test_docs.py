"""What README and CONTRIBUTING say is true."""

import contextlib
import os
import re
import runpy
import shlex
import subprocess
import sys

import pytest
import torch

from benchmark import registry
from benchmark.context import Context
from tests.runners.forks import FORKS

pytestmark = pytest.mark.slow

README = (registry.ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (registry.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = ("run", "tune", "show", "reproduce", "export", "load", "check", "claims")


def blocks(text, language=""):
    found = re.findall(r"^```(\w*)\n(.*?)^```\n", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def commands(text):
    """The words of each line of a block, comments left out."""
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.partition("#")[0].strip()]


def python(words, folder, started=FORKS, **variables):
    """A command line of the documents in a scratch folder, with a database of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(registry.ROOT),
        "COLUMNS": "200",
        "LOWDIMBENCH_DB": "results.db",
        **variables,
    }
    assert words[:2] == ["python", "-m"]
    done = started(words[2:], folder, environment, timeout=300)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def anew(words, folder, environment, timeout):
    """A command that nobody has imported for, as a reader starts it."""
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("help")
    helps = {name: python(["python", "-m", f"runners.{name}", "--help"], folder) for name in COMMANDS}
    submit = ("export-inputs", "predictions", "secret", "code", "review", "status", "withdraw")
    helps["submit"] = "".join(python(["python", "-m", "runners.submit", name, "--help"], folder) for name in submit)
    helps["new"] = python(["python", "-m", "runners.new", "method", "--help"], folder)
    return {name: set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help"} for name, text in helps.items()}


def test_every_option_named_is_an_option_and_every_option_of_run_is_named(options):
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert options["run"] <= named
    assert named <= set.union(*options.values()) | {"--install-completion", "--host", "--port", "--hand-ins"}


@pytest.mark.parametrize("line", [line for line in README.splitlines() if line.startswith("python -m runners.run")])
def test_commands_of_the_readme_plan_what_they_say(line, tmp_path):
    words = shlex.split(line, comments=True)
    if "--include" in words or "--data-dir" in words:
        return  # files that the reader brings
    [plan] = blocks(README, "yaml")
    (tmp_path / "plan.yaml").write_text(plan)
    out = python([*words, *([] if {"--list", "--dry-run"} & set(words) else ["--dry-run"])], tmp_path)
    assert re.search(words[words.index("--task") + 1] if "--task" in words else "mri", out)


def test_the_newcomers_commands_lead_to_a_ranked_method(tmp_path):
    [block] = blocks(README, "console")
    made, *lines = commands(block)
    assert made == ["mkdir", "mine"]
    (tmp_path / "mine").mkdir()
    out = [python(words, tmp_path, anew) for words in lines]
    assert "0 failed" in out[1]
    assert re.search(r"│ +\d │ +[\d-]+ │ my_method", out[3])  # a rank and its interval, among all that came
    assert "self_guided_dip (reference)" in out[3]
    assert r"my\_method" in out[4]


@pytest.mark.slow
def test_the_commands_that_look_back_do_what_they_say(tmp_path):
    [block] = [block for block in blocks(README) if "runners.show" in block]
    shown, reproduced, exported, whole, loaded = [words for words in commands(block) if words[0] == "python"]
    for method in ("zero_filled", "cg_sense", "l1_wavelet"):
        words = ["--task", "mri", "--preset", "tiny", "--method", method, "--no-baseline"]
        python(["python", "-m", "runners.run", *words], tmp_path)
    assert "l1_wavelet" in python(shown, tmp_path)
    assert "agree" in python(reproduced, tmp_path)
    python(["python", "-m", "runners.load", "--reference"], tmp_path)
    assert r"\begin{tabular}" in python(exported, tmp_path)
    python(whole, tmp_path)
    came = (registry.ROOT / "leaderboard/reference/mri.jsonl").read_text(encoding="utf-8").count("\n") - 1  # without its header
    assert f"{3 + came} of {3 + came} runs added" in python(loaded, tmp_path, LOWDIMBENCH_DB="other.db")
    assert f"0 of {3 + came} runs added" in python(loaded, tmp_path, LOWDIMBENCH_DB="other.db")


@pytest.mark.slow
def test_a_method_is_submitted_by_both_doors_as_the_readme_says(tmp_path):
    handed, coded, _ = [commands(block) for block in blocks(README, "sh")]
    [answer] = [block for block in blocks(README, "python") if "manifest.json" in block]
    [entry] = [block for block in blocks(README, "toml") if "authors" in block]
    (tmp_path / "answer.py").write_text(answer)
    folder, out = tmp_path, ""
    for words in handed:
        if words[0] == "cd":
            folder = (folder / words[1]).resolve()
            continue
        if words[1] == "answer.py":
            with contextlib.chdir(folder):
                runpy.run_path("answer.py")
            form = (folder / "answers" / "entry.toml").read_text()
            (folder / "answers" / "entry.toml").write_text(entry + form[form.index("[answers]") :])
            continue
        out += python(words, folder)
    assert "8 instances of mri/small written to answers" in out
    assert "submission 1: my_answers on mri/small is scored" in out
    assert "nearly the predictions of zero_filled" not in out  # no run of it is in this database
    (tmp_path / "mine").mkdir()
    out = ""
    for words in coded:
        shown = re.findall(r"token of submission 2: (\S+)", out)
        out += python([shown[0] if word == "TOKEN" else word for word in words], tmp_path)
    assert "submission 2: my_code on mri/small is reproduced" in out
    assert "submission 2 is withdrawn" in out


@pytest.mark.slow
def test_an_open_board_is_begun_as_the_readme_says(tmp_path):
    _, _, (secret, export, hand_in) = [commands(block) for block in blocks(README, "sh")]
    out = python(secret, tmp_path)
    assert re.match(r"private seed [0-9a-f]{12} in board\.db\.secret: keep it", out)
    out = python(export, tmp_path)
    assert "12 instances of mc/small written to inputs" in out
    assert "note:" not in out
    assert hand_in[2:4] == ["runners.submit", "predictions"]


def test_the_readme_lists_every_method_and_task():
    for name in [*registry.methods(), *registry.tasks()]:
        assert f"`{name}`" in README


def test_the_example_method_works_as_printed(tmp_path):
    [code] = [block for block in blocks(CONTRIBUTING, "python") if "@method" in block]
    file = tmp_path / "landweber.py"
    file.write_text(code)
    registry.include([file])
    entry = registry.get_method("landweber")
    assert entry.spec.summary.startswith("Landweber iteration")
    task = registry.get_task("mri").load()
    instance = task.make(task.spec.presets["tiny"], "test", 0, torch.Generator().manual_seed(0))
    points = []
    ctx = Context(torch.device("cpu"), 0, on_record=lambda step, seconds, estimates: points.append(estimates["estimate"]))
    estimate = instance.problem.check(entry.load()(instance.problem, ctx, entry.spec.resolve("mri", "tiny", {})))
    zero_filled = instance.problem.A.H(instance.problem.y)
    assert task.score(instance, estimate)["psnr"] > task.score(instance, zero_filled)["psnr"]
    assert torch.equal(points[-1], estimate)
