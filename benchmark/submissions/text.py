"""Text that strangers wrote: which characters it may hold, and how it is shown. Imports no torch.

A text may hold HTML or a formula of a spreadsheet: it is kept as it is and made harmless where it is shown, by `html.escape`
on a page and by `csv_cell` in a CSV file.
"""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

# Cc, Cf: control characters and invisible ones that turn or join text; Cs, Co, Cn: no characters; Zl, Zp: ends of lines
_FORBIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMULA = ("=", "+", "-", "@", "\t")  # a spreadsheet takes what begins so for something to compute
_NUMBER = r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?"
_NUMBERS = re.compile(rf"{_NUMBER}( \[{_NUMBER}, {_NUMBER}\])?")  # a number with its interval computes nothing
_LOOKALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z", "_": ""})


def _clean(text: str, allowed: str = "") -> str:
    if not text.strip():
        raise ValueError("it is empty")
    if text != text.strip():
        raise ValueError("it begins or ends with a space")
    for sign in text:
        if sign not in allowed and unicodedata.category(sign) in _FORBIDDEN:
            raise ValueError(f"it holds the control or invisible character U+{ord(sign):04X}")
    return text


def _paragraph(text: str) -> str:
    return _clean(text, "\n")


def _link(text: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", text):
        raise ValueError("it is no http or https address in plain characters")
    return text


Line = Annotated[str, Field(max_length=200), AfterValidator(_clean)]
Paragraph = Annotated[str, Field(max_length=2000), AfterValidator(_paragraph)]
Link = Annotated[str, Field(max_length=300), AfterValidator(_link)]


def shown(text: str, limit: int = 60) -> str:
    """A stranger's text in quotes, on one line, with nothing invisible in it, cut after `limit` characters."""
    short = text if len(text) <= limit else text[:limit] + "..."
    visible = "".join(sign if unicodedata.category(sign) not in _FORBIDDEN else f"\\u{ord(sign):04x}" for sign in short)
    return f"'{visible}'"


def skeleton(name: str) -> str:
    """What is left of a name to the eye: two names with one skeleton look alike (`dip` and `d1p`, `tv_fista` and `tvfista`)."""
    return name.lower().translate(_LOOKALIKE).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def csv_cell(value: object) -> object:
    """A cell of a CSV file; a text that a spreadsheet would compute gets an apostrophe before it, a number stays as it is."""
    if not isinstance(value, str):
        return value
    line = value.replace("\r", " ")  # some programs begin a new line there
    return f"'{line}" if line.startswith(_FORMULA) and not _NUMBERS.fullmatch(line) else line
