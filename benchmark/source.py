"""What a result depends on: the code of its task, of its method, and of all that they import from here.

Of a file that lies elsewhere, what it imports from its own folder or package counts too. Elsewhere is also an environment in
the repository's folder, such as .venv; and where packages lie side by side, what lies beside a file is not its own.
"""

import ast
from functools import cache
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
_OURS = ("benchmark", "tasks", "methods")
# Modules that cannot change a number: what they say is in the key already, or they only carry messages.
_NEUTRAL = {
    "benchmark/__init__.py",
    "benchmark/spec.py",
    "benchmark/errors.py",
    "benchmark/decorators.py",
    "benchmark/problems/__init__.py",
    "benchmark/problems/instance.py",
    "benchmark/datasets/sources.py",
}


def imported_files(file: Path) -> list[Path]:
    """`file` and every file of this repository, or of its own package, that it imports, directly or not, sorted."""
    todo, done = [file], set[Path]()
    while todo:
        path = todo.pop()
        if path in done:
            continue
        done.add(path)
        todo += _imports(path)
    return sorted(path for path in done if _relative(path) not in _NEUTRAL)


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if _is_ours(path) else path.name


def _is_ours(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / folder) for folder in _OURS)


@cache
def _imports(path: Path) -> list[Path]:
    from benchmark import EXPORTS

    modules: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            name = ".".join(filter(None, [_parent(path, node.level), node.module or ""]))
            for alias in node.names:
                inner = f"{name}.{alias.name}"
                if name == "benchmark" and alias.name in EXPORTS:
                    modules.append(EXPORTS[alias.name])
                else:
                    modules.append(inner if _file_of(inner, path) else name)
    return [file for file in (_file_of(module, path) for module in modules) if file]


def _file_of(module: str, importer: Path) -> Path | None:
    """The file of a module, if it is of this repository or of what lies around its importer."""
    top, *rest = module.split(".")
    if top in _OURS:
        base = ROOT.joinpath(top, *rest)
    elif _is_ours(importer):
        return None
    else:
        package = _package(importer)
        if top != package.name and _is_shared(importer.parent):
            return None
        base = (package if top == package.name else importer.parent / top).joinpath(*rest)
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


@cache
def _is_shared(folder: Path) -> bool:
    """Whether packages are installed into a folder, so that what lies side by side there is of several."""
    return any(folder.glob("*.dist-info"))


def _package(file: Path) -> Path:
    """The folder of the top package that a file belongs to; its own folder where it belongs to none."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _parent(file: Path, level: int) -> str:
    """The package that `from .` (level 1), `from ..` (level 2) and so on mean in a file; empty for level 0."""
    if level == 0:
        return ""
    home = ROOT if _is_ours(file) else _package(file).parent
    return ".".join(file.relative_to(home).parts[:-level])


@cache
def _code(path: Path) -> str:
    """The code of a file without comments, docstrings and layout, so that wording may improve and results stay."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def source_hash(*files: Path) -> str:
    """SHA-256 of the code of the files and of all that they import from this repository or their own package."""
    total = sha256()
    for path in sorted({found for file in files for found in imported_files(file)}):
        total.update(f"{_relative(path)}\n{_code(path)}\n".encode())
    return total.hexdigest()
