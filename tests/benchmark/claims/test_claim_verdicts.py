"""From runs in a database to a verdict, and what keeps them from one."""

import math

import pytest
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.claims import Claim, Paper, Part, Quantity, Runs, of_curve, score, telling
from benchmark.claims.evidence import Evidence
from benchmark.claims.rules import Measured
from benchmark.claims.scale import at_scale
from benchmark.claims.verdicts import combined, decided, judge
from benchmark.datasets.sources import fingerprint
from benchmark.errors import UserError
from benchmark.store.database import open_database
from benchmark.store.models import Curve
from tests.leaderboard.synthetic import Writer

OURS, THEIRS = Runs("mri", "small", "cg_sense", 2), Runs("mri", "small", "zero_filled", 2)
AHEAD = Part("ahead", (score(OURS), score(THEIRS)), at_least=1.0)


def paper(*parts, number="1"):
    claim = Claim(number, "ours is 1 dB ahead", parts)
    return Paper("0000.00000", "A paper", ("Ada Example",), "arXiv", 2024, ("mri",), ("cg_sense",), "", "", (claim,))


@pytest.fixture
def session(tmp_path):
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def add(session, tmp_path):
    """Adds a run on mri/small with a PSNR for each instance; of present code unless told otherwise."""
    writer, task = Writer(session, tmp_path), registry.get_task("mri")
    spec, data = task.spec.model_dump(mode="json"), fingerprint(task.spec.presets["small"].data, None)

    def run(method, values, seed=0, truncated=(), busy=(), **columns):
        entry = registry.get_method(method)
        usual = {
            "source": registry.source_hash(task, entry, "small"),
            "data": data,
            "parameters": entry.spec.resolve("mri", "small", {}),
        }
        made = writer.run(spec, "small", method, seed, **{**usual, **columns})
        for number, value in enumerate(values):
            status = "truncated" if number in truncated else "done"
            queued = 0.9 if number in busy else 0.0
            writer.instance(made, number, {"psnr": value, "ssim": 0.5, "nmse": 0.1}, 1.0, status=status, queued=queued)
        session.flush()
        return made

    return run


def verdict(session, *parts):
    made = paper(*parts)
    return judge(made, made.claims[0], Evidence(session))


def denoised(writer, method, tells=True, every=100):
    """A run on denoising/small whose curve counts its steps, and which may tell a spread of a tenth for each instance."""
    task, entry = registry.get_task("denoising"), registry.get_method(method)
    spec, given = task.spec.model_dump(mode="json"), entry.spec.resolve("denoising", "small", {})
    about = {
        "source": registry.source_hash(task, entry, "small"),
        "data": fingerprint(task.spec.presets["small"].data, None),
        "parameters": given,
    }
    run = writer.run(spec, "small", method, **about)
    for number in range(10):
        scores = {"psnr": 20.0, "ssim": 0.5, "lpips_squeeze_caffe": 0.1} | ({"spread": number / 10} if tells else {})
        writer.instance(run, number, scores, 1.0)
        for step in range(every, given.get("mask_steps", 0) + given["steps"] + 1, every):
            point = {"series": "estimate", "step": step, "seconds": 1.0, "value": float(step)}
            writer.session.add(Curve(run_id=run.id, instance=number, **point))
    writer.session.flush()


LEARNT = Runs("denoising", "small", "oes", 1, training=("mask_steps",))


def test_a_trait_is_read_as_a_score_is(session, tmp_path):
    denoised(Writer(session, tmp_path), "oes")
    quantity = score(LEARNT, "spread")
    assert Evidence(session).read(quantity) == {(0, number): number / 10 for number in range(10)}
    found = verdict(session, Part("bound", (quantity,), at_least=0.0, options={"which": "least"}))
    assert (found.word, found.parts[0].measured.unit) == ("holds", "")
    with pytest.raises(UserError, match=r"unknown metric of denoising/small 'spred'; did you mean spread"):
        verdict(session, Part("bound", (score(LEARNT, "spred"),), at_least=0.0, options={"which": "least"}))


def test_a_row_that_does_not_tell_a_trait_leaves_no_verdict(session, tmp_path):
    denoised(Writer(session, tmp_path), "oes", tells=False)
    found = verdict(session, Part("bound", (score(LEARNT, "spread"),), at_least=0.0, options={"which": "least"}))
    assert (found.word, found.condition) == ("not run", "denoising/small oes: its runs did not store spread")
    assert telling.commands(found.gaps) == ["python -m runners.run --task denoising --preset small --method oes --no-baseline"]


