"""What tests/packaging.py says of a wheel is true, and the version stands everywhere alike."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
from zipfile import ZipFile

import pytest
import yaml

import benchmark
from tests import packaging

CONTENTS = {
    "lowdimbench.py": b"x = 1\n",
    "benchmark/datasets/assets/head.npz": b"head",
    "benchmark/datasets/assets/head.LICENSE": b"MIT",
    "benchmark/datasets/assets/priors/faces/prior.json": b"{}",
    "benchmark/store/migrations/versions/one.py": b"revision = 1\n",
    "runners/templates/method.txt": b"method",
    "leaderboard/reference/mri.jsonl": b"{}",
    "leaderboard/reference/to_come.toml": b"",
    "leaderboard/reference/pictures/one.npy": b"one",
    "leaderboard/reference/tuning/mri.jsonl.xz": b"xz",
}
REST = {"README.md": b"", "tests/test_one.py": b""}
INFO = {"lowdimbench-1.dist-info/METADATA": b"Version: 1\n"}
SHIPPED = {name: content for name, content in CONTENTS.items() if name not in packaging.STAYS}


@pytest.fixture
def found(tmp_path):
    """The faults of a wheel and an archive with these contents, beside a small tree."""

    def said(wheel=SHIPPED, archive=SHIPPED, tree=CONTENTS):
        for name, content in {**tree, **REST}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        with ZipFile(tmp_path / "one.whl", "w") as held:
            for name, content in {**wheel, **INFO}.items():
                held.writestr(name, content)
        with tarfile.open(tmp_path / "one.tar.gz", "w:gz") as packed:
            for name in archive:
                packed.add(tmp_path / name, f"lowdimbench-1/{name}")
        return packaging.faults(tmp_path, [*tree, *REST], tmp_path / "one.whl", tmp_path / "one.tar.gz")

    return said


def without(name):
    return {one: content for one, content in SHIPPED.items() if one != name}


def test_a_wheel_that_holds_everything_has_no_fault(found):
    assert found() == []


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_file_that_was_left_out_is_named(found, name):
    assert found(wheel=without(name)) == [f"not in the wheel: {name}"]
    assert found(archive=without(name)) == [f"not in the source archive: {name}"]


def test_what_differs_or_came_from_elsewhere_is_named(found):
    other = SHIPPED | {"lowdimbench.py": b"x = 2\n", "tests/test_one.py": b""}
    assert found(wheel=other) == ["only in the wheel: tests/test_one.py", "otherwise in the wheel: lowdimbench.py"]


def test_a_tree_without_a_kind_of_file_is_noticed(found):
    name = "runners/templates/method.txt"
    less = without(name)
    assert found(less, less, {one: content for one, content in CONTENTS.items() if one != name}) == [
        "the tree holds no templates: runners/templates/*.txt"
    ]


@pytest.mark.long
def test_wheel_and_archive_of_this_tree_hold_every_file(tmp_path):
    assert packaging.faults(packaging.ROOT, packaging.tree(), *packaging.build(tmp_path)) == []


def test_a_release_that_is_asked_for_takes_the_place_of_its_pin():
    text = "numpy==2.4.6\npydantic_core==2.50.4\npydantic==2.14.3\n"
    assert packaging.pins(text, ["pydantic==2.10.0", "pydantic-core==2.27.0"]) == "numpy==2.4.6\n"
    assert packaging.pins(text) == text
    assert packaging.plain("SQLAlchemy>=2.0.36,<3") == "sqlalchemy"


@pytest.mark.parametrize(("code", "expected"), [("print('yes'); raise SystemExit(3)", "yes"), ("print('no')", "yes")])
def test_a_step_fails_by_its_exit_code_and_by_what_it_does_not_print(tmp_path, code, expected):
    with pytest.raises(packaging.Failed) as failed:
        packaging.run("one", [sys.executable, "-c", code], tmp_path, os.environ, expected)
    assert (failed.value.step, failed.value.said) == ("one", re.search(r"'(\w+)'", code)[1])


def test_a_server_that_ends_has_not_answered(tmp_path):
    with pytest.raises(packaging.Failed, match="no port"):
        packaging.answers([sys.executable, "-c", "raise SystemExit('no port')"], packaging.free_port(), tmp_path, os.environ)


def test_a_python_that_is_not_here_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "from tests import packaging; packaging.interpreter('9.9')"],
        cwd=packaging.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "--python 9.9: there is no such interpreter\n")


def test_the_version_stands_everywhere_alike():
    version = tomllib.loads((packaging.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    cited = yaml.safe_load((packaging.ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    changes = (packaging.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert {benchmark.__version__, cited, re.search(r"^## (\d[\d.]*)", changes, re.MULTILINE)[1]} == {version}
