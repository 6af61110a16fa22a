"""What MkDocs calls while it builds the site: pages that are made from code and data, so that none of them can be out of date.

The home page is README, the notebook is docs/python.ipynb, the reference is what docs/scripts/reference.py makes. They are
never written into docs/.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "docs/scripts")]  # mkdocs is started anywhere, and gives a hook no package

import reference  # noqa: E402

# Files of the repository that README and CONTRIBUTING link to, and the pages that hold them here.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmark/datasets/SOURCES.md": "reference/data.md",
    "docs/python.ipynb": "how-to/notebook.md",
}
_LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[)#])")
_made: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Makes the pages, and fills the places in the navigation that end in *."""
    _made.clear()
    _made.update(from_root())
    _made.update(reference.pages())
    there = {file.relative_to(config.docs_dir).as_posix(): file.read_text(encoding="utf-8") for file in papers(config)}
    config.nav = filled(config.nav or [], {**there, **_made})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that were made."""
    for name, text in _made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Fills the places `<!-- made: NAME -->` of pages that somebody wrote."""
    return re.sub(r"<!-- made: (\w+) -->", lambda place: reference.PARTS[place[1]](), markdown)


def papers(config: MkDocsConfig) -> list[Path]:
    """The pages of papers, which a command writes and the repository holds."""
    return sorted(Path(config.docs_dir, "papers").glob("*.md"))


def from_root() -> dict[str, str]:
    """The pages that are files at the repository's root, and the notebook."""
    found = {PAGES[name]: moved((ROOT / name).read_text(encoding="utf-8")) for name in PAGES if "/" not in name}
    return {**found, PAGES["docs/python.ipynb"]: notebook((ROOT / "docs/python.ipynb").read_text(encoding="utf-8"))}


def moved(text: str) -> str:
    """The text of a file at the root with its links as they are from the site's root.

    A link to a file that is no page becomes its name, because a visitor of the site may not have the repository.
    """
    text = _LINK.sub(lambda link: PAGES.get(link[1], link[1].removeprefix("docs/")), text)
    return re.sub(r"\[([^]]*)\]\((?!https?:)(?![^)]*\.(?:md|png|svg)\b)(?!#)[^)]*\)", r"\1", text)


def notebook(text: str) -> str:
    """The cells of a notebook as Markdown, without outputs."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(source if kind == "markdown" else f"```python\n{source}\n```" for kind, source in cells) + "\n"


def filled(nav: list[Any], pages: Mapping[str, str]) -> list[Any]:
    """The navigation with every `folder/*` replaced by that folder's pages, its index first."""
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and entry.endswith("/*"):
            found += [each for each in _inside(entry, pages) if each not in nav]
        elif isinstance(entry, dict):
            [(title, below)] = entry.items()
            if isinstance(below, list):
                found.append({title: filled(below, pages)})
            else:
                found.append({title: _inside(below, pages) if below.endswith("/*") else below})
        else:
            found.append(entry)
    return found


def _inside(pattern: str, pages: Mapping[str, str]) -> list[Any]:
    folder = pattern.removesuffix("*")
    names = sorted(name for name in pages if name.startswith(folder))
    if not names:
        raise ValueError(f"no page for {pattern} in nav")
    index = folder + "index.md"
    return [index] * (index in names) + [{_title(pages[name]): name} for name in names if name != index]


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ").replace("`", "")
