"""Every format read back: the same numbers, the best rows marked, and nothing of a text taken for markup."""

import io
import json
import re
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.report import boards as reading
from benchmark.report import formats, tables
from benchmark.store.database import open_database

ABOUT = ("made by: python -m runners.export --task imaging", "code: commit 0123", "newest result: 2026-01-01 00:00 UTC")
NASTY = r"50 % of $x_1^2 & {a}~b\c #1 | <b> [lr=0.1] *bold* `code`"


@pytest.fixture
def view(made):
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        board = reading.board(session, "imaging", "small")
    engine.dispose()
    return formats.board_view(board, ABOUT)


@pytest.fixture
def nasty():
    frame = pd.DataFrame({"method": [NASTY, "b"], "psnr ↑ (dB)": [1.25, float("nan")]})
    columns = {"psnr ↑ (dB)": tables.Column("", 1, "%.1f")}
    return formats.View("T_1", frame, columns, [True, False], frozenset({"method"}), ABOUT)


def test_best_and_its_ties_are_marked(view):
    ranks = view.frame["rank"].tolist()
    assert [rank == 1 for rank in ranks] == view.best
    assert sum(view.best) >= 1


def test_csv(view):
    text = formats.to_csv(view)
    back = pd.read_csv(io.StringIO(text))
    assert back["about"].str.contains(ABOUT[0], regex=False).all()
    assert back.drop(columns="best")["psnr ↑ (dB)"].tolist() == view.frame["psnr ↑ (dB)"].tolist()
    assert back["method"].tolist() == view.frame["method"].tolist()
    assert back["best"].tolist() == view.best


def test_json(view):
    back = json.loads(formats.to_json(view))
    assert back["about"] == list(ABOUT)
    assert [row["best"] for row in back["rows"]] == view.best
    values = [row["psnr ↑ (dB)"] for row in back["rows"]]
    assert values == pytest.approx(view.frame["psnr ↑ (dB)"].tolist(), abs=1e-12)
    assert "higher is better" in back["columns"]["psnr ↑ (dB)"]


def test_parquet(view):
    from pyarrow import parquet

    content = io.BytesIO(formats.to_parquet(view))
    back = pd.read_parquet(content)
    pd.testing.assert_frame_equal(back[view.frame.columns], view.frame, check_dtype=False)
    assert (back["psnr lower"] <= back["psnr ↑ (dB)"]).all()
    assert (back["psnr ↑ (dB)"] <= back["psnr upper"]).all()
    assert (back["rank lower"] <= back["rank upper"]).sum() >= back["rank"].notna().sum() > 0
    note = json.loads(parquet.read_schema(content).metadata[b"lowdimbench"])
    assert note["about"] == list(ABOUT)


def test_a_missing_package_is_named(view, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="--format parquet needs the package pyarrow"):
        formats.to_parquet(view)


def cells(text):
    """Lines of a Markdown table as lists of cells without their markup."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in line] for line in split]


def test_markdown(view, nasty):
    head, _, *rows = cells(formats.to_markdown(view))
    assert head == list(view.frame.columns)
    assert len(rows) == len(view.frame)
    place = head.index("psnr ↑ (dB)")
    shown = [row[place].strip("*") for row in rows]
    assert shown == view.printed("psnr ↑ (dB)")
    assert [row[place].startswith("**") for row in rows] == view.best
    assert cells(formats.to_markdown(nasty))[2] == [f"**{NASTY}**", "1.2"]
    assert f"- `{ABOUT[0]}`" in formats.to_markdown(view)


def test_html(view, nasty):
    page = Page(formats.to_html(view))
    head, *rows = page.rows
    assert head == list(view.frame.columns)
    assert len(rows) == len(view.frame)
    place = head.index("psnr ↑ (dB)")
    assert [row[place] for row in rows] == view.printed("psnr ↑ (dB)")
    marked = [head.index("rank"), head.index("method"), place]
    best = [row for row, is_best in zip(rows, view.best, strict=True) if is_best]
    assert page.bold == [row[at] for row in best for at in marked]
    assert ABOUT[0] in page.caption
    assert Page(formats.to_html(nasty)).rows[1] == [NASTY, "1.2"]


class Page(HTMLParser):
    """The table of a page as a browser would read it: cells by row, what is bold in them, and the caption."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.bold, self.caption, self.within = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("br", "meta"):  # these have no end
            self.within.append(tag)

    def handle_endtag(self, tag):
        assert self.within.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.within):
            self.rows[-1][-1] += data
        if "strong" in self.within:
            self.bold.append(data)
        if "caption" in self.within:
            self.caption += data


def test_latex_has_no_special_character_left(nasty):
    text = formats.to_latex(nasty)
    [row] = [line for line in text.splitlines() if line.startswith(r"\textbf")]
    first, second = re.split(r"(?<!\\) & ", row.removesuffix(r" \\"))
    assert second == "1.2"
    inner = first.removeprefix(r"\textbf{").removesuffix("}")
    commands = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}|\\[&%$#_{}]|\{[\[\]*]\}"
    bare = re.sub(commands, "", inner)
    assert not set(bare) & set("\\&%$#_{}~^[]*<>|")
    assert r"psnr $\uparrow$ (dB)" in text


def test_latex_is_a_booktabs_table_with_balanced_braces(view):
    text = formats.to_latex(view)
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
        boards = [reading.board(session, *pair) for pair in reading.boards(session)]
    engine.dispose()
    overview = formats.overview_view(boards, ABOUT)
    assert len(overview.best) == len(overview.frame)
    assert any(overview.best)
    instances = formats.instances_view(boards[1], ABOUT)
    assert len(instances.frame) == len(boards[1].rows) * len(boards[1].labels)
    groups = instances.frame.assign(best=instances.best).groupby(["seed", "instance"])
    for _, group in groups:
        assert group.loc[group["best"], "psnr ↑ (dB)"].tolist() == [group["psnr ↑ (dB)"].max()]
    for make in formats.FORMATS.values():
        assert make(overview)
        assert make(instances)


@pytest.mark.parametrize("text", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1"])
def test_a_formula_is_text_to_a_spreadsheet(text):
    frame = pd.DataFrame({text: [text], "gain": ["+3.2"], "loss": ["-1e-05"], "number": [-1.5]})
    table = formats.to_csv(formats.View("T", frame, {}, None, frozenset(), ()))
    back = pd.read_csv(io.StringIO(table), dtype=str)
    assert [back.columns[0], back.iloc[0, 0]] == [f"'{text}", f"'{text}"]
    assert back.iloc[0, 1:].tolist() == ["+3.2", "-1e-05", "-1.5", "T"]


def test_lines_that_are_not_ranked_carry_no_mark(nasty):
    plain = formats.View(nasty.title, nasty.frame, nasty.columns, None, nasty.strong, ("one\n=1+1",))
    assert pd.read_csv(io.StringIO(formats.to_csv(plain)))["about"].unique().tolist() == ["T_1; one =1+1"]
    broken = formats.View("T", pd.DataFrame({"a": ["x\r=1+1"]}), {}, None, frozenset(), ())
    assert formats.to_csv(broken) == "a,about\nx =1+1,T\n"
    assert "best" not in formats.to_csv(plain).splitlines()[0]
    assert "best" not in json.loads(formats.to_json(plain))["rows"][0]
    assert "textbf" not in formats.to_latex(plain)
    assert Page(formats.to_html(plain)).bold == []
