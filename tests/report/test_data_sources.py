"""SOURCES.md as it is read, and which presets read a source."""

import pytest

from benchmark import registry
from benchmark.datasets import sources
from benchmark.report import data_sources


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
            assert tuple(source for source in here["source"] if source) == (*size.data, *filter(None, [size.prior]))


def test_a_table_is_read_as_it_stands() -> None:
    text = "x\n\n| name | what |\n|---|---|\n| `a` | b \\| c |\n| `d` | |\n"
    assert data_sources.described(text) == {"a": {"name": "`a`", "what": "b \\| c"}, "d": {"name": "`d`", "what": ""}}
    assert data_sources.described("no table") == {}


def test_a_damaged_file_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.SOURCES, "cities", sources.Asset("cities.npz", "0" * 64))
    assert data_sources.check("cities").startswith("Not as tested: benchmark/datasets/assets/cities.npz is damaged")
    assert data_sources.check("fastmri") == "Nothing to check: the suite ships none of it."
