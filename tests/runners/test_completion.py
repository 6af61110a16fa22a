"""What a shell offers after <TAB>, asked as the shells ask."""

import os

import pytest

from benchmark import registry
from tests.runners.forks import FORKS


def ask(shell, line):
    """The words that the shell is offered at the end of the line."""
    words = line.split(" ")
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), "_LOWDIMBENCH_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        environment |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    else:
        environment |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = FORKS(["runners.main"], registry.ROOT, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offered", "kept_back"),
    [
        ("lowdimbench run --task m", "mri", "dip"),
        ("lowdimbench run --method self", "self_guided_dip", "zero_filled"),
        ("lowdimbench run --method paper:2402", "paper:2402.04097", "kind:baseline"),
        ("lowdimbench run --task mri --preset sm", "small_noisy", "tiny"),
        ("lowdimbench run --method l1_wavelet --set we", "weight=", "steps="),
        ("lowdimbench re", "reproduce", "export"),
        ("lowdimbench submit wi", "withdraw", "status"),
        ("lowdimbench submit export-inputs --task m", "mri", "dip"),
    ],
)
def test_names_are_offered(shell, line, offered, kept_back):
    out = ask(shell, line).replace("\\", "")
    assert offered in out
    assert kept_back not in out


def test_a_shell_can_be_told_how():
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), "_LOWDIMBENCH_COMPLETE": "source_bash"}
    out = FORKS(["runners.main"], registry.ROOT, environment).stdout
    assert "complete" in out
    assert "lowdimbench" in out
