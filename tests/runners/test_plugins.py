"""Tasks and methods of an installed package: a real one, built and installed into a scratch environment."""

import os
import shutil
import site
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from benchmark import registry

pytestmark = pytest.mark.slow

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "somebodys-methods"
version = "1.2"

[project.entry-points."lowdimbench.methods"]
half = "somebodys.half"
missing = "somebodys.nowhere"
clashing = "somebodys.clashing"

[project.entry-points."lowdimbench.tasks"]
theirs = "somebodys.theirs"

[tool.setuptools]
packages = ["somebodys"]
"""
HALF = '''"""Half of the adjoint.

x = A^H y / 2
"""

from benchmark import method

from .parts import FACTOR


@method("half", solves="LinearInverse", kind="test", paper="")
def half(problem, ctx):
    return FACTOR * problem.A.H(problem.y)
'''


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """The interpreter of a scratch environment that sees this one's packages and has the plug-in installed."""
    folder = tmp_path_factory.mktemp("plugin")
    package = folder / "source" / "somebodys"
    package.mkdir(parents=True)
    (folder / "source" / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text("raise RuntimeError('listing must not import the package')\n")
    (package / "half.py").write_text(HALF)
    (package / "parts.py").write_text("FACTOR = 0.5\n")
    (package / "clashing.py").write_text(HALF.replace('"half"', '"dip"'))
    subprocess.run(
        [sys.executable, "-m", "runners.new", "task", "theirs", "--folder", str(package)],
        cwd=registry.ROOT,
        check=True,
        capture_output=True,
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    home = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    ).stdout.strip()
    here = [sysconfig.get_path("purelib"), *site.getsitepackages()]
    (folder / "venv" / home / "this.pth").write_text("\n".join(dict.fromkeys(here)))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--no-deps", "--target", home, str(folder / "source")],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(folder / "source")
    return python, home


def run(scratch, folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
    return subprocess.run(
        [scratch[0], "-m", "runners.run", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_what_an_installed_package_offers_is_listed_without_importing_it(scratch, tmp_path):
    done = run(scratch, tmp_path, "--list")
    assert done.returncode == 0, done.stderr
    assert "method half  (test)  Half of the adjoint" in done.stdout
    assert "task   theirs" in done.stdout
    assert "left out the plug-in somebodys.nowhere: there is no such module; update or uninstall" in done.stdout
    assert "left out the plug-in somebodys.clashing: clashing.py and dip.py both define 'dip'" in done.stdout


def test_it_runs_and_its_own_modules_count(scratch, tmp_path):
    home = scratch[1]
    Path(home, "somebodys", "__init__.py").write_text("")
    words = ("--task", "theirs", "--preset", "tiny", "--method", "half", "--db", str(tmp_path / "a.db"))
    done = run(scratch, tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out the plug-in somebodys.nowhere" in done.stdout
    assert "2 done already, 0 to run" in run(scratch, tmp_path, *words).stdout
    Path(home, "somebodys", "parts.py").write_text("FACTOR = 0.25\n")
    assert "1 done already, 1 to run" in run(scratch, tmp_path, *words, "--dry-run").stdout
