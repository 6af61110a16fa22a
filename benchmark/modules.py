"""Which file a module is, for the files of the suite and for a file elsewhere with what lies around it.

Of a file that lies elsewhere, what it imports from its own folder or package counts as its own. An environment in the suite's
folder, such as .venv, is elsewhere too. What lies beside a file in a site-packages folder is not its own.
"""

from functools import cache
from pathlib import Path

_OURS = ("benchmark", "tasks", "methods")


class Modules:
    """The modules of the suite under `root`, and of what lies around any other file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def is_ours(self, path: Path) -> bool:
        """Whether a file belongs to the suite."""
        return any(path.is_relative_to(self.root / folder) for folder in _OURS)

    def file(self, module: str, importer: Path) -> Path | None:
        """The file of a module, if it is of the suite or of what lies around its importer."""
        top, *rest = module.split(".")
        if top in _OURS:
            base = self.root.joinpath(top, *rest)
        elif self.is_ours(importer):
            return None
        else:
            package = _package(importer)
            if top != package.name and is_shared(importer.parent):
                return None
            base = (package if top == package.name else importer.parent / top).joinpath(*rest)
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def name(self, file: Path) -> str:
        """The dotted name of a file, in the suite or in its own package."""
        parts = file.relative_to(self._home(file)).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def absolute(self, file: Path, level: int, module: str) -> str:
        """The whole name of a module that a file imports with `level` dots before `module`."""
        if level == 0:
            return module
        return ".".join([*file.relative_to(self._home(file)).parts[:-level], *filter(None, [module])])

    def _home(self, file: Path) -> Path:
        return self.root if self.is_ours(file) else _package(file).parent


@cache
def is_shared(folder: Path) -> bool:
    """Whether packages are installed into a folder, so that what lies there side by side is of several."""
    return any(folder.glob("*.dist-info"))


def _package(file: Path) -> Path:
    """The folder of the top package that a file belongs to; its own folder where it belongs to none."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder
