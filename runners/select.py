"""Names, globs, tags and `all`, turned into the tasks and methods that they mean."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

from benchmark.errors import UserError, unknown
from benchmark.registry import MethodEntry, TaskEntry
from benchmark.spec import solved

Entry = TypeVar("Entry", TaskEntry, MethodEntry)
Tags = dict[str, Iterable[str]]

_GLOB = frozenset("*?[")


def is_name(text: str) -> bool:
    """Whether the text names one thing, rather than a group of them."""
    return text != "all" and ":" not in text and not _GLOB & set(text)


def task_tags(entry: TaskEntry) -> Tags:
    """The values that tags of a task are matched against, by sort."""
    data = {source for preset in entry.spec.presets.values() for source in preset.data}
    return {"poses": [entry.spec.poses], "paper": _paper(entry.spec.source), "offers": entry.spec.offers, "data": data}


def method_tags(entry: MethodEntry) -> Tags:
    """The values that tags of a method are matched against, by sort."""
    spec = entry.spec
    return {
        "solves": solved(spec.solves),
        "paper": _paper(spec.paper),
        "kind": [spec.kind],
        "needs": [one for need in spec.needs for one in need.split("|")],
    }


def _paper(source: str) -> list[str]:
    """The ways to write a paper: 'arXiv:2402.04097' is found with and without what stands before the colon."""
    return [source, source.partition(":")[2]] if source else []


def select(what: str, texts: Iterable[str], known: Mapping[str, Entry], tags: Callable[[Entry], Tags]) -> list[Entry]:
    """The entries that the texts mean, in their order, each once.

    Raises UserError for a name that does not exist, a glob or tag that matches nothing, and a tag of an unknown sort.
    """
    found: dict[str, Entry] = {}
    for text in texts:
        matching = _matching(what, text, known, tags)
        found.update((name, known[name]) for name in matching if name not in found)
    return list(found.values())


def _matching(what: str, text: str, known: Mapping[str, Entry], tags: Callable[[Entry], Tags]) -> list[str]:
    if text == "all":
        return list(known)
    sort, colon, wanted = text.partition(":")
    if colon:
        return _tagged(what, sort, wanted, known, tags)
    if is_name(text):
        if text not in known:
            raise UserError(f"{unknown(what, text, known)} (one in a file of yours needs --include FILE)")
        return [text]
    matching = [name for name in known if fnmatchcase(name, text)]
    if not matching:
        raise UserError(f"no {what} matches '{text}'; known: {', '.join(known)}")
    return matching


def _tagged(what: str, sort: str, wanted: str, known: Mapping[str, Entry], tags: Callable[[Entry], Tags]) -> list[str]:
    every = {name: tags(entry) for name, entry in known.items()}
    sorts = sorted({s for one in every.values() for s in one})
    if sort not in sorts:
        raise unknown(f"tag of a {what}", sort, sorts)
    matching = [name for name, one in every.items() if any(fnmatchcase(v.lower(), wanted.lower()) for v in one[sort])]
    if not matching:
        values = sorted({v for one in every.values() for v in one[sort]})
        raise UserError(f"no {what} has {sort}:{wanted}; there are {', '.join(f'{sort}:{v}' for v in values)}")
    return matching
