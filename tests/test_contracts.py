"""Everything registered keeps its promises (benchmark/contracts/), and every check fails on what breaks its promise."""

import os
from functools import cache

import pytest
import torch

from benchmark import contracts, registry
from benchmark.contracts import METHOD_CHECKS, TASK_CHECKS, Broken, NotChecked, Pair, of_methods, of_tasks
from benchmark.errors import UserError

pytestmark = pytest.mark.slow

TASKS = list(registry.tasks())
PAIRS = [(pair.task.spec.name, pair.method.spec.name) for pair in contracts.pairs()]
FIRST = {method: task for task, method in reversed(PAIRS)}  # where a method is checked for all that does not depend on the task
EVERYWHERE = (of_methods.answers_in_time, of_methods.repeats_itself, of_methods.is_scored)
REPEATED = of_methods.repeats_itself  # where a pair has every check, carries_nothing_over compares two estimates already
CHECKED = [
    pytest.param(
        (task, method),
        check,
        id=f"{task}-{method}-{check.__name__}",
        marks=[
            *([pytest.mark.gpu] if check is of_methods.goes_to_its_device else []),
            *([pytest.mark.long] if FIRST[method] != task and check is not of_methods.is_scored else []),
        ],
    )
    for task, method in PAIRS
    for check in METHOD_CHECKS
    if (check is not REPEATED if FIRST[method] == task else check in EVERYWHERE)
]


@cache
def pair_of(task, method):
    """One for all checks of a pair, so that what it learns is learnt once and what it loads is loaded once."""
    return Pair(registry.get_method(method), registry.get_task(task))


def kept(check, subject):
    device = os.environ.get("LOWDIMBENCH_TEST_DEVICE")  # where a simulation runs what else needs a GPU
    more = {"device": torch.device(device)} if device and check is of_methods.goes_to_its_device else {}
    try:
        check(subject, **more)
    except NotChecked as reason:
        pytest.skip(str(reason))
    except UserError as missing:  # data that did not fit onto a machine without a network
        if device is None:
            raise
        pytest.skip(str(missing))


@pytest.mark.parametrize("check", TASK_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", TASKS)
def test_a_task(name, check):
    kept(check, registry.get_task(name))


@pytest.mark.parametrize(("pair", "check"), CHECKED)
def test_a_method(pair, check):
    kept(check, pair_of(*pair))


BAD_METHODS = '''
import itertools
import random
import time

import numpy as np
import torch

from benchmark import Context, LinearInverse, method

CALLS = itertools.count()
KEPT = []


@method("misfiled", solves="LinearInverse", kind="test", paper="", settings={"mri/smal": {}})
def misfiled(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    """A method whose settings name no preset."""
    return problem.A.H(problem.y)


@method("misset", solves="LinearInverse", kind="test", paper="", settings={"mri": {"stepz": 3}})
def misset(problem: LinearInverse, ctx: Context, *, steps: int = 3) -> torch.Tensor:
    """A method whose settings name no parameter."""
    return problem.A.H(problem.y)


@method("silent", solves="LinearInverse", kind="test", paper="")
def silent(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y)


@method("slow", solves="LinearInverse", kind="test", paper="")
def slow(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    time.sleep(0.3)
    return problem.A.H(problem.y)


@method("misshapen", solves="LinearInverse", kind="test", paper="")
def misshapen(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y)[:-1]


@method("fickle", solves="LinearInverse", kind="test", paper="")
def fickle(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y) + next(CALLS)


@method("remembers", solves="LinearInverse", kind="test", paper="")
def remembers(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    KEPT.append(problem.A.H(problem.y))
    return KEPT[0]


@method("measures", solves="LinearInverse", kind="constant", paper="")
def measures(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y)


@method("continues", solves="LinearInverse", kind="test", paper="")
def continues(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    KEPT.append(problem.A.H(problem.y))
    return KEPT[-1] + len(KEPT) * torch.ones_like(KEPT[-1])


@method("seeds_torch", solves="LinearInverse", kind="test", paper="")
def seeds_torch(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y) + 0 * torch.rand(1)


@method("seeds_numpy", solves="LinearInverse", kind="test", paper="")
def seeds_numpy(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    np.random.seed(0)
    return problem.A.H(problem.y)


@method("seeds_python", solves="LinearInverse", kind="test", paper="")
def seeds_python(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    random.random()
    return problem.A.H(problem.y)


@method("scribbles", solves="LinearInverse", kind="test", paper="")
def scribbles(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    problem.y.mul_(2)
    return problem.A.H(problem.y)


@method("unrecorded", solves="LinearInverse", kind="test", paper="")
def unrecorded(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    for _ in ctx.steps(3):
        x = problem.A.H(problem.y)
    return x


@method("picks_another", solves="LinearInverse", kind="test", paper="")
def picks_another(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    for step in ctx.steps(3):
        ctx.record(step, problem.A.H(problem.y))
    return 2 * problem.A.H(problem.y)


@method("never_hurries", solves="LinearInverse", kind="test", paper="")
def never_hurries(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    x = problem.A.H(problem.y)
    for step in range(3):
        ctx.record(step, x)
        ctx.steps_done += 1
    return x
'''


@pytest.fixture
def bad(tmp_path):
    file = tmp_path / "bad_methods.py"
    file.write_text(BAD_METHODS.lstrip())
    registry.include([file])
    return lambda name: Pair(registry.get_method(name), registry.get_task("mri"))


@pytest.mark.parametrize(
    ("name", "check", "message"),
    [
        ("misfiled", of_methods.says_what_it_is, "preset 'mri/smal', which does not exist"),
        ("misset", of_methods.says_what_it_is, "stepz"),
        ("silent", of_methods.says_what_it_is, "it has no docstring"),
        ("misshapen", of_methods.answers_in_time, r"has shape \(47, 48\)"),
        ("fickle", of_methods.repeats_itself, "two calls with the same seed gave two estimates"),
        ("remembers", of_methods.carries_nothing_over, "two instances got one and the same estimate"),
        ("measures", of_methods.carries_nothing_over, "of the kind 'constant' and gave two instances two estimates"),
        ("continues", of_methods.carries_nothing_over, "depend on the order"),
        ("seeds_torch", of_methods.leaves_global_seeds_alone, "of torch was used"),
        ("seeds_numpy", of_methods.leaves_global_seeds_alone, "of NumPy was used"),
        ("seeds_python", of_methods.leaves_global_seeds_alone, "of Python was used"),
        ("scribbles", of_methods.leaves_its_problem_alone, "changed in place"),
        ("unrecorded", of_methods.draws_its_curve, "never called ctx.record"),
        ("picks_another", of_methods.draws_its_curve, "not the estimate that was returned"),
        ("never_hurries", of_methods.keeps_its_budget, "took 3 steps with no time left"),
    ],
)
def test_a_broken_promise_is_found(bad, name, check, message):
    with pytest.raises(Broken, match=message):
        check(bad(name))


def test_an_estimate_that_the_task_cannot_score_is_found(bad, monkeypatch):
    def told(*_):
        raise RuntimeError("The size of tensor a (4) must match")

    monkeypatch.setattr(of_methods.solving, "told", told)
    with pytest.raises(Broken, match=r"cannot be scored: The size of tensor a \(4\)"):
        of_methods.is_scored(bad("silent"))


def test_a_slow_method_is_found(bad, monkeypatch):
    monkeypatch.setattr(of_methods, "LIMIT", 0.5)
    with pytest.raises(Broken, match=r"took 0\."):
        of_methods.answers_in_time(bad("slow"))


@pytest.mark.parametrize(
    ("change", "check", "message"),
    [
        (('"""My task', 'x = """My task'), of_tasks.has_a_header, "begins with no docstring"),
        (("generator=generator) < preset.seen", ") < preset.seen"), of_tasks.draws_from_its_generator, "gave two instances"),
        (('if split == "test" else', "if True else"), of_tasks.keeps_tuning_data_apart, "is in both"),
        (('better="higher"', 'better="lower"'), of_tasks.scores_the_truth_best, "near the truth"),
        (('better="higher"', 'better="higher", most=1.0'), of_tasks.scores_the_truth_best, "outside the range"),
        (('return {"psnr"', 'return {"snr"'), of_tasks.scores_the_truth_best, "it scores snr"),
        (("return self.mask * y", "return y"), of_tasks.has_an_exact_adjoint, "<A x, y> ="),
        (("estimate[0].clamp(0, 1)", "estimate"), of_tasks.draws_pictures, "no finite tensor 'image'"),
        (('baseline="zero_filled"', 'baseline="zeros"'), of_tasks.has_a_baseline, "'zeros' is not registered"),
    ],
)
def test_a_task_that_breaks_its_promise_is_found(tmp_path, change, check, message):
    from runners.new import _write

    file = _write("task", "my_task", tmp_path, "task", "tasks").code
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change))
    registry.include([file])
    with pytest.raises(Broken, match=message):
        check(registry.get_task("my_task"))


def test_the_global_generator_is_missed_by_nobody():
    """A sanity check of the checks: what they compare does change when somebody draws."""
    before = torch.random.get_rng_state()
    torch.rand(1)
    assert not torch.equal(before, torch.random.get_rng_state())
