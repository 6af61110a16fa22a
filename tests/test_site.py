"""The documentation site: it builds, fails at a broken link, loads nothing from elsewhere, and has all that is registered."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from benchmark import registry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("site")]
SMALL = "hooks: []\nplugins: [search]\nwatch: []\nextra_css: []\nnav: [index.md]\n"


def build(config, out):
    command = [sys.executable, "-m", "mkdocs", "build", "-f", str(config), "-d", str(out)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=800, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site. Without the packages of the extra `docs` these tests are skipped, and fail where CI=true."""
    if any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material", "mkdocstrings")):
        line = "the site needs: pip install 'lowdimbench[docs]'"
        if os.environ.get("CI") == "true":
            pytest.fail(line)
        pytest.skip(line)
    out = tmp_path_factory.mktemp("site")
    done = build(registry.ROOT / "mkdocs.yml", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def text(site, page):
    return (site / page / "index.html").read_text(encoding="utf-8")


def test_every_task_method_and_paper_has_its_place(site):
    for name in registry.tasks():
        assert f"{name}" in text(site, f"reference/tasks/{name}")
    for name, entry in registry.methods().items():
        assert f'id="{name}"' in text(site, f"reference/methods/{entry.spec.solves.lower()}")
    for file in registry.ROOT.glob("docs/papers/*.md"):
        assert (site / "papers" / file.stem.replace("index", "") / "index.html").is_file()


def test_commands_and_functions_are_described(site):
    commands = text(site, "reference/commands")
    for words in ("lowdimbench run", "lowdimbench submit predictions", "--count-truncated", "--data-dir"):
        assert words in commands
    assert "bridge" in text(site, "reference/python")
    assert "<strong><code>noise</code></strong>" in text(site, "reference/python/problems")  # columns are a list


def test_places_are_filled(site):
    brought = text(site, "how-to/own-data")
    assert "DATA_DIR/fastmri/" in brought
    assert "made: sources" not in brought


def test_nothing_is_loaded_from_elsewhere(site):
    loads = re.compile(
        r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(https?:)?//|<link[^>]*(?:stylesheet|preconnect|icon)[^>]*//", re.I
    )
    files = list(site.rglob("*.html"))
    assert len(files) > 60
    assert [str(file) for file in files if loads.search(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(("link", "fails"), [("index.md", False), ("gone.md", True), ("#gone", True)])
def test_a_broken_link_fails(link, fails, tmp_path, site):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"# Home\n\n[there]({link})\n")
    (tmp_path / "mkdocs.yml").write_text(f"INHERIT: {registry.ROOT}/mkdocs.yml\ndocs_dir: {tmp_path}/docs\n{SMALL}")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "out")
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
