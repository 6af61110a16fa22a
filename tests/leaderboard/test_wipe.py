"""Two pictures on top of each other: which two, and that the link says so. What dragging does is in tests/browser."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.leaderboard.test_app import painted, text
from tests.leaderboard.test_images import decoded

pytestmark = pytest.mark.slow

Open = Callable[..., AppTest]
PLACE = {"task": "imaging", "preset": "small", "seed": "0", "instance": "0"}


def handed(app: AppTest) -> dict[str, Any]:
    """What the browser gets."""
    (element,) = app.get("bidi_component")
    found: dict[str, Any] = json.loads(element.proto.json)
    return found


def test_the_baseline_and_the_best_are_the_first_two(open_page: Open, made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "instance", **PLACE)
    assert not app.exception
    data = handed(app)
    assert (data["first"], data["second"]) == ("base_fill", "net_guided")
    assert decoded(b64decode(data["first_png"])).shape == (64, 64, 3)
    assert data["first_png"] != data["second_png"]
    assert (app.query_params["first"], app.query_params["second"]) == ("base_fill", "net_guided")
    assert "Compare these two over all instances" in "".join(link.proto.label for link in app.get("page_link"))


def test_a_link_names_a_method_and_the_truth(open_page: Open, made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "instance", **PLACE, first="truth", second="net_reference")
    assert not app.warning
    assert (handed(app)["first"], handed(app)["second"]) == ("truth", "net_reference")
    assert "Compare these two" not in "".join(link.proto.label for link in app.get("page_link"))
    app = open_page(made("full"), "instance", **PLACE, first="nobody")
    assert "the link asks for first 'nobody', which is not there; showing base_fill" in text(app)


def test_one_method_stands_against_the_truth(open_page: Open, tmp_path: Path) -> None:
    app = open_page(painted(tmp_path, estimate=(3, 16, 24)), "instance")
    assert (handed(app)["first"], handed(app)["second"]) == ("classic_cg", "truth")
    assert decoded(b64decode(handed(app)["first_png"])).shape == (16, 24, 3)
