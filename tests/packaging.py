"""What a user installs, tried outside the checkout:  python tests/packaging.py [--python 3.12] [--with 'numpy==2.0.2']

A wheel and a source archive are built from a copy of the tree and compared with it, file by file. The wheel is installed into a
scratch environment of each Python with the pins of constraints.txt. There a newcomer's commands run, the leaderboard answers,
and so do some tests. Each --with makes one more environment with these releases in place of the pins, such as
--with 'pydantic==2.10.0 pydantic-core==2.27.0'. uv installs where it is on the path, pip elsewhere.

It prints a line for each step and a row of a table for each environment. The exit code is 1 where something failed.
An environment needs 2 to 7 GB of disk until it was tried, and some minutes.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
INSTALLED = ("lowdimbench.py", "benchmark/", "tasks/", "methods/", "runners/", "leaderboard/")
STAYS = {"leaderboard/reference/to_come.toml"}  # tests alone read it
KINDS = {
    "data": "benchmark/datasets/assets/*.npz",
    "licences": "benchmark/datasets/assets/*.LICENSE",
    "priors": "benchmark/datasets/assets/priors/*/prior.json",
    "migrations": "benchmark/store/migrations/versions/*.py",
    "templates": "runners/templates/*.txt",
    "reference rows": "leaderboard/reference/*.jsonl",
    "reference pictures": "leaderboard/reference/pictures/*.npy",
    "tuning rows": "leaderboard/reference/tuning/*.jsonl.xz",
}
TESTS = (
    *("benchmark/test_operators.py", "benchmark/test_metrics.py", "benchmark/test_statistics_ranking.py"),
    *("benchmark/test_store.py", "benchmark/test_spec.py", "benchmark/claims/test_claim_rules.py", "methods/test_classical.py"),
)
SHOWN = ("torch", "numpy", "pydantic", "sqlalchemy", "streamlit")
SEES = """
import sys
from pathlib import Path

import lowdimbench as ldb
from benchmark import registry
from benchmark.datasets import sources

assert registry.ROOT.is_relative_to(sys.prefix), registry.ROOT
came = [name for name, source in sources.SOURCES.items() if not isinstance(source, sources.Folder)]
sources.fingerprint(tuple(came), None)  # raises for one that is missing or has another checksum
frame = ldb.results("mri", "small")
assert frame["label"].str.startswith("self_guided_dip").any(), list(frame["label"])
found = ldb.evaluate("mri", lambda problem: problem.A.H(problem.y), preset="tiny")
print(len(came), "sources,", len(frame), "rows,", len(ldb.tasks()), "tasks,", len(ldb.methods()), "methods")
"""


@dataclass(eq=False)
class Failed(Exception):  # noqa: N818  # reads as what happened
    """A step failed. said: the last lines of what it printed."""

    step: str
    said: str


def tree() -> list[str]:
    """The files of this tree, new ones too, without what git ignores."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in found.split("\0") if name and (ROOT / name).is_file()]


def build(folder: Path) -> tuple[Path, Path]:
    """Wheel and source archive, made from a copy of the tree in the folder: nothing is written into the tree.

    Raises Failed with what the build printed.
    """
    copy, out = folder / "tree", folder / "built"
    for name in tree():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    out.mkdir()
    code = f"from setuptools import build_meta as made; made.build_sdist({str(out)!r}); made.build_wheel({str(out)!r})"
    run("build", [sys.executable, "-c", code], copy, os.environ)
    shutil.rmtree(copy / "build")
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def faults(root: Path, names: Iterable[str], wheel: Path, archive: Path) -> list[str]:
    """A line for each file of the tree that wheel or archive lack or hold otherwise, for each that only the wheel holds, and
    for each kind of file of which the tree has none.
    """
    ours = sorted(name for name in names if name.startswith(INSTALLED) and name not in STAYS)
    found = [f"the tree holds no {kind}: {place}" for kind, place in KINDS.items() if not any(root.glob(place))]
    with ZipFile(wheel) as held:
        there = {name for name in held.namelist() if ".dist-info/" not in name and not name.endswith("/")}
        found += [f"not in the wheel: {name}" for name in ours if name not in there]
        found += [f"only in the wheel: {name}" for name in sorted(there - set(ours))]
        found += [f"otherwise in the wheel: {n}" for n in ours if n in there and held.read(n) != (root / n).read_bytes()]
    with tarfile.open(archive) as packed:
        for member in packed:
            there.add(f"archive/{member.name.partition('/')[2]}")
    return found + [f"not in the source archive: {name}" for name in ours if f"archive/{name}" not in there]


