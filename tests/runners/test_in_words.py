"""A prior of the user's that is told in words, from its folder to the stored scores."""

import sqlite3

import numpy as np
import pytest
from PIL import Image

from tests.benchmark.priors import made_up

pytestmark = pytest.mark.slow

ASKED = ("--task", "image_editing", "--method", "t_loco", "--preset", "full_text", "--no-baseline", "--threads", "1")
QUICK = ("--set", "rounds=1", "--set", "outside=1")
LCM = ("--set", "version=swap", "--set", "t=0.5", "--set", "steps=4")


@pytest.fixture
def photographs(tmp_path):
    """15 of 32 x 32, ten of which are for tests, with two regions each."""
    draw = np.random.default_rng(0)
    mask = np.zeros((32, 32), np.uint8)
    mask[4:12, 4:12] = 255
    for folder in ("photographs", "masks", "told"):
        (tmp_path / folder).mkdir()
    for i in range(15):
        Image.fromarray(draw.integers(0, 255, (32, 32, 3), np.uint8)).save(tmp_path / "photographs" / f"{10 + i}.png")
        for name, one in (("hat", mask), ("rest", 255 - mask)):
            Image.fromarray(one).save(tmp_path / "masks" / f"{10 + i}_{name}.png")
        (tmp_path / "told" / f"{10 + i}.csv").write_text("picture,a man\nhat,a red hat, a\nrest,a woman\n")
    return tmp_path


@pytest.mark.parametrize(("jumps", "given"), [(False, ("--set", "steps=3")), (True, LCM)])
def test_t_loco_edits_by_prompts(command, photographs, jumps, given):
    folder = made_up.told_in_words(photographs / "prior", jumps, scale=10.0, sample_size=16)
    found = command(*ASKED, *QUICK, *given, "--data-dir", str(photographs), "--source", f"prior={folder}")
    assert found.returncode == 0, found.stderr + found.stdout
    with sqlite3.connect(command.db) as connection:
        assert connection.execute("SELECT status, instances FROM run").fetchall() == [("done", 10)]
        names = {name for (name,) in connection.execute("SELECT DISTINCT metric FROM score")}
        calls = {value for (value,) in connection.execute("SELECT value FROM score WHERE metric = 'network_calls'")}
    assert {"leak", "effect", "reconstruction"} <= names
    # Two calls where guidance is a sum: 2 steps up; of each of two regions 4 in f_e and 2 in f_o, and two differences and a
    # gradient; 9 pictures 2 steps down. One call for LCM: no way up; 1 in each, and the same; 9 with 2 jumps.
    assert calls == ({2 * 2 + 2 * 3 + 9 * 2} if jumps else {2 * 2 + 2 * 6 + 2 * 3 * 2 + 9 * 2 * 2})


def test_what_is_wrong_with_the_prompts_is_one_line(command, photographs):
    folder = made_up.told_in_words(photographs / "prior", sample_size=16)
    (photographs / "told" / "10.csv").write_text("picture,a man\nhat,a red hat a red hat a\nrest,a woman\n")
    found = command(*ASKED, *QUICK, "--data-dir", str(photographs), "--source", f"prior={folder}")
    assert "told/10.csv: the prompt 'a red hat a red hat a' has 7 tokens" in found.stdout.replace("\n", " ") + found.stderr
