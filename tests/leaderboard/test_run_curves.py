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
