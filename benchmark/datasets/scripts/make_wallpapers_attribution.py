"""Make assets/wallpapers.LICENSE: author and licence of each photograph from which the prior `photographs64` is learned.

    python benchmark/datasets/scripts/make_wallpapers_attribution.py FOLDER

FOLDER holds the unpacked packages (scripts/make_crops.py says how to get them). Of gcompris-qt-data each container carries its
own README with author, licence and source of each picture; the package's copyright file still lists pictures of older versions,
partly under the names of today's, so the READMEs count. Of the others the copyright files of the packages count; where they
name no author, the file beside the pictures does, and the attribution says so.
"""

import json
import re
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from benchmark.datasets import rcc, wallpapers
from benchmark.errors import UserError

MISSPELT = {"explore_monuments/aulaPalatina": "audaPalatina", "categorization/screwDriver": "screDriver"}  # in the READMEs
ROOTS = {  # of a package's pictures in its copyright file
    "lomiri-wallpapers-16.04": "16.04/{}",
    "lxqt-themes": "wallpapers/{}",
    "mate-backgrounds": "nature/{}",
    "plasma-workspace-wallpapers": "{}",
}
NOT_STATED = "NOT STATED"
HEAD = """\
Photographs that the prior photographs64 is learned from. None of them, and no crop of one, is part of this
repository: scripts/make_crops.py reads them from five packages of Debian 12 (bookworm).

Changes: squares were cut out and reduced to 64 x 64 pixels; a part of the photographs (HELD OUT) was kept from
learning and is used to measure it.

What the packages state is copied here. NOT STATED: the package names no author for this file.

gcompris-qt-data: author, licence and source as the README beside the pictures inside each container states.
lomiri-wallpapers-16.04, mate-backgrounds: as the package's copyright file states for the file.
lxqt-themes: the package's copyright file states LGPL-2.1+ for all that it does not name, and names none of these;
usr/share/lxqt/wallpapers/License states CC BY-SA 3.0 for the wallpapers and credits those whose author is given.
plasma-workspace-wallpapers: author and LGPLv3 as the metadata.json beside each picture states; the package's
copyright file states GPL-2+, copyright KDE Visual Design Group, for all.
"""


def paragraphs(text: str) -> list[dict[str, str]]:
    """{field: value} of each paragraph; a value keeps its lines."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        field = ""
        for line in block.splitlines():
            head = re.match(r"(Copyright|License|Source|Files|Comments?): *(.*)", line)
            if head:
                field = head[1]
                fields[field] = head[2]
            elif field:
                fields[field] += "\n" + line.strip()
        found.append(fields)
    return [fields for fields in found if "Files" in fields]


def from_readmes(folder: Path) -> dict[str, tuple[str, str, str]]:
    """{container/name: (author, licence, source)}."""
    found = {}
    for container in wallpapers.CONTAINERS:
        for path, content in rcc.members(folder / wallpapers.CONTAINER.format(container)).items():
            if Path(path).name != "README":
                continue
            for fields in paragraphs(content.decode()):
                for file in fields["Files"].split():
                    told = (fields["Copyright"].strip(), fields["License"].strip(), fields.get("Source", "").strip())
                    found[f"{container}/{Path(file).stem}"] = told
    return found


def from_copyright(folder: Path, package: str, name: str) -> tuple[str, str]:
    """(author, licence) of the last paragraph of the copyright file that matches, which is the one that counts."""
    text = (folder / f"usr/share/doc/{package}/copyright").read_text(encoding="utf-8")
    found = (NOT_STATED, NOT_STATED)
    for fields in paragraphs(text):
        if any(fnmatchcase(ROOTS[package].format(name), pattern) for pattern in fields["Files"].split()):
            found = ("; ".join(fields["Copyright"].splitlines()), fields["License"].partition("\n")[0])
    return found


def attribution(folder: Path, one: wallpapers.Photograph, readmes: dict[str, tuple[str, str, str]]) -> tuple[str, str, str]:
    """(author, licence, source) of a photograph, the source empty where the package gives none."""
    if one.package == wallpapers.GCOMPRIS:
        container = one.name.partition("/")[0]
        author, licence, source = readmes[f"{container}/{MISSPELT[one.name]}" if one.name in MISSPELT else one.name]
        return author, re.sub(r"^(CC-BY\S*) ", r"\1-", licence.replace("Public", "public").replace("Domain", "domain")), source
    author, licence = from_copyright(folder, one.package, one.name)
    if one.package == "plasma-workspace-wallpapers":
        told = json.loads(
            (folder / "usr/share/wallpapers" / one.name.partition("/")[0] / "metadata.json").read_text(encoding="utf-8")
        )["KPlugin"]
        return ", ".join(person["Name"] for person in told["Authors"]), f"{told['License']} (copyright file: {licence})", ""
    if one.package == "lxqt-themes":
        text = (folder / "usr/share/lxqt/wallpapers/License").read_text(encoding="utf-8")
        words = set(re.search(r"stefonarch.*\n(.*);", text)[1].replace("appleflowers", "appleflower").split(","))
        stem = Path(one.name).stem
        credited = stem in words or stem.removeprefix("this-is-") in words
        author = "stefonarch" if credited else NOT_STATED
        return author, f"CC-BY-SA-3.0 (copyright file: {licence})", ""
    return re.sub(r" *<.*?>´?", "", author), licence, ""


def main(folder: str) -> None:
    """Write the attribution of every photograph."""
    root = Path(folder)
    found = wallpapers.photographs(root)
    held_out = wallpapers.part(found, "held_out")
    readmes = from_readmes(root)
    lines = [HEAD]
    counts: Counter[tuple[str, str]] = Counter()
    for package in dict.fromkeys(one.package for one in found):
        mine = [one for one in found if one.package == package]
        lines.append(f"--- {package}: {len(mine)} photographs " + "-" * (60 - len(package)) + "\n")
        for one in mine:
            author, licence, source = attribution(root, one, readmes)
            counts[package, licence] += 1
            mark = " (HELD OUT)" if one in held_out else ""
            lines.append("\n    ".join(filter(None, (f"{one.name}{mark}", author, licence, source))))
        lines.append("")
    target = Path(__file__).parents[1] / "assets" / "wallpapers.LICENSE"
    target.write_text("\n".join(lines), encoding="utf-8")
    for (package, licence), count in counts.items():
        print(package, licence, count)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
