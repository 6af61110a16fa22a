"""What every method promises."""

from collections.abc import Callable
from fnmatch import fnmatchcase

import torch

from benchmark import registry, solving
from benchmark.context import Context
from benchmark.contracts.pair import Broken, NotChecked, Pair, ShortContext

LIMIT = 10.0  # seconds for the tiny preset, one thread


def says_what_it_is(pair: Pair) -> None:
    """has a header with a summary, and settings that name what exists"""
    spec = pair.method.spec
    if not spec.summary:
        raise Broken("it has no docstring: its first line is what --list shows")
    for place, given in spec.settings.items():
        task, _, preset = place.partition("/")
        if task in registry.tasks():
            known = registry.get_task(task).spec
            if preset and not any(fnmatchcase(name, preset) for name in known.presets):
                raise Broken(f"settings name the preset '{place}', which does not exist")
        try:
            spec.parameters.model_validate(given)
        except ValueError as error:
            raise Broken(f"settings for '{place}': {error}") from None


def answers_in_time(pair: Pair) -> None:
    """solves every tiny instance validly in 10 s on one thread, what it learns before included"""
    if (spent := pair.whole.seconds) > LIMIT:
        raise Broken(f"took {spent:.1f} s")


def repeats_itself(pair: Pair) -> None:
    """gives the same estimate each time (on the CPU)"""
    if not torch.equal(pair.look.estimate, pair.estimate()):
        raise Broken("two calls with the same seed gave two estimates")


def is_scored(pair: Pair) -> None:
    """gives an estimate that a run can score: finite metrics and traits"""
    instance, look = pair.make(), pair.look
    try:
        solving.scored(pair.problems, "tiny", instance, look.estimate, look.kept)
        solving.told(pair.problems, pair.solver, instance, look.estimate, pair.parameters, look.kept)
    except (ValueError, RuntimeError, LookupError, TypeError) as error:
        raise Broken(f"its estimate cannot be scored: {error}") from error


def learns_the_same_twice(pair: Pair) -> None:
    """learns the same from the same training data and seed, if it learns"""
    if pair.solver.fit is None:
        return
    first, again = pair.learnt, pair.learn(ShortContext).learnt
    if not first:
        raise Broken("it learnt no tensor")
    if first.keys() != again.keys() or not all(torch.equal(first[name], again[name]) for name in first):
        raise Broken("two calls with the same seed learnt two things")
    if name := next((name for name, x in first.items() if not bool(torch.isfinite(x).all())), None):
        raise Broken(f"what it learnt as '{name}' is not finite")


def carries_nothing_over(pair: Pair) -> None:
    """carries no state from one instance to the next"""
    first = [pair.look.estimate, pair.estimate(1)]
    if not torch.equal(first[0], pair.estimate(0)):
        raise Broken("the estimates depend on the order of the instances")
    constant = pair.solver.spec.kind == "constant"
    if torch.equal(*first) and not constant:
        raise Broken("two instances got one and the same estimate, and its kind is not 'constant'")
    if constant and not torch.equal(*first):
        raise Broken("it is of the kind 'constant' and gave two instances two estimates")


def leaves_global_seeds_alone(pair: Pair) -> None:
    """touches no global random state (torch, NumPy, Python)"""
    if touched := [name for name in ("torch", "NumPy", "Python") if name in pair.look.touched]:
        raise Broken(f"the global generator of {' and '.join(touched)} was used; draw from ctx, or wrap it with bridge")


def leaves_its_problem_alone(pair: Pair) -> None:
    """does not change its measurements"""
    if pair.look.changed:
        raise Broken("what it was shown (problem.y) was changed in place")


def draws_its_curve(pair: Pair) -> None:
    """records a curve, if it is iterative, that ends at its estimate"""
    last, estimate = pair.whole.last, pair.whole.estimate
    if pair.whole.steps == 0:
        return  # not iterative
    if last is None:
        raise Broken("it took steps and never called ctx.record")
    if last.shape != estimate.shape or not torch.allclose(last, estimate, rtol=1e-4, atol=1e-5):
        raise Broken("the last point of the curve is not the estimate that was returned")


def keeps_its_budget(pair: Pair) -> None:
    """ends early, with an estimate, when its budget is spent"""
    if pair.look.steps == 0:
        return  # not iterative
    hurried = pair.context(0, Context, budget=0.0)
    pair.solve(pair.make(), hurried)
    if not hurried.truncated or hurried.steps_done > 1:
        raise Broken(f"took {hurried.steps_done} steps with no time left; loop over ctx.steps")


def goes_to_its_device(pair: Pair, device: torch.device | None = None) -> None:
    """works on the device that it is given"""
    if device is None:
        if not torch.cuda.is_available():
            raise NotChecked("there is no GPU here")
        device = torch.device("cuda")
    learnt = None if pair.solver.fit is None else pair.learn(ShortContext, device=device).learnt
    found = pair.solve(pair.make(), ShortContext(device, 0), learnt)
    if found.device.type != device.type:
        raise Broken(f"the estimate is on {found.device}, not on {device}")


METHOD_CHECKS: tuple[Callable[[Pair], None], ...] = (
    says_what_it_is,
    answers_in_time,
    repeats_itself,
    is_scored,
    learns_the_same_twice,
    carries_nothing_over,
    leaves_global_seeds_alone,
    leaves_its_problem_alone,
    draws_its_curve,
    keeps_its_budget,
    goes_to_its_device,
)
