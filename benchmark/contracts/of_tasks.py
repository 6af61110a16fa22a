"""What every task promises."""

import ast
from collections.abc import Callable

import torch

from benchmark import fits, registry, seeds
from benchmark.contracts.pair import Broken, NotChecked, make
from benchmark.problems import LinearInverse
from benchmark.registry import TaskEntry
from benchmark.spec import DRAWINGS

_ROUNDING = 1e-5  # by which a score may leave the range of its metric


def has_a_header(entry: TaskEntry) -> None:
    """has a header that states the problem"""
    text = ast.get_docstring(ast.parse(entry.file.read_text(encoding="utf-8")))
    if not text or text.count("\n") < 2:
        raise Broken("its file begins with no docstring that states model, score, data and source")


def has_a_baseline(entry: TaskEntry) -> None:
    """has a registered baseline that fits"""
    if entry.spec.baseline not in registry.methods():
        raise Broken(f"its baseline '{entry.spec.baseline}' is not registered")
    if why := registry.get_method(entry.spec.baseline).spec.misfit(entry.spec):
        raise Broken(why)


def draws_from_its_generator(entry: TaskEntry) -> None:
    """draws instances from the generator it is given alone, and each another"""
    task = entry.load()
    make(task)  # load everything first: a network that is read draws weights
    before = torch.random.get_rng_state()
    first, again, other = make(task), make(task), make(task, 1)
    if not (torch.equal(first.problem.y, again.problem.y) and torch.equal(first.truth, again.truth)):
        raise Broken("the same seed gave two instances")
    if torch.equal(first.problem.y, other.problem.y):
        raise Broken("instances 0 and 1 are the same")
    if not torch.equal(before, torch.random.get_rng_state()):
        raise Broken("the global generator was used")


def keeps_tuning_data_apart(entry: TaskEntry) -> None:
    """draws tuning instances from other data than test instances"""
    task = entry.load()
    test, tuning = ({make(task, n, repeat).label for n in range(2)} for repeat in (0, seeds.FIRST_TUNING_REPEAT))
    if shared := test & tuning:
        raise Broken(f"'{min(shared)}' is in both")


def scores_the_truth_best(entry: TaskEntry) -> None:
    """gives exactly the scores of its specification, the better the nearer the truth"""
    task = entry.load()
    instance = make(task)
    draw = torch.Generator().manual_seed(0)
    worse, best = (task.score(instance, instance.problem.near(instance.truth, scale, draw)) for scale in (0.3, 1e-5))
    spec = entry.spec.at("tiny")
    facts = task.facts(instance, {})
    if missing := [metric.name for metric in spec.metrics if metric.name not in best | facts]:
        raise Broken(f"it scores {', '.join(best | facts)}, and its specification names {missing[0]} too")
    for metric in spec.metrics:
        for value in (one[metric.name] for one in (worse, best, facts) if metric.name in one):
            low, high = (end if end is not None else value for end in (metric.least, metric.most))
            if not low - _ROUNDING <= value <= high + _ROUNDING:
                raise Broken(f"{metric.name} is {value:.9g}, outside the range of its specification")
        if metric.name in facts:  # says nothing of the estimate
            continue
        if (best[metric.name] > worse[metric.name]) != (metric.better == "higher"):
            raise Broken(f"{metric.name} is {best[metric.name]:.3g} near the truth and {worse[metric.name]:.3g} far from it")


def has_an_exact_adjoint(entry: TaskEntry) -> None:
    """has an operator whose adjoint is exact: <A x, y> = <x, A^H y>"""
    instance = make(entry.load())
    if not isinstance(instance.problem, LinearInverse):
        raise NotChecked("its problems hold no operator")
    A = instance.problem.A
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(A.shape, dtype=A.dtype, generator=draw)
    y = torch.randn(A.data_shape, dtype=A.dtype, generator=draw)
    left, right = torch.vdot(A(x).flatten(), y.flatten()), torch.vdot(x.flatten(), A.H(y).flatten())
    size = (A(x).norm() * y.norm()).item()
    if abs(left - right).item() > 1e-4 * size:
        raise Broken(f"<A x, y> = {left.item():.6g} and <x, A^H y> = {right.item():.6g}")


def offers_its_training_data(entry: TaskEntry) -> None:
    """has training data if it says so, drawn from the generator it is given alone"""
    task = entry.load()
    has = hasattr(task, "training")
    if has != ("training" in entry.spec.offers):
        raise Broken("it has a method `training` and does not offer it" if has else "it offers training data and has none")
    if has:
        before = torch.random.get_rng_state()
        if not hasattr(fits.training_data(task, "tiny", 0), "to"):
            raise Broken("its training data has no method `to(device)`")
        if not torch.equal(before, torch.random.get_rng_state()):
            raise Broken("the global generator was used for the training data")


def draws_pictures(entry: TaskEntry) -> None:
    """draws a picture named `image` of the truth, and what else it declares, in the shape that its kind has"""
    task = entry.load()
    instance = make(task)
    drawn = task.picture(instance, instance.truth)
    for picture in entry.spec.pictures:
        array = drawn.get(picture.name)
        if array is None and picture.name != "image":
            continue  # a truth may have no such drawing
        if array is None or not picture.fits(array.shape) or (picture.paired and not bool(torch.isfinite(array).all())):
            raise Broken(f"picture() gives no finite tensor '{picture.name}' that is {DRAWINGS[picture.kind]}")


TASK_CHECKS: tuple[Callable[[TaskEntry], None], ...] = (
    has_a_header,
    has_a_baseline,
    draws_from_its_generator,
    keeps_tuning_data_apart,
    scores_the_truth_best,
    has_an_exact_adjoint,
    offers_its_training_data,
    draws_pictures,
)
