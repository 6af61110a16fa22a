"""Video retrieval on videos of the user's own, from the command line."""

import sqlite3

import pytest

from tests.tasks.test_video_task import ucf101

pytestmark = [pytest.mark.slow, pytest.mark.long]

SMALL = ("--set", "encoder=conv4", "--set", "size=16", "--set", "views=2")


@pytest.mark.slow
def test_a_run_on_ones_own_videos_counts_those_left_out(command):
    ucf101(command.folder, broken=[("Archery", 9)])
    given = ("--task", "video_retrieval", "--preset", "full", "--data-dir", str(command.folder), "--no-baseline")
    done = command(*given, "--method", "random_encoder", *SMALL)
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(command.db) as connection:
        [label] = connection.execute("SELECT DISTINCT label FROM instance").fetchone()
    assert label == "ucf101, split 1: 11 + 4 videos, 1 left out, 15 looped"
    learnt = command(*given, "--method", "vididi_simclr", *SMALL, "--set", "cycles=1", "--set", "batch=4", "--set", "width=16")
    assert learnt.returncode == 0, learnt.stderr
    assert "vididi_simclr" in learnt.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: None, "1 of 12 videos that trainlist01.txt names are not in "),
        (
            lambda folder: (folder / "splits" / "trainlist01.txt").write_text("Archery/v_Archery_g09_c01.avi 1\n"),
            "split 1 of ucf101 has 1 class in its test that its training lacks: Surfing",
        ),
        (lambda folder: (folder / "splits" / "testlist01.txt").unlink(), "no testlist01.txt in "),
    ],
)
def test_a_bad_set_of_videos_is_one_line_before_anything_runs(command, change, message):
    ucf101(command.folder)
    (command.folder / "ucf101" / "videos" / "Archery" / "v_Archery_g08_c01.avi").unlink()
    change(command.folder / "ucf101")
    done = command("--task", "video_retrieval", "--preset", "full", "--method", "simclr", "--data-dir", str(command.folder))
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not command.db.exists()


def test_without_a_folder_the_line_says_what_to_get(command):
    done = command("--task", "video_retrieval", "--preset", "full", "--method", "simclr")
    assert done.returncode == 2
    assert "needs --data-dir: get UCF101 and its splits" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "orders=schedul"), "schedul"),
        (("--set", "temperature=0"), "temperature"),
        (("--set", "frames=30"), "two clips of 30 frames need 60; the training videos have 24 (--set frames)"),
        (("--set", "batch=1"), "self-supervised training needs two videos a batch or more"),
    ],
)
def test_bad_hyperparameters_are_one_line(command, words, message):
    done = command("--task", "video_retrieval", "--preset", "tiny", "--method", "simclr", "--no-baseline", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
