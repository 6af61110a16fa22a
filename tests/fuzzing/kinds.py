"""All kinds of input: how each is drawn, how it is checked, and its share of many."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.fuzzing import includes, lines, plans, said, words
from tests.fuzzing.sandbox import Sandbox


class Kind(NamedTuple):
    """inputs: drawn by Hypothesis; check: what a command does wrong with one (empty: nothing), and how it ended."""

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Sandbox, Any], tuple[str, str]]
    share: float


KINDS = (
    Kind("command lines", words.inputs, words.check, 0.3),
    Kind("plan files", plans.inputs, plans.check, 0.2),
    Kind("files of runs", lines.inputs, lines.check, 0.15),
    Kind("included files", includes.inputs, includes.check, 0.2),
    Kind("workers' messages", said.inputs, said.check, 0.15),
)
