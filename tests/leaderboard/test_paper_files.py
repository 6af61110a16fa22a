"""The files of papers' figures say what they draw."""

import pandas as pd
import pytest

from benchmark.claims import Runs, document, score
from benchmark.claims.figure import Figure, Mark
from benchmark.claims.figures import COLUMNS, Drawn
from leaderboard.charts import paper_files


def test_a_figures_file_says_what_it_draws() -> None:
    figure = Figure("ends", "Ends -- all.", "dots", (Mark("a", score(Runs("mri", "tiny", "cg_sense")), "a"),), "", "dB")
    rows = [("here", "a", "a", None, 1.23456789, float("nan"), 2.0, 8)]
    found = Drawn(pd.DataFrame(rows, columns=list(COLUMNS)), ())
    once, again = (paper_files.files({"0.1": [(figure, found)]})["0.1-ends.svg"] for _ in range(2))
    assert once == again
    assert once.startswith("<svg")
    assert "--" not in once.partition("<!--")[2].partition("-->")[0]
    said = document.data(once)
    assert said["axes"][:2] == ["dots", "Ends -- all."]
    assert said["rows"] == [["here", "a", "a", None, 1.23457, "nan", 2.0, 8.0]]
    nothing = Drawn(pd.DataFrame(columns=list(COLUMNS)), ())
    assert paper_files.files({"0.1": [(figure, nothing)]}) == {}
    with pytest.raises(ValueError, match="does not say"):
        document.data("<svg/>")
