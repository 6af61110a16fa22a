"""Which nearest videos are right, by method, class and background; and which instance can be made anew."""

import json

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.report import boards
from leaderboard.artifacts import nearest
from leaderboard.artifacts.nearest import Videos
from leaderboard.charts import retrieval_classes
from tests.leaderboard import synthetic_retrieval

NAMES = ("run", "walk")
GOOD, POOR = np.array([[0, 1], [2, 3], [3, 2]]), np.array([[2, 0], [2, 3], [0, 1]])


@pytest.fixture
def videos() -> Videos:
    """Four gallery videos (run, run, walk, walk) and three queries (run, walk, walk), each on one of two backgrounds."""
    clips = np.zeros((7, 2, 4, 4, 3), np.uint8)
    classes, grounds = np.array([0, 0, 1, 1, 0, 1, 1]), np.array([0, 1, 0, 1, 0, 0, 1])
    return Videos(clips[:4], clips[4:], classes, grounds, NAMES, "")


@pytest.fixture
def plugged(monkeypatch, tmp_path):
    with synthetic_retrieval.installed(monkeypatch, tmp_path):
        yield


def test_counts_of_right_ones(videos):
    assert videos.right(GOOD).tolist() == [[True, True], [True, True], [True, True]]
    assert videos.right(GOOD[:1], 1).tolist() == [[False, False]]
    assert nearest.hits(videos, POOR) == "Nearest video correct: 1 of 3 queries; a correct one among the 2 nearest: 2 of 3."
    assert nearest.different(videos, GOOD, POOR) == [0, 2]
    assert (videos.name(1), videos.name(7)) == ("walk", "7")


def test_shares_with_and_without_backgrounds(videos):
    frame, columns = nearest.shares(videos, {"good": GOOD, "poor": POOR})
    assert list(frame) == list(columns) == list(nearest.SHARES)
    assert frame["right at 1 (%)"].tolist() == pytest.approx([100, 100 / 3])
    assert frame["right at 5 (%)"].tolist() == pytest.approx([100, 200 / 3])
    assert frame["same background (%)"].tolist() == pytest.approx([100, 200 / 3])
    assert nearest.chance(videos) == 0.5
    unknown = Videos(videos.gallery, videos.queries, videos.classes, np.full(7, -1), (), "")
    assert "same background (%)" not in nearest.shares(unknown, {"good": GOOD})[0]
    assert not unknown.same_ground(GOOD).any()
    assert nearest.chance(unknown) is None


def test_classes_with_the_largest_difference_come_first(videos):
    frame = nearest.by_class(videos, {"poor": POOR, "good": GOOD})
    assert frame[["class", "label", "text"]].values.tolist() == [
        ["run", "poor", "0 of 1"],
        ["run", "good", "1 of 1"],
        ["walk", "poor", "1 of 2"],
        ["walk", "good", "2 of 2"],
    ]


def test_the_chart_keeps_order_and_colours(made, videos):
    board = _board(made)
    frame = nearest.by_class(videos, {"mean_colour": POOR, "differences": GOOD})
    spec = json.loads(retrieval_classes.class_chart(frame, board).to_json())
    assert spec["layer"][0]["encoding"]["y"]["sort"] == ["run", "walk"]
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["mean_colour", "differences"]


def test_places_that_cannot_be_are_a_problem(videos):
    assert nearest.misfit(GOOD, videos) == ""
    assert "of 2 queries were kept, and there are 3" in nearest.misfit(GOOD[:2], videos)
    assert "the gallery has 4 videos" in nearest.misfit(GOOD + 2, videos)


def test_without_videos_the_places_are_said():
    frame, columns = nearest.without_videos({"poor": POOR}, np.array([[0, 1], [2, 3], [2, 3]]))
    assert frame["poor"].tolist() == ["2, 0 ✓", "2 ✓, 3 ✓", "0, 1"]
    assert list(columns) == ["query", "poor"]
    assert nearest.without_videos({"poor": POOR}, None)[0]["poor"][1] == "2, 3"


def test_an_instance_made_anew_is_the_one_that_was_shown(made, plugged):
    found = nearest.make("moving", 1, "small", (0, 1))
    assert (found.gallery.shape, found.queries.shape) == ((60, 24, 64, 64, 3), (30, 24, 64, 64, 3))
    assert found.name(0) == "backflip"
    with synthetic_retrieval.session(made("retrieval")) as session:
        board = boards.board(session, "moving", "small")
        assert nearest.observations(session, board.rows, (0, 1)) == dict.fromkeys(
            synthetic_retrieval.METHODS, found.observation
        )


@pytest.mark.parametrize(
    ("task", "version", "preset", "reason"),
    [
        ("elsewhere", 1, "small", "the task elsewhere is not installed here"),
        ("moving", 3, "small", "the task here is version 1, these results are of version 3"),
        ("moving", 1, "huge", "the task here has no preset huge"),
        ("moving", 1, "full", "needs your own videos: --data-dir FOLDER"),
    ],
)
def test_why_an_instance_cannot_be_made(plugged, task, version, preset, reason):
    with pytest.raises(UserError, match=f"^{reason}$"):
        nearest.make(task, version, preset, (0, 0))


def test_a_task_that_fails_is_a_reason(plugged, monkeypatch):
    monkeypatch.setattr("tests.leaderboard.retrieval_task.Moving.make", lambda *_: 1 / 0)
    with pytest.raises(UserError, match=r"the task cannot make them \(ZeroDivisionError: division by zero\)"):
        nearest.make("moving", 1, "small", (0, 0))


def _board(made):
    with synthetic_retrieval.session(made("retrieval")) as session:
        return boards.board(session, "moving", "small")
