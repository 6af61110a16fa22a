"""The figures of papers as files of the documents: SVG on white, with the data that each draws in a comment."""

from collections.abc import Mapping

from benchmark.claims import document
from leaderboard.charts.paper_figures import document as picture


def files(drawn: Mapping[str, document.Figures]) -> dict[str, str]:
    """The text of each file by its name, of the figures by paper. A figure without runs has none."""
    return {
        document.file_name(id, figure): f"{picture(figure, found.frame)}\n{document.comment(figure, found)}\n"
        for id, figures in drawn.items()
        for figure, found in figures
        if not found.empty
    }
