"""What is real and what is noise. Pure functions on arrays and on mappings (seed, instance) -> score.

grid           the scores of a method as a mapping that is an array
intervals      means and paired differences with bootstrap-t intervals, seeds nested in instances
significance   sign-flip and Wilcoxon tests, Holm's correction, comparison of any two methods
ranking        within a task: pairs separated by one test of all, rank intervals, tie groups
standing       all of these for one board
aggregate      across tasks: average rank, Borda, coverage, critical difference
curves         Pareto front of quality against cost, time to quality

SciPy is imported where it is used: it takes a second, which commands that compute nothing should not wait for.
"""

from benchmark.statistics.aggregate import Aggregate, aggregate, critical_difference, critical_groups, friedman
from benchmark.statistics.curves import Reached, first_reached, pareto, summarise_times, time_to_quality
from benchmark.statistics.grid import Grid
from benchmark.statistics.intervals import (
    DRAWS,
    LEVEL,
    MINIMUM,
    Estimate,
    Key,
    bootstrap_t,
    by_instance,
    estimate,
    estimates,
    intervals,
    mean,
    paired_difference,
    table,
)
from benchmark.statistics.ranking import SEPARABLE, adjusted_p, rank_intervals, separated, tie_groups
from benchmark.statistics.significance import Comparison, compare, holm, sign_flip, wilcoxon
from benchmark.statistics.standing import HOW_BOUNDED, HOW_RANKED, HOW_TESTED, Standing, standings

__all__ = [
    "DRAWS",
    "HOW_BOUNDED",
    "HOW_RANKED",
    "HOW_TESTED",
    "LEVEL",
    "MINIMUM",
    "SEPARABLE",
    "Aggregate",
    "Comparison",
    "Estimate",
    "Grid",
    "Key",
    "Reached",
    "Standing",
    "adjusted_p",
    "aggregate",
    "bootstrap_t",
    "by_instance",
    "compare",
    "critical_difference",
    "critical_groups",
    "estimate",
    "estimates",
    "first_reached",
    "friedman",
    "holm",
    "intervals",
    "mean",
    "paired_difference",
    "pareto",
    "rank_intervals",
    "separated",
    "sign_flip",
    "standings",
    "summarise_times",
    "table",
    "tie_groups",
    "time_to_quality",
    "wilcoxon",
]
