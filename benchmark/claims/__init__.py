"""What the papers claim, as data, and what the stored runs say of it. The words are those of DESIGN.md, section 10a.

rules      pure functions of scores and curves, each with value, interval, n
paper      Runs, Quantity, Part, Claim, Paper: what a paper's module is written in
figure     Mark, Published, Figure: what a paper's page and document draw
papers     one module a paper
evidence   what a database holds of the runs that a claim needs
verdicts   holds, does not hold, in part, open, not run, needs full
scale      the same claim at the presets of the paper's own scale
telling    verdicts as a table, as text, and compared between two states of a database
figures    what a figure draws, as a frame
document   verdicts as pages of docs/papers and as README's table
finding    all papers, those of installed packages too
"""

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, curve, of_curve, score
from benchmark.claims.rules import Measured

__all__ = [
    "Claim",
    "Figure",
    "Mark",
    "Measured",
    "Paper",
    "Part",
    "Published",
    "Quantity",
    "Runs",
    "curve",
    "of_curve",
    "score",
]
