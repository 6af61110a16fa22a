"""Tables of commands on terminals of 60, 80 and 120 characters: whole columns or none, whole words, and a line that says so."""

import io
import json
import re

import pytest
from rich.console import Console
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.claims.evidence import Evidence
from benchmark.claims.verdicts import judge
from benchmark.spec import TaskSpec
from benchmark.store.database import open_database
from runners import claims, cli
from runners.fitting import Fitting, shared
from runners.listing import print_list
from runners.table import result_table
from tests.leaderboard import synthetic

WIDTHS = [60, 80, 120]
RULES = "┃│┏┳┓┡╇┩└┴┘├┼┤━─"


def printed(what, width):
    console = Console(file=io.StringIO(), width=width)
    console.print(what)
    return console.file.getvalue()


def words(text):
    """Every run of letters that a border or a space ends."""
    return set(re.split(rf"[\s{RULES}]+", text))


def narrow_enough(text, width):
    return all(len(line.rstrip("\n")) <= width for line in text.splitlines())


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    engine = synthetic.make_full(tmp_path_factory.mktemp("fitting") / "a.db")
    spec = TaskSpec.model_validate_json(json.dumps(synthetic.imaging()))
    with Session(engine) as session:
        yield result_table(session, spec, "small", db="a b.db")
    engine.dispose()


@pytest.mark.parametrize("width", WIDTHS)
def test_results_fit_without_a_broken_word_and_say_what_is_left_out(results, width):
    text = printed(results, width)
    assert narrow_enough(text, width)
    console = Console(width=width)
    table, gone = results.fitted(console, width)
    heads = [console.render_str(str(column.header)).plain for column in results.columns]
    assert [head for head in heads if head not in gone] == [console.render_str(str(c.header)).plain for c in table.columns]
    everything = words(text)
    for column in table.columns:
        assert all(word in everything for cell in column.cells for word in console.render_str(cell).plain.split())
    assert {"method", "psnr [dB] ↑"} <= set(heads) - set(gone)
    assert ("Left out" in text) is bool(gone)
    flat = " ".join(text.split())
    assert all(name in flat for name in gone)
    if gone:
        assert "python -m runners.export --task imaging --preset small --format csv --db 'a b.db'" in flat


def test_columns_go_in_their_order(results):
    order = ["peak MB", "trials", "nmse ↓", "p", "n", "s/instance", "95 %", "psnr − zero_filled (dB)", "rank"]
    order = [name.replace("zero_filled", synthetic.imaging()["baseline"]) for name in order]
    wide = len(printed(results, 400).splitlines()[1])
    seen = 0
    for width in range(wide, 30, -1):
        _, gone = results.fitted(Console(width=width), width)
        assert set(gone) == set(order[: len(gone)])
        assert len(gone) >= seen
        seen = len(gone)
    assert seen == len(order)


@pytest.mark.parametrize("width", WIDTHS)
def test_intervals_are_never_broken(results, width):
    intervals = re.findall(r"\[[-+\d.]+, [-+\d.]+\]", printed(results, width))
    main = results.columns[3]
    assert len(intervals) >= sum("\\[" in cell for cell in main.cells) > 3


@pytest.mark.parametrize("width", WIDTHS)
def test_claims_fit_without_a_broken_word(monkeypatch, tmp_path, width):
    with Session(open_database(str(tmp_path / "a.db"))) as session:
        evidence = Evidence(session)
        found = [judge(paper, claim, evidence) for paper, claim in claims.choose(None, None, "small")]
    console = Console(file=io.StringIO(), width=width)
    monkeypatch.setattr(claims, "console", console)
    claims.print_text(found, verbose=False)
    text = console.file.getvalue()
    assert narrow_enough(text, width)
    everything = words(text)
    for verdict in found:
        assert set(verdict.claim.sentence.split()) <= everything
        assert set(verdict.word.split()) <= everything


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("named", [(None, None), (["mri", "mc"], ["dip", "random_direction", "relu_gd"])])
def test_the_list_fits_without_a_broken_word(width, named):
    console = Console(file=io.StringIO(), width=width)
    print_list(console, *named)
    text = console.file.getvalue()
    assert narrow_enough(text, width)
    everything = set(text.split())
    for name, task in registry.tasks().items():
        if named[0] is None or name in named[0]:
            assert {name, *task.spec.title.split()} <= {word.rstrip(";") for word in everything}
    assert ("steps=3000," in everything) is (named[1] is not None)


def test_a_word_longer_than_the_terminal_loses_no_letter():
    table = Fitting()
    table.column("name")
    table.column("number", goes=1)
    table.add_row("a" * 70, "5")
    text = printed(table, 40)
    assert narrow_enough(text, 40)
    assert text.count("a") == 70 + "name".count("a") + text.partition("Left out")[2].count("a")


def test_the_narrowest_columns_get_what_is_left_over():
    assert shared([(4, 4), (5, 30), (5, 9)], 20) == [4, 8, 8]
    assert shared([(4, 4), (5, 30), (5, 9)], 200) == [4, 30, 9]
    assert shared([(9, 9), (5, 9)], 10) == [5, 5]


def test_columns_of_the_environment_are_obeyed_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    assert (cli.terminal().width, cli.terminal().soft_wrap) == (77, False)
    monkeypatch.delenv("COLUMNS")
    assert (cli.terminal().width, cli.terminal().soft_wrap) == (200, True)