def test_what_trains_longer_is_read_at_equal_steps(session, tmp_path):
    dense = Runs("denoising", "small", "dip", 1)
    writer = Writer(session, tmp_path)
    for method in ("dip", "oes"):
        denoised(writer, method)
    evidence = Evidence(session)
    assert set(evidence.read(of_curve("end", dense)).values()) == {1500.0}
    assert set(evidence.read(of_curve("end", dense, as_long_as=LEARNT)).values()) == {1000.0}
    assert set(evidence.read(of_curve("peak", dense, as_long_as=LEARNT)).values()) == {1000.0}
    assert set(evidence.read(of_curve("end", LEARNT, as_long_as=dense)).values()) == {3000.0}  # its mask takes 2,000
    assert set(evidence.read(of_curve("end", LEARNT, as_long_as=LEARNT)).values()) == {3000.0}
    both = Part("ahead", (of_curve("end", LEARNT), of_curve("end", dense, as_long_as=LEARNT)), at_least=1999.0)
    assert verdict(session, both).word == "holds"
    [large] = at_scale(paper(both).claims[0], "full").parts
    assert large.of[1].options["as_long_as"].preset == "full"
    with pytest.raises(UserError, match="nl_means has no hyperparameter 'steps'"):
        evidence.read(of_curve("end", dense, as_long_as=Runs("denoising", "small", "nl_means")))


BASE = [20, 22, 24, 26, 28, 30, 32, 34]


def both(add, gain, **columns):
    for seed in (0, 1):
        add("zero_filled", BASE, seed)
        add("cg_sense", [value + gain + 0.1 * (at % 3) for at, value in enumerate(BASE)], seed, **columns)


@pytest.mark.parametrize(("gain", "word"), [(3.0, "holds"), (0.9, "open"), (-3.0, "does not hold"), (0.2, "does not hold")])
def test_the_interval_decides(session, add, gain, word):
    both(add, gain)
    found = verdict(session, AHEAD)
    assert found.word == word
    assert found.parts[0].measured.unit == "dB"
    assert found.parts[0].measured.value == pytest.approx(gain + 0.1 * 7 / 8)
    assert found.gaps == ()


def test_a_flipped_sign_is_another_verdict(session, add):
    both(add, 3.0)
    assert verdict(session, Part("ahead", (score(THEIRS), score(OURS)), at_least=1.0)).word == "does not hold"


def test_a_seed_that_lacks_leaves_no_verdict_and_is_said(session, add):
    add("zero_filled", BASE)
    add("cg_sense", [value + 3 for value in BASE])
    found = verdict(session, AHEAD)
    assert found.word == "not run"
    assert "mri/small cg_sense: no seed 1" in found.condition
    assert found.parts[0].measured.value == 3  # what there is, is shown
    assert telling.commands(found.gaps) == [
        "python -m runners.run --task mri --preset small --method cg_sense --method zero_filled --seeds 2 --no-baseline"
    ]
    assert telling.command(found) == "python -m runners.claims --paper 0000.00000 --claim 1 --run"


def test_nothing_run_is_not_run(session):
    found = verdict(session, AHEAD)
    assert found.word == "not run"
    assert found.parts[0].measured is None


def test_rows_of_older_code_truncated_rows_and_failed_instances_do_not_count(session, add):
    both(add, 3.0, source="other")
    assert "older code" in verdict(session, AHEAD).condition
    assert verdict(session, AHEAD).word == "not run"


def test_truncated_rows_do_not_count(session, add):
    both(add, 3.0, truncated=(2,))
    found = verdict(session, AHEAD)
    assert (found.word, found.condition) == ("not run", "mri/small cg_sense: truncated by the time budget")


def test_instances_without_a_score_do_not_count(session, add):
    for seed in (0, 1):
        add("zero_filled", BASE, seed)
        add("cg_sense", [value + 3 for value in BASE[:7]], seed)
    assert "2 instances without a score" in verdict(session, AHEAD).condition


def test_contended_rows_speak_of_scores_but_not_of_seconds(session, add):
    both(add, 3.0, busy=range(5))
    assert verdict(session, AHEAD).word == "holds"
    seconds = (Quantity(OURS, "seconds"), Quantity(THEIRS, "seconds"))
    found = verdict(session, Part("ratio", seconds, at_most=2.0))
    assert (found.word, found.condition) == ("not run", "mri/small cg_sense: contended: others had the processors")


