"""Tables that fit a terminal: of one too wide whole columns go, in an order that its maker says, and a line names them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

_WIDE = 10_000  # columns of a terminal on which nothing wraps
_AROUND = 3  # a border and two spaces of each column; one more border ends the table


class Fitting(Table):
    """A table of rich that breaks no word and cuts no cell: it has only the columns that its place has room for.

    A terminal that is narrower than the columns that always stay folds their longest words, so that no letter is lost.
    """

    def __init__(self, title: str | None = None, *, instead: str = "") -> None:
        """`title` is markup. `instead` says what shows the columns that were left out, besides a wider terminal."""
        super().__init__(title=title, title_justify="left", caption_justify="left")
        self._instead = instead
        self._goes: dict[int, float] = {}
        self._least: dict[int, int] = {}
        self._whole: set[int] = set()

    def column(self, header: str, *, goes: float | None = None, whole: bool = False, least: int = 0, **how: Any) -> None:
        """Adds a column. Those with a number `goes` are left out by it, the smallest first; others always stay.

        header  markup
        whole   no cell of it wraps
        least   characters that it is wide at least
        """
        number = len(self.columns)
        self.add_column(header, overflow="fold", **how)
        self._least[number] = least
        self._goes |= {} if goes is None else {number: goes}
        self._whole |= {number} if whole else set()

    def fitted(self, console: Console, width: int) -> tuple[Table, list[str]]:
        """The table for a width in characters, and the headings of the columns that it lacks, in their order."""
        options = console.options.update_width(_WIDE)
        ends = [self._ends(console, options, number) for number in range(len(self.columns))]
        shown = list(range(len(self.columns)))
        for number in sorted(self._goes, key=lambda one: (self._goes[one], -one)):
            if sum(ends[one][0] + _AROUND for one in shown) + 1 <= width:
                break
            shown.remove(number)
        room = width - _AROUND * len(shown) - 1
        table = Table(title=self.title, title_justify="left")
        table.rows = self.rows
        widths = shared([ends[number] for number in shown], room)
        table.columns = [
            replace(self.columns[number], width=wide, _index=at)
            for at, (number, wide) in enumerate(zip(shown, widths, strict=True))
        ]
        return table, [_text(console, self.columns[number].header).plain for number in self._goes if number not in shown]

    def _ends(self, console: Console, options: ConsoleOptions, number: int) -> tuple[int, int]:
        """How wide a column is at least and at most."""
        column: Column = self.columns[number]
        sizes = [Measurement.get(console, options, _text(console, cell)) for cell in column.cells]
        head = Measurement.get(console, options, _text(console, column.header))
        least = max([head.minimum, self._least[number], *(s.maximum if number in self._whole else s.minimum for s in sizes)])
        return least, max([least, head.maximum, *(size.maximum for size in sizes)])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, what was left out of it, and its caption."""
        table, gone = self.fitted(console, options.max_width)
        yield table
        if gone:
            what = f"Left out, {options.max_width} characters are too few: {', '.join(gone)}. A wider terminal has them"
            yield Text(what + (f", and so has: {self._instead}" if self._instead else ""), no_wrap=False, overflow="fold")
        if self.caption:
            caption = _text(console, self.caption)
            caption.no_wrap, caption.overflow, caption.style = False, "fold", "table.caption"
            yield caption


def shared(ends: Sequence[tuple[int, int]], room: int) -> list[int]:
    """Widths between least and greatest ones that fill `room`: what is left over goes to the narrowest column that wants more.

    With less room than all least widths, the widest columns lose first.
    """
    widths = [low for low, _ in ends]
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    while sum(widths) < room:
        wanting = [at for at, (_, high) in enumerate(ends) if widths[at] < high]
        if not wanting:
            break
        widths[min(wanting, key=lambda at: widths[at])] += 1
    return widths


def _text(console: Console, cell: Any) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell), highlight=False, emoji=False)
