import numpy as np
import pandas as pd

from benchmark.report import curves


def points_of(*runs: tuple[int, list[int], list[float], list[float]]) -> pd.DataFrame:
    lines = [
        {"label": "m", "series": "estimate", "seed": 0, "instance": i, "step": s, "seconds": t, "value": v}
        for i, steps, seconds, values in runs
        for s, t, v in zip(steps, seconds, values, strict=True)
    ]
    return pd.DataFrame(lines)


def test_a_run_that_ended_keeps_its_last_point() -> None:
    points = points_of((0, [1, 2, 3], [1.0, 2.0, 3.0], [10, 20, 30]), (1, [1, 2], [1.0, 4.0], [0, 10]))
    summary = curves.summarise(points)
    assert list(summary["step"]) == [1, 2, 3]
    assert list(summary["mean"]) == [5, 15, 20]
    assert list(summary["seconds"]) == [1.0, 3.0, 3.5]
    assert set(summary["n"]) == {2}


def test_a_line_begins_where_every_instance_has_begun() -> None:
    points = points_of((0, [1, 2, 3], [1.0, 2.0, 3.0], [10, 20, 30]), (1, [2, 3], [4.0, 6.0], [0, 10]))
    assert list(curves.summarise(points)["step"]) == [2, 3]


def test_seeds_of_one_instance_are_averaged_first() -> None:
    one = points_of((0, [1], [1.0], [10]), (1, [1], [1.0], [0]))
    points = pd.concat([one, one[one["instance"] == 0].assign(seed=1, value=20)])
    summary = curves.summarise(points)
    assert list(summary["mean"]) == [7.5]
    assert list(summary["n"]) == [2]


def test_the_order_of_the_points_and_the_numbers_of_seeds_and_instances_are_free() -> None:
    """Two seeds that share the instances 3 and 11, with steps of their own, in any order of rows."""
    first = points_of((11, [1, 3], [1.0, 3.0], [0, 2]), (3, [1, 2, 3], [1.0, 2.0, 6.0], [10, 30, 40]))
    second = points_of((11, [1, 2], [3.0, 4.0], [4, 8]), (3, [1], [5.0], [20])).assign(seed=7)
    points = pd.concat([first, second], ignore_index=True)
    for order in ([*range(len(points))], [*reversed(range(len(points)))], [5, 0, 7, 3, 1, 6, 2, 4]):
        found = curves.summarise(points.iloc[order])
        # by hand at steps 1, 2, 3: instance 11 has (0, 1, 2) and (4, 8, 8), instance 3 has (10, 30, 40) and (20, 20, 20)
        assert list(found["mean"]) == [8.5, 14.75, 17.5]
        assert list(found["seconds"]) == [2.5, 3.25, 4.5]
        assert list(found["seed_low"]) == [5.0, 14.0, 14.0]
        assert list(found["seed_high"]) == [12.0, 15.5, 21.0]
        assert list(found["low"]) == [5.25, 9.625, 11.25]


def test_one_point_and_no_point() -> None:
    assert len(curves.summarise(points_of((0, [1], [0.0], [5])))) == 1
    assert curves.summarise(points_of((0, [1], [0.0], [5])).iloc[:0]).empty


def test_long_curves_are_thinned() -> None:
    steps = list(range(1, 2001))
    points = points_of((0, steps, [float(s) for s in steps], list(np.sqrt(steps))))
    assert len(curves.summarise(points)) <= 160
