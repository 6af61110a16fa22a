"""Which videos methods put nearest to each query, and whether these are right.

What is kept of a method is (Q, k): for each query the places in the gallery of its k nearest videos, nearest first. The videos
themselves are made anew from task, preset, seed and number, and only believed where they are what the methods were shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report.board import Row
from benchmark.report.tables import Column
from benchmark.statistics import Key
from benchmark.store.models import Instance
from leaderboard.artifacts.figures import Array
from leaderboard.artifacts.remake import remake

SHOWN = 5  # neighbours of a query
Clips = NDArray[np.uint8]
Places = NDArray[np.int64]
SHARES = {
    "method": Column("In brackets: changed hyperparameters", 160),
    "right at 1 (%)": Column("Of the queries those whose nearest video is of their class", 100, "%.1f"),
    "right at 5 (%)": Column("Of the queries those with a video of their class among the five nearest", 100, "%.1f"),
    "same background (%)": Column("Of the queries those whose nearest video has their background", 140, "%.1f"),
}


@dataclass(frozen=True)
class Videos:
    """An instance made anew. gallery (G, T, H, W, 3), queries (Q, T, H, W, 3); classes and grounds (G + Q,), gallery first, a
    ground is -1 where nobody knows it; names of the classes; observation: hash of what methods are shown.
    """

    gallery: Clips
    queries: Clips
    classes: Places
    grounds: Places
    names: tuple[str, ...]
    observation: str

    def name(self, label: int) -> str:
        """The name of a class, or its number where the task names no classes."""
        return self.names[label] if 0 <= label < len(self.names) else str(label)

    @property
    def asked(self) -> Places:
        """Classes of the queries (Q,)."""
        return self.classes[len(self.gallery) :]

    def right(self, places: Places, query: int | None = None) -> NDArray[np.bool_]:
        """Whether the videos at places (Q, k) are of their query's class; or those at (1, k) of this one's."""
        asked = self.asked if query is None else self.asked[query : query + 1]
        return np.asarray(self.classes[places] == asked[:, None])

    def same_ground(self, places: Places) -> NDArray[np.bool_]:
        """Whether the videos at places (Q, k) stand before their query's background."""
        mine = self.grounds[len(self.gallery) :, None]
        return np.asarray((self.grounds[places] == mine) & (mine >= 0))


def make(task: str, version: int, preset: str, key: Key) -> Videos:
    """The instance of a (seed, number). Imports torch. Raises UserError, with the reason as a clause, where there is none."""
    return remake(task, version, preset, key, _made)


def _made(task: Any, instance: Any) -> Videos:
    from benchmark.instances import observed

    problem, truth = instance.problem, instance.truth.numpy().reshape(len(instance.truth), -1)
    return Videos(
        gallery=problem.gallery.numpy(),
        queries=problem.queries.numpy(),
        classes=truth[:, 0],
        grounds=truth[:, 1] if truth.shape[1] > 1 else np.full(len(truth), -1),
        names=tuple(map(str, getattr(task, "classes", ()))),
        observation=observed(problem.shown()),
    )


def observations(session: Session, rows: Iterable[Row], key: Key) -> dict[str, str]:
    """Label -> hash of what the method was shown as this (seed, instance)."""
    owner = {run.id: row.label for row in rows for run in row.runs if run.seed == key[0]}
    columns = select(Instance.run_id, Instance.observation).where(Instance.run_id.in_(owner), Instance.number == key[1])
    return {owner[run]: observation for run, observation in session.execute(columns)}


def places(picture: Array) -> Places:
    """A kept picture as places."""
    return np.rint(picture).astype(np.int64)


def misfit(found: Places, videos: Videos) -> str:
    """Why places cannot be of these videos; empty where they can."""
    Q, G = len(videos.queries), len(videos.gallery)
    if len(found) != Q:
        return f"nearest videos of {len(found)} queries were kept, and there are {Q}"
    if found.min() < 0 or found.max() >= G:
        return f"places from {found.min()} to {found.max()} were kept, and the gallery has {G} videos"
    return ""


def different(videos: Videos, first: Places, second: Places) -> list[int]:
    """Queries whose nearest is right for one of two methods and wrong for the other."""
    return np.flatnonzero(videos.right(first)[:, 0] != videos.right(second)[:, 0]).tolist()


def hits(videos: Videos, found: Places) -> str:
    """How many queries a method gets right at 1 and at 5."""
    right, Q = videos.right(found[:, :SHOWN]), len(found)
    return (
        f"Nearest video correct: {right[:, 0].sum()} of {Q} queries; "
        f"a correct one among the {right.shape[1]} nearest: {right.any(1).sum()} of {Q}."
    )


def shares(videos: Videos, found: dict[str, Places]) -> tuple[pd.DataFrame, dict[str, Column]]:
    """A line for each method: percentages of the queries; that of backgrounds where they are known."""
    rows = []
    for label, one in found.items():
        right, ground = videos.right(one[:, :SHOWN]), videos.same_ground(one)[:, 0]
        rows.append([label, *(100 * float(x.mean()) for x in (right[:, 0], right.any(1), ground))])
    frame = pd.DataFrame(rows, columns=list(SHARES))
    if chance(videos) is None:
        frame = frame.drop(columns=list(SHARES)[-1])
    return frame, {name: SHARES[name] for name in SHARES if name in frame}


def chance(videos: Videos) -> float | None:
    """Share of the queries whose nearest would have their background if a gallery video were taken at random; None where
    backgrounds are not known.
    """
    gallery, queries = np.split(videos.grounds, [len(videos.gallery)])
    if (videos.grounds < 0).any():
        return None
    return float((gallery[None] == queries[:, None]).mean())


def by_class(videos: Videos, found: dict[str, Places]) -> pd.DataFrame:
    """Columns class, label, right, n, share, text: of the queries of a class those whose nearest is right. Classes in which
    the last method is furthest ahead of the first come first.
    """
    rows: list[dict[str, Any]] = []
    ahead: dict[int, float] = {}
    for label in np.unique(videos.asked).tolist():
        mine = videos.asked == label
        for method, one in found.items():
            right, n = int(videos.right(one)[mine, 0].sum()), int(mine.sum())
            text = f"{right} of {n}"
            rows.append({"place": label, "class": videos.name(label), "label": method, "right": right, "n": n, "text": text})
        values = [row["right"] / row["n"] for row in rows[-len(found) :]]
        ahead[label] = values[-1] - values[0] if len(values) > 1 else values[0]
    frame = pd.DataFrame(rows)
    frame["share"] = frame["right"] / frame["n"]
    frame["ahead"] = frame["place"].map(ahead)
    return frame.sort_values(["ahead", "place"], ascending=[False, True], kind="stable", ignore_index=True)


def without_videos(found: dict[str, Places], truth: Places | None) -> tuple[pd.DataFrame, dict[str, Column]]:
    """A line for each query: for each method the places of its nearest in the gallery, with a check mark where such a place is
    among those kept of the query's class.
    """
    table: dict[str, list[Any]] = {"query": list(range(max(map(len, found.values()))))}
    for label, one in found.items():
        table[label] = [
            ", ".join(f"{place} ✓" if truth is not None and place in truth[query] else str(place) for place in row[:SHOWN])
            for query, row in enumerate(one.tolist())
        ]
    text = "Places in the gallery of the five nearest videos, nearest first"
    return pd.DataFrame(table), {"query": Column("Its number", 70, "%d"), **{label: Column(text, 260) for label in found}}
