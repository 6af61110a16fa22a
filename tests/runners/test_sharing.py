"""Jobs side by side and threads of each, where the user leaves them open."""

import pytest

from benchmark.spec import Preset
from runners import sharing
from runners.plan import make_plan
from runners.request import Request
from runners.sharing import Work, allowed_cores, free_cores, most_jobs, quota, share
from runners.start import How, settled

EQUAL = [Work(100.0)] * 8
ONE_LONG = [Work(3.0), Work(3.0), Work(5.0), Work(300.0)]


@pytest.mark.parametrize(
    ("cores", "free", "works", "expected"),
    [
        (1, 1, EQUAL, (1, 1)),
        (2, 2, EQUAL, (2, 1)),  # side by side is faster than two threads
        (4, 4, EQUAL, (4, 1)),
        (16, 16, EQUAL, (8, 2)),
        (2, 2, EQUAL[:1], (1, 2)),
        (4, 4, EQUAL[:2], (2, 2)),
        (2, 2, ONE_LONG, (1, 2)),  # beside the long one nothing runs for long
        (2, 2, [], (1, 2)),
        (4, 4, [Work(100.0, threads=1)] * 2, (2, 2)),
        (2, 1, EQUAL, (1, 1)),  # a neighbour takes a core: fewer jobs, and no other number of threads
        (8, 3, EQUAL, (3, 1)),
        (2, 1, EQUAL[:1], (1, 2)),
        (16, 5, EQUAL, (2, 2)),
    ],
)
def test_plans_end_soonest_and_neighbours_change_no_number_of_threads(cores, free, works, expected):
    assert share(cores, free, works, None, None) == expected


@pytest.mark.parametrize(
    ("jobs", "threads", "expected"),
    [(2, 1, (2, 1)), (7, 5, (7, 5)), (2, None, (2, 4)), (100, None, (100, 1)), (None, 3, (2, 3)), (None, 9, (1, 9))],
)
def test_what_is_given_is_obeyed(jobs, threads, expected):
    assert share(8, 8, EQUAL, jobs, threads) == expected


def test_jobs_at_a_time_have_room():
    assert share(64, 64, [Work(1.0)] * 100, None, None, most=most_jobs(16e9)) == (8, 8)
    assert (most_jobs(1e9), most_jobs(100e9, 30e9)) == (1, 3)


@pytest.mark.parametrize(
    ("affine", "limit", "busy", "expected"),
    [
        (4, None, 0.0, (4, 4)),
        (4, None, 0.4, (4, 4)),
        (4, None, 1.7, (4, 2)),
        (4, None, 9.0, (4, 1)),
        (64, 2.0, 40.0, (2, 2)),  # of a machine that is busy elsewhere
        (64, 2.0, 63.0, (2, 1)),
        (2, 8.0, 0.0, (2, 2)),
        (2, 0.3, 0.0, (1, 1)),
    ],
)
def test_cores_are_counted_by_affinity_quota_and_load(affine, limit, busy, expected):
    allowed = allowed_cores(affine, limit)
    assert (allowed, free_cores(allowed, affine, busy)) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("max 100000", None), ("150000 100000", 1.5), ("nonsense", None), ("1 0", None)]
)
def test_the_quota_of_a_container(tmp_path, text, expected):
    (tmp_path / "cpu.max").write_text(text)
    assert quota(tmp_path) == expected


@pytest.mark.parametrize(("allowed", "expected"), [("-1", None), ("400000", 4.0), (None, None)])
def test_the_quota_of_an_older_container(tmp_path, allowed, expected):
    (tmp_path / "cpu").mkdir()
    if allowed:
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{allowed}\n")
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert quota(tmp_path) == expected


def test_a_machine_has_some_cores_and_they_are_no_more_than_there_are():
    allowed, free = sharing.cores_now()
    assert 1 <= free <= allowed <= sharing.cores()


def test_earlier_runs_say_how_long_jobs_are_and_presets_how_many_threads_they_can_use(monkeypatch):
    seen = []
    monkeypatch.setattr(sharing, "cores_now", lambda: (2, 2))
    monkeypatch.setattr(sharing, "share", lambda cores, free, works, *given, most: seen.append(works) or (3, 4))
    plan = make_plan([Request(task="subspace_clustering", method="all", preset="tiny", baseline=False)])
    size: Preset = plan.jobs[0].preset
    how = settled(How(), plan, {})
    assert (how.jobs, how.threads) == (3, 4)
    assert seen == [[Work(1.0, size.threads)] * len(plan.jobs)]
    done = plan.with_todo({plan.jobs[0].key.digest: set(range(size.instances))})
    settled(How(), done, {})
    assert len(seen[1]) == len(plan.jobs) - 1
    given = How(jobs=2, threads=1)
    assert settled(given, plan, {}) is given
