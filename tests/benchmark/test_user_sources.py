"""Data that a user brings by name: `--source NAME=PATH`, or a variable of the environment."""

import os

import pytest

from benchmark.datasets.sources import SOURCES, fingerprint, replaced, user_sources
from benchmark.errors import UserError
from runners.parse import parse_sources

RATINGS = "1,1,5\n1,2,3\n2,1,4\n"


@pytest.fixture
def ratings(tmp_path):
    (tmp_path / "ratings").mkdir()
    file = tmp_path / "ratings" / "mine.csv"
    file.write_text(RATINGS, encoding="utf-8")
    return file


def test_each_source_of_a_user_has_a_variable_of_its_own_name():
    assert {name: source.variable for name, source in user_sources().items()} == {
        name: f"LOWDIMBENCH_SOURCE_{name.upper()}" for name in user_sources()
    }


def test_the_place_does_not_enter_the_fingerprint(ratings):
    by_folder = fingerprint(("ratings",), ratings.parents[1])
    for place in (ratings.parent, ratings):
        with replaced({"ratings": str(place)}):
            assert fingerprint(("ratings",), None) == by_folder
    ratings.write_text(RATINGS + "2,2,1\n", encoding="utf-8")
    with replaced({"ratings": str(ratings)}):
        assert fingerprint(("ratings",), None) != by_folder


def test_what_was_named_is_forgotten_afterwards(ratings, monkeypatch):
    variable = SOURCES["ratings"].variable
    with replaced({"ratings": str(ratings)}):
        assert os.environ[variable] == str(ratings)
    assert variable not in os.environ
    monkeypatch.setenv(variable, "/before")
    with replaced({"ratings": str(ratings)}):
        pass
    assert os.environ[variable] == "/before"


def test_the_older_variable_still_names_the_encoder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWDIMBENCH_BACKBONE", str(tmp_path))
    assert SOURCES["backbone"].folder(None) == tmp_path
    monkeypatch.setenv("LOWDIMBENCH_SOURCE_BACKBONE", str(tmp_path / "newer"))
    assert SOURCES["backbone"].folder(None) == tmp_path / "newer"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backbon=x", "unknown source 'backbon'; did you mean backbone"),
        ("minilm=x", "--source minilm: it comes with the suite; yours can be backbone, "),
        ("glue=/nowhere", "--source glue: the folder /nowhere does not exist"),
        ("backbone=/nowhere", "--source backbone: the encoder's folder /nowhere does not exist"),
        ("backbone", "--source backbone: write it as name=value, such as --source backbone=FOLDER"),
        ("backbone=", "--source backbone=: write it as name=value"),
    ],
)
def test_what_cannot_be_brought_is_one_line(text, message):
    with pytest.raises(UserError) as caught, replaced(parse_sources([text])):
        pass
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_name_comes_once():
    assert parse_sources(["glue=a", "glue=a", "backbone=b"]) == {"glue": "a", "backbone": "b"}
    with pytest.raises(UserError, match="--source glue is given twice, as a and as b"):
        parse_sources(["glue=a", "glue=b"])
