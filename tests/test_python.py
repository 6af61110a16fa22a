"""lowdimbench from Python: tables, runs and evaluations that agree with the command, and the bridge to deepinv's models."""

import ast
import json
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import lowdimbench as ldb
from benchmark import registry
from benchmark.context import Context
from benchmark.contracts import Pair
from benchmark.contracts.of_methods import carries_nothing_over, leaves_global_seeds_alone, repeats_itself
from benchmark.errors import UserError
from tests.runners.forks import FORKS

CPU = torch.device("cpu")
NOWHERE = "no/such/folder/results.db"
METRICS = ["psnr", "ssim", "nmse"]


def adjoint(problem):
    return problem.A.H(problem.y)


class Net(nn.Module):
    """Draws its weights, and noise, from the global generators."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, y, physics):
        x = physics.A_adjoint(y)
        noise = torch.randn_like(x) + float(np.random.rand()) + random.random()
        return x + 1e-3 * (self.layer(x) + noise)


def test_importing_takes_neither_torch_nor_pandas_and_every_name_is_there():
    code = "import sys, lowdimbench, benchmark; assert not {'torch', 'pandas'} & sys.modules.keys()"
    code += "; [getattr(module, name) for module in (lowdimbench, benchmark) for name in module.__all__]"
    code += "; assert set(lowdimbench.__all__) <= set(dir(lowdimbench)) and set(benchmark.__all__) <= set(dir(benchmark))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tables_of_tasks_and_methods():
    assert "mri" in set(ldb.tasks()["task"])
    assert {"dip", "zero_filled"} <= set(ldb.methods("mri")["method"]) < set(ldb.methods()["method"])
    with pytest.raises(UserError, match="did you mean mri"):
        ldb.methods("mrii")


def test_results_are_numbers():
    found = ldb.results("mri", "small", db=NOWHERE)
    assert (found["lower"] <= found["estimate"]).all()
    assert (found["estimate"] <= found["upper"]).all()
    assert (found["rank_low"] <= found["rank_high"]).all()
    assert found["estimate"].is_monotonic_decreasing
    for name in ("estimate", "lower", "upper", "gain", "p", "rank_low", "ssim_lower"):
        assert pd.api.types.is_numeric_dtype(found[name]), name
    with pytest.raises(UserError, match="unknown preset of mri"):
        ldb.results("mri", "smal", db=NOWHERE)
    with pytest.raises(UserError, match="no results"):
        ldb.results("mri", "tiny", db=NOWHERE)


def test_an_evaluation_stands_among_the_reference_rows_and_is_paired():
    found = ldb.evaluate("mri", adjoint, db=NOWHERE, progress=False)
    assert found.ranking.columns[:3].tolist() == ["label", "rank", "estimate"]  # what a narrow terminal shows
    ranking = found.ranking.set_index("label")
    assert ranking.loc["adjoint", "gain"] == pytest.approx(0, abs=1e-3)  # paired: the reference rows have more seeds
    assert len(ranking) > 5
    same = found.compare("zero_filled").set_index("metric")
    assert same.loc["psnr", "difference"] == pytest.approx(0, abs=1e-3)
    assert found.compare("dip").set_index("metric").loc["psnr", "worse"] == len(found.scores)
    assert "<table" in found._repr_html_()
    first, header, *lines = repr(found).splitlines()
    assert first == "mri/small: psnr (dB), higher is better"
    assert header.split()[:3] == ["label", "rank", "estimate"]
    assert [line.split()[0] for line in lines] == [label.split()[0] for label in found.ranking["label"]]
    with pytest.raises(UserError, match="unknown row 'dipp'"):
        found.compare("dipp")


def test_a_function_may_take_the_context_and_a_broken_one_says_how():
    assert len(ldb.evaluate("mri", lambda p, ctx: ctx.randn(*p.A.shape, dtype=p.A.dtype), "tiny", progress=False).scores) == 2
    with pytest.raises(ValueError, match="has shape"):
        ldb.evaluate("mri", lambda p: p.y, "tiny", progress=False)
    with pytest.raises(UserError, match="is no method"):
        ldb.evaluate("mri", 3, "tiny", progress=False)


@pytest.mark.slow
def test_evaluate_run_and_the_command_agree_bit_for_bit(tmp_path):
    mine, theirs = str(tmp_path / "mine.db"), str(tmp_path / "theirs.db")
    how = {"preset": "tiny", "seeds": 2, "threads": 1, "progress": False}
    ran = ldb.run("mri", ["dip"], db=mine, device="cpu", **how)
    words = [
        "--task",
        "mri",
        "--method",
        "dip",
        "--preset",
        "tiny",
        "--seeds",
        "2",
        "--threads",
        "1",
        "--device",
        "cpu",
        "--db",
    ]
    done = FORKS(["runners.run", *words, theirs], registry.ROOT, FORKS.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    typed = ldb.run("mri", ["dip"], db=theirs, device="cpu", **how)  # reads what is done
    here = ldb.evaluate("mri", "dip", db=NOWHERE, device="cpu", **how)
    keys = ["method", "seed", "instance"]
    assert (ran[keys + METRICS] == typed[keys + METRICS]).all(axis=None)
    dip = ran[ran["method"] == "dip"].reset_index()
    assert (dip[METRICS] == here.scores[METRICS]).all(axis=None)
    assert set(ran["status"]) == {"done"}


def test_an_instance_is_the_one_of_a_run():
    problem, truth = ldb.instance("mri", "tiny", 1)
    assert truth.shape == problem.A.shape
    assert not torch.equal(ldb.instance("mri", "tiny", 0)[0].y, problem.y)
    with pytest.raises(UserError, match="instances 0 to 1, not 2"):
        ldb.instance("mri", "tiny", 2)


def test_the_notebook_runs(monkeypatch):
    """Its cells in order, in one namespace; the last expression of each is shown as a notebook shows it."""
    monkeypatch.setenv("LOWDIMBENCH_DB", NOWHERE)
    book = json.loads((registry.ROOT / "docs" / "python.ipynb").read_text(encoding="utf-8"))
    space, shown = {}, 0
    for cell in book["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), space)
        if last is not None:
            assert repr(eval(compile(ast.Expression(last.value), "cell", "eval"), space))
            shown += 1
    assert shown == 6
    assert len(space["found"].scores) == 2


# --- the bridge -------------------------------------------------------------------------------------------------------


def test_a_module_leaves_global_random_state_alone_and_repeats_itself():
    problem, _ = ldb.instance("mri", "tiny", 0)
    method = ldb.bridge(Net)
    before = torch.random.get_rng_state(), repr(np.random.get_state()), random.getstate()
    first, again, other = (method(problem, Context(CPU, seed)) for seed in (0, 0, 1))
    after = torch.random.get_rng_state(), repr(np.random.get_state()), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_random_state_is_put_back_after_an_error():
    problem, _ = ldb.instance("mri", "tiny", 0)

    def fails(y, physics):
        torch.rand(1), np.random.rand(), random.random()
        raise RuntimeError("no")

    before = torch.random.get_rng_state(), repr(np.random.get_state()), random.getstate()
    with pytest.raises(RuntimeError, match="no"):
        ldb.bridge(fails)(problem, Context(CPU, 0))
    after = torch.random.get_rng_state(), repr(np.random.get_state()), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_our_tasks_as_deepinv_runs_benchmarks():
    mine = ldb.run_benchmark(lambda y, physics: physics.A_adjoint(y), "mri/tiny", progress=False)
    theirs = ldb.evaluate("mri", "zero_filled", "tiny", progress=False).scores
    assert np.allclose(mine[METRICS], theirs[METRICS], rtol=1e-4)


def test_a_problem_without_an_operator_is_refused():
    with pytest.raises(UserError, match="bridge is for LinearInverse"):
        ldb.evaluate("mc", ldb.bridge(lambda y, physics: y), "tiny", progress=False)


MODEL = '''
"""My network."""
from torch import nn
from benchmark import method_from

class Net(nn.Module):
    """Adds what a layer makes of it."""
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 3, padding=1)
    def forward(self, y, physics):
        x = physics.A_adjoint(y)
        return x + 1e-3 * self.layer(x)

Mine = method_from(Net, name="my_net", needs=("image",))
'''


@pytest.fixture
def included(tmp_path):
    file = tmp_path / "my_net.py"
    file.write_text(MODEL.lstrip())
    registry.include([file])
    yield file
    registry._included.remove(file.resolve())
    registry.include([])


def test_a_module_registered_in_one_line_keeps_the_contract(included):
    entry = registry.get_method("my_net")
    loaded = entry.load()
    assert loaded.spec.model_dump(exclude={"parameters", "summary"}) == entry.spec.model_dump(exclude={"parameters", "summary"})
    pair = Pair(entry, registry.get_task("mri"))
    for check in (repeats_itself, carries_nothing_over, leaves_global_seeds_alone):
        check(pair)


@pytest.mark.slow
def test_a_module_runs_from_the_command_line_and_its_code_is_in_the_key(included, tmp_path):
    words = f"--task mri --method my_net --preset tiny --no-baseline --threads 1 --include {included} --db {tmp_path / 'r.db'}"
    done = FORKS(["runners.run", *words.split()], registry.ROOT, FORKS.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    again = ["--dry-run"]  # says what is left
    included.write_text(included.read_text().replace("1e-3", "2e-3"))
    edited = FORKS(["runners.run", *words.split(), *again], registry.ROOT, FORKS.environment)
    included.write_text(included.read_text().replace("2e-3", "1e-3").replace("My network", "My own network"))
    reworded = FORKS(["runners.run", *words.split(), *again], registry.ROOT, FORKS.environment)
    assert edited.stdout != reworded.stdout


@pytest.mark.parametrize(
    ("line", "message"), [("method_from(Net)", "needs name="), ("method_from(Net, name=f())", "method_from cannot be read")]
)
def test_a_line_that_cannot_be_read_is_said(tmp_path, line, message):
    from benchmark import reading

    file = tmp_path / "bad.py"
    file.write_text(f"Mine = {line}\n")
    with pytest.raises(UserError, match=message):
        list(reading.method_specs(file, reading.read(file)))
