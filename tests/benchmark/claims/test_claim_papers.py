"""The papers name only what is there, and the parts that are special to one compute what they say."""

import re

import numpy as np
import pytest

from benchmark import registry
from benchmark.claims import finding
from benchmark.claims.evidence import check
from benchmark.claims.paper import Paper
from benchmark.claims.papers import molrg, oes, self_guided_dip, sim2real, vididi
from benchmark.claims.scale import at_scale
from benchmark.errors import UserError

PAPERS = finding.papers()
CLAIMS = [(paper, claim) for paper in PAPERS.values() for claim in paper.claims]


def name(value):
    return value.id if isinstance(value, Paper) else value.number


def grid(rows):
    return {(seed, number): float(value) for number, row in enumerate(rows) for seed, value in enumerate(row)}


def test_all_papers_are_there_and_every_tasks_paper_is_one():
    assert len(PAPERS) >= 10
    sources = {match for task in registry.tasks().values() for match in re.findall(r"\d{4}\.\d{5}", task.spec.source)}
    named = {paper.id for paper in PAPERS.values() if paper.tasks}
    assert named & sources
    for paper in PAPERS.values():
        assert set(paper.tasks) <= registry.tasks().keys()
        assert set(paper.methods) <= registry.methods().keys()
        own = [registry.methods()[method].spec.paper for method in paper.methods]
        assert not own or any(paper.id in text for text in own)


@pytest.mark.parametrize(("paper", "claim"), CLAIMS, ids=name)
def test_a_claim_names_only_what_is_there(paper, claim):
    for part in claim.parts:
        for quantity in part.of:
            check(quantity)
    assert claim.sentence.endswith(".")
    at_scale(claim, "full")


@pytest.mark.parametrize("paper", PAPERS.values(), ids=lambda paper: paper.id)
def test_a_figure_names_only_what_is_there(paper):
    assert paper.figures
    for figure in paper.figures:
        for quantity in (one for mark in figure.marks for one in mark.quantities):
            check(quantity)
        assert figure.title.endswith(".")
        for one in figure.published:  # a number may lie between ours, a name must be one of ours
            assert one.series in figure.series
            assert not isinstance(one.at, str) or one.at in {mark.at for mark in figure.marks}


def test_at_full_scale_presets_are_the_papers():
    claim = next(one for one in PAPERS["2402.04097"].claims if one.number == "6")
    assert {runs.preset for runs in at_scale(claim, "full").runs} == {"full_8x"}
    cells = next(one for one in PAPERS["2406.05822"].claims if one.number == "1")  # ranks that full does not have
    assert at_scale(cells, "full").needs


@pytest.mark.parametrize("task", ["inpainting", "denoising"])
def test_learning_the_input_is_all_that_differs_on_photographs(task):
    ours, theirs = (
        registry.get_method(name).spec.resolve(task, "small", given)
        for name, given in (("self_guided_dip", {}), ("dip", self_guided_dip.SAME))
    )
    shared = ours.keys() & theirs.keys()
    assert shared == {"steps", "lr", "average", "width", "depth"}
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
    assert theirs["network"] == "unet"


def test_a_paper_is_found_by_its_number_or_its_method():
    assert finding.get_paper("2406.05822") is finding.get_paper("relu_gd")
    with pytest.raises(UserError, match=r"unknown paper '2406.0582'; did you mean 2406\.05822"):
        finding.get_paper("2406.0582")


def test_a_package_brings_papers_and_a_broken_one_breaks_nothing(monkeypatch, tmp_path):
    (tmp_path / "their_paper.py").write_text(
        "from benchmark.claims import Claim, Paper\n"
        "PAPER = Paper('1111.11111', 'Theirs', ('A B',), 'arXiv', 2025, (), (), '', '', (Claim('1', 'It works.', "
        "needs='work'),))\n"
    )
    (tmp_path / "broken_paper.py").write_text("raise RuntimeError('broken')\n")

    class Point:
        def __init__(self, value):
            self.value = value

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(finding, "entry_points", lambda group: [Point("their_paper"), Point("broken_paper")])
    finding.papers.cache_clear()
    try:
        assert finding.papers()["1111.11111"].title == "Theirs"
        assert finding.papers().keys() > PAPERS.keys()
        assert finding.problems() == ["left out the papers of broken_paper: broken; update or uninstall its package"]
    finally:
        finding.papers.cache_clear()


