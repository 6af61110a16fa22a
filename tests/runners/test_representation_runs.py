"""Presets that lack what their task offers, and settings that a method refuses, through the command line."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_methods_that_need_samples_are_left_out_where_features_are_free(command):
    done = command("--task", "representation", "--method", "all", "--preset", "small_free", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "each of which needs samples, which representation/small_free does not offer: " in done.stdout
    assert "2 jobs: 0 done already, 2 to run" in done.stdout
    done = command("--task", "representation", "--method", "mcr2", "--preset", "small_free", "--dry-run")
    assert "added mcr2_constrained, the baseline of representation/small_free (leave it out with --no-baseline)" in done.stdout
    done = command("--task", "representation", "--method", "raw", "--preset", "small_free")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: raw needs samples, which representation/small_free does not offer; methods that fit: mcr2, mcr2_constrained"
    ]


def test_a_lambda_out_of_range_is_one_line(command):
    words = ("--task", "representation", "--preset", "tiny", "--method", "mcr2", "--no-baseline", "--threads", "1")
    done = command(*words, "--set", "times=50")
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.splitlines() == [
        "error: times = 50 makes lambda = 0.357266, which is not in (0, lambda_max = 0.0714531]; times is at most 10"
    ]
    done = command(*words, "--set", "times=0")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "times" in done.stderr


def test_a_set_of_the_users_own_that_is_none_is_one_line(command, tmp_path):
    words = ("--task", "representation", "--preset", "full", "--method", "raw", "--data-dir", str(tmp_path))
    done = command(*words)
    assert done.returncode == 2
    assert "put MNIST's four files" in done.stderr
    (tmp_path / "labelled").mkdir()
    (tmp_path / "labelled" / "train-images-idx3-ubyte").write_bytes(b"no digits")
    done = command(*words)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: train-images-idx3-ubyte is no .idx file of bytes: it begins with 6e6f2064, not 000008 and a rank"
    ]
