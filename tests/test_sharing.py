"""Tests are shared out among processes by what they have in common."""

import pytest

from tests.conftest import group, pytest_xdist_make_scheduler


class Config:
    """As much of pytest's as a scheduler asks for."""

    def __init__(self, dist):
        self.dist = dist

    def getvalue(self, name):
        return {"dist": self.dist, "tx": ["popen", "popen"]}.get(name)

    def getoption(self, name, default=None):
        return default


def test_a_file_is_a_group_and_so_is_a_pair_and_tests_of_the_browser_are_free():
    assert group("tests/runners/test_run.py::test_a") == group("tests/runners/test_run.py::test_b[1-x]")
    assert group("tests/runners/test_run.py::test_a") != group("tests/runners/test_load.py::test_a")
    ids = [
        f"tests/test_contracts.py::test_a_method[{name}]" for name in ("mri-dip-repeats", "mri-dip-in_time", "mri-tv-repeats")
    ]
    assert group(ids[0]) == group(ids[1]) != group(ids[2])
    pages = "tests/browser/test_pages.py"
    assert group(f"{pages}::test_a") != group(f"{pages}::test_b")


def test_processes_are_given_groups_where_they_are_asked_for():
    pytest.importorskip("xdist")
    scheduler = pytest_xdist_make_scheduler(Config("loadgroup"), None)
    assert scheduler._split_scope("tests/runners/test_run.py::test_a") == "tests/runners/test_run.py"
    assert pytest_xdist_make_scheduler(Config("load"), None) is None
