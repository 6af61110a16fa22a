"""README's table and docs/papers are what the results that came with the suite give. Loading them takes seconds, once."""

import math
from dataclasses import replace

import pytest

from benchmark import registry
from benchmark.claims import Claim, Measured, Paper, Part, Runs, document, finding, score, telling
from benchmark.claims.evidence import Gap
from benchmark.claims.verdicts import Judged, Verdict
from benchmark.errors import UserError
from runners import documents

OURS, THEIRS = Runs("mri", "small", "cg_sense", 2), Runs("mri", "small", "zero_filled", 2)
REMEDY = "python -m runners.claims --write"


@pytest.fixture(scope="module")
def found():
    return documents.by_reference()


@pytest.fixture
def reference(found):
    return found[0]


def test_documents_are_what_the_reference_rows_give(found):
    verdicts, figures = found
    readme = (registry.ROOT / "README.md").read_text(encoding="utf-8")
    assert document.spliced(readme, document.summary(verdicts)) == readme, REMEDY
    folder = registry.ROOT / document.FOLDER
    pages = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    assert pages == document.pages(verdicts, figures), REMEDY


def test_figures_draw_what_the_reference_rows_give(found):
    folder = registry.ROOT / document.FOLDER / "figures"
    shown = {
        document.file_name(id, figure): document.data(document.comment(figure, drawn))
        for id, figures in found[1].items()
        for figure, drawn in figures
        if not drawn.empty
    }
    files = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert files.keys() == shown.keys(), REMEDY
    for name, text in files.items():
        assert len(text) < 150_000, name
        there, expected = document.data(text), shown[name]
        assert there["axes"] == expected["axes"], f"{name}: {REMEDY}"
        assert len(there["rows"]) == len(expected["rows"]), f"{name}: {REMEDY}"
        for row, other in zip(there["rows"], expected["rows"], strict=True):
            close = [pytest.approx(one, rel=1e-4) if isinstance(one, float) else one for one in other]
            assert row == close, f"{name}: {REMEDY}"


def test_every_claim_has_a_verdict_or_says_what_is_missing(reference):
    assert {one.paper.id for one in reference} == finding.own().keys()
    for one in reference:
        if one.word in ("not run", "needs full"):
            assert one.claim.needs or telling.commands(one.gaps)
        else:
            assert all(part.measured for part in one.parts)


# --- of made-up verdicts ------------------------------------------------------------------------------------------------


def verdict(*measured, word="holds", condition="", notes=(), **columns):
    """A verdict on a claim of a made-up paper, with a part for each value; None is a part that is not run."""
    part = Part("ahead", (score(OURS), score(THEIRS)), at_least=1.0, under="here")
    claim = Claim("1", "Ours | theirs * 2 is ahead.", (part,) * len(measured), **columns)
    paper = Paper(
        "2401.00001", "A & B", ("Ada Example",), "ICML 2024", 2024, ("mri",), (), "About.", "Smaller.", (claim,), notes=notes
    )
    gap = Gap(OURS, "not run")
    parts = tuple(Judged(part, one, word if one else "not run", () if one else (gap,)) for one in measured)
    return Verdict(paper, claim, word, condition, parts)


AHEAD = Measured(2.25, 1.5, 3.0, 8, unit="dB")


def test_a_page_holds_what_is_known_of_a_claim():
    told = verdict(AHEAD, where="table 2", published="3 dB", caveat="One head alone.", notes=("Slices are few.",))
    text = document.pages([told], {})["2401.00001.md"]
    assert (
        r"| 1 (table 2) | Ours \| theirs \* 2 is ahead.<br>*One head alone.* | 3 dB | >= 1 | here: 2.2 [1.5, 3.0] dB, n = 8 |"
        " **holds** |" in text
    )
    assert "[arXiv:2401.00001](https://arxiv.org/abs/2401.00001)" in text
    assert "Ada Example. ICML 2024. " in text
    assert "## Notes\n\nSlices are few.\n" in text
    assert r"title = {A \& B}" in text
    assert "What is missing" not in text


def test_parts_that_differ_say_each_what_is_asked_and_their_verdict():
    told = verdict(AHEAD, Measured(0.5, 0.25, 0.75, 8, unit="dB"), word="in part", condition="holds: here; does not hold: here")
    first, second = told.parts
    parts = (replace(first, word="holds"), replace(second, word="does not hold"))
    text = document.table([replace(told, parts=parts)])
    assert (
        "| >= 1 | here: 2.2 [1.5, 3.0] dB, n = 8 (holds)<br>here: 0.50 [0.25, 0.75] dB, n = 8 (does not hold) | **in part** |"
        in text
    )
    parts = (first, replace(second, part=replace(second.part, at_least=None, at_most=1.0)))
    text = document.table([replace(told, parts=parts, word="holds", condition="")])
    assert "|  | here: 2.2 [1.5, 3.0] dB, n = 8 (>= 1)<br>here: 0.50 [0.25, 0.75] dB, n = 8 (<= 1) | **holds** |" in text


def test_a_page_names_the_commands_that_are_missing():
    text = document.pages([verdict(None, word="not run", condition="mri/small cg_sense: not run")], {})["2401.00001.md"]
    assert "| **not run**: mri/small cg_sense: not run |" in text
    assert "python -m runners.run --task mri --preset small --method cg_sense --seeds 2 --no-baseline" in text
    assert "--paper 2401.00001 --run" in text


def test_a_claim_that_no_run_can_tell_says_what_does():
    text = document.table([verdict(word="not run", condition="it is timed: a script", needs="it is timed: a script")])
    assert "|  |  |  | **not run**: it is timed: a script |" in text


def test_a_line_tells_the_claim_that_leads():
    assert telling.headline([verdict(AHEAD)]) == "Ours | theirs * 2 is ahead: holds (2.2 [1.5, 3.0] dB, n = 8)."
    assert telling.headline([verdict(AHEAD, AHEAD)]) == "Ours | theirs * 2 is ahead: holds (2 of 2 parts)."
    assert telling.headline([verdict(None, None, word="not run")]) == "Ours | theirs * 2 is ahead: not run."
    with pytest.raises(ValueError, match="no claim 7 to lead"):
        Paper("1", "A", ("B",), "", 2024, (), (), "", "", (), leads="7")


def test_verdicts_are_counted_in_their_order():
    assert telling.counts([verdict(AHEAD), verdict(AHEAD, word="open"), verdict(AHEAD)]) == "2 hold, 1 open"
    assert telling.counts([verdict(AHEAD, word="does not hold")] * 2) == "2 do not hold"


def test_a_table_goes_between_its_marks_and_nowhere_else():
    text = f"a\n{document.BEGIN}\nold\n{document.END}\nb\n"
    assert document.spliced(text, "new") == f"a\n{document.BEGIN}\n\nnew\n\n{document.END}\nb\n"
    assert document.spliced(document.spliced(text, "new"), "new") == document.spliced(text, "new")
    for wrong in ("a", document.BEGIN, f"{document.END}{document.BEGIN}", text + document.BEGIN):
        with pytest.raises(UserError, match="once each"):
            document.spliced(wrong, "new")


def test_a_value_that_never_comes_and_one_without_interval_are_told():
    assert "never" in telling.told(verdict(Measured(math.inf, math.inf, math.inf, 8)).parts[0])
    assert "[no interval]" in telling.told(verdict(Measured(1.0, math.nan, math.nan, 3)).parts[0])
