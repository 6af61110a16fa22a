"""Subspace clustering from the command line: a user's own samples, bad input, presets that are too long for a method."""

import sqlite3

import numpy as np
import pytest

from tests.tasks.test_subspace_task import CLASSES, X, planted

pytestmark = [pytest.mark.slow, pytest.mark.long]

FULL = ("--task", "subspace_clustering", "--preset", "full_samples", "--method", "k_subspaces", "--no-baseline")


def test_a_run_on_ones_own_samples_scores_their_labels(command):
    planted(command.folder)
    done = command(*FULL, "--data-dir", str(command.folder))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(command.db) as connection:
        assert connection.execute("SELECT label FROM instance").fetchone() == ("mine, K 2, d 2",)
        assert connection.execute("SELECT value FROM score WHERE metric = 'accuracy'").fetchone() == (1.0,)


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (None, None, "no samples/*.npz in "),
        (X[:, :0], CLASSES, "samples have shape (6, 0), not (samples, dimensions)"),
        (np.full((6, 4), np.nan), CLASSES, "a.npz: entry 0 of sample 0 is nan, not a finite number"),
        (X, np.arange(6), "each of the 6 samples has a label of its own"),
        (X, np.array([0, 1, 0, 1, 0, 1]), "class 1 of 2 has no sample for test"),
    ],
)
def test_bad_samples_are_one_line(command, samples, labels, message):
    (command.folder / "samples").mkdir()
    if samples is not None:
        np.savez(command.folder / "samples" / "a.npz", samples=samples, labels=labels)
    done = command(*FULL, "--data-dir", str(command.folder))
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("method", "words", "message"),
    [
        ("k_subspaces", ("--set", "starts=0"), "starts=0 for k_subspaces: input should be greater than or equal to 1"),
        ("low_rank_dae", ("--set", "mode=sof"), "mode='sof' for low_rank_dae: input should be 'soft' or 'hard'"),
        ("ssc", ("--set", "share=0"), "share=0"),
        ("mlp_diffusion", ("--set", "width=0"), "width=0"),
    ],
)
def test_bad_hyperparameters_are_one_line(command, method, words, message):
    done = command("--task", "subspace_clustering", "--preset", "tiny", "--method", method, "--no-baseline", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_method_for_other_presets_is_left_out_of_all_and_runs_by_its_name(command):
    words = ("--task", "subspace_clustering", "--preset", "small", "--dry-run")
    everything = command(*words, "--method", "all")
    assert (
        "unet_diffusion is for the presets tiny, full*; --method unet_diffusion runs it here all the same" in everything.stdout
    )
    assert "unet_diffusion seed" not in everything.stdout
    named = command(*words, "--method", "unet_diffusion")
    assert "unet_diffusion seed" in named.stdout
    assert "unet_diffusion is for the presets" not in named.stdout
