"""Labelled texts that come with the suite, each set in four parts that share no text: a pool to draw training examples from and
fixed test examples, both for tests and for tuning. Which example is in which part is written in the files of assets/.

    name                         classes  pool  test  tuning pool  tuning test
    sentiment (the three sites)        2  1200   900          423          450
    sentiment_imdb, _yelp              2   400   300          145          150
    sentiment_amazon                   2   400   300          133          150
    paraphrase (pairs)                 2  1600   400          800          200
    acceptability                      2  1600   400          800          200

No two parts of `paraphrase` share a book of the Bible, nor do two parts of `acceptability`.
Imports torch only to draw.
"""

import json
import lzma
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.sources import SOURCES, Asset
from benchmark.errors import unknown
from benchmark.seeds import Split

if TYPE_CHECKING:
    import torch

Text = tuple[str, ...]  # one text, or the two of a pair
_ASSET = {
    "sentiment": "sentiment",
    "sentiment_imdb": "sentiment",
    "sentiment_yelp": "sentiment",
    "sentiment_amazon": "sentiment",
    "paraphrase": "paraphrase",
    "acceptability": "acceptability",
}
_SITES = ("sentiment_imdb", "sentiment_yelp", "sentiment_amazon")
_PARTS = ("pool", "test", "tuning pool", "tuning test")


@dataclass(frozen=True)
class Texts:
    """N examples of one or two texts each; labels (N,) int64, places in `classes`, or float64 where there are no classes.

    groups: where each is from (a book, a folder), or "".
    """

    texts: tuple[Text, ...]
    labels: NDArray[np.int64] | NDArray[np.float64]
    classes: tuple[str, ...]
    groups: tuple[str, ...]


def names() -> tuple[str, ...]:
    """The sets that there are."""
    return tuple(_ASSET)


def source(name: str) -> str:
    """The name of the set in sources.py. Raises UserError for a set that does not exist."""
    if name not in _ASSET:
        raise unknown("set of texts", name, _ASSET)
    return _ASSET[name]


def load(name: str) -> Texts:
    """All examples of a set, part by part. Raises UserError for a set that does not exist."""
    return _load(name)[0]


def split(name: str, which: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places in `load(name)` of the pool and of the test examples of a split, the same for every seed."""
    places = _load(name)[1]
    prefix = "" if which == "test" else "tuning "
    return places[f"{prefix}pool"], places[f"{prefix}test"]


def most(name: str, which: Split) -> int:
    """How many labels a split can give at most, as many of each class."""
    found = load(name)
    return len(found.classes) * int(np.bincount(found.labels[split(name, which)[0]]).min())


def draw(
    name: str, which: Split, labels: int, generator: "torch.Generator"
) -> tuple[tuple[Text, ...], "torch.Tensor", tuple[Text, ...], "torch.Tensor"]:
    """`labels` different training examples and their labels (int64), as many of each class as it goes, in random order; and the
    test examples of the split with theirs, always the same ones.

    Raises ValueError for fewer labels than classes, or more than the pool has.
    """
    return pick(name, load(name), *split(name, which), labels, generator)


def pick(
    name: str,
    found: Texts,
    pool: NDArray[np.int64],
    test: NDArray[np.int64],
    labels: int,
    generator: "torch.Generator",
) -> tuple[tuple[Text, ...], "torch.Tensor", tuple[Text, ...], "torch.Tensor"]:
    """The examples at given places, of any kind. Graded examples are chosen without regard to the grade; their labels are
    float32.
    """
    import torch

    count = len(found.classes)
    if labels < count:
        raise ValueError(f"{labels} labels, but {name} has {count} classes")
    if not count:
        if labels > len(pool):
            raise ValueError(f"{labels} labels, but {name} has {len(pool)} examples")
        order = torch.tensor(pool)[torch.randperm(len(pool), generator=generator)[:labels]]
    else:
        share = torch.full((count,), labels // count)
        share[torch.randperm(count, generator=generator)[: labels % count]] += 1
        chosen = []
        for label in range(count):
            mine = torch.tensor(pool[found.labels[pool] == label])
            if len(mine) < share[label]:
                raise ValueError(
                    f"{int(share[label])} labels of a class, but '{found.classes[label]}' of {name} has {len(mine)}"
                )
            chosen.append(mine[torch.randperm(len(mine), generator=generator)[: share[label]]])
        order = torch.cat(chosen)
        order = order[torch.randperm(labels, generator=generator)]
    y = torch.tensor(found.labels) if count else torch.tensor(found.labels, dtype=torch.float32)
    return (
        tuple(found.texts[i] for i in order.tolist()),
        y[order],
        tuple(found.texts[i] for i in test.tolist()),
        y[torch.tensor(test)],
    )


@cache
def _load(name: str) -> tuple[Texts, dict[str, NDArray[np.int64]]]:
    asset = SOURCES[source(name)]
    assert isinstance(asset, Asset)
    file = json.loads(lzma.decompress(asset.path().read_bytes()))
    content = [file[one] for one in (_SITES if name == "sentiment" else (name,))]
    parts = [[example for one in content for example in one["parts"][part]] for part in _PARTS]
    examples = [example for part in parts for example in part]
    ends = np.cumsum([0] + [len(part) for part in parts])
    labels = np.array([example[0] for example in examples], np.int64)
    places = {part: np.arange(start, end) for part, start, end in zip(_PARTS, ends, ends[1:], strict=False)}
    for array in (labels, *places.values()):
        array.flags.writeable = False
    found = Texts(
        tuple(tuple(example[2:]) for example in examples),
        labels,
        tuple(content[0]["classes"]),
        tuple(example[1] for example in examples),
    )
    return found, places
