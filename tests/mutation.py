"""Whether the tests notice when one line of the code is wrong:  python tests/mutation.py [--only PATTERN] [--jobs N]

Run by hand; takes minutes. Each table of tests/mutants.toml is a mutant: one replacement in one file, and the tests that must
fail with it. The replacement is made in a scratch copy of the working tree, never in the tree itself.

    killed        a test fails, or does not end in time
    survived      all tests pass: nothing holds that line
    test-broken   the tests fail without the mutant too, or there are none of these names

Verdicts are kept in results/mutation.json under a hash of the mutant, its file and its tests' files, so that a second call
goes on where the first stopped and repeats only what changed. Exit code 1 where a mutant is not killed, 2 for bad input.
"""

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from queue import Queue
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ROOT = Path(__file__).parents[1]
TIMEOUT = 900.0  # seconds for all tests of one mutant
_PACKAGES = ("benchmark", "tasks", "methods", "runners", "leaderboard")


class Mutant(BaseModel):
    """One wrong line. test: node ids or files of pytest; why: what the line is there for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    group: str
    file: str
    text: str = Field(min_length=1)
    replacement: str
    test: list[str] = Field(min_length=1)
    why: str = ""

    def apply(self, root: Path) -> str:
        """The file's text with the replacement. Raises ValueError where it cannot be made or changes nothing."""
        path = root / self.file
        if not path.is_file():
            raise ValueError(f"{self.name}: there is no {self.file}")
        before = path.read_text(encoding="utf-8")
        if (count := before.count(self.text)) != 1:
            raise ValueError(f"{self.name}: its text occurs {count} times in {self.file}, not once: {self.text!r}")
        after = before.replace(self.text, self.replacement)
        try:
            same = ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))
        except SyntaxError as error:
            raise ValueError(f"{self.name}: {self.file} does not compile with its replacement ({error})") from None
        if same:
            raise ValueError(f"{self.name}: its replacement changes no code")
        return after

    def test_files(self) -> list[str]:
        """The files of its tests, sorted."""
        return sorted({node.partition("::")[0] for node in self.test})


def read(root: Path = ROOT) -> list[Mutant]:
    """All mutants of tests/mutants.toml. Raises ValueError, with the file, for one that is not sound."""
    file = root / "tests" / "mutants.toml"
    try:
        found = [Mutant.model_validate(table) for table in tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]]
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}: {first['input']}") from None
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ValueError(f"{file.name}: {error}") from None
    if twice := [name for name, count in Counter(mutant.name for mutant in found).items() if count > 1]:
        raise ValueError(f"two mutants are called {twice[0]!r}")
    return found


