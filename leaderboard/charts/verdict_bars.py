"""How many claims hold, as a bar in HTML. Each verdict has a colour, a pattern and a sign, so that no colour alone says it."""

from collections.abc import Mapping, Sequence
from html import escape

from benchmark.claims import telling
from benchmark.claims.verdicts import WORDS, Verdict, Word

SIGNS: Mapping[Word, str] = {
    "holds": "✓",
    "does not hold": "✗",
    "in part": "◐",
    "open": "?",
    "not run": "–",
    "needs full": "▫",
}
_ORDER: tuple[Word, ...] = ("holds", "in part", "open", "does not hold", "not run", "needs full")
STYLE = """<style>
.ldb-bar { display: flex; gap: 2px; min-height: 1.4rem; font-size: .8rem; font-variant-numeric: tabular-nums; }
.ldb-bar span { flex: 1 1 0; min-width: 1.7rem; padding: 0 .25rem; border-radius: 3px; text-align: center;
  line-height: 1.4rem; white-space: nowrap; box-sizing: border-box; }
.ldb-legend { display: flex; flex-wrap: wrap; gap: .3rem .9rem; font-size: .8rem; margin: .35rem 0 0; }
.ldb-legend i { display: inline-block; min-width: 1.3rem; padding: 0 .2rem; margin-right: .35rem; border-radius: 3px;
  font-style: normal; text-align: center; box-sizing: border-box; }
.ldb-v-holds { background: #0067A3; color: #fff; }
.ldb-v-in-part { background: repeating-linear-gradient(135deg, #9CD0F5 0 5px, #C9E6FB 5px 10px); color: #111; }
.ldb-v-open { background: #C8C8C8; color: #111; }
.ldb-v-does-not-hold { background: #B34700; color: #fff; }
.ldb-v-not-run { border: 1px dashed rgba(128, 128, 128, .9); }
.ldb-v-needs-full { border: 1px dotted rgba(128, 128, 128, .9); }
</style>"""


def bar(verdicts: Sequence[Verdict]) -> str:
    """The bar; its parts are as wide as their verdicts are many."""
    found = {word: sum(one.word == word for one in verdicts) for word in _ORDER}
    parts = "".join(
        f'<span class="{_class(word)}" style="flex-grow: {count}" title="{count} {word}">{SIGNS[word]} {count}</span>'
        for word, count in found.items()
        if count
    )
    return f'<div class="ldb-bar" role="img" aria-label="{escape(telling.counts(verdicts))}">{parts}</div>'


def legend(verdicts: Sequence[Verdict]) -> str:
    """What the signs stand for, with counts; every verdict is named."""
    counts = {word: sum(one.word == word for one in verdicts) for word in WORDS}
    parts = "".join(f"<span>{chip(word)}{word}: {counts[word]}</span>" for word in _ORDER)
    return f'<div class="ldb-legend">{parts}</div>'


def chip(word: Word) -> str:
    """The sign of a verdict on its colour."""
    return f'<i class="{_class(word)}" aria-hidden="true">{SIGNS[word]}</i>'


def _class(word: Word) -> str:
    return f"ldb-v-{word.replace(' ', '-')}"
