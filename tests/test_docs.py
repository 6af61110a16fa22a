"""What README, CONTRIBUTING and the pages of docs/ say is true."""

import contextlib
import itertools
import json
import os
import re
import runpy
import shlex
import subprocess
import sys

import pytest
import torch
from PIL import Image

import lowdimbench as ldb
from benchmark import registry
from benchmark.context import Context
from tests.runners.forks import FORKS

pytestmark = pytest.mark.slow

README = (registry.ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (registry.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = {
    file.relative_to(registry.ROOT / "docs").as_posix(): file.read_text(encoding="utf-8")
    for file in registry.ROOT.glob("docs/**/*.md")
}
WRITTEN = {"README.md": README, **{name: text for name, text in PAGES.items() if not name.startswith("papers/")}}
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
    said = {name: set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) for name, text in WRITTEN.items() if name != "gpu.md"}
    assert options["run"] <= said["how-to/run.md"]
    known = set.union(*options.values()) | {"--install-completion", "--host", "--port", "--hand-ins"}
    known |= {"--head", "--name"}  # of Ray's and SLURM's own commands
    assert {name: named - known for name, named in said.items() if named - known} == {}


RUNS = {line for text in WRITTEN.values() for line in text.splitlines() if line.startswith("python -m runners.run")}
BROUGHT = ("--include", "--data-dir", "--source")  # files that the reader brings


@pytest.mark.parametrize("line", sorted(line for line in RUNS if not any(option in line for option in BROUGHT)))
def test_commands_of_the_documents_plan_what_they_say(line, tmp_path):
    words = shlex.split(line, comments=True)
    if words[words.index("--method") + 1 if "--method" in words else 0] == "landweber":
        return  # of a package that the reader writes
    [plan] = blocks(PAGES["how-to/run.md"], "yaml")
    (tmp_path / "plan.yaml").write_text(plan)
    out = python([*words, *([] if {"--list", "--dry-run"} & set(words) else ["--dry-run"])], tmp_path)
    assert re.search(words[words.index("--task") + 1] if "--task" in words else "mri", out)


def test_the_newcomers_commands_lead_to_a_ranked_method(tmp_path):
    [block] = blocks(PAGES["how-to/add-method.md"], "console")
    made, *lines = commands(block)
    [short] = blocks(README, "console")
    assert [line for line in commands(short) if line not in commands(block)] == []
    tutorial = [words for part in blocks(PAGES["tutorial.md"], "console") for words in commands(part)]
    assert made == ["mkdir", "mine"]
    (tmp_path / "mine").mkdir()
    out = [python(words, tmp_path, anew) for words in lines]
    assert "0 failed" in out[1]
    for words in tutorial:
        if words not in commands(block):
            python(words, tmp_path)
    assert re.search(r"│ +\d+ │ +[\d-]+ │ my_method", out[3])  # a rank and its interval, among all that came
    assert "self_guided_dip (reference)" in out[3]
    assert r"my\_method" in out[4]


@pytest.mark.slow
def test_the_commands_that_look_back_do_what_they_say(tmp_path):
    [block] = [block for block in blocks(PAGES["how-to/run.md"]) if "runners.show" in block]
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
    handed, coded = [commands(block) for block in blocks(PAGES["how-to/submit.md"], "sh")]
    [answer] = [block for block in blocks(PAGES["how-to/submit.md"], "python") if "manifest.json" in block]
    [entry] = [block for block in blocks(PAGES["how-to/submit.md"], "toml") if "authors" in block]
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
    [(secret, export, hand_in)] = [commands(block) for block in blocks(PAGES["how-to/private-board.md"], "sh")]
    out = python(secret, tmp_path)
    assert re.match(r"private seed [0-9a-f]{12} in board\.db\.secret: keep it", out)
    out = python(export, tmp_path)
    assert "12 instances of mc/small written to inputs" in out
    assert "note:" not in out
    assert hand_in[2:4] == ["runners.submit", "predictions"]


def test_every_task_and_method_is_listed():
    for name in registry.tasks():
        assert f"`{name}`" in README
        assert f"`{name}`" in PAGES["explanation/tasks.md"]
    for name in registry.methods():
        assert f"`{name}`" in PAGES["explanation/methods.md"]


def test_the_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) < 180
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert len(links) > 10
    assert [link for link in links if not (registry.ROOT / link).exists()] == []


def test_other_commands_of_the_readme_are_commands():
    lines = [words for block in blocks(README) for words in commands(block)]
    assert {words[0] for words in lines} == {"python", "make"}
    makefile = (registry.ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {words[1] for words in lines if words[0] == "make"} | set(re.findall(r"`make (\w+)`", README))
    assert targets >= {"demo", "test", "leaderboard", "docs"}
    assert [name for name in targets if not re.search(rf"^{name}( \w+)*:", makefile, re.MULTILINE)] == []
    [demo] = re.findall(r"^demo:.*\n\t\$\(BIN\)/(python .*)", makefile, re.MULTILINE)
    shown = {"zero_filled"} | {name for option, name in itertools.pairwise(shlex.split(demo)) if option == "--method"}
    [board] = [block for block in blocks(README, "text") if "psnr" in block]
    assert {line.split()[2] for line in board.splitlines() if "2 of 3 seeds" in line} == shown


def test_the_boards_shown_are_those_of_the_reference():
    frame = ldb.results("mri", "small").set_index("label")
    for text in (README, PAGES["tutorial.md"]):
        board = next(block for block in blocks(text, "text") if "mri v1, small" in block)
        rows = re.findall(r"^ +\d+ +[\d-]+ +(\w+(?: \[.*?\])?) .*?([\d.]+) \[([\d.]+), ([\d.]+)\]", board, re.MULTILINE)
        shown = {name: [float(one) for one in numbers] for name, *numbers in rows}
        assert shown.keys() - {"my_method"} == set(frame.index)
        for name, numbers in shown.items():
            if name != "my_method":
                assert numbers == pytest.approx(frame.loc[name, ["estimate", "lower", "upper"]].tolist(), abs=0.051), name


def test_the_picture_of_the_readme_shows_the_reference():
    file = registry.ROOT / "docs/images/front.png"
    assert file.stat().st_size < 300_000
    with Image.open(file) as picture:
        told = json.loads(picture.text["numbers"])
    frame = ldb.results("mri", "small")
    now = [[row.label, row.estimate, row.lower, row.upper] for row in frame.itertuples()]
    for shown, row in zip(told, now, strict=True):
        assert shown[0] == row[0], "python docs/scripts/front_picture.py"
        assert shown[1:] == pytest.approx(row[1:], abs=0.006), "python docs/scripts/front_picture.py"


def test_the_notebook_code_of_the_readme_runs():
    [code] = [block for block in blocks(README, "python") if "landweber" in block]
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert "landweber" in set(names["found"].ranking["label"])


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
