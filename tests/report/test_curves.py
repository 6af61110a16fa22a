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


def test_one_point_and_no_point() -> None:
    assert len(curves.summarise(points_of((0, [1], [0.0], [5])))) == 1
    assert curves.summarise(points_of((0, [1], [0.0], [5])).iloc[:0]).empty


def test_long_curves_are_thinned() -> None:
    steps = list(range(1, 2001))
    points = points_of((0, steps, [float(s) for s in steps], list(np.sqrt(steps))))
    assert len(curves.summarise(points)) <= 160
