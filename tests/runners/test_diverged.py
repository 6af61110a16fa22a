"""A method whose estimate is no longer finite: stored as `diverged` with the step, while its other instances are scored."""

import sqlite3
from types import SimpleNamespace

import pytest
import torch

from benchmark.errors import Diverged
from benchmark.solving import checked

pytestmark = pytest.mark.slow

ANYTHING = SimpleNamespace(check=lambda estimate: estimate)  # a problem of which anything is an estimate
WORDS = ("--task", "mri", "--preset", "tiny", "--threads", "1", "--method", "diverges", "--no-baseline")


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


def run(command, *words, **values):
    return command(
        *WORDS, *words, *(word for name, value in values.items() for word in ("--set", f"{name}={value}")), faults=True
    )


def reason(step):
    return f"diverged: its estimate is not finite, seen at step {step}"


@pytest.mark.parametrize(
    ("how", "step"),
    [
        ({"value": "inf"}, 5),
        ({"value": "nan", "at": 0}, 1),
        ({"value": "-inf", "seen": "other"}, 5),
        ({"value": "inf", "seen": "end"}, 10),
        ({"value": "nan", "steps": 240, "at": 5}, 9),  # at every fourth step a point
        ({"value": "nan", "steps": 240, "at": 239}, 240),
    ],
    ids=lambda how: "-".join(map(str, how.values())) if isinstance(how, dict) else "",
)
def test_an_estimate_that_is_not_finite_is_stored_as_diverged_with_its_step(command, how, step):
    done = run(command, **how)
    assert done.returncode == 1
    assert f"instance 0 failed: {reason(step)}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert rows(command, "SELECT status, error FROM run") == [("diverged", f"instance 0: {reason(step)}")]
    found = rows(command, "SELECT number, status, error FROM instance ORDER BY number")
    assert found == [(0, "diverged", reason(step)), (1, "done", None)]
    assert rows(command, "SELECT instance, count(*) FROM score GROUP BY instance") == [(1, 3)]
    for table in ("curve", "artifact"):
        assert {instance for (instance,) in rows(command, f"SELECT DISTINCT instance FROM {table}")} <= {1}


@pytest.mark.parametrize(
    ("first", "second", "status", "instances"),
    [
        ("diverge", "diverge", "diverged", ["diverged", "diverged"]),
        ("return", "diverge", "diverged", ["done", "diverged"]),
        ("diverge", "raise", "failed", ["diverged", "failed"]),
        ("raise", "diverge", "failed", ["failed", "diverged"]),
    ],
)
def test_a_run_is_diverged_where_nothing_else_went_wrong(command, first, second, status, instances):
    done = run(command, first=first, second=second)
    assert done.returncode == 1
    assert rows(command, "SELECT status FROM run") == [(status,)]
    assert [found for (found,) in rows(command, "SELECT status FROM instance ORDER BY number")] == instances
    assert rows(command, "SELECT count(*) FROM score") == [(3 * instances.count("done"),)]


def test_only_what_diverged_is_tried_again(command):
    assert run(command).returncode == 1
    again = run(command)  # by now it returns
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 of 2 instances" in again.stdout
    assert rows(command, "SELECT status, error FROM run") == [("done", None)]
    assert rows(command, "SELECT status, error FROM instance") == [("done", None)] * 2
    assert rows(command, "SELECT count(*) FROM score") == [(6,)]


def test_fail_fast_stops_where_a_method_diverges(command):
    done = run(command, "--fail-fast", "--jobs", "1", "--method", "cg_sense")
    assert rows(command, "SELECT DISTINCT name FROM run JOIN method ON method.id = method_id") == [("diverges",)]
    assert rows(command, "SELECT number, status FROM instance") == [(0, "diverged")]
    assert done.returncode == 1


@pytest.mark.parametrize(("by", "step"), [(10.0, 3), (1000.0, 1), (-200.0, 1), (2.0, None), (1.0, None)])
def test_a_matrix_that_is_far_from_what_is_observed_has_diverged(command, by, step):
    words = ("--task", "mc", "--preset", "tiny", "--threads", "1", "--method", "grows", "--no-baseline", "--set", f"by={by}")
    done = command(*words, faults=True)
    if step is None:
        assert done.returncode == 0, done.stdout + done.stderr
        assert rows(command, "SELECT status FROM run") == [("done",)]
        return
    assert done.returncode == 1
    found = f"diverged: its estimate is far from what is observed, seen at step {step}"
    assert rows(command, "SELECT status, error FROM run") == [("diverged", f"instance 1: {found}")]
    assert rows(command, "SELECT status, error FROM instance") == [("diverged", found)] * 2
    assert rows(command, "SELECT count(*) FROM score") == [(0,)]


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_one_entry_is_enough(kind, value):
    x = torch.zeros(3, 4, dtype=kind)
    assert checked(ANYTHING, x, 1) is x
    x[2, 1] = value
    with pytest.raises(Diverged, match=rf"^{reason(7)}$"):
        checked(ANYTHING, x, 7)


@pytest.mark.parametrize("thing", [None, "x", torch.zeros(0), torch.zeros(3, dtype=torch.int64), [float("nan")]])
def test_what_is_no_tensor_of_numbers_that_are_not_finite_is_left_to_the_problems_check(thing):
    assert checked(ANYTHING, thing, 1) is thing
