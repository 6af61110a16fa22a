"""The list of the papers and a paper's page, without a browser."""

import json
import re
from base64 import b64decode
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmark.claims import finding
from leaderboard.ui import downloads
from tests.leaderboard.synthetic_papers import PAPER, RIVAL
from tests.leaderboard.test_app import html, text

Open = Callable[..., AppTest]
Made = Callable[[str], Path]


def lines(app: AppTest) -> dict[str, str]:
    """The HTML of each paper's line by its number."""
    found = re.findall(r'<li><a class="picture" href="paper\?id=([^"]+)".*?</li>', html(app), re.DOTALL)
    whole = re.findall(r'<li><a class="picture".*?</li>', html(app), re.DOTALL)
    return dict(zip(found, whole, strict=True))


def claim(app: AppTest, number: str) -> str:
    """The words of a claim's line."""
    [body] = re.findall(rf'<tr><th scope="row" class="number">{number}</th>.*?</tr>', html(app), re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", body))


def test_the_first_page_lists_every_paper_with_its_verdicts(open_page: Open, made: Made) -> None:
    app = open_page(made("papers"), "papers")
    assert not app.exception
    found = lines(app)
    assert list(found) == list(finding.papers())
    claims = sum(len(paper.claims) for paper in finding.papers().values())
    assert f"The suite checks {claims} claims of {len(found)} papers on low-dimensional structure." in text(app)
    assert "Learning the input gains 1 dB or more over vanilla DIP at 4x" in found[PAPER]
    assert re.search(r"holds \(2\.\d", found[PAPER])
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', found[PAPER])
    assert picture is not None
    assert b"<svg" in b64decode(picture[1])
    assert "no runs yet" in found["2406.05822"]
    assert 'href="task?task=mri"' in found[PAPER]
    assert 'href="task?task=mc"' not in found["2406.05822"]  # that page would be empty
    assert "mc" in found["2406.05822"]


def test_it_has_an_address_of_its_own_and_old_links_lead_to_the_overview(open_page: Open, made: Made) -> None:
    app = open_page(made("papers"), "papers").switch_page("views/papers.py").run()
    assert len(lines(app)) == len(finding.papers())
    old = open_page(made("varied"), "papers", kinds="network", presets="small")
    assert not old.exception
    assert any("The filters hide 1 of 4 boards" in str(one.value) for one in old.markdown)


def test_a_paper_has_verdicts_evidence_figures_and_commands(open_page: Open, made: Made) -> None:
    app = open_page(made("papers"), "paper", id=PAPER)
    assert not app.exception
    assert app.header[0].value == "Analysis of Deep Image Prior and Exploiting Self-Guidance for Image Reconstruction"
    assert re.search(r"≥\s1 .*2\.\d+ \[.*\] dB, n = 8 .*✓ ?holds.*mri/small.*runs", claim(app, "1"))
    assert "self_guided_dip [noise=none]: not run" in claim(app, "3")
    assert "needs full" in claim(app, "10")
    runs = re.findall(r'href="run\?run=(\d+)"', html(app))
    assert len(set(runs)) == 12  # three seeds of four methods
    assert len(app.get("vega_lite_chart")) == 3  # two of its five figures have no run
    assert "of its 10 kinds of runs are not run yet" in text(app)
    assert "python -m runners.run --task mri --preset small_8x" in text(app)
    assert "--preset full --method self_guided_dip" in text(app)
    assert "eprint = {2402.04097}" in text(app)
    names = re.findall(r"\*\*\[(\w+)\]\(method", text(app))
    assert names == ["self_guided_dip", "dip", "tv"]  # its method, its rival, the best classical one


def test_what_others_wrote_is_text(open_page: Open, made: Made) -> None:
    app = open_page(made("papers"), "paper", id=PAPER)
    assert "<b>rival" not in html(app)
    assert "certainly better" in html(app)
    assert RIVAL.partition("<")[0] in unescape(html(app))
    assert "](http://evil" not in "".join(re.sub(r"\\.", "", str(one.value)) for one in [*app.markdown, *app.caption])


def test_a_paper_without_runs_says_how_to_make_them(open_page: Open, made: Made) -> None:
    app = open_page(made("papers"), "paper", id="2406.05822")
    assert not app.exception
    assert "not run" in claim(app, "1")
    assert "Not run yet. These commands make its runs:" in text(app)
    assert "No board has a result of the paper's methods." in text(app)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("2406.0582", "unknown paper '2406.0582'; did you mean 2406.05822"),
        ("nothing", "unknown paper 'nothing'; known: 2402.04097"),
    ],
)
def test_an_unknown_paper_is_one_line(open_page: Open, made: Made, asked: str, said: str) -> None:
    app = open_page(made("papers"), "paper", id=asked)
    assert not app.exception
    assert len(app.error) == 1
    assert said in text(app)
    assert not app.header


def test_a_paper_is_found_by_its_method_and_none_lists_all(open_page: Open, made: Made) -> None:
    app = open_page(made("papers"), "paper", id="relu_gd")
    assert "Symmetric Matrix Completion" in app.header[0].value
    bare = open_page(made("papers"), "paper")
    assert "The address names no paper" in text(bare)
    assert len(bare.get("page_link")) == 1 + len(finding.papers())


def test_claims_are_saved_as_they_are_shown(open_page: Open, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    views = {}
    monkeypatch.setattr(downloads, "buttons", lambda view, stem, *_, **__: views.update({stem: view()}))
    open_page(made("papers"), "paper", id=PAPER)
    rows = json.loads(downloads.formats.FORMATS["json"](views[f"claims_{PAPER}"]))["rows"]
    assert [row["claim"] for row in rows] == [one.number for one in finding.papers()[PAPER].claims]
    assert rows[0]["verdict"] == "holds"
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]
    assert "| holds |" in str(downloads.formats.FORMATS["markdown"](views[f"claims_{PAPER}"]))