def test_a_few_contended_instances_are_left_out_of_times(session, add):
    both(add, 3.0, busy=(1,))
    found = verdict(session, Part("ratio", (Quantity(OURS, "seconds"), Quantity(THEIRS, "seconds")), at_most=2.0))
    assert found.word == "holds"
    assert found.parts[0].measured.n == 7


def test_in_part_says_under_which_condition(session, add):
    both(add, 3.0)
    parts = (
        Part("ahead", (score(OURS), score(THEIRS)), at_least=1.0, under="at 1 dB"),
        Part("ahead", (score(OURS), score(THEIRS)), at_least=9.0, under="at 9 dB"),
    )
    found = verdict(session, *parts)
    assert (found.word, found.condition) == ("in part", "holds: at 1 dB; does not hold: at 9 dB")


def test_the_papers_own_scale_is_said_to_be_needed(session):
    full = Runs("mri", "full", "cg_sense"), Runs("mri", "full", "zero_filled")
    found = verdict(session, Part("ahead", tuple(map(score, full)), at_least=1.0))
    assert found.word == "needs full"


def test_a_row_with_other_hyperparameters_is_another_row(session, add):
    both(add, 3.0)
    other = Part("ahead", (score(OURS.set(damping=0.5)), score(THEIRS)), at_least=1.0)
    assert verdict(session, other).word == "not run"
    with pytest.raises(UserError, match="nonsense"):
        verdict(session, Part("ahead", (score(OURS.set(nonsense=1)), score(THEIRS)), at_least=1.0))


@pytest.mark.parametrize(
    ("low", "high", "at_least", "at_most", "word"),
    [
        (1.0, 2.0, 1.0, None, "holds"),
        (0.9, 2.0, 1.0, None, "open"),
        (0.1, 0.9, 1.0, None, "does not hold"),
        (0.1, 0.9, None, 1.0, "holds"),
        (1.1, 2.0, None, 1.0, "does not hold"),
        (-0.1, 0.1, -0.2, 0.2, "holds"),
        (-0.3, 0.1, -0.2, 0.2, "open"),
        (-0.3, 0.3, -0.2, 0.2, "open"),
        (math.nan, math.nan, 1.0, None, "open"),
        (math.inf, math.inf, None, 1.5, "does not hold"),
        (math.inf, math.inf, 5.0, None, "holds"),
    ],
)
def test_what_an_interval_says_of_thresholds(low, high, at_least, at_most, word):
    part = Part("level", (score(OURS),), at_least, at_most)
    assert decided(part, Measured((low + high) / 2, low, high, 8)) == word


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ("holds holds", "holds"),
        ("holds open", "open"),
        ("does-not-hold open", "does not hold"),
        ("does-not-hold holds open", "in part"),
        ("does-not-hold not-run", "not run"),
        ("holds needs-full", "needs full"),
        ("needs-full not-run", "not run"),
        ("", "not run"),
    ],
)
def test_every_part_must_hold(words, word):
    assert combined([one.replace("-", " ") for one in words.split()]) == word


def test_a_part_needs_a_threshold_and_a_rule_that_is_there():
    with pytest.raises(ValueError, match="threshold"):
        Part("ahead", (score(OURS), score(THEIRS)))
    with pytest.raises(ValueError, match="no rule 'behind'"):
        Part("behind", (score(OURS),), at_least=0)
    with pytest.raises(ValueError, match="either parts"):
        Claim("1", "nothing")


def test_changes_between_two_states():
    before = {("a", "1"): "holds", ("a", "2"): "open", ("b", "1"): "not run"}
    now = {("a", "1"): "does not hold", ("a", "2"): "open", ("c", "1"): "holds"}
    assert telling.changes(before, now) == [
        ("a", "1", "holds", "does not hold"),
        ("b", "1", "not run", ""),
        ("c", "1", "", "holds"),
    ]


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (Measured(1.2345, 1.1, 1.4, 8, unit="dB"), "1.23 [1.10, 1.40] dB, n = 8"),
        (Measured(2.5, math.nan, math.nan, 3), "2.500 [no interval], n = 3"),
        (Measured(0.5, 0.5, 0.5, 30, "draws"), "0.5000, n = 30 draws"),
        (Measured(math.inf, 4, math.inf, 30, "draws", "samples"), "never [4, never] samples, n = 30 draws"),
    ],
)
def test_a_number_carries_its_interval_unit_and_n(measured, text):
    assert telling.number(measured) == text
