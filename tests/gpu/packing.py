"""What a machine without a network lacks to run the kit, in one folder:  tests/gpu/pack [--machine FILE] [--into FOLDER]

    wheels/   packages that the suite and its tests need and the machine lacks, for its Python and platform
    commit    of the tree, which travels without its repository
    data/     of packages that are only read as data, the files that the suite reads, so far as they fit

The tree and the folder together stay under a limit in MiB. What does not fit is named with the tasks that go without it. The
command prints the sizes, and with which words to begin on the machine.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmark import environment, registry
from benchmark.datasets.sources import SOURCES, Packaged

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
TESTS = ("pytest", "pytest-timeout", "hypothesis")  # of the extra `dev`, what tests of a GPU need
MIB = 1 << 20


@dataclass(frozen=True)
class Machine:
    """python: its version, such as 3.12; platforms: tags of wheels that run there; packages: what it has, canonical names."""

    python: str
    platforms: tuple[str, ...]
    packages: frozenset[str]

    @classmethod
    def read(cls, file: Path) -> "Machine":
        """Raises SystemExit with one line where the file is not one of a machine."""
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
            names = frozenset(map(canonicalize_name, found["packages"]))
            return cls(found["python"], tuple(found["platforms"]), names)
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise SystemExit(f"{file}: it needs python, platforms and packages ({type(error).__name__}: {error})") from None

    @property
    def markers(self) -> dict[str, str]:
        """What conditions of requirements see there."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": "x86_64",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }


def needed(machine: Machine, roots: Iterable[str]) -> list[str]:
    """Names of packages that the roots need, themselves included, that the machine lacks and that are not read as data only.

    What a package of the machine needs is there with it. Requirements are those of the packages installed here. Raises
    SystemExit for one that is not.
    """
    data = {canonicalize_name(package) for package in packaged()}
    found: dict[str, None] = {}
    left = [canonicalize_name(root) for root in roots]
    while left:
        name = left.pop()
        if name in found or name in machine.packages or name in data:
            continue
        found[name] = None
        try:
            wanted = requires(name) or []
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed here, so what it needs is not known; run: make setup") from None
        for text in wanted:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(machine.markers):
                left.append(canonicalize_name(requirement.name))
    return sorted(found)


def roots() -> list[str]:
    """Names of what the suite itself needs, and its tests of a GPU."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*(Requirement(text).name for text in project["dependencies"]), *TESTS]


def packaged() -> dict[str, dict[str, Packaged]]:
    """Packages that are read as data only: package -> source -> its files. What the suite imports besides is not one."""
    found: dict[str, dict[str, Packaged]] = {}
    for name, source in SOURCES.items():
        if isinstance(source, Packaged) and source.package not in ("sklearn", "skimage"):
            found.setdefault(source.package, {})[name] = source
    return found


def tasks_of(source: str) -> list[str]:
    """Task/preset of every preset that reads a source and needs no file of the user's besides."""
    return [
        f"{task.spec.name}/{name}"
        for task in registry.tasks().values()
        for name, preset in task.spec.presets.items()
        if source in preset.data
    ]


def size(paths: Iterable[Path]) -> int:
    """Bytes of files."""
    return sum(path.stat().st_size for path in paths)


def tree() -> list[Path]:
    """The files of the working tree that travel: tracked, and untracked ones that are not ignored."""
    words = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, capture_output=True, check=True).stdout.decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


def download(machine: Machine, names: Iterable[str], folder: Path) -> None:
    """The wheels of these packages, in the versions installed here. Raises SystemExit with pip's last words."""
    pins = [f"{name}=={version(name)}" for name in names]
    places = [word for platform in machine.platforms for word in ("--platform", platform)]
    words = ["--no-deps", "--only-binary=:all:", "--python-version", machine.python, "--implementation", "cp", *places]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    done = subprocess.run([*pip, *words, *pins], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"pip found no wheel: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")


def copy_data(folder: Path, room: int) -> tuple[list[str], list[str]]:
    """Sources whose files were copied, the smallest first, and those that the room of so many bytes did not hold."""
    sources = [(name, source) for found in packaged().values() for name, source in found.items()]
    sized = sorted(
        (size(map(source.path, source.files)), name, source) for name, source in sources if find_spec(source.package)
    )
    taken, left = [], sorted(name for name, source in sources if not find_spec(source.package))
    for amount, name, source in sized:
        if amount > room:
            left.append(name)
            continue
        room -= amount
        for file in source.files:
            target = folder / source.package / source.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.path(file), target)
        taken.append(name)
    return taken, left


def pack(machine: Machine, into: Path, limit: int) -> int:
    """Fills the folder anew and prints what it holds; the exit code is 1 where it does not fit the limit in bytes."""
    names = needed(machine, roots())
    shutil.rmtree(into, ignore_errors=True)
    for part in ("wheels", "data"):
        (into / part).mkdir(parents=True)
    if names:
        download(machine, names, into / "wheels")
    head, dirty = environment.commit()
    (into / "commit").write_text(head + " dirty" * dirty + "\n", encoding="utf-8")
    travels = size(path for path in tree() if not path.is_relative_to(into))
    wheels = size((into / "wheels").iterdir())
    taken, left = copy_data(into / "data", limit - travels - wheels)
    data = size(path for path in (into / "data").rglob("*") if path.is_file())
    print(f"wheels of {len(names)} packages: {', '.join(names)}")
    print(f"data of: {', '.join(taken) or 'nothing'}")
    for name in left:
        print(f"left out, it does not fit: {name}; without it: {', '.join(tasks_of(name))}")
    sizes = f"tree {travels / MIB:.1f} + wheels {wheels / MIB:.1f} + data {data / MIB:.1f}"
    total = travels + wheels + data
    print(f"{sizes} = {total / MIB:.1f} of {limit / MIB:.0f} MiB")
    print(f"there: . tests/gpu/begin {into.name} && tests/gpu/run --minutes 9 --out FOLDER")
    return 1 if total > limit else 0


def main(words: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="tests/gpu/pack", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--machine", type=Path, default=HERE / "machine.toml", metavar="FILE", help="what the machine has")
    parser.add_argument("--into", type=Path, default=ROOT / ".gpu", metavar="FOLDER", help="emptied first; default: .gpu")
    parser.add_argument("--limit", type=float, default=64.0, metavar="MIB", help="of the tree and the folder together")
    given = parser.parse_args(words)
    machine, into = Machine.read(given.machine), given.into.absolute()
    if into.exists() and any(into.iterdir()) and not (into / "wheels").is_dir():
        raise SystemExit(f"{given.into} holds something else; give an empty folder")
    return pack(machine, into, round(given.limit * MIB))


if __name__ == "__main__":
    sys.exit(main())
