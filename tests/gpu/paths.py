"""Where code does otherwise on a GPU: functions that ask for CUDA, cast by themselves, or use graphs, compilers and layouts of
memory for it. tests/gpu/paths.toml says of each which test on a CPU holds its logic.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmark", "tasks", "methods", "runners", "leaderboard")
NAMES = {"cuda", "autocast", "channels_last", "CUDAGraph", "make_graphed_callables", "compile"}


def _asks(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        of_torch = isinstance(node.value, ast.Name) and node.value.id == "torch"
        return node.attr in NAMES and (node.attr != "compile" or of_torch)
    return isinstance(node, ast.Constant) and node.value == "cuda"


def _within(node: ast.AST, inside: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.ClassDef)
        place = f"{inside}.{child.name}".lstrip(".") if named and isinstance(child, ast.FunctionDef | ast.ClassDef) else inside
        if _asks(child):
            yield place or "module"
        yield from _within(child, place)


def found() -> set[str]:
    """FILE::FUNCTION of every such place."""
    places = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            name = file.relative_to(ROOT).as_posix()
            places |= {f"{name}::{place}" for place in _within(ast.parse(file.read_text(encoding="utf-8")), "")}
    return places
