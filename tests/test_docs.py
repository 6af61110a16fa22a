"""What README and CONTRIBUTING say is true."""

import re
import shlex
import subprocess
import sys

import pytest
import torch

from benchmark import registry
from benchmark.context import Context

README = (registry.ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (registry.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "runners.run", *words], cwd=registry.ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_every_option_named_is_an_option_and_every_option_is_named():
    options = set(re.findall(r"--[a-z][a-z-]+", run("--help"))) - {"--help"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    assert named == options


@pytest.mark.parametrize("line", [line for line in README.splitlines() if line.startswith("python -m runners.run")])
def test_commands_of_the_readme_plan_what_they_say(line, tmp_path):
    words = shlex.split(line.partition("#")[0])[3:]
    if "mine.py" in words or "--data-dir" in words:
        return  # files that the reader brings
    out = run(*words, *([] if "--list" in words else ["--dry-run", "--db", str(tmp_path / "a.db")]))
    assert "mri" in out


def test_the_readme_lists_every_method_and_task():
    for name in [*registry.methods(), *registry.tasks()]:
        assert f"`{name}`" in README


def test_the_example_method_works_as_printed(tmp_path):
    [code] = [block for block in re.findall(r"```python\n(.*?)```", CONTRIBUTING, re.DOTALL) if "@method" in block]
    file = tmp_path / "landweber.py"
    file.write_text(code)
    registry.include([file])
    entry = registry.get_method("landweber")
    assert entry.spec.summary.startswith("Landweber iteration")
    task = registry.get_task("mri").load()
    instance = task.make(task.spec.presets["tiny"], "test", 0, torch.Generator().manual_seed(0))
    points = []
    ctx = Context(torch.device("cpu"), 0, on_record=lambda step, seconds, estimates: points.append(estimates["estimate"]))
    estimate = instance.problem.check(entry.load()(instance.problem, ctx, entry.spec.resolve("mri", "tiny", {})))
    zero_filled = instance.problem.A.H(instance.problem.y)
    assert task.score(instance, estimate)["psnr"] > task.score(instance, zero_filled)["psnr"]
    assert torch.equal(points[-1], estimate)
