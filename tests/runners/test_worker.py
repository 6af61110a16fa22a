"""What a job sends of each instance."""

import sqlite3

import pytest

from benchmark import registry

DRAWS = '''
"""Noise."""

from benchmark import method


@method("draws", solves="LinearInverse", kind="test", paper="")
def draws(problem, ctx):
    return ctx.randn(*problem.A.shape)
'''


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


def template(command, score):
    """A file with a task of its own, `mine`, that scores otherwise, and a method."""
    text = (registry.ROOT / "runners" / "templates" / "task.txt").read_text()
    for name, value in (("$name", "mine"), ("$title", "Mine"), ("$class", "Mine")):
        text = text.replace(name, value)
    found = [line for line in text.splitlines() if 'return {"psnr"' in line]
    assert len(found) == 1
    indent = found[0][: len(found[0]) - len(found[0].lstrip())]
    for name, content in (("mine.py", text.replace(found[0], f"{indent}return {score}")), ("draws.py", DRAWS.lstrip())):
        (command.folder / name).write_text(content)
    words = ("--task", "mine", "--preset", "tiny", "--method", "draws", "--no-baseline", "--threads", "1")
    return command(*words, "--include", str(command.folder / "mine.py"), "--include", str(command.folder / "draws.py"))


def test_each_instance_has_its_own_seed(command):
    done = template(command, '{"psnr": 1.0}')
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(command, "SELECT count(*), count(DISTINCT sha256) FROM artifact WHERE kind = 'estimate'") == [(2, 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("score", "said"), [('{"psnr": float("inf")}', "{'psnr': inf}"), ("{}", "{}")])
def test_a_score_that_is_not_finite_or_missing_fails_the_instance(command, score, said):
    done = template(command, score)
    assert done.returncode == 1
    assert f"the task scored {said}" in done.stdout
    assert rows(command, "SELECT status FROM instance") == [("failed",)] * 2
    assert rows(command, "SELECT count(*) FROM score") == [(0,)]
