"""Methods that learn once for many instances: timed apart, kept under their own key, taken up again."""

import os
import sqlite3
import textwrap
import time

import pytest
import torch

from benchmark import fits, registry, solving
from benchmark.context import Context
from benchmark.fits import Fit, learn

pytestmark = pytest.mark.slow

LEARNERS = '''
"""Methods that learn, and count how often."""

import os
import time

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method


def mean(training, ctx: Context, *, spectra: Count = 10, wait: Positive = 0.01, then: str = "return") -> dict[str, Tensor]:
    with open(os.environ["COUNTER"], "a") as file:
        file.write("learnt\\n")
    time.sleep(wait)
    if then == "raise":
        raise RuntimeError("it cannot be learnt")
    if then == "list":
        return [torch.ones(1)]
    for step in ctx.steps(3):
        ctx.record(step, torch.tensor(1.0))
    return {"mean": training.draw(spectra).mean(0).double()}


@method("mean_spectrum", solves="LinearInverse", kind="test", paper="", needs=("spectrum",), fit=mean)
def mean_spectrum(problem: LinearInverse, ctx: Context, learnt, *, scale: Positive = 1.0) -> Tensor:
    return scale * learnt["mean"].expand(problem.A.shape).clone()
'''
ON_TINY = ("--task", "spectral", "--preset", "tiny", "--method", "mean_spectrum", "--no-baseline", "--threads", "1")


@pytest.fixture
def learner(command):
    file = command.folder / "learners.py"
    file.write_text(textwrap.dedent(LEARNERS).lstrip())

    def run(*words, **how):
        done = command(*ON_TINY, *words, "--include", str(file), **how)
        counter = command.folder / "counter"
        done.learnt = counter.read_text().count("learnt") if counter.exists() else 0
        return done

    run.command = command
    return run


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


def test_it_learns_once_for_all_instances_and_its_time_is_kept_apart(learner):
    done = learner("--set", "wait=0.5")
    assert done.returncode == 0, done.stderr
    assert done.learnt == 1
    [(seconds, fit)] = rows(learner.command, "SELECT seconds, fit_seconds FROM run")
    assert 0.5 <= fit < 2
    assert seconds < 0.3
    again = learner("--set", "wait=0.5")
    assert again.learnt == 1
    assert "1 done already" in again.stdout


def test_what_decides_what_is_learnt_is_in_its_key_and_nothing_else(learner):
    learner()
    other = learner("--set", "scale=2.0")  # of the method alone: what was learnt serves
    assert other.learnt == 1
    assert "learnt before, in" in other.stdout
    first, second = rows(learner.command, "SELECT fit_seconds FROM run")
    assert first == second
    assert learner("--set", "spectra=5").learnt == 2
    assert learner("--seeds", "1,").learnt == 3
    assert learner("--force").learnt == 4


def test_presets_that_share_training_data_share_what_was_learnt(learner):
    words = ("--task", "spectral", "--method", "mean_spectrum", "--no-baseline", "--threads", "1", "--include")
    file = str(learner.command.folder / "learners.py")
    for preset in ("small_lines", "small"):
        done = learner.command(*words, file, "--preset", preset)
        assert done.returncode == 0, done.stderr
    assert (learner.command.folder / "counter").read_text().count("learnt") == 1


def test_a_damaged_file_is_learnt_again(learner):
    learner()
    [kept] = (learner.command.folder / "fits").glob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:40])
    done = learner("--set", "scale=2.0")
    assert done.returncode == 0, done.stderr
    assert done.learnt == 2
    assert learner("--set", "scale=3.0").learnt == 2


def test_what_was_learnt_is_kept_apart_by_device(learner):
    learner()
    [kept] = (learner.command.folder / "fits").glob("*.safetensors")
    assert kept.stem.endswith("-cpu")


@pytest.mark.parametrize("cut", [False, True])
def test_learning_that_was_cut_short_is_tried_again(learner, cut):
    learner()
    [kept] = (learner.command.folder / "fits").glob("*.safetensors")
    fit = fits.load(kept.parent, kept.stem)
    fits.keep(kept.parent, kept.stem, Fit(fit.learnt, fit.seconds, cut))
    assert learner("--set", "scale=2.0").learnt == 1 + cut
    assert not fits.load(kept.parent, kept.stem).truncated
    assert rows(learner.command, "SELECT DISTINCT status FROM instance") == [("done",)]


@pytest.mark.parametrize("cut", [False, True])
def test_instances_of_learning_that_was_cut_short_are_truncated(learner, cut):
    registry.include([learner.command.folder / "learners.py"])
    task, method = registry.get_task("spectral").load(), registry.get_method("mean_spectrum").load()
    fit = Fit({"mean": torch.ones(1, dtype=torch.float64)}, 1.0, cut)
    parameters = method.spec.resolve("spectral", "tiny", {})
    assert solving.solve(task, method, "tiny", 0, 0, parameters, fit=fit).truncated is cut


def test_a_kill_while_it_learns_leaves_nothing_half_written(learner):
    words = (*ON_TINY, "--set", "wait=3.0", "--include", str(learner.command.folder / "learners.py"))
    running = learner.command.start(*words)
    counter, end = learner.command.folder / "counter", time.monotonic() + 60
    while not counter.exists() and time.monotonic() < end:
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert counter.read_text().count("learnt") == 1
    assert not list(learner.command.folder.glob("fits/*"))
    done = learner("--set", "wait=3.0")
    assert done.returncode == 0, done.stderr
    assert done.learnt == 2
    assert rows(learner.command, "SELECT status FROM run") == [("done",)]
    assert [file.suffix for file in learner.command.folder.glob("fits/*")] == [".safetensors"]


@pytest.mark.parametrize(("then", "reason"), [("raise", "it cannot be learnt"), ("list", "is not a dictionary of tensors")])
def test_what_cannot_be_learnt_fails_the_run_with_its_reason(learner, then, reason):
    done = learner("--set", f"then={then}")
    assert done.returncode == 1
    assert reason in done.stdout
    [(status, error)] = rows(learner.command, "SELECT status, error FROM run")
    assert status == "failed"
    assert reason in error
    assert not list(learner.command.folder.glob("fits/*"))


def test_a_method_that_learns_needs_a_task_with_training_data(learner):
    file = learner.command.folder / "learners.py"
    text = file.read_text().replace('needs=("spectrum",), ', "")
    file.write_text(text)
    done = learner.command("--task", "inpainting", "--preset", "tiny", "--method", "mean_spectrum", "--include", str(file))
    assert done.returncode == 2
    assert "mean_spectrum needs training, which inpainting/tiny does not offer" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fit=mean", "fit=median", "fit names no function of this file"),
        ("spectra: Count = 10", "spectra: Count", "'spectra' needs an annotation and a default"),
    ],
)
def test_a_fit_that_cannot_be_read_is_refused_in_one_line(learner, old, new, message):
    file = learner.command.folder / "learners.py"
    file.write_text(file.read_text().replace(old, new))
    done = learner()
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_learning_ends_with_its_budget_and_says_so(learner, tmp_path, monkeypatch):
    registry.include([learner.command.folder / "learners.py"])
    monkeypatch.setitem(os.environ, "COUNTER", str(tmp_path / "counter"))
    task, method = registry.get_task("spectral").load(), registry.get_method("mean_spectrum").load()
    ctx = Context(torch.device("cpu"), 0, budget=0.0)
    parameters = method.spec.resolve("spectral", "tiny", {})
    assert learn(method, task, "tiny", 0, parameters, ctx).truncated
