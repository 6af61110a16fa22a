"""Traits from a method and its task through the worker, the database and a file to another database, and what refuses them."""

import json
import sqlite3

import pytest

from benchmark import registry, solving
from benchmark.decorators import Method
from benchmark.instances import make_instance

TOLD = {"spread", "kept_encoder", "kept_decoder", "kept_head", "kept_gains"}


def stored(path):
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT instance, metric, value FROM score").fetchall()
    return {(instance, metric): value for instance, metric, value in rows}


@pytest.mark.slow
def test_they_are_stored_shown_and_carried_with_the_scores(command, tmp_path):
    made = command(
        *("--task", "denoising", "--preset", "tiny", "--threads", "1", "--no-baseline"),
        *("--method", "snip", "--set", "steps=3", "--set", "keep=0.1"),
    )
    assert made.returncode == 0, made.stderr
    values = stored(command.db)
    assert {metric for _, metric in values} >= TOLD | {"psnr", "ssim"}
    assert values[0, "kept_gains"] == 1
    assert values[0, "kept_encoder"] == pytest.approx(0.1, abs=0.05)
    shown = command.module("runners.show", "1", "--db", command.db)
    assert "kept_decoder" in shown.stdout
    assert f"{values[1, 'spread']:.3g}" in shown.stdout
    again = command.module("runners.reproduce", "1", "--db", command.db)
    assert again.returncode == 0, again.stdout
    file, other = tmp_path / "mine.jsonl", tmp_path / "other.db"
    done = command.module("runners.export", "--format", "jsonl", "--output", str(file), "--db", command.db)
    assert done.returncode == 0, done.stderr
    line = json.loads(file.read_text(encoding="utf-8").splitlines()[1])
    assert {trait["name"] for trait in line["task"]["traits"]} == TOLD
    loaded = command.module("runners.load", str(file), "--db", str(other))
    assert loaded.returncode == 0, loaded.stderr
    assert stored(other) == values
    file.write_text(file.read_text(encoding="utf-8").replace('"spread"', '"spreads"', 1), encoding="utf-8")
    refused = command.module("runners.load", str(file), "--db", str(tmp_path / "third.db"))
    assert refused.returncode == 2
    assert "has others than its task" in refused.stderr


def test_those_that_the_task_does_not_declare_are_left_out_and_none_is_infinite():
    task = registry.get_task("denoising").load()
    instance = make_instance(task, "tiny", 0, 1000)
    usual = registry.get_method("zero_filled").load()

    def told(found):
        method = Method(usual.spec, usual.function, traits=lambda problem, given, kept: found)
        return solving.told(task, method, instance, instance.truth, {}, {})

    assert set(told({"kept_head": 0.5, "weight_of_the_author": 80.0})) == {"spread", "kept_head"}
    with pytest.raises(ValueError, match="the traits are"):
        told({"kept_head": float("nan")})
    assert set(solving.told(task, usual, instance, instance.truth, {}, {})) == {"spread"}
