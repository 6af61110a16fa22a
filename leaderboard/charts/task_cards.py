"""A card for each task: a picture, who leads it and by how much, whether its data are real, and links to its boards."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape

from benchmark.report import information, reality, tables
from benchmark.report.board import Board, Row
from leaderboard.addresses import anchor, of_board, of_method
from leaderboard.charts import board_table

NAMED = 3  # methods of a leading set
STYLE = f"""{board_table.SEES}<style>
ul.ldb-cards {{ list-style: none; margin: 0 !important; padding: 0 !important; display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(19.5rem, 1fr)); }}
ul.ldb-cards > li {{ margin: 0 !important; padding: .65rem .75rem; border: 1px solid rgba(128, 128, 128, .35);
  border-radius: 6px;
  display: grid; grid-template-columns: 84px minmax(0, 1fr); gap: .1rem .75rem; align-content: start; }}
.ldb-cards img {{ grid-row: 1 / span 5; width: 84px; height: 84px; object-fit: cover; border-radius: 4px;
  image-rendering: pixelated; background: rgba(128, 128, 128, .09); }}
.ldb-cards h3 {{ font-size: 1rem; font-weight: 600; line-height: 1.25; margin: 0; padding: 0; }}
.ldb-cards p {{ margin: 0; font-size: .82rem; line-height: 1.35; overflow-wrap: anywhere; }}
.ldb-cards a {{ color: inherit; text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 2px; }}
.ldb-cards details {{ font-size: .8rem; }}
</style>"""


@dataclass(frozen=True)
class Card:
    """A task by one of its boards. picture: a data URL; lead: as `lead` says; others: its other boards."""

    board: Board
    picture: str
    lead: str
    others: Sequence[Board]


def html(cards: Sequence[Card], methods: Collection[str]) -> str:
    """The cards, which wrap on a narrow screen. methods: those that the filters let through; others are not named."""
    return f'<ul class="ldb-cards">{"".join(_card(card, methods) for card in cards)}</ul>'


def _card(card: Card, methods: Collection[str]) -> str:
    board = card.board
    first = [row for row in board.rows if row.rank == 1]
    hidden = {row.method for row in board.rows if row.method not in methods}
    seen = all(row.method in methods for row in first or board.rows[:1])
    names = _names(board, first or board.rows[:1]) if seen else "hidden by the filters"
    lead = "" if any(name in card.lead for name in hidden) else card.lead
    word = "Leading" if first else "Best mean, without a rank"
    others = ", ".join(anchor(of_board(one), one.preset) for one in card.others)
    more = f"<details><summary>{tables.count(len(card.others), 'more board')}</summary>{others}</details>" if others else ""
    return (
        f'<li><img alt="" src="{card.picture}"/><h3>{anchor(of_board(board), f"{board.task.title} / {board.preset}")}</h3>'
        f"<p>{word}: {names}</p><p>{escape(lead)}</p>"
        f"<p>{escape(reality.real(board))}; {tables.count(board.instances, 'instance')}, "
        f"{tables.count(len({row.method for row in board.rows}), 'method')}</p>{more}</li>"
    )


def _names(board: Board, rows: Sequence[Row]) -> str:
    marks = information.extra(board)
    best = {row.method: row for row in reversed(rows)}  # of several rows of a method the best
    few = [row for row in rows if row is best[row.method]]
    shown = [
        f"{anchor(of_method(row.method), row.method, row.label)}{'*' if row.label != row.method else ''}"
        f"{board_table.sees(marks.get(row.label, ()))}"
        for row in few[:NAMED]
    ]
    rest = [f"{len(few) - NAMED} more"] * (len(few) > NAMED)
    return ", ".join([*shown, *rest])
