"""Average ranks as a table with drawn intervals, and as a picture."""

import math
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest

from benchmark.report.across import Across
from benchmark.report.tables import Column
from leaderboard.charts import rank_table

ODD = "<b>odd</b> & way"


def across(intervals: dict[str, tuple[float, float, float]], unranked: tuple[str, ...] = ()) -> Across:
    names = [*intervals, *unranked]
    frame = pd.DataFrame(
        {
            "average rank": [intervals[name][0] if name in intervals else None for name in names],
            "method": names,
            "tie": ["a" if name in intervals else "" for name in names],
            "remark": ["" if name in intervals else f"not ranked: {ODD}" for name in names],
        }
    )
    columns = {"average rank": Column("on each instance", 90, "%.2f"), "method": Column("its name", 90)}
    columns |= {"tie": Column("same letter", 50), "remark": Column("why", 90)}
    return Across("small", frame, columns, [], ("one", "two"), intervals)


FOUND = across({"new_way": (1.25, 1.1, 1.75), ODD: (2.5, 2.0, 2.9)}, ("other_way",))


def lines(page: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(page).iter("tr"))


def test_each_method_has_a_line_with_its_numbers_and_its_bar() -> None:
    head, first, second, rest = lines(rank_table.html(FOUND))
    assert ["".join(cell.itertext()) for cell in head] == ["method", "average rank", "11.522.53", "tie", "remark"]
    assert ["".join(cell.itertext()) for cell in first] == ["new_way", "1.25", "", "a", ""]
    assert ["".join(cell.itertext()) for cell in second][:2] == [ODD, "2.50"]
    assert ["".join(cell.itertext()) for cell in rest] == ["other_way", "", "", "", f"not ranked: {ODD}"]
    bar, group = first.iter("i")
    [dot] = first.iter("b")
    assert group.get("style") == "left:8px"
    assert bar.get("style") == "left:5.0%;width:32.5%"  # 1.1 and 1.75 on an axis from 1 to 3
    assert dot.get("style") == "left:12.5%"
    assert "average rank 1.25 [1.10, 1.75]" in [part.get("title") for part in first.iter("div")]
    assert list(rest.iter("b")) == []


def test_names_lead_to_their_pages_and_cannot_be_markup() -> None:
    page = rank_table.html(FOUND)
    assert ODD not in page
    links = [link.get("href") for link in ElementTree.fromstring(page).iter("a")]
    assert links == ["method?method=new_way", "method?method=%3Cb%3Eodd%3C%2Fb%3E+%26+way", "method?method=other_way"]


def test_without_an_interval_there_is_a_dot_alone() -> None:
    [_, line, _] = lines(rank_table.html(across({"a": (1.5, math.nan, math.nan), "b": (2.0, 1.9, 2.2)})))
    assert [bar.get("style") for bar in line.iter("i")] == ["left:8px"]  # that of its group
    assert len(list(line.iter("b"))) == 1


def test_where_nothing_is_ranked_nothing_is_drawn() -> None:
    found = across({}, ("a", "b"))
    head, *rest = lines(rank_table.html(found))
    assert "span" not in [cell.get("class") for cell in head]
    assert [len(line) for line in rest] == [4, 4]


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (1.02, 1.05), (1.3, 9.8), (2, 59.7), (1, 800)])
def test_the_axis_has_few_round_values_around_all(low: float, high: float) -> None:
    ticks = rank_table.scale(across({"a": ((low + high) / 2, low, high)}))
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8
    steps = {round(b - a, 6) for a, b in pairwise(ticks)}
    assert len(steps) == 1


def test_the_picture_says_the_same() -> None:
    picture = rank_table.svg(FOUND, "Ranks <of> all")
    words = {element.text for element in ElementTree.fromstring(picture).iter() if element.text}
    assert {"Ranks <of> all", "new_way", ODD, "1.25 [1.10, 1.75]", "1", "3"} <= words
    assert "other_way" not in words
    centres = [float(found) for found in re.findall(r'cx="([\d.]+)"', picture)]
    assert len(centres) == 2
    assert centres[1] - centres[0] == pytest.approx(360 * (2.5 - 1.25) / 2, abs=0.2)


def test_groups_are_bars_below_each_other_and_marks_stand_behind_names() -> None:
    found = across({"one": (1.0, 0.9, 1.1), "two": (2.0, 1.9, 2.1), "three": (3.0, 2.9, 3.1)})
    frame = found.frame.assign(tie=["a", "a b", "b"])
    page = rank_table.html(replace(found, frame=frame), {"two": ("prior",)})
    groups = [[bar.get("style") for bar in line.iter("i")][1:] for line in lines(page)[1:]]
    assert groups == [["left:8px"], ["left:8px", "left:17px"], ["left:17px"]]
    assert [one.text for one in ElementTree.fromstring(page).iter("span") if one.get("class") == "ldb-sees"] == ["+prior"]
