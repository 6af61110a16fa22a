"""Data: the page, and SOURCES.md as it is read."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmark import registry
from benchmark.datasets import sources
from benchmark.report import data_sources
from tests.leaderboard.words import words


@pytest.mark.parametrize("size", ["empty", "tiny", "full"])
def test_sources_are_there_whatever_the_database_holds(
    open_page: Callable[..., AppTest], made: Callable[[str], Path], size: str
) -> None:
    app = open_page(made(size), "data", source="colin27")
    assert not app.exception
    assert app.dataframe[0].value["source"].tolist() == list(data_sources.known())
    assert "BSD-3-Clause" in words(app)
    assert "every file is there and has the SHA-256 below" in words(app)
    assert app.dataframe[1].value["SHA-256"].tolist() == [sources.SOURCES["colin27"].sha256]
    assert "mri / small" in words(app)
    assert any("Redistribution" in one.value for one in app.code)


def test_every_source_can_be_read_in_full(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("tiny"), "data", source="fastmri")
    assert "you bring it; ask NYU for the fastMRI data set" in words(app)
    for name in ("cities", "movielens", "ucf101"):
        app.selectbox[0].select(name).run()
        assert not app.exception
        assert app.query_params["source"] == name


def test_an_unknown_source_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("tiny"), "data", source="nothing")
    assert not app.exception
    assert "the link asks for source 'nothing'" in words(app)


def test_each_source_has_a_row_and_each_row_a_source() -> None:
    found = data_sources.known()
    assert set(found) == set(sources.SOURCES)
    for source in found.values():
        assert source.about["what it is"]
        assert source.about["licence"]
        if source.kind != "you bring it":
            assert source.files
            assert source.about["SHA-256"] == sources.SOURCES[source.name].sha256
        else:
            assert source.how


def test_licences_by_name() -> None:
    found = data_sources.licences(["colin27", "nobody's"])
    assert found == {"colin27": data_sources.known()["colin27"].about["licence"], "nobody's": ""}
    assert "BSD-3-Clause" in found["colin27"]


def test_licences_that_a_row_names_are_there() -> None:
    for source in data_sources.known().values():
        assert bool(source.licence_text) == ("assets/" in source.about["licence"])


def test_uses_are_those_of_the_specifications() -> None:
    used = data_sources.uses()
    for name, task in registry.tasks().items():
        for preset, size in task.spec.presets.items():
            here = used[(used["task"] == name) & (used["preset"] == preset)]
            assert tuple(source for source in here["source"] if source) == size.data


def test_a_table_is_read_as_it_stands() -> None:
    text = "x\n\n| name | what |\n|---|---|\n| `a` | b \\| c |\n| `d` | |\n"
    assert data_sources.described(text) == {"a": {"name": "`a`", "what": "b \\| c"}, "d": {"name": "`d`", "what": ""}}
    assert data_sources.described("no table") == {}


def test_a_damaged_file_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.SOURCES, "cities", sources.Asset("cities.npz", "0" * 64))
    assert data_sources.check("cities").startswith("Not as tested: benchmark/datasets/assets/cities.npz is damaged")
    assert data_sources.check("fastmri") == "Nothing to check: the suite ships none of it."