def test_bibtex_names_title_authors_and_number():
    text = PAPERS["2406.05288"].bibtex
    assert text.startswith("@misc{ghosh2024,")
    assert "author = {Avrajit Ghosh and Xitong Zhang" in text
    assert "eprint = {2406.05288}" in text


# --- what is special to one ---------------------------------------------------------------------------------------------


def test_a_shift_hurts_more_by_the_difference_of_the_growths():
    usual, shifted = grid([[2, 2]] * 5), grid([[6, 6]] * 5)
    found = sim2real.hurt_more(shifted, usual, grid([[4, 4]] * 5), usual)
    assert (found.value, found.low, found.high) == pytest.approx((3 - 2, 1, 1))
    assert sim2real.hurt_more(usual, usual, shifted, usual).high < 0


def bases(*levels):
    noise = 0.01 * np.random.default_rng(0).standard_normal((6, 3))
    return [grid(level + noise) for level in levels]


def test_no_base_is_the_weakest_where_they_cannot_be_told_apart():
    noise = 0.1 * np.random.default_rng(0).standard_normal((3, 6, 3))
    alike = [grid(0.1 + one) for one in noise]
    found = vididi.weakest_gains_most(*alike, *bases(0.5, 0.6, 0.7))
    assert np.isnan(found.low)
    assert "cannot be told apart" in found.note


def test_the_weakest_base_gains_most_by_the_least_difference_of_gains():
    found = vididi.weakest_gains_most(*bases(0.1, 0.3, 0.5), *bases(0.7, 0.7, 0.8))  # gains 0.6, 0.4, 0.3
    assert found.value == pytest.approx(0.2)
    assert found.low > 0


def test_frameworks_come_closer_by_the_difference_of_spreads():
    found = vididi.closer(*bases(0.1, 0.3, 0.5), *bases(0.7, 0.7, 0.8))
    assert found.value == pytest.approx(0.4 - 0.1)
    assert found.low == pytest.approx(0.3)
    assert vididi.closer(*bases(0.7, 0.7, 0.8), *bases(0.1, 0.3, 0.5)).value == pytest.approx(-0.3)


def test_other_draws_are_compared_by_welchs_interval():
    found = molrg.apart({(0, 1): 1.0, (1, 1): 2.0, (2, 1): 3.0}, {(0, 2): 0.0, (1, 2): 0.0, (2, 2): 0.0})
    assert found.value == pytest.approx(2.0)
    half = 4.302652729749464 / 3**0.5  # of Student's t with 2 degrees of freedom
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))


def test_constant_outputs_are_counted_and_left_out():
    spreads, ours, theirs = grid([[0.9, 0.0], [0.04, 0.8]]), grid([[25, 11], [12, 24]]), grid([[20, 20], [20, 20]])
    found = oes.constant_outputs(spreads)
    assert (found.value, found.low, found.high, found.n) == (2, 2, 2, 4)
    assert found.counted == "pairs of photograph and seed"
    share = oes.constant_share(spreads)
    assert (share.value, share.n) == (0.5, 4)
    assert oes.ahead_where_it_trains(ours, theirs, spreads).value == 4.5  # of 25 and 24 over 20
    with pytest.raises(ValueError, match="share no"):
        oes.ahead_where_it_trains(ours, theirs, grid([[0.0, 0.0], [0.0, 0.0]]))


def test_what_a_nearly_constant_output_can_gain_is_little():
    """Of an output c + r (x - mean x), the best with a share r of the truth's spread, over the best constant output."""
    assert -20 * np.log10(1 - oes.FLAT) == pytest.approx(0.45, abs=0.005)


def test_the_least_ratio_is_of_pairs():
    assert oes.least_ratio(grid([[0.2, 0.3], [0.1, 0.9]]), grid([[0.02, 0.1], [0.05, 0.1]])).value == pytest.approx(2)
