"""Runners and workers are killed at random moments: nothing is lost, and the next call continues."""

import pytest

from tests.runners.forks import FORKS
from tests.runners.killing import Lane, killed

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_three_kills(tmp_path):
    lane = killed(FORKS.forge, tmp_path, "pieces", 3, seed=1)
    assert lane.lost == []
    assert sum(lane.hit.values()) == 3


@pytest.mark.slow
def test_what_is_lost_is_noticed(tmp_path):
    """The checks after a kill can fail."""
    lane = Lane(FORKS.forge, "pieces", tmp_path / "pieces")
    lane.whole()
    lane.check()
    assert lane.lost == []
    assert len(lane.done) == 80
    lane.execute("DELETE FROM score WHERE id = 1")
    lane.execute("UPDATE instance SET status = 'failed' WHERE id = 2")
    lane.execute("UPDATE run SET status = 'failed' WHERE id = 1")
    next((tmp_path / "pieces" / "artifacts").rglob("*.npy")).write_bytes(b"half")
    lane.check()
    found = {reason.split(":")[0].split(" artifacts")[0] for reason in lane.lost}
    assert found == {"lost", "half-written", "picture", "ended without a reason"}