def plain(name: str) -> str:
    """The name of a package as registries compare it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]*", name.strip()).group()).lower()  # type: ignore[union-attr]


def pins(text: str, replaced: Iterable[str] = ()) -> str:
    """The lines of constraints.txt without those of packages that other requirements replace."""
    names = {plain(one) for one in replaced}
    return "".join(f"{line}\n" for line in text.splitlines() if plain(line) not in names)


def run(step: str, words: Sequence[str | Path], folder: Path, environment: Mapping[str, str], expected: str = "") -> str:
    """What a command printed. Raises Failed where its exit code is not 0, it hangs, or it does not print `expected`."""
    try:
        done = subprocess.run(
            words, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3600
        )
    except subprocess.TimeoutExpired:
        raise Failed(step, "it did not end within an hour") from None
    if done.returncode or expected not in done.stdout:
        raise Failed(step, "\n".join(done.stdout.splitlines()[-40:]))
    return done.stdout


def interpreter(name: str) -> str:
    """The path of a Python that is named by its version or its path. Raises SystemExit where it does not run."""
    for one in (name, f"python{name}"):
        found = shutil.which(one)
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    raise SystemExit(f"--python {name}: there is no such interpreter")


def install(python: str, wheel: Path, replaced: Sequence[str], folder: Path) -> Path:
    """A new environment in the folder that holds the wheel, the leaderboard and pytest; its python. Raises Failed."""
    there, limits = folder / "environment", folder / "constraints.txt"
    limits.write_text(pins((ROOT / "constraints.txt").read_text(encoding="utf-8"), replaced), encoding="utf-8")
    mine = there / "bin" / "python"
    uv = shutil.which("uv")
    run("environment", [uv, "venv", "--python", python, there] if uv else [python, "-m", "venv", there], folder, os.environ)
    pip = [uv, "pip", "install", "--python", mine] if uv else [mine, "-m", "pip", "install", "--quiet", "--no-compile"]
    torch = next((one for one in replaced if plain(one) == "torch"), "torch")
    run("install torch", [*pip, "-c", limits, torch], folder, os.environ)  # first, as `make setup` does
    extras = ["pytest", "pytest-timeout", "hypothesis"]
    run("install", [*pip, "-c", limits, f"lowdimbench[leaderboard] @ {wheel.as_uri()}", *extras, *replaced], folder, os.environ)
    return mine


def answers(words: Sequence[str | Path], port: int, folder: Path, environment: Mapping[str, str]) -> None:
    """Starts a server, asks it for its health and its first page, and stops it. Raises Failed where it does not answer."""
    step, end = "leaderboard", time.monotonic() + 300
    with (folder / "server.log").open("w+") as log:
        server = subprocess.Popen(words, cwd=folder, env=dict(environment), stdout=log, stderr=subprocess.STDOUT)
        try:
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=10) as reply:
                        assert reply.read() == b"ok"
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
                        assert b"<html" in reply.read()
                    return
                except (OSError, AssertionError):
                    if server.poll() is not None or time.monotonic() > end:
                        log.seek(0)
                        raise Failed(step, log.read()[-3000:]) from None
                    time.sleep(0.5)
        finally:
            server.terminate()
            server.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def newcomer(python: Path, folder: Path, say: Callable[[str], None]) -> None:
    """What is tried in an environment: commands, the server, tests. Raises Failed at the first step that fails."""
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LOWDIMBENCH_DB")}
    outside |= {"LOWDIMBENCH_DB": str(folder / "results.db"), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    command, place = python.parent / "lowdimbench", folder / "elsewhere"
    (place / "mine").mkdir(parents=True)
    port = free_port()
    mri = ["run", "--task", "mri", "--preset", "tiny", "--method"]
    steps: list[tuple[str, list[str | Path], str]] = [
        ("import", [python, "-c", SEES], "methods"),
        ("run", [command, *mri, "zero_filled"], "zero_filled"),
        ("claims", [command, "claims", "--paper", "2402.04097"], "2402.04097"),
        ("new", [command, "new", "method", "my_method", "--solves", "LinearInverse", "--folder", "mine"], "my_method"),
        ("check", [command, "check", "mine/my_method.py"], "0 failed"),
        ("run mine", [command, *mri, "my_method", "--include", "mine/my_method.py"], "my_method"),
    ]
    for step, words, expected in steps:
        began = time.monotonic()
        run(step, words, place, outside, expected)
        say(f"    {step}: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    answers([command, "leaderboard", "--port", str(port)], port, place, outside)
    say(f"    leaderboard: {time.monotonic() - began:.0f} s")
    for name in tree():  # tests without the code that they test: it is the installed one
        if name.startswith("tests/") and name.endswith(".py"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place / name)
    shutil.copyfile(ROOT / "pyproject.toml", place / "pyproject.toml")
    began = time.monotonic()
    said = run("tests", [python, "-m", "pytest", *(f"tests/{name}" for name in TESTS)], place, outside, " passed")
    say(f"    tests: {time.monotonic() - began:.0f} s, {said.strip().splitlines()[-1].strip('= ')}")


def releases(python: Path) -> dict[str, str]:
    """The releases that are installed of what a user may have others of, and of Python."""
    code = f"import platform, importlib.metadata as m; print(platform.python_version(), *map(m.version, {SHOWN!r}))"
    said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return dict(zip(("python", *SHOWN), said, strict=True))


def tried(name: str, wheel: Path, replaced: Sequence[str], place: Path | None, say: Callable[[str], None]) -> tuple[str, bool]:
    """The row of one environment, and whether all went well. The environment is deleted."""
    others = " ".join(replaced)
    say(f"python {name}{f' with {others}' if others else ''}")
    with tempfile.TemporaryDirectory(prefix="packaging-", dir=place) as made:
        folder, held = Path(made), {"python": name}
        try:
            python = install(interpreter(name), wheel, replaced, folder)
            held = releases(python)
            newcomer(python, folder, say)
            outcome, passed = "passed", True
        except Failed as failed:
            say(f"    {failed.step} FAILED\n{failed.said}")
            outcome, passed = f"failed at: {failed.step}", False
    cells = [held.get(one, "") for one in ("python", *SHOWN)]
    return f"| {' | '.join(cells)} | {outcome} |", passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", metavar="VERSION", help="an interpreter, by version or path; repeatable")
    parser.add_argument("--with", action="append", dest="others", default=[], metavar="REQUIREMENTS", help="repeatable")
    parser.add_argument("--only-with", action="store_true", help="do not try the pins themselves")
    parser.add_argument("--no-install", action="store_true", help="build and compare alone")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the wheel and the source archive are left")
    parser.add_argument("--folder", type=Path, help="where environments are made; else the system's place for temporary files")
    given = parser.parse_args()

    def say(line: str) -> None:
        print(line, flush=True)

    with tempfile.TemporaryDirectory(prefix="built-", dir=given.folder) as made:
        began = time.monotonic()
        try:
            wheel, archive = build(Path(made))
        except Failed as failed:
            say(f"build FAILED\n{failed.said}")
            return 1
        found = faults(ROOT, tree(), wheel, archive)
        sizes = " and ".join(f"{one.name} ({one.stat().st_size / 1e6:.0f} MB)" for one in (wheel, archive))
        say(f"{sizes} built in {time.monotonic() - began:.0f} s")
        for line in found:
            say(f"    {line}")
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            for one in (wheel, archive):
                shutil.copy(one, given.keep)
        version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        assert f"-{version}-" in wheel.name
        wanted = [*([[]] if not given.only_with else []), *(one.split() for one in given.others)]
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        rows = [
            tried(python, wheel, replaced, given.folder, say)
            for python in (() if given.no_install else given.python or [here])
            for replaced in wanted
        ]
    if rows:
        say("\n".join([f"| Python | {' | '.join(SHOWN)} | |", f"|{'---|' * (len(SHOWN) + 2)}", *(row for row, _ in rows)]))
    return 0 if not found and all(passed for _, passed in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
