"""Texts and JSON values that stand at the border of what is meant, and trees with one part changed."""

from typing import Any

from hypothesis import strategies as st

_TEXTS = (
    "",
    " ",
    "-",
    "--",
    "=",
    ",",
    ":",
    "*",
    "[",
    "[!",
    "[/b]",
    "{",
    "}",
    "[]",
    "null",
    "true",
    "nan",
    "NaN",
    "-Infinity",
    "inf",
    "1e999",
    "-1",
    "0",
    "1.5",
    "1_000",
    "0x10",
    "007",
    "٣",
    "²",
    "①",
    "9" * 20,
    "9" * 5000,
    "9223372036854775808",
    "4294967296",
    "x" * 300,
    "x" * 5000,
    "[" * 5000,
    '{"a":' * 3000,
    "a=b",
    "a=b=c",
    "a,b",
    ",,",
    "a\nb",
    "a\r\nb",
    "a\u2028b\x85c",
    "\x1b[31mred",
    "\ud800",
    "\udcff",
    "é",
    "\U0001f600",
    "\ufeff",
    "\u202e",
    "%s%n",
    "{0}",
    "$HOME",
    "a b",
    "'",
    '"',
    "\\",
    "#",
    "?",
    "&",
    "all",
    "auto",
    "none",
    "None",
    "never",
)
texts = st.one_of(st.sampled_from(_TEXTS), st.sampled_from(_TEXTS), st.text(max_size=8))
"""Any text; no surrogate but those listed, and those of Hypothesis."""

numbers = st.one_of(
    st.sampled_from(
        [
            0,
            -1,
            1,
            2,
            1000,
            1999,
            2000,
            2**31 - 1,
            2**31,
            2**53 + 1,
            2**63 - 1,
            2**63,
            -(2**63) - 1,
            10**30,
            10**400,
            0.0,
            -0.0,
            0.5,
            1e-320,
            1e308,
            float("inf"),
            float("-inf"),
            float("nan"),
        ]
    ),
    st.integers(-5, 5),
    st.floats(),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)


def _deep(depth: int, kind: bool) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found] if kind else {"a": found}
    return found


deep = st.builds(_deep, st.sampled_from([3, 60, 150, 250, 600]), st.booleans())
json_values = st.one_of(
    scalars,
    scalars,
    deep,
    st.lists(scalars, max_size=3),
    st.dictionaries(texts, scalars, max_size=3),
    st.just({}),
    st.just([]),
    st.builds(lambda one, count: [one] * count, scalars, st.sampled_from([2, 1000])),
)


def places(tree: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all parts of a tree of dictionaries and lists; of long lists those of the first parts."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree[:3]) if isinstance(tree, list) else ()
    return [here, *(place for key, value in inside for place in places(value, (*here, key)))]


def changed(tree: Any, place: tuple[Any, ...], edit: Any) -> Any:
    """The tree with the part at a place put through `edit`, which returns what takes its place; copied on the way."""
    if not place:
        return edit(tree)
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[place[0]] = changed(copy[place[0]], place[1:], edit)
    return copy


@st.composite
def mutated(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with one part replaced, dropped, doubled, renamed, wrapped or joined by a stranger."""
    place = draw(st.sampled_from(places(tree)))
    how = draw(st.sampled_from(["replace", "replace", "replace", "drop", "double", "rename", "wrap", "add"]))
    value = draw(json_values)
    if how == "replace" or (not place and how in ("drop", "double", "rename")):
        return changed(tree, place, lambda part: value)
    if how == "wrap":
        return changed(tree, place, lambda part: draw(st.sampled_from([[part], {"a": part}, [part, part], str(part)])))
    if how == "add":
        name = draw(texts)
        return changed(
            tree,
            place,
            lambda part: (
                {**part, name: value} if isinstance(part, dict) else [*part, value] if isinstance(part, list) else value
            ),
        )
    *over, last = place

    def edit(part: Any) -> Any:
        if isinstance(part, list):
            return [
                one for at, one in enumerate(part) for _ in range({"drop": 0, "double": 2}.get(how, 1) if at == last else 1)
            ]
        names = {last: draw(texts) if how == "rename" else last}
        return {names.get(name, name): one for name, one in part.items() if how != "drop" or name != last}

    return changed(tree, tuple(over), edit)
