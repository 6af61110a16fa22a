"""What the help shows can be pasted, and is in groups."""

import shlex
import subprocess
import sys

import pytest

from benchmark import registry
from runners.run import EXAMPLES


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_help_can_be_pasted(command, example):
    words = shlex.split(example)
    assert words[:3] == ["python", "-m", "runners.run"]
    done = command(*words[3:], *([] if "--dry-run" in words else ["--dry-run"]))
    assert done.returncode == 0, done.stderr
    assert "to run" in done.stdout


def test_options_are_in_groups_and_every_example_is_shown(command):
    out = command("--help", db=False, environment={"COLUMNS": "200"}).stdout
    for group in ("What to run", "How to run it", "Where things are", "Only look"):
        assert f"─ {group} ─" in out
    for example in EXAMPLES:
        assert example in out


LIBRARIES = "numpy pandas pydantic scipy sqlalchemy torch"
STARTED = f"""
import runpy, sys
sys.argv = ["run", sys.argv[1]]
try:
    runpy.run_module("runners.run", run_name="__main__")
except SystemExit as left:
    print(left.code, *(name for name in "{LIBRARIES}".split() if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(("option", "imported"), [("--help", []), ("--list", ["pydantic"])])
def test_whoever_only_looks_waits_for_no_library_that_a_run_needs(option, imported):
    words = [sys.executable, "-c", STARTED, option]
    done = subprocess.run(words, cwd=registry.ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["0", *imported]


@pytest.mark.slow
def test_a_command_without_a_word_shows_its_help_and_says_what_is_missing():
    done = subprocess.run([sys.executable, "-m", "runners.main"], capture_output=True, text=True, cwd=registry.ROOT)
    assert done.returncode == 2
    assert "leaderboard" in done.stdout
    assert done.stderr.splitlines() == ["error: no command is named; the help lists them"]
