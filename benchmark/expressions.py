"""What the expressions of a file mean, read from its syntax tree: literals, named constants, annotations. Nothing is run.

A name means what the file assigns to it at its top level, once; or what it imports from a module beside it or of this
repository, of which the tree is read likewise; or what `benchmark.spec` calls so.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

from benchmark import spec as specs
from benchmark.errors import UserError
from benchmark.photograph_tasks.preset import EXACT_METRICS, PHOTOGRAPH_METRICS, PHOTOGRAPH_TRAITS, Photographs

ROOT = Path(__file__).parents[1]
# What a specification calls: the classes of benchmark.spec, and the preset of tasks on photographs.
CLASSES: dict[str, Any] = {
    "Photographs": Photographs,
    **{name: getattr(specs, name) for name in ("Axis", "Metric", "Picture", "Preset", "TaskSpec", "Trait")},
}
# What an annotation names: plain types, and the types of hyperparameters in benchmark.spec.
TYPES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (bool, int, float, str, tuple, list, dict)},
    **{name: getattr(specs, name) for name in ("Count", "Positive", "NonNegative", "Fraction", "Rate", "Kept")},
    "Literal": Literal,
    "Self": Self,
    **CLASSES,
}
_CONSTANTS = {
    "EXACT_METRICS": EXACT_METRICS,
    "PHOTOGRAPH_METRICS": PHOTOGRAPH_METRICS,
    "PHOTOGRAPH_TRAITS": PHOTOGRAPH_TRAITS,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
}
_LARGEST = 64  # exponent, so that no expression takes long
_BITS = 1024  # of a whole number, for the same reason
_ASKED = 10_000  # names that one file may look up: constants made of constants double with each line


def read(file: Path) -> ast.Module:
    """The syntax tree of a file. Raises UserError, with the line, for one that is no Python."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of strange escapes; running the file shows them
            return ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{file.name}, line {error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise UserError(f"{file.name} cannot be read (an expression is nested too deeply)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} cannot be read ({error})") from None


class Names:
    """The names of one file. Its methods raise ValueError, TypeError or ArithmeticError for what cannot be read."""

    def __init__(self, file: Path, tree: ast.Module) -> None:
        self.file = file
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._assigned: dict[str, list[ast.expr | None]] = {}
        self._imported: dict[str, tuple[str, int, str]] = {}
        self._asked: list[str] = []
        self._count = 0
        self._files: dict[Path, Names] = {}
        self._places: dict[tuple[str, int], Path | None] = {}  # each costs some looks at the disk
        for node in tree.body:
            for name, value in _assignments(node):
                self._assigned.setdefault(name, []).append(value)
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._imported[alias.asname or alias.name] = node.module or "", node.level, alias.name

    def home(self, name: str) -> "tuple[Names, str]":
        """The names of the file that a name comes from, and what it is called there."""
        module, level, called = self._imported.get(name, ("", 0, name))
        file = self._place(module, level) if name in self._imported and name not in self._assigned else None
        if file is None:
            return self, called
        if file not in self._files:
            self._files[file] = Names(file, read(file))
        return self._files[file].home(called)

    def value(self, node: ast.expr, calls: dict[str, Any] | None = None) -> Any:
        """The value of an expression. calls: classes that it may call, by name."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Tuple():
                return tuple(self._items(node.elts, calls))
            case ast.List():
                return list(self._items(node.elts, calls))
            case ast.Set():
                return set(self._items(node.elts, calls))
            case ast.Dict():
                found: dict[Any, Any] = {}
                for key, item in zip(node.keys, node.values, strict=True):
                    given = self.value(item, calls)
                    found |= given if key is None else {self.value(key, calls): given}
                return found
            case ast.UnaryOp(op=ast.USub()):
                return -self.value(node.operand, calls)
            case ast.UnaryOp(op=ast.UAdd()):
                return +self.value(node.operand, calls)
            case ast.BinOp():
                return self._sum(node, calls)
            case ast.Name():
                return self.constant(node.id, calls)
            case ast.Call(func=ast.Name(id=name)) if calls is not None and name in calls:
                named: dict[str, Any] = {}
                for keyword in node.keywords:
                    given = self.value(keyword.value, calls)
                    named |= given if keyword.arg is None else {keyword.arg: given}
                return calls[name](*self._items(node.args, calls), **named)
        raise ValueError(f"line {node.lineno}: '{_shown(node)}' is neither a literal nor a named constant")

    def constant(self, name: str, calls: dict[str, Any] | None = None) -> Any:
        """The expression assigned to a name; `calls` as for `value`."""
        home, called = self.home(name)
        if called in home._assigned:
            return home._once(called, lambda value: home.value(value, calls))
        if called in _CONSTANTS:
            return _CONSTANTS[called]
        raise ValueError(f"'{name}' is no constant of this file or of one that it imports")

    def annotation(self, node: ast.expr) -> Any:
        """The type that an annotation means."""
        match node:
            case ast.Constant(value=None):
                return None
            case ast.Name():
                home, name = self.home(node.id)
                if name in home._assigned:
                    return home._once(name, lambda value: home.annotation(value))
                if name in TYPES and name not in home.classes:
                    return TYPES[name]
            case ast.BinOp(op=ast.BitOr()):
                return self.annotation(node.left) | self.annotation(node.right)
            case ast.Subscript() if _is_literal(node.value):
                return Literal[self.value(node.slice)]
            case ast.Subscript(value=ast.Name(id="tuple" | "list" | "dict" as kind)):
                inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                return TYPES[kind][tuple(... if _is_dots(one) else self.annotation(one) for one in inside)]
        known = ", ".join(name for name in TYPES if name not in CLASSES)
        raise ValueError(f"line {node.lineno}: the annotation '{_shown(node)}' is none of {known}")

    def fields(self, name: str) -> dict[str, tuple[Any, Any]]:
        """(annotation, default) of each field of a class, those of its base first. Raises TypeError where there is no class."""
        home, called = self.home(name)
        if called not in home.classes:
            raise TypeError(f"{name} is no class of this file or of one that it imports")
        found: dict[str, tuple[Any, Any]] = {}
        for base in home.classes[called].bases:
            if not isinstance(base, ast.Name) or base.id == called:
                raise TypeError(f"{name}: a base is no class of this file or of one that it imports")
            found |= home.fields(base.id)
        for node in home.classes[called].body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is None:
                    raise TypeError(f"'{node.target.id}' of {name} needs a default")
                found[node.target.id] = home.annotation(node.annotation), home.value(node.value)
            elif isinstance(node, ast.Assign):
                raise TypeError(f"'{_shown(node.targets[0])}' of {name} needs an annotation")
        return found

    def _items(self, nodes: list[ast.expr], calls: dict[str, Any] | None) -> Iterator[Any]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                yield from self.value(node.value, calls)
            else:
                yield self.value(node, calls)

    def _sum(self, node: ast.BinOp, calls: dict[str, Any] | None) -> Any:
        left, right, kind = self.value(node.left, calls), self.value(node.right, calls), type(node.op)
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if kind is ast.BitOr and isinstance(left, dict) and isinstance(right, dict):
            return left | right
        if kind in _ARITHMETIC and (numbers or kind is ast.Add) and not (numbers and _is_large(left, kind, right)):
            return _ARITHMETIC[kind](left, right)
        raise ValueError(f"line {node.lineno}: '{_shown(node)}' is no arithmetic of constants")

    def _once(self, name: str, read: Callable[[ast.expr], Any]) -> Any:
        """The expression assigned to a name in one place; read: turns it into what it means."""
        values = self._assigned[name]
        if name in self._asked:
            raise ValueError(f"'{name}' is defined by itself")
        if len(values) > 1 or values[0] is None:
            raise ValueError(f"'{name}' is assigned more than once, or a part at a time")
        self._count += 1
        if self._count > _ASKED:
            raise ValueError(f"its constants look up more than {_ASKED:,} names")
        self._asked.append(name)
        try:
            return read(values[0])
        finally:
            self._asked.pop()

    def _place(self, module: str, level: int) -> Path | None:
        if (module, level) not in self._places:
            self._places[module, level] = self._file_of(module, level)
        return self._places[module, level]

    def _file_of(self, module: str, level: int) -> Path | None:
        """The file of a module that lies beside this one, around it (relative imports), or in this repository's methods."""
        parts = module.split(".") if module else []
        if level:
            base = self.file.parents[level - 1]
        elif parts[:1] in (["methods"], ["tasks"]):
            base = ROOT
        else:
            base = self.file.parent
            while parts and base.name != parts[0] and (base / "__init__.py").is_file():
                base = base.parent
            base = base.parent if base.name == parts[0] and (base / "__init__.py").is_file() else self.file.parent
        place = base.joinpath(*parts)
        return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file() and p != self.file), None)


def _assignments(node: ast.stmt) -> Iterator[tuple[str, ast.expr | None]]:
    """Names that a statement assigns, with their values; None where that is no plain assignment."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name, node.value
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, node.value
        case ast.Assign() | ast.AugAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from ((inner.id, None) for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _is_literal(node: ast.expr) -> bool:
    """Whether it is Literal, or typing.Literal."""
    dotted = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr == "Literal"
    return dotted or (isinstance(node, ast.Name) and node.id == "Literal")


def _is_large(left: float, kind: type[ast.operator], right: float) -> bool:
    """Whether the result would have too many digits, or the exponent is too large to try."""
    first, second = (one.bit_length() if isinstance(one, int) else 0 for one in (left, right))
    if kind is ast.Pow:
        return abs(right) > _LARGEST or first * abs(right) > _BITS
    return max(first, second, first + second if kind is ast.Mult else 0) > _BITS


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node).splitlines()[0]
    return text if len(text) < 60 else f"{text[:57]}..."
