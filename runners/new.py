"""Start a method, a task or a paper of your own:  python -m runners.new method NAME --solves LinearInverse

Writes one file that works and one that tests it, where such files lie and into tests/, or both into a folder of yours.
"""

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated, Literal

import typer

from benchmark import registry
from benchmark.errors import UserError, unknown
from benchmark.store.writing import DiskFull, is_full
from runners import completion
from runners.cli import run_app

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False, help=__doc__)

_TEMPLATES = Path(__file__).parent / "templates"
_INCLUDE = """registry.include([Path(__file__).with_name("$name.py")])

"""
# A task of each interface that has a template, and the room of methods/ for its methods.
_EXAMPLES = {
    "LinearInverse": ("mri", "images"),
    "NonlinearInverse": ("phase_retrieval", "images"),
    "Completion": ("deep_mc", "matrices"),
    "FewShot": ("few_shot", "texts"),
    "Retrieval": ("video_retrieval", "videos"),
    "Representation": ("representation", "features"),
    "Distribution": ("subspace_clustering", "subspaces"),
    "Editing": ("image_editing", "editing"),
    "Jacobian": ("jacobian_rank", "jacobians"),
}
Kind = Literal["method", "task", "paper"]
Folder = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="A folder of yours for both files; without it they go into your clone."),
]


@dataclass(frozen=True)
class Files:
    """The places of the two files. `outside` says that they are not in this repository, so that commands need --include."""

    code: Path
    test: Path
    outside: bool


@app.command("method", epilog="Example:\n\npython -m runners.new method my_method --solves LinearInverse --folder mine")
def new_method(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _.")],
    solves: Annotated[
        str, typer.Option(metavar="INTERFACE", autocompletion=completion.interfaces, help="What kind of problem it solves.")
    ] = "LinearInverse",
    folder: Folder = None,
) -> None:
    """Write a method that runs, its test, and print what to do next."""
    if solves not in _EXAMPLES:
        raise unknown("interface", solves, _EXAMPLES)
    task, room = _EXAMPLES[solves]
    files = _write("method", name, folder, f"method_{solves}", f"methods/{room}")
    include = f" --include {files.code}" if files.outside else ""
    check = files.code if files.outside else name
    print(f"wrote {files.code} and {files.test}; next:")
    print(f"  python -m runners.check {check}")
    print(f"  python -m runners.run --task {task} --preset tiny --method {name}{include}")
    print(
        f"  python -m runners.run --task {task} --method {name}{include}        # preset small: the table says where it stands"
    )


@app.command("task", epilog="Example:\n\npython -m runners.new task my_task --folder mine")
def new_task(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _.")],
    folder: Folder = None,
) -> None:
    """Write a task that runs, its test, and print what to do next."""
    files = _write("task", name, folder, "task", "tasks")
    include = f" --include {files.code}" if files.outside else ""
    print(f"wrote {files.code} and {files.test}; next:")
    print(f"  python -m runners.check {files.code if files.outside else name}")
    print(f"  python -m runners.run --task {name} --preset tiny --method all{include}")
    print("  then make it yours: problem, data, score; its header says what")


@app.command("paper", epilog="Example:\n\npython -m runners.new paper my_paper --folder mine")
def new_paper(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and _.")],
    folder: Folder = None,
) -> None:
    """Write a paper with a claim that is checked, its test, and print what to do next."""
    files = _write("paper", name, folder, "paper", "benchmark/claims/papers")
    include = f" --include {files.code}" if files.outside else ""
    print(f"wrote {files.code} and {files.test}; next:")
    print(f"  python -m runners.claims --paper 0000.00000 --run{include}")
    print("  then make it yours: number, title, claims; benchmark/claims/rules.py holds the rules")
    print("  a package of yours names the module in its entry points lowdimbench.claims")


def _in_a_clone() -> bool:
    """Whether the suite's code lies in a clone of its repository, or a copy of it, so that commands may write into it. That of
    an installed package does not.
    """
    return (registry.ROOT / "pyproject.toml").is_file()


def _write(kind: Kind, name: str, folder: Path | None, template: str, room: str) -> Files:
    """Both files, or none. Raises DiskFull, and UserError for a name that is taken or cannot be one, and for files that
    are there.
    """
    if not name.isidentifier() or name != name.lower() or name.startswith("_") or keyword.iskeyword(name) or not name.isascii():
        raise UserError(f"'{name}' cannot name a {kind}; use lower-case letters, digits and _, such as my_{kind}")
    known: dict[Kind, Callable[[], Mapping[str, object]]] = {"method": registry.methods, "task": registry.tasks, "paper": dict}
    if name in known[kind]():
        raise UserError(f"there is a {kind} '{name}' already; choose another name")
    if folder is None:
        if not _in_a_clone():
            raise UserError(
                "name a folder of yours with --folder, such as --folder mine: the suite is installed here, not cloned"
            )
        root = registry.ROOT
        tests = root / "tests" / (Path(room).parent if kind == "paper" else f"{kind}s")
        files = Files(root / room / f"{name}.py", tests / f"test_{name}.py", outside=False)
    else:
        files = Files(folder / f"{name}.py", folder / f"test_{name}.py", outside=True)
    for file in (files.code, files.test):
        if file.exists():
            raise UserError(f"{file} is there already; move it away or choose another name")
    words = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "class": "".join(part.capitalize() for part in name.split("_")),
        "module": name if files.outside else f"benchmark.claims.papers.{name}",
        "check": str(files.code.name if files.outside else name),
    }
    words["include"] = Template(_INCLUDE).substitute(words) if files.outside else ""
    words["pathlib"] = "from pathlib import Path\n\n" if files.outside else ""
    texts = [(files.code, _filled(f"{template}.txt", words)), (files.test, _filled(f"{template}_test.txt", words))]
    written: list[Path] = []
    try:
        for file, text in texts:
            file.parent.mkdir(parents=True, exist_ok=True)
            written.append(file)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        if is_full(error):
            raise DiskFull(f"the disk of {file.parent} is full ({error.strerror})") from None
        raise UserError(f"cannot write {error.filename} ({error.strerror}); choose a folder with --folder") from None
    return files


def _filled(template: str, words: dict[str, str]) -> str:
    return Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)


if __name__ == "__main__":
    run_app(app)
