"""What every registered task and method promises, checked on the tiny preset of each pair that fits."""

import pytest
import torch

from benchmark import registry, seeds
from benchmark.context import Context
from benchmark.operators import LinearOperator

TASKS = list(registry.tasks())
PAIRS = [
    (task, method)
    for task, t in registry.tasks().items()
    for method, m in registry.methods().items()
    if m.spec.solves == t.spec.poses
]
CPU = torch.device("cpu")


def make(task, number=0, repeat=0, preset="tiny"):
    spec = task.spec
    generator = torch.Generator().manual_seed(seeds.seed(spec.name, spec.version, preset, number, repeat, "data"))
    return task.make(spec.presets[preset], seeds.split(repeat), number, generator)


def solve(task, method, number=0, budget=20.0, on_record=lambda *_: None):
    instance = make(task, number)
    seed = seeds.seed(task.spec.name, task.spec.version, "tiny", number, 0, "method")
    ctx = Context(CPU, seed, budget, on_record=on_record)
    ctx.clock.start()
    parameters = method.spec.resolve(task.spec.name, "tiny", {})
    return instance, instance.problem.check(method(instance.problem, ctx, parameters)), ctx


@pytest.fixture(params=PAIRS, ids="-".join)
def pair(request):
    task, method = request.param
    return registry.get_task(task).load(), registry.get_method(method).load()


@pytest.mark.parametrize("name", TASKS)
def test_instances_come_from_the_generator_alone(name):
    task = registry.get_task(name).load()
    torch.manual_seed(1)
    first, other = make(task), make(task, number=1)
    before = torch.random.get_rng_state()
    torch.manual_seed(2)
    again = make(task)
    assert torch.equal(first.problem.y, again.problem.y)
    assert torch.equal(first.truth, again.truth)
    assert not torch.equal(first.problem.y, other.problem.y)
    torch.manual_seed(1)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("name", TASKS)
def test_tuning_instances_are_other_data(name):
    task = registry.get_task(name).load()
    test = {make(task, number).label for number in range(2)}
    tuning = {make(task, number, repeat=seeds.FIRST_TUNING_REPEAT).label for number in range(2)}
    assert not test & tuning


@pytest.mark.parametrize("name", TASKS)
def test_the_truth_scores_best_and_scores_are_those_of_the_spec(name):
    task = registry.get_task(name).load()
    instance = make(task)
    random = torch.randn(instance.truth.shape, dtype=instance.truth.dtype, generator=torch.Generator().manual_seed(0))
    worse, best = (task.score(instance, instance.truth + e * random) for e in (0.3, 1e-3))
    assert best.keys() == {metric.name for metric in task.spec.metrics}
    for metric in task.spec.metrics:
        assert (best[metric.name] > worse[metric.name]) == (metric.better == "higher")
    assert task.picture(instance, instance.truth)["image"].ndim == 2


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_a_baseline_that_fits(name):
    spec = registry.get_task(name).spec
    assert registry.get_method(spec.baseline).spec.solves == spec.poses


def test_estimates_are_valid_repeatable_and_leave_no_trace(pair):
    task, method = pair
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    instance, estimate, _ = solve(task, method)
    assert torch.equal(before, torch.random.get_rng_state()), "the global generator was used"
    solve(task, method, number=1)
    _, again, _ = solve(task, method)
    assert torch.equal(estimate, again), "a second call, after another instance, gave another estimate"
    assert task.score(instance, estimate) == task.score(instance, again)


def test_the_observation_is_the_same_for_every_method_and_stays_as_it_was(pair):
    task, method = pair
    fresh = make(task).problem
    instance, _, _ = solve(task, method)
    assert torch.equal(instance.problem.y, fresh.y), "the method changed its measurements"
    assert isinstance(fresh.A, LinearOperator)


def test_the_budget_is_honoured_and_the_curve_ends_at_the_estimate(pair):
    task, method = pair
    points = []
    _, estimate, ctx = solve(
        task, method, on_record=lambda step, seconds, estimates: points.append((step, estimates["estimate"]))
    )
    if ctx.steps_done == 0:
        return  # not iterative
    assert points, "an iterative method records a curve"
    torch.testing.assert_close(points[-1][1], estimate)
    _, _, hurried = solve(task, method, budget=0.0)
    assert hurried.truncated
    assert hurried.steps_done <= 1
