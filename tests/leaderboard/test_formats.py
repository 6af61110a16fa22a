"""Every format read back: the same numbers, the best rows marked, and nothing of a text taken for markup."""

import html
import io
import json
import re
import sys

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.store.database import open_database
from leaderboard import export, queries, tables

ABOUT = ("made by: python -m runners.export --task imaging", "code: commit 0123", "newest result: 2026-01-01 00:00 UTC")
NASTY = r"50 % of $x_1^2 & {a}~b\c #1 | <b> [lr=0.1] *bold* `code`"


@pytest.fixture
def view(made):
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        board = queries.board(session, "imaging", "small")
    engine.dispose()
    return export.board_view(board, ABOUT)


@pytest.fixture
def nasty():
    frame = pd.DataFrame({"method": [NASTY, "b"], "psnr ↑ (dB)": [1.25, float("nan")]})
    columns = {"psnr ↑ (dB)": tables.Column("", 1, "%.1f")}
    return export.View("T_1", frame, columns, [True, False], frozenset({"method"}), ABOUT)


def test_best_and_its_ties_are_marked(view):
    ranks = view.frame["rank"].tolist()
    assert [rank == 1 for rank in ranks] == view.best
    assert sum(view.best) >= 1


def test_csv(view):
    text = export.to_csv(view)
    assert text.splitlines()[1] == f"# {ABOUT[0]}"
    back = pd.read_csv(io.StringIO(text), skiprows=len(ABOUT) + 1)
    assert back.drop(columns="best")["psnr ↑ (dB)"].tolist() == view.frame["psnr ↑ (dB)"].tolist()
    assert back["method"].tolist() == view.frame["method"].tolist()
    assert back["best"].tolist() == view.best


def test_json(view):
    back = json.loads(export.to_json(view))
    assert back["about"] == list(ABOUT)
    assert [row["best"] for row in back["rows"]] == view.best
    values = [row["psnr ↑ (dB)"] for row in back["rows"]]
    assert values == pytest.approx(view.frame["psnr ↑ (dB)"].tolist(), abs=1e-12)
    assert "higher is better" in back["columns"]["psnr ↑ (dB)"]


def test_parquet(view):
    from pyarrow import parquet

    content = io.BytesIO(export.to_parquet(view))
    pd.testing.assert_frame_equal(pd.read_parquet(content).drop(columns="best"), view.frame, check_dtype=False)
    note = json.loads(parquet.read_schema(content).metadata[b"lowdimbench"])
    assert note["about"] == list(ABOUT)


def test_a_missing_package_is_named(view, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="--format parquet needs the package pyarrow"):
        export.to_parquet(view)


def cells(text):
    """Lines of a Markdown table as lists of cells without their markup."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line] for line in split]


def test_markdown(view, nasty):
    head, _, *rows = cells(export.to_markdown(view))
    assert head == list(view.frame.columns)
    assert len(rows) == len(view.frame)
    place = head.index("psnr ↑ (dB)")
    shown = [row[place].strip("*") for row in rows]
    assert shown == view.printed("psnr ↑ (dB)")
    assert [row[place].startswith("**") for row in rows] == view.best
    assert cells(export.to_markdown(nasty))[2] == [f"**{NASTY}**", "1.2"]
    assert f"- `{ABOUT[0]}`" in export.to_markdown(view)


def test_html(view, nasty):
    [frame] = pd.read_html(io.StringIO(export.to_html(view))) if has_parser() else [None]
    if frame is not None:
        assert list(frame.columns) == list(view.frame.columns)
        assert len(frame) == len(view.frame)
    text = export.to_html(nasty)
    assert html.escape(NASTY) in text
    assert "<b>" not in text


def has_parser():
    try:
        import lxml  # noqa: F401
    except ImportError:
        return False
    return True


def test_latex_has_no_special_character_left(nasty):
    text = export.to_latex(nasty)
    [row] = [line for line in text.splitlines() if line.startswith(r"\textbf")]
    first, second = re.split(r"(?<!\\) & ", row.removesuffix(r" \\"))
    assert second == "1.2"
    inner = first.removeprefix(r"\textbf{").removesuffix("}")
    commands = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}|\\[&%$#_{}]|\{[\[\]*]\}"
    bare = re.sub(commands, "", inner)
    assert not set(bare) & set("\\&%$#_{}~^[]*<>|")
    assert r"psnr $\uparrow$ (dB)" in text


def test_latex_is_a_booktabs_table_with_balanced_braces(view):
    text = export.to_latex(view)
    assert text.startswith("% Imaging (made up)")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    for begin in ("table", "tabular"):
        assert body.count(rf"\begin{{{begin}}}") == body.count(rf"\end{{{begin}}}") == 1
    plain = re.sub(r"\\[{}]", "", body)
    assert plain.count("{") == plain.count("}")
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {len(view.frame.columns) - 1}
    assert not any(ord(sign) > 127 for sign in body)
    assert not any(line.startswith("[") for line in lines)


def test_overview_and_instances(made):
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        boards = [queries.board(session, *pair) for pair in queries.boards(session)]
    engine.dispose()
    overview = export.overview_view(boards, ABOUT)
    assert len(overview.best) == len(overview.frame)
    assert any(overview.best)
    instances = export.instances_view(boards[1], ABOUT)
    assert len(instances.frame) == len(boards[1].rows) * len(boards[1].labels)
    groups = instances.frame.assign(best=instances.best).groupby(["seed", "instance"])
    for _, group in groups:
        assert group.loc[group["best"], "psnr ↑ (dB)"].tolist() == [group["psnr ↑ (dB)"].max()]
    for make in export.FORMATS.values():
        assert make(overview)
        assert make(instances)
