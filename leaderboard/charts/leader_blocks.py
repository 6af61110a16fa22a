"""Who leads on each board, as HTML that wraps on a phone."""

from collections.abc import Sequence
from html import escape

import pandas as pd

from benchmark.report.board import Board
from leaderboard.addresses import anchor, of_board

STYLE = """<style>
.ldb-lead { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: .45rem 0; border-top: 1px solid rgba(128,128,128,.3); }
.ldb-lead > div { flex: 1 1 17rem; }
.ldb-lead > div:nth-child(2) { flex-grow: 1.6; }
.ldb-lead small { opacity: .75; }
.ldb-lead a { color: #00568a; color: light-dark(#00568a, #7fc4f5); text-decoration: none; font-weight: 600; }
.ldb-lead a:hover, .ldb-lead a:focus { text-decoration: underline; }
</style>"""


def html(boards: Sequence[Board], frame: pd.DataFrame) -> str:
    """The same lines as blocks that wrap on a phone, each with a link to its board."""
    blocks = []
    for board, line in zip(boards, frame.to_dict("records"), strict=True):
        link = anchor(of_board(board), f"{board.task.title} / {board.preset}")
        blocks.append(
            f'<div class="ldb-lead"><div>{link}<br><small>{escape(str(line["size"]))}</small></div>'
            f"<div>{escape(str(line['metric']))}: {escape(str(line['leading']))}</div>"
            f"<div>{escape(str(line['difference to the baseline']))}</div></div>"
        )
    return STYLE + "".join(blocks)
