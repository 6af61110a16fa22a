"""The page Data, without a browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

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
