"""Python files read into definitions, and what a name in a file means.

A definition is a function, a class or an assigned name at the top level of a file. Its code is its syntax tree without
docstrings, annotations and specifications. A reference to another definition stands as that definition and not as its name. So
moving, renaming and rewording change nothing, and an edit changes the definitions that it touches. The code is written here and
not by `ast.unparse`, whose text differs between versions of Python.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from benchmark.modules import Modules


class Ref(NamedTuple):
    """A definition: its file and its name there. An empty name means the statements that define no name, such as calls."""

    file: Path
    name: str


class Code(NamedTuple):
    """Text and references in their order, and the names that the code may look up in an object."""

    parts: tuple[str | Ref, ...]
    mentions: frozenset[str]


@dataclass
class Definition:
    """Code that always counts, and the functions of a class, by name, each of which counts where its name is mentioned."""

    code: Code
    members: dict[str, Code] = field(default_factory=dict)


class Import(NamedTuple):
    """The module or definition that an imported name stands for. An empty name means the module itself."""

    module: str
    name: str


# What a name means: a definition, a module of ours by its file, or somebody else's thing by its dotted name.
Meaning = Ref | Path | str
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Decorators that register what stands below. Their arguments are specifications, and values of parameters are in the key.
_REGISTER = frozenset({"method", "task"})
_PLAIN_BASES = frozenset({"ABC", "Generic", "NamedTuple", "Protocol", "object"})
_NOTHING = frozenset({"ctx", "kind", "type_comment", "type_ignores", "type_params"})
_DEPTH = 20  # of imports that lead to imports


class CodeBase:
    """Files read into definitions, each once. neutral: files whose definitions are written by their names alone."""

    def __init__(self, modules: Modules, neutral: frozenset[Path] = frozenset()) -> None:
        self.modules, self.neutral = modules, neutral
        self._files: dict[Path, File] = {}

    def file(self, path: Path) -> "File":
        """A file, read. Raises SyntaxError, OSError or UnicodeDecodeError for one that cannot be read."""
        if path not in self._files:
            self._files[path] = File(path, self)
        return self._files[path]

    def find(self, importer: Path, module: str, name: str, depth: int = 0) -> Meaning:
        """What `from module import name` gives in a file; an empty name means the module itself."""
        path = self.modules.file(module, importer)
        if path is None or depth > _DEPTH:
            return ".".join(filter(None, (module, name)))
        if not name:
            return path
        file = self.file(path)
        if name in file.statements:
            return Ref(path, name)
        if (found := file.imports.get(name) or file.lazy.get(name)) is not None:
            return self.find(path, *found, depth + 1)
        if inner := self.modules.file(f"{module}.{name}", importer):
            return inner
        for star in file.stars:
            if not isinstance(meant := self.find(path, star, name, depth + 1), str):
                return meant
        return path  # the module makes the name as it runs, so all of it counts

    def is_class(self, ref: Ref) -> bool:
        """Whether a definition is a class."""
        return any(isinstance(node, ast.ClassDef) for node in self.file(ref.file).statements.get(ref.name, ()))

    def is_preset(self, ref: Ref) -> bool:
        """Whether a class is Preset or adds to it. Values of its fields are in the key, so only its functions count."""
        if ref == Ref(self.modules.root / "benchmark" / "spec.py", "Preset"):
            return True
        file = self.file(ref.file)
        bases = [base for node in file.statements.get(ref.name, ()) if isinstance(node, ast.ClassDef) for base in node.bases]
        return any(isinstance(one, Ref) and one != ref and self.is_preset(one) for one in map(file.meaning, bases))


class File:
    """A file read into statements by the names that they define, what its imports mean, and statements that define no name."""

    def __init__(self, path: Path, base: CodeBase) -> None:
        self.path, self.base = path, base
        self.tree = _parsed(path.read_text(encoding="utf-8"))
        self.statements: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, Import] = {}
        self.stars: list[str] = []
        self.effects: list[ast.stmt] = []
        self._definitions: dict[str, Definition] = {}
        for statement in self.tree.body:
            if not _never_runs(statement):
                self._note(statement)
                for node in ast.walk(statement):
                    self._note_import(node)

    def _note_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                self.imports[alias.asname or whole] = Import(whole, "")
        elif isinstance(node, ast.ImportFrom):
            module = self.base.modules.absolute(self.path, node.level, node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    self.stars.append(module)
                else:
                    self.imports[alias.asname or alias.name] = Import(module, alias.name)

    def _note(self, node: ast.stmt) -> None:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            self.statements.setdefault(node.name, []).append(node)
        elif names := _assigned(node):
            for name in names:
                self.statements.setdefault(name, []).append(node)
        elif not (isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) or _is_words(node)):
            self.effects.append(node)

    @cached_property
    def lazy(self) -> dict[str, Import]:
        """Names that a package loads on first use, from its dictionaries EXPORTS and MODULES, name to module."""
        found: dict[str, Import] = {}
        for table in ("EXPORTS", "MODULES"):
            for node in self.statements.get(table, ()):
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                    given: dict[str, str] = ast.literal_eval(node.value)
                    found |= {name: Import(module, name if table == "EXPORTS" else "") for name, module in given.items()}
        return found

    @cached_property
    def registered(self) -> dict[str, ast.Call]:
        """Functions and classes under @method and @task, and names assigned from `method_from(...)`, with the call."""
        models = ((name, model_of(node)) for name, nodes in self.statements.items() for node in nodes)
        return {name: call for name, call in models if call is not None} | {
            name: call
            for name, nodes in self.statements.items()
            for node in nodes
            for call in getattr(node, "decorator_list", ())
            if _registers(call)
        }

    @cached_property
    def parameterised(self) -> frozenset[str]:
        """Functions whose parameters all come from a run's key: those under @method, and those that `fit` names there alone."""
        loads = [node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        calls = self.registered.values()
        learns = [k.value.id for call in calls for k in call.keywords if k.arg == "fit" and isinstance(k.value, ast.Name)]
        return frozenset({*self.registered, *(one for one in learns if loads.count(one) == learns.count(one))})

    def meaning(self, node: ast.expr) -> Meaning | None:
        """What a name or a chain of attributes means; None for a builtin, or for an attribute of an object."""
        if isinstance(node, ast.Name):
            if node.id in self.statements:
                return Ref(self.path, node.id)
            if node.id in self.imports:
                return self.base.find(self.path, *self.imports[node.id])
            found = (self.base.find(self.path, star, node.id) for star in self.stars)
            return next((one for one in found if not isinstance(one, str)), None)
        if isinstance(node, ast.Attribute):
            owner = self.meaning(node.value)
            if isinstance(owner, Path):
                return self.base.find(owner, self.base.modules.name(owner), node.attr)
            return f"{owner}.{node.attr}" if isinstance(owner, str) else None
        return None

    def definition(self, name: str) -> Definition:
        """A definition; the statements that define no name for an empty one. Raises KeyError for a name that is not here."""
        if name not in self._definitions:
            self._definitions[name] = self._define(name)
        return self._definitions[name]

    def _define(self, name: str) -> Definition:
        nodes = self.statements[name] if name else self.effects
        members: dict[str, Code] = {}
        for node in nodes:
            if name and isinstance(node, ast.ClassDef) and not any(map(self._is_foreign, node.bases)):
                parts = (part for part in node.body if isinstance(part, _FUNCTIONS) and not part.name.startswith("__"))
                members |= {part.name: _written(self, [part], inside=True) for part in parts}
        kept = [] if name and self.base.is_preset(Ref(self.path, name)) else nodes
        return Definition(_written(self, kept, without=frozenset(members)), members)

    def _is_foreign(self, base: ast.expr) -> bool:
        """Whether a base is somebody else's, who may call any function of the class."""
        found = self.meaning(base.value if isinstance(base, ast.Subscript) else base)
        return not isinstance(found, Ref) and str(found or ast.unparse(base)).rpartition(".")[2] not in _PLAIN_BASES


def _assigned(node: ast.stmt) -> list[str]:
    """The names that a statement assigns, if it assigns nothing but names."""
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Assign):
        targets = [part for one in node.targets for part in (one.elts if isinstance(one, ast.Tuple | ast.List) else [one])]
    names = [one.id for one in targets if isinstance(one, ast.Name)]
    return names if len(names) == len(targets) else []


