"""Bars of verdicts and the tables of papers and claims, as HTML."""

import re
from html import unescape
from typing import Any

from benchmark.claims.paper import Claim, Paper, Part, Runs, score
from benchmark.claims.rules import Measured
from benchmark.claims.verdicts import Judged, Verdict
from leaderboard.charts import paper_tables, verdict_bars

OURS, THEIRS = Runs("mri", "small", "cg_sense"), Runs("mri", "small", "tv")
PART = Part("ahead", (score(OURS), score(THEIRS)), at_least=1.0, under="<b>here</b>")
CLAIM = Claim("1", "Ours is <i>ahead</i>.", (PART,), where="Table 1", published="2 dB", kind="ours", caveat="Few slices.")
PAPER = Paper(
    "0000.00000", "On <b>bold</b> & low rank", ("A B",), "arXiv", 2024, ("mri",), ("cg_sense",), "", "Small.", (CLAIM,)
)


def verdict(word: Any, value: float = 2.0, condition: str = "") -> Verdict:
    return Verdict(PAPER, CLAIM, word, condition, (Judged(PART, Measured(value, value - 1, value + 1, 8), word),))


MANY = [verdict("holds"), verdict("holds"), verdict("does not hold"), verdict("not run")]


def test_a_bar_is_as_wide_as_there_are_verdicts_and_says_so() -> None:
    found = verdict_bars.bar(MANY)
    assert re.findall(r"flex-grow: (\d)", found) == ["2", "1", "1"]
    assert 'aria-label="2 hold, 1 does not hold, 1 not run"' in found
    assert re.findall(r">([^<]+)</span>", found) == ["✓ 2", "✗ 1", "– 1"]


def test_every_verdict_has_a_sign_of_its_own_and_a_line_of_the_legend() -> None:
    assert len(set(verdict_bars.SIGNS.values())) == len(verdict_bars.SIGNS)
    found = unescape(re.sub("<[^>]+>", " ", verdict_bars.legend(MANY)))
    assert "holds: 2" in found
    assert "open: 0" in found


def test_a_claim_has_threshold_interval_verdict_and_links_to_its_runs() -> None:
    found = paper_tables.claims([verdict("holds", condition="<u>only</u> so")], {OURS: (3, 4), THEIRS: tuple(range(5, 12))})
    assert "≥\N{NO-BREAK SPACE}1" in found
    assert "2.0 [1.0, 3.0], n = 8" in found
    assert re.findall(r'href="run\?run=(\d+)"', found) == [str(number) for number in range(3, 12)]
    assert "<summary>3 more</summary>" in found
    assert 'href="task?task=mri&amp;preset=small"' in found
    words = unescape(re.sub("<[^>]+>", " ", found))
    for text in ("Table 1", "a question of this suite", "published: 2 dB", "Few slices.", "holds"):
        assert text in words
    for raw in ("<i>ahead", "<b>here", "<u>only"):
        assert raw not in found


def test_a_claim_without_runs_has_no_evidence() -> None:
    found = paper_tables.claims([Verdict(PAPER, CLAIM, "not run", "mri/small cg_sense: not run")], {})
    assert "run?run" not in found
    assert "mri/small cg_sense: not run" in found


def test_a_paper_is_a_link_with_a_picture_its_bar_and_its_scale() -> None:
    found = paper_tables.papers([(PAPER, MANY, "<svg/>"), (PAPER, MANY, "")], PAPER.tasks)
    assert found.count('href="paper?id=0000.00000"') == 4
    assert "data:image/svg+xml;base64,PHN2Zy8+" in found
    assert found.count("no runs yet") == 1
    assert "On &lt;b&gt;bold&lt;/b&gt; &amp; low rank" in found
    assert found.count("Small.") == 2
    assert found.count('class="ldb-bar"') == 2
