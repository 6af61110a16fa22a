"""The command that takes results out, on made-up databases; the formats are read back in tests/report/test_formats.py."""

import io
import json

import pandas as pd
import pytest

from benchmark import registry
from benchmark.report.formats import View
from runners import export
from tests.leaderboard import synthetic
from tests.runners.forks import FORKS


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "full.db"
    synthetic.make_full(path).dispose()
    return path


def call(database, *words):
    return FORKS(["runners.export", *words, "--db", str(database)], registry.ROOT, FORKS.environment)


def test_a_board_says_how_to_make_it_again(database):
    done = call(database, "--task", "imaging", "--preset", "small", "--format", "csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(io.StringIO(done.stdout))
    [about] = table["about"].unique()
    head = about.split("; ")
    assert head[0] == "Imaging (made up) (imaging version 1, small)"
    assert head[1].startswith("made by: python -m runners.export --task imaging --preset small --format csv --db ")
    assert head[2].startswith("code: commit ")
    assert any(text.startswith("newest result: 2026-01-01 ") for text in head)
    assert table["psnr lower"].dtype == table["psnr upper"].dtype == float
    assert call(database, "--task", "imaging", "--preset", "small", "--format", "csv").stdout == done.stdout


def test_no_cell_of_a_csv_file_is_a_formula():
    """Numbers with their signs and intervals stay as they are; a name that a spreadsheet would compute does not."""
    frame = pd.DataFrame({"method": ["=1+1", "@a", "-2+cmd|' /C calc'!A0"], "gain": ["-0.1 [-0.2, 0.1]", "+1", None]})
    text = export._in_format(View("=title", frame.assign(n=[-1, 2, 3]), {}, [False] * 3, frozenset(), []), "csv")
    read = pd.read_csv(io.StringIO(text))
    assert read["method"].tolist() == ["'=1+1", "'@a", "'-2+cmd|' /C calc'!A0"]
    assert read["gain"].tolist()[:2] == ["-0.1 [-0.2, 0.1]", "+1"]
    assert read["n"].tolist() == [-1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("view", ["overview", "instances"])
def test_other_views(database, view):
    words = ("--task", "sorting", "--preset", "small") if view == "instances" else ()
    done = call(database, "--view", view, "--format", "json", *words)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert len(rows) == (16 if view == "instances" else 14)
    assert any(row["best"] for row in rows)


def test_a_file_is_written_whole(database, tmp_path):
    file = tmp_path / "a.parquet"
    done = call(database, "--task", "imaging", "--preset", "small", "--format", "parquet", "--output", str(file))
    assert done.returncode == 0, done.stderr
    assert len(pd.read_parquet(file)) == 9
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "latx"), "unknown format 'latx'; did you mean latex?"),
        (("--view", "bord"), "unknown view 'bord'; did you mean board?"),
        (("--task", "imagin"), "unknown task with results 'imagin'; did you mean imaging?"),
        (("--task", "imaging", "--preset", "smal"), "unknown preset with results 'smal'; did you mean small?"),
        (("--task", "imaging"), "name one --task and --preset: --task imaging --preset tiny, --task imaging --preset small"),
        (("--format", "parquet", "--task", "sorting"), "--format parquet needs --output FILE"),
        (("--pictures", "1"), "--method and --pictures are for --format jsonl"),
        (("--format", "jsonl", "--method", "net_gided"), "unknown method with runs 'net_gided'; did you mean net_guided"),
        (("--output", "no/such/folder.csv"), "--output no/such/folder.csv: there is no folder no/such"),
        (("--format", "jsonl"), "run 25 cannot be exported: version: Input should be greater"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(database, words, message):
    done = call(database, *words)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
