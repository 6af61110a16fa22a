import pytest

from benchmark.report.order import baseline
from benchmark.store.queries import Entry


def entries(*labels: str) -> list[Entry]:
    return [Entry(method=label.partition(" ")[0], kind="", parameters={}, label=label) for label in labels]


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        (["a", "base [k=2]", "base", "base [k=3]"], 2),
        (["a", "base [k=2]", "base [k=3]"], 1),
        (["a", "other"], None),
        ([], None),
    ],
)
def test_the_baseline_is_the_recommended_one_or_else_the_first_of_its_rows(labels, chosen) -> None:
    rows = entries(*labels)
    assert baseline(rows, "base") is (None if chosen is None else rows[chosen])
