"""Scores of a bundle, computed here: the suite makes each instance anew, and the task's own `score` judges the prediction.

Metrics that tell how a method came to its estimate (`Task.facts`: how many numbers learned) cannot be known from predictions
and are left out. Seconds that an entry tells are no scores.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import registry
from benchmark.errors import UserError, unknown
from benchmark.spec import TaskSpec
from benchmark.submissions import private
from benchmark.submissions.bundle import Bundle
from benchmark.submissions.private import Secret
from benchmark.submissions.text import shown

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.decorators import Task


@dataclass(frozen=True)
class Scored:
    """One instance with its scores and its pictures, "estimate" and "truth" among them.

    primary: its score in the metric that ranks; asked: how many labels or neighbours, 0 where something else is asked
    """

    seed: int
    number: int
    label: str
    observation: str
    scores: dict[str, float]
    pictures: dict[str, "Tensor"]
    primary: float
    asked: int


def check_answers(bundle: Bundle) -> TaskSpec:
    """The specification of the task that a bundle answers. Raises UserError unless it answers all of a preset, as it is now."""
    answers, place = bundle.answers, f"{bundle.archive.name}, entry.toml"
    if answers.task not in registry.tasks():
        raise UserError(f"{place}: {unknown('task', answers.task, registry.tasks())}")
    spec = registry.get_task(answers.task).spec
    if answers.version != spec.version:
        raise UserError(f"{place}: it answers version {answers.version} of {spec.name}, which is version {spec.version} here")
    if answers.preset not in spec.presets:
        raise UserError(f"{place}: {unknown(f'preset of {spec.name}', answers.preset, spec.presets)}")
    count = spec.presets[answers.preset].instances
    wanted = {f"{seed}-{number}" for seed in answers.seeds for number in range(count)}
    for key in sorted(wanted - answers.observations.keys()):
        raise UserError(f"{place}: instance {key} is missing; {spec.name}/{answers.preset} has {count} for each seed")
    for key in sorted(answers.observations.keys() - wanted):
        raise UserError(f"{place}: {spec.name}/{answers.preset} has no instance {key} with these seeds")
    return spec


def score(bundle: Bundle, data_dir: Path | None = None, secret: Secret | None = None) -> Iterator[Scored]:
    """Every instance of a bundle that `check_answers` has passed, in order. Imports torch.

    secret: the private seed that its inputs were drawn with, None for the public seeds.

    Raises UserError, with the file, for a prediction of something else than what is observed here, of a wrong type or shape,
    that is not finite, that cannot be scored, or that is nearer to the truth than what is measured allows.
    """
    answers = bundle.answers
    task = registry.get_task(answers.task).load(data_dir)
    for seed in answers.seeds:
        for number in range(task.spec.presets[answers.preset].instances):
            yield _one(bundle, task, seed, number, secret)


def _one(bundle: Bundle, task: "Task", seed: int, number: int, secret: Secret | None) -> Scored:
    from benchmark.instances import drawn, make_instance, observed
    from benchmark.submissions import nearness

    preset, key = bundle.answers.preset, f"{seed}-{number}"
    place = bundle.place(key)
    if secret is None:
        instance = make_instance(task, preset, number, seed)
    else:
        instance = private.make_instance(task, preset, number, seed, secret)
    observation = observed(instance.problem.shown())
    if bundle.answers.observations[key] != observation:
        raise UserError(f"{bundle.archive.name}, entry.toml: the observation of instance {key} is not the one that is here")
    given = bundle.estimate(key)
    try:
        estimate = instance.problem.check(given)
    except ValueError as error:
        raise UserError(f"{place}: {error}") from None
    diverged = getattr(instance.problem, "diverged", None)
    if diverged is not None and diverged(estimate):
        raise UserError(f"{place}: it is 100 times further from the observations than zero is")
    try:
        found = task.score(instance, estimate)
        pictures = drawn(task, instance, estimate)
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise UserError(f"{place}: it cannot be scored ({shown(str(error), 100)})") from None
    spec = task.spec.at(preset)
    scores = {metric.name: float(found[metric.name]) for metric in spec.metrics if metric.name in found}
    if spec.primary.name not in scores or not all(map(math.isfinite, scores.values())):
        raise UserError(f"{place}: its scores are not finite")
    primary = scores[spec.primary.name]
    if reason := nearness.too_near(task, spec.primary, instance, primary):
        raise UserError(f"{place}: {reason}")
    return Scored(seed, number, instance.label, observation, scores, pictures, primary, nearness.asked(instance.problem))
