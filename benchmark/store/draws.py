"""Names of boards whose instances are drawn from a private seed (benchmark/submissions/private.py): PRESET_private_COMMITMENT.

Each draw has a board of its own, so that rows of one draw compare, and rows of another or of the public seeds stand elsewhere.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")
COMMITMENT = r"[0-9a-f]{12}"
_NAME = re.compile(rf"(.+)_private_({COMMITMENT})")


def board_name(preset: str, commitment: str) -> str:
    """The name of the board of a preset's private draw; the preset itself where there is no commitment."""
    return f"{preset}_private_{commitment}" if commitment else preset


def parts(name: str) -> tuple[str, str]:
    """The preset that a board's instances are drawn by, and the commitment of the private seed, empty for public seeds."""
    found = _NAME.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def with_own(presets: Mapping[str, T], name: str) -> dict[str, T]:
    """The presets of a specification, and under the board's name the one that it is drawn by."""
    preset = parts(name)[0]
    return {**presets, **({name: presets[preset]} if preset in presets else {})}