def copy_tree(root: Path, to: Path) -> None:
    """Copy what git tracks and what it does not ignore, as it is in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, check=True, capture_output=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


class Scratch:
    """A copy of the tree in which one mutant at a time is tried."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder.resolve()
        copy_tree(root, self.folder)
        # Without bytecode a restored file cannot be mistaken for the one before it.
        own = {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        self.environment = {**os.environ, **own}
        self.assert_own_code()

    def assert_own_code(self) -> None:
        """Raises AssertionError unless Python, started as the tests are, imports the packages of this copy and no others."""
        here = [name for name in _PACKAGES if (self.folder / name / "__init__.py").is_file()]
        code = f"import importlib.util as u\nfor name in {here}: print(u.find_spec(name).origin)"
        found = self.run([sys.executable, "-c", code], 60).stdout.split("\n")[:-1]
        assert found == [str(self.folder / name / "__init__.py") for name in here], f"other code than the copy's: {found}"

    def passes(self, tests: Sequence[str]) -> bool | None:
        """Whether the tests pass in the copy as it is; None where pytest finds none by these names."""
        options = ("-x", "-q", "-m", "slow or not slow", "-p", "no:cacheprovider", "--no-header")
        try:
            code = self.run([sys.executable, "-m", "pytest", *options, *tests], TIMEOUT).returncode
        except subprocess.TimeoutExpired:
            return False
        return None if code in (4, 5) else code == 0

    def survives(self, mutant: Mutant) -> bool:
        """Whether all tests of a mutant pass with it. The copy is restored."""
        path = self.folder / mutant.file
        before = path.read_bytes()
        try:
            path.write_text(mutant.apply(self.folder), encoding="utf-8")
            return bool(self.passes(mutant.test))
        finally:
            path.write_bytes(before)

    def run(self, command: list[str], limit: float) -> "subprocess.CompletedProcess[str]":
        """Run a command in the copy. Raises TimeoutExpired after `limit` seconds."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=limit, check=False
        )


class Verdicts:
    """What was found before, in a file; what is found now is written at once."""

    def __init__(self, root: Path) -> None:
        self.path = root / "results" / "mutation.json"
        self.known: dict[str, str] = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.lock = Lock()

    def keep(self, key: str, verdict: str) -> None:
        """Add one and write all."""
        with self.lock:
            self.known[key] = verdict
            self.path.parent.mkdir(exist_ok=True)
            scratch = self.path.with_suffix(".part")
            scratch.write_text(json.dumps(self.known, indent=0, sort_keys=True))
            scratch.replace(self.path)


def key(root: Path, what: object, files: Iterable[str]) -> str:
    """SHA-256 of a thing and of the contents of files."""
    contents = [sha256((root / file).read_bytes()).hexdigest() for file in files if (root / file).is_file()]
    return sha256(json.dumps([what, contents]).encode()).hexdigest()


def verdict(mutant: Mutant, scratch: Scratch, verdicts: Verdicts) -> str:
    """Killed, survived or test-broken; the tests run without the mutant once, and not again until they or the file change."""
    unmutated = key(scratch.folder, mutant.test, [mutant.file, *mutant.test_files()])
    if unmutated not in verdicts.known:
        if not scratch.passes(mutant.test):
            return "test-broken"
        verdicts.keep(unmutated, "passes")
    return "survived" if scratch.survives(mutant) else "killed"


def run(mutants: Sequence[Mutant], root: Path = ROOT, jobs: int = 1) -> dict[str, str]:
    """The verdict of each mutant by its name; a line for each as it comes. Raises ValueError for one that cannot be made."""
    for mutant in mutants:
        mutant.apply(root)
    verdicts = Verdicts(root)
    keys = {m.name: key(root, m.model_dump(exclude={"group", "why"}), [m.file, *m.test_files()]) for m in mutants}
    found = {name: verdicts.known[digest] for name, digest in keys.items() if digest in verdicts.known}
    todo = [mutant for mutant in mutants if mutant.name not in found]
    print(f"{len(found)} of {len(mutants)} mutants were tried before", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder, ThreadPoolExecutor(jobs) as pool:
        free: Queue[Scratch] = Queue()
        for number in range(min(jobs, len(todo))):
            free.put(Scratch(root, Path(folder) / str(number)))

        def tried(mutant: Mutant) -> str:
            scratch = free.get()
            try:
                return verdict(mutant, scratch, verdicts)
            finally:
                free.put(scratch)

        waiting = {pool.submit(tried, mutant): mutant for mutant in todo}
        try:
            for number, future in enumerate(as_completed(waiting), start=1):
                mutant = waiting[future]
                found[mutant.name] = future.result()
                if found[mutant.name] != "test-broken":  # tried again next time
                    verdicts.keep(keys[mutant.name], found[mutant.name])
                print(f"[{number}/{len(todo)}] {found[mutant.name]:11}  {mutant.group}: {mutant.name}", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)
    return found


def main() -> int:
    """Try the mutants asked for, print totals and survivors; the exit code."""
    parser = argparse.ArgumentParser(description="Name the mutants that no test notices.")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="groups, names or files that contain or match this")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="mutants at once, a copy of the tree each")
    asked = parser.parse_args()
    pattern = f"*{asked.only.strip('*')}*"
    try:
        chosen = [m for m in read() if any(fnmatchcase(word, pattern) for word in (m.group, m.name, m.file))]
        if not chosen or asked.jobs < 1:
            raise ValueError(f"no mutant matches {asked.only!r}" if not chosen else "--jobs is at least 1")
        found = run(chosen, jobs=asked.jobs)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for group in sorted({mutant.group for mutant in chosen}):
        counts = Counter(found[mutant.name] for mutant in chosen if mutant.group == group)
        print(f"{group:18} {counts['killed']:3} of {counts.total():3} killed")
    for kind in ("survived", "test-broken"):
        for name in sorted(name for name, one in found.items() if one == kind):
            print(f"{kind}: {name}")
    return 0 if set(found.values()) == {"killed"} else 1


if __name__ == "__main__":
    sys.exit(main())
