"""What the scripts that make labelled text share: a fixed order, four disjoint parts, and one compressed file.

The file is JSON under xz: {name: {"classes": [...], "parts": {part: [[label, group, text, ...], ...]}}}.
"""

import hashlib
import json
import lzma
import re
from pathlib import Path

PARTS = ("pool", "test", "tuning pool", "tuning test")
Example = tuple[int, str, *tuple[str, ...]]  # label, group, the text or the two of a pair


def checked(source: str, digest: str) -> Path:
    """The file, if it is the one that was tested."""
    path = Path(source)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise SystemExit(f"{path.name} has SHA-256 {found}, not {digest}")
    return path


def rank(text: str) -> str:
    """Orders examples in a way that has nothing to do with what they say, the same everywhere."""
    return hashlib.sha256(text.encode()).hexdigest()


def key(text: str) -> str:
    """The key of a text: texts that differ in case, space, digits and signs alone share it."""
    return re.sub(r"[^a-z]+", " ", text.lower()).strip()


def divided(examples: list[Example], test: int, tuning_test: int, pool: int) -> dict[str, list[Example]]:
    """Parts of these sizes, the rest for the tuning pool, with every class in equal shares as far as it goes."""
    classes = sorted({example[0] for example in examples})
    parts: dict[str, list[Example]] = {part: [] for part in PARTS}
    for label in classes:
        mine = sorted((e for e in examples if e[0] == label), key=lambda e: rank("\n".join(e[2:])))
        start = 0
        for part, size in (("test", test), ("tuning test", tuning_test), ("pool", pool)):
            parts[part] += mine[start : start + size // len(classes)]
            start += size // len(classes)
        parts["tuning pool"] += mine[start:]
    return parts


def write(file: str, content: dict[str, tuple[list[str], dict[str, list[Example]]]]) -> None:
    """Write assets/`file` and print its name, size, SHA-256 and counts."""
    whole = {name: {"classes": classes, "parts": parts} for name, (classes, parts) in content.items()}
    target = Path(__file__).parents[1] / "assets" / file
    target.write_bytes(lzma.compress(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode(), preset=9))
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())
    for name, (classes, parts) in content.items():
        for part, examples in parts.items():
            counts = {word: sum(e[0] == label for e in examples) for label, word in enumerate(classes)}
            print(f"  {name}, {part}: {len(examples)} {counts}")
