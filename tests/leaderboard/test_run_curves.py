import pandas as pd

from benchmark.report.boards import task_info
from leaderboard.charts import run_curves
from tests.leaderboard import synthetic


def test_curves_of_a_run_are_thinned() -> None:
    info = task_info(synthetic.imaging(), "small")
    steps = pd.DataFrame({"instance": 0, "series": "estimate", "step": range(5000), "seconds": 0.1, "value": 1.0})
    spec = run_curves.chart(steps, info, "step").to_dict()
    [points] = spec["datasets"].values()
    assert len(points) == 160
    assert (points[0]["step"], points[-1]["step"]) == (0, 4999)


def test_a_series_on_a_scale_of_its_own_is_not_drawn_beside_the_metric() -> None:
    info = task_info(synthetic.imaging(), "small")
    points = [{"instance": 0, "series": name, "step": 1, "seconds": 0.1, "value": 1.0} for name in ("estimate", "size (log10)")]
    for axis in ("step", "seconds"):
        [drawn] = run_curves.chart(pd.DataFrame(points), info, axis).to_dict()["datasets"].values()
        assert {point["series"] for point in drawn} == {"estimate"}
