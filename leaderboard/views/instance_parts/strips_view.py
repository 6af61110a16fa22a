"""Part of the instance page for strips: for each method a row of images on one scale."""

from typing import cast

import numpy as np
import streamlit as st

from benchmark.report.board import Board
from benchmark.statistics import Key
from leaderboard.artifacts import figures, scales
from leaderboard.artifacts.figures import Array, Figure
from leaderboard.charts import pixels
from leaderboard.charts.stack_charts import axis_title
from leaderboard.ui.plain import plain
from leaderboard.views.instance_parts import tiles

_AGAIN = 3.0  # differences are enlarged


def show(board: Board, found: Figure, key: Key) -> None:
    """The truth's strip, where there is one, then that of each method, the baseline first."""
    ends, what = scales.limits(found), f"strip '{found.picture.title}'"
    changes = found.picture.axis is not None and not found.empty and ends is not None and _asked(found)
    if found.empty or ends is None:
        st.write("None was kept for this instance." if found.empty else "None of its numbers can be drawn.")
    else:
        if found.truth is not None:
            st.markdown("**truth**")
            _strip(found, found.truth, ends, changes)
        for row in figures.ordered(board, found):
            tiles.heading(board, row, key)
            _strip(found, found.estimates[row.label], ends, changes)
        st.caption(
            f"Grey: as in the middle image, which is shown itself; brighter and darker: more and less, {_AGAIN:.0f}-fold."
            if changes
            else f"All images: from {ends[0]:.3g} (dark) to {ends[1]:.3g} (full) in each channel."
        )
    tiles.problems(found.problems, what)
    if not found.empty:
        tiles.absent(board, found.estimates, found.problems, what)


def example(board: Board, found: Figure, label: str) -> None:
    """The truth alone."""
    ends = scales.limits(found)
    if found.truth is not None and ends is not None:
        _strip(found, found.truth, ends)
        st.caption(f"The truth of one instance, {plain(label)}: {plain(found.picture.title)}")


def _asked(found: Figure) -> bool:
    """Whether the reader wants to see what images change of the middle one."""
    return st.toggle("Differences to the middle image", key=f"differences_{found.picture.name}")


def changed(images: Array, ends: tuple[float, float]) -> Array:
    """Images (N, C, H, W) as grey plus what they change of the middle one, enlarged; the middle one as it is."""
    middle = len(images) // 2
    found = cast("Array", np.asarray(sum(ends) / 2 + _AGAIN * (images - images[middle]), images.dtype))
    found[middle] = images[middle]
    return found


def _strip(found: Figure, images: Array, ends: tuple[float, float], changes: bool = False) -> None:
    """One row of images, and what each of them stands for."""
    stand_for = places(found, len(images))
    alt = f"{'differences to the middle image' if changes else 'images'}: {stand_for}"
    st.image(pixels.strip_png(changed(images, ends) if changes else images, ends), alt=alt)
    st.caption(plain(stand_for))


def places(found: Figure, count: int) -> str:
    """'edit strength: -2, -1, 0, 1, 2', from left to right; numbers from 0 where the picture has no axis."""
    axis = found.picture.axis
    if axis is None:
        return f"from left to right: 0 to {count - 1}"
    return f"{axis_title(axis)}: {', '.join(f'{axis.start + axis.step * place:.3g}' for place in range(count))}"
