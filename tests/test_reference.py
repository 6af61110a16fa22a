"""The results that came with the suite are whole, of the present tasks and data, and true: what is quick is computed again."""

import tomllib

import pytest

from benchmark import registry, solving
from benchmark.datasets.sources import fingerprint
from benchmark.store.queries import present_source
from runners.load import REFERENCE, read_file

LINES = [line for file in sorted(REFERENCE.glob("*.jsonl")) for line in read_file(file)[0]]
QUICK = 1.0  # seconds


def name(line):
    return f"{line.key.task}/{line.key.preset}-{line.key.method}-{line.key.seed}"


def quick(line):
    """Those whose instance 0 is quick, so that its scores can be computed again; one for each task, preset and method."""
    first = next(one for one in line.results if one.number == 0)
    return line.key.seed == 0 and first.status == "done" and first.seconds + line.fit_seconds < QUICK


RECOMPUTED = [line for line in LINES if quick(line)]


def test_enough_rows_are_there_and_computed_again():
    assert len(LINES) >= 578
    assert len(RECOMPUTED) >= 90


def test_every_task_and_every_method_has_rows_or_is_named_as_one_whose_rows_are_to_come():
    there = {(line.key.task, line.key.method) for line in LINES if line.key.preset == "small"}
    named = tomllib.loads((REFERENCE / "to_come.toml").read_text(encoding="utf-8"))
    to_come = {(task, method) for task, methods in named.items() for method in methods}
    assert not there & to_come
    assert there | to_come == {
        (task.spec.name, method.spec.name)
        for task in registry.tasks().values()
        for method in registry.methods().values()
        if not method.spec.misfit(task.spec.at("small")) and not method.spec.too_long("small")
    }


@pytest.mark.parametrize("line", LINES, ids=name)
def test_a_row_is_of_the_present_code_task_and_data_and_of_committed_code(line):
    spec = registry.get_task(line.key.task).spec
    assert line.key.version == spec.version
    assert line.key.source == present_source(line.key.task, line.key.version, line.key.preset, line.key.method)
    assert line.key.data == fingerprint(spec.presets[line.key.preset].data, None)
    assert not line.environment.dirty
    assert line.split == "test"
    assert "/" not in line.command.replace("python -m", "")  # no folder of the machine that made it


@pytest.mark.parametrize("name", sorted({line.key.task for line in LINES}))
def test_every_score_lies_within_the_range_of_its_metric(name):
    metrics = registry.get_task(name).spec.metrics
    for line in (line for line in LINES if line.key.task == name):
        for one in line.results:
            for metric in metrics:
                if metric.name in one.scores:
                    value = one.scores[metric.name]
                    assert metric.least is None or value >= metric.least - 1e-5, (line.key, metric.name, value)
                    assert metric.most is None or value <= metric.most + 1e-5, (line.key, metric.name, value)


@pytest.mark.slow
@pytest.mark.parametrize("line", RECOMPUTED, ids=name)
def test_the_present_code_gives_the_scores_of_a_row(line):
    key = line.key
    task, method = registry.get_task(key.task).load(), registry.get_method(key.method).load()
    fit = None if method.fit is None else solving.learn(task, method, key.preset, 0, key.parameters)
    scores = solving.solve(task, method, key.preset, 0, 0, key.parameters, fit=fit).scores
    expected = next(one for one in line.results if one.number == 0).scores
    for metric in task.spec.at(key.preset).metrics:
        if metric.of is not None and metric.name not in expected:  # the preset offers it since, and the row is older
            assert scores[metric.name] == 0, metric.name
            continue
        assert scores[metric.name] == pytest.approx(expected[metric.name], rel=1e-6, abs=metric.tolerance), metric.name