def _is_words(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@lru_cache(maxsize=1024)  # files that are read anew have mostly the texts that they had
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _never_runs(node: ast.stmt) -> bool:
    """`if TYPE_CHECKING` and `if __name__ == "__main__"`."""
    test = ast.unparse(node.test) if isinstance(node, ast.If) and not node.orelse else ""
    return test.endswith("TYPE_CHECKING") or test.startswith("__name__ ==")


def _registers(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _REGISTER


def model_of(node: ast.AST) -> ast.Call | None:
    """The call of `X = method_from(...)`; None for any other statement."""
    match node:
        case (
            ast.Assign(targets=[ast.Name()], value=ast.Call(func=called) as call)
            | ast.AnnAssign(target=ast.Name(), value=ast.Call(func=called) as call)
        ):
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            return call if name == "method_from" else None
    return None


def _written(file: File, nodes: Iterable[ast.AST], without: frozenset[str] = frozenset(), inside: bool = False) -> Code:
    """The code of statements. without: functions of a class that are left out; inside: the statements are of a class."""
    writer = _Writer(file, without, inside)
    for node in nodes:
        writer.write(node)
    return Code(tuple(_joined(writer.parts)), frozenset(writer.mentions))


def _joined(parts: Iterable[str | Ref]) -> Iterator[str | Ref]:
    text: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
        else:
            yield from ("".join(text), part)
            text.clear()
    yield "".join(text)


class _Writer:
    """Writes syntax trees as text and references. local: names that the functions around define for themselves."""

    def __init__(self, file: File, without: frozenset[str], inside: bool) -> None:
        self.file, self.without, self.inside = file, without, inside
        self.parts: list[str | Ref] = []
        self.mentions: set[str] = set()
        self.local: list[frozenset[str]] = []

    def write(self, node: object) -> None:
        if isinstance(node, list):
            self.parts.append("[")
            for one in node:
                self.write(one)
                self.parts.append(",")
            self.parts.append("]")
        elif isinstance(node, ast.Import | ast.ImportFrom) or _is_words(node):
            return  # what is imported is written where it is used
        elif isinstance(node, ast.Name | ast.Attribute) and self._reference(node):
            return
        elif isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, ast.AnnAssign):
            self._annotated(node)
        elif isinstance(node, _COMPREHENSIONS):
            self._inside(_stored(node.generators), node)
        elif isinstance(node, ast.AST):
            self._fields(node)
        else:
            self.parts.append(repr(node))
            if isinstance(node, str) and node.isidentifier():
                self.mentions.add(node)

    def _fields(self, node: ast.AST) -> None:
        self.parts.append(f"{type(node).__name__}(")
        for name, value in ast.iter_fields(node):
            if name not in _NOTHING and value is not None and value != []:
                self.parts.append(f"{name}=")
                self.write(value)
        self.parts.append(")")

    def _inside(self, names: frozenset[str], node: ast.AST) -> None:
        self.local.append(names)
        self._fields(node)
        self.local.pop()

    def _reference(self, node: ast.Name | ast.Attribute) -> bool:
        """Write what a name of the file means. False where it is a local name, a builtin, or an attribute of an object."""
        first: ast.expr = node
        while isinstance(first, ast.Attribute):
            first = first.value
        if not isinstance(first, ast.Name) or any(first.id in names for names in self.local):
            return False
        found = self.file.meaning(node)
        if isinstance(found, Ref):
            self.parts.append(f"<{found.name}>" if found.file in self.file.base.neutral else found)
        elif isinstance(found, Path):  # the module as a whole
            self.parts += [Ref(found, name) for name in sorted(self.file.base.file(found).statements)]
        elif found is not None:
            self.parts.append(f"<{found}>")
        return found is not None

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        named = isinstance(node, _FUNCTIONS) and (self.inside or bool(self.local))
        given = not named and getattr(node, "name", "") in self.file.parameterised
        self.parts.append(f"{type(node).__name__} {getattr(node, 'name', '') if named else ''}(")
        self.write([one for one in getattr(node, "decorator_list", ()) if not _registers(one)])
        names: list[str] = []
        for kind in ("posonlyargs", "args", "vararg", "kwonlyargs", "kwarg"):
            found = getattr(node.args, kind)
            listed = [one.arg for one in (found if isinstance(found, list) else [found]) if one is not None]
            self.parts.append(f"{kind}={sorted(listed) if kind == 'kwonlyargs' else listed}")
            names += listed
        self.write(node.args.defaults)
        if not given:
            defaults = zip((one.arg for one in node.args.kwonlyargs), node.args.kw_defaults, strict=True)
            for _, default in sorted(defaults, key=lambda pair: pair[0]):
                self.write(default)
        body = node.body if isinstance(node.body, list) else [node.body]
        self.local.append(frozenset(names) | _stored(body))
        self.write(body)
        self.local.pop()
        self.parts.append(")")

    def _class(self, node: ast.ClassDef) -> None:
        self.parts.append(f"ClassDef {node.name if self.local or self.inside else ''}(")
        self.write([one for one in node.decorator_list if not _registers(one)])
        self.write(node.bases)
        self.write(node.keywords)
        before, self.inside = self.inside, True
        self.write([one for one in node.body if not (isinstance(one, _FUNCTIONS) and one.name in self.without)])
        self.inside = before
        self.parts.append(")")

    def _annotated(self, node: ast.AnnAssign) -> None:
        """The annotation of a field of a class counts, as text. Any other annotation is prose."""
        if self.inside and not self.local:
            self.parts.append(f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)} = ")
        elif node.value is not None:
            self.write(node.target)
        self.write(node.value)


def _stored(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """The names that statements define, without those that they declare global; inner functions keep theirs."""
    found: set[str] = set()
    outside: set[str] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            outside |= set(node.names)
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            found.add(node.name)
        elif not isinstance(node, ast.Lambda):
            todo += ast.iter_child_nodes(node)
    return frozenset(found - outside)
