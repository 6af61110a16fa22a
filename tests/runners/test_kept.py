"""What a run keeps, and another run takes up."""

import sqlite3

import numpy as np
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]

OES = ("--task", "denoising", "--preset", "tiny", "--threads", "1", "--method", "oes", "--no-baseline", "--set", "steps=2")


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


def test_a_mask_goes_from_run_to_run(command):
    first = command(*OES, "--set", "mask_steps=3")
    assert first.returncode == 0, first.stderr
    kept = rows(command, "SELECT instance, path, sha256 FROM artifact WHERE kind = 'mask' ORDER BY instance")
    assert [number for number, *_ in kept] == [0, 1]
    mask = np.load(command.folder / kept[1][1])
    assert mask.dtype == bool
    assert mask.mean().round(3) == 0.8

    shown = command.module("runners.show", "1", "--db", command.db)
    assert "mask of instances 0, 1; elsewhere: --set mask_from=1:0" in shown.stdout

    second = command(*OES, "--set", "mask_from=1:1")
    assert second.returncode == 0, second.stderr
    [(parameters,)] = rows(command, "SELECT parameters FROM run WHERE id = 2")
    assert f'"mask_from": "{kept[1][2]}"' in parameters
    taken = rows(command, "SELECT DISTINCT sha256 FROM artifact WHERE kind = 'mask' AND run_id = 2")
    assert taken == [(kept[1][2],)]
    again = command(*OES, "--set", "mask_from=1:1")
    assert "1 done already" in again.stdout

    (command.folder / kept[0][1]).unlink()
    missing = command(*OES, "--set", "mask_from=1:0")
    assert missing.returncode == 2
    assert "is not in artifacts beside the database" in missing.stderr


def test_what_cannot_be_taken_up_is_refused_in_one_line(command):
    command(*OES, "--set", "mask_steps=1")
    command("--task", "denoising", "--preset", "tiny", "--method", "zero_filled", "--no-baseline")
    for value, reason in {
        "camra": "no run 'camra'",
        "99": "no run '99'",
        "1:7": "run 1 kept something of the instances 0, 1",
        "2": "run 2 kept nothing",
    }.items():
        refused = command(*OES, "--set", f"mask_from={value}")
        assert refused.returncode == 2
        assert reason in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    assert "camera" in command(*OES, "--set", "mask_from=camra").stderr
