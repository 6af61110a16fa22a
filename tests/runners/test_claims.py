"""The command that says which claims hold."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import lowdimbench
from benchmark import registry
from benchmark.claims import Claim, Paper, Part, Runs, document, finding, score
from benchmark.claims.figure import Figure, Mark
from benchmark.errors import UserError
from benchmark.store.database import open_database
from runners import claims

QUICK = Runs("mri", "tiny", "cg_sense", 1), Runs("mri", "tiny", "zero_filled", 1)
PAPER = Paper(
    "0000.00001",
    "A quick paper",
    ("Ada Example",),
    "arXiv",
    2025,
    ("mri",),
    ("cg_sense",),
    "",
    "tiny",
    (
        Claim(
            "1",
            "Least squares beat the adjoint.",
            (Part("bound_of_difference", tuple(map(score, QUICK)), at_least=0.0, options={"which": "least"}),),
        ),
        Claim("2", "It waits.", needs="something else"),
    ),
)


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """The command with one paper alone and a database of its own."""
    monkeypatch.setattr(finding, "papers", lambda: {PAPER.id: PAPER})
    monkeypatch.setattr(finding, "problems", list)
    monkeypatch.setenv("COLUMNS", "200")
    database = tmp_path / "a.db"

    def call(*words):
        return CliRunner().invoke(claims.app, [*map(str, words), "--db", str(database)])

    return call


def test_a_claim_without_runs_says_how_to_make_them(quick):
    done = quick()
    assert done.exit_code == 0, done.output
    assert "2 claims: 2 not run" in done.output
    assert "python -m runners.claims --paper 0000.00001 --run" in done.output
    assert "python -m runners.run --task mri --preset tiny --method cg_sense --method zero_filled" in quick("--verbose").output


def test_the_formats_hold_the_same(quick):
    table = json.loads(quick("--format", "json").output)
    assert [(row["paper"], row["claim"], row["verdict"]) for row in table["rows"]] == [
        ("0000.00001", "1", "not run"),
        ("0000.00001", "2", "not run"),
    ]
    assert "| 0000.00001 | 1 | Least squares beat the adjoint." in quick("--format", "markdown").output
    assert r"\begin{tabular}" in quick("--format", "latex").output


def test_python_gets_the_same_table(quick, tmp_path):
    found = lowdimbench.claims(PAPER.id, db=str(tmp_path / "a.db"))
    assert found[["claim", "verdict"]].to_numpy().tolist() == [["1", "not run"], ["2", "not run"]]
    assert found["command"].tolist() == ["python -m runners.claims --paper 0000.00001 --claim 1 --run", ""]
    with pytest.raises(UserError, match="unknown scale"):
        lowdimbench.claims(PAPER.id, scale="huge")


@pytest.mark.slow
def test_run_makes_what_is_missing_and_only_that_and_since_says_what_changed(quick, tmp_path):
    before = tmp_path / "before.json"
    before.write_text(quick("--format", "json").output)
    done = quick("--run")
    assert done.exit_code == 0, done.output
    assert "1 holds, 1 not run" in done.output
    told = quick("--since", before).output
    assert "1 of 2 verdicts changed" in told
    assert "0000.00001 1: not run -> holds" in told
    empty = tmp_path / "empty.db"
    open_database(str(empty)).dispose()
    assert "0000.00001 1: not run -> holds" in quick("--since", empty).output
    assert "0 of 1 verdicts changed" in quick("--since", tmp_path / "a.db", "--paper", "0000.00001", "--claim", "1").output


@pytest.mark.slow
def test_the_rows_that_came_with_the_suite_give_the_numbers_of_the_papers_page(tmp_path):
    asked = [claims.choose("2402.04097", claim, "small")[0] for claim in ("1", "1b", "2")]
    found = claims.verdicts_of(asked, str(tmp_path / "a.db"))
    page = (registry.ROOT / "docs" / "papers" / "2402.04097.md").read_text(encoding="utf-8")
    assert [one.word for one in found] == ["holds", "holds", "open"]
    for verdict in found:
        for one in verdict.parts:
            measured = one.measured
            assert f"{measured.value:.1f} [{measured.low:.1f}, {measured.high:.1f}] dB, n = {measured.n}" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--paper", "0000.0000"], "unknown paper '0000.0000'; did you mean 0000.00001"),
        (["--claim", "1"], "--claim is one of a --paper"),
        (["--paper", "0000.00001", "--claim", "9"], "unknown claim of 0000.00001 '9'"),
        (["--format", "csv2"], "unknown format"),
        (["--preset-scale", "huge"], "unknown scale 'huge'; known: full, small"),
        (["--since", "missing.json"], "--since missing.json cannot be read"),
        (["--since", __file__], "is neither a database nor a table of claims"),
    ],
)
def test_bad_input_is_one_line(quick, words, said):
    done = quick(*words)
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_documents_are_written_by_the_suites_own_results_and_papers_alone(monkeypatch, tmp_path):
    assert registry.get_task("mri").spec  # read while the suite's root is its own
    assert registry.methods()
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    pictured = replace(PAPER, figures=(Figure("ends", "Ends.", "dots", (Mark("a", score(QUICK[0]), "a"),), "", "dB"),))
    monkeypatch.setattr(finding, "own", lambda: {PAPER.id: pictured})
    refused = CliRunner().invoke(claims.app, ["--write", "--paper", PAPER.id])
    assert isinstance(refused.exception, UserError)
    assert isinstance(CliRunner().invoke(claims.app, ["--write"]).exception, UserError)  # no repository
    (tmp_path / "README.md").write_text(f"# Suite\n\n{document.BEGIN}\n{document.END}\n")
    (tmp_path / "docs/papers").mkdir(parents=True)
    (tmp_path / "docs/papers/0000.00000.md").write_text("a paper that is gone")
    done = CliRunner().invoke(claims.app, ["--write"])
    names = ["README.md", "docs/papers/0000.00000.md", "docs/papers/0000.00001.md", "docs/papers/index.md"]
    assert done.output.splitlines() == names
    assert sorted(file.name for file in (tmp_path / "docs/papers").iterdir()) == ["0000.00001.md", "index.md"]
    assert CliRunner().invoke(claims.app, ["--write"]).output == ""  # nothing changed
