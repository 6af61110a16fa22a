"""A claim at another scale: the same parts with the presets of the paper's own size."""

from dataclasses import replace

from benchmark import registry
from benchmark.claims.evidence import check
from benchmark.claims.paper import Claim, Part, Quantity, Runs, Scale
from benchmark.errors import UserError

_NONE = "none of the presets of the paper's scale has what it looks at"


def at_scale(claim: Claim, scale: Scale) -> Claim:
    """The claim at a scale. At `full` a preset small* becomes the full* of the same ending, or else `full`; a claim whose
    cells or
    metrics these do not have says so in `needs`.
    """
    if scale == "small" or claim.needs:
        return claim
    try:
        return replace(claim, parts=tuple(_part(part) for part in claim.parts))
    except UserError:
        return replace(claim, parts=(), needs=_NONE)


def _part(part: Part) -> Part:
    return replace(part, of=tuple(_quantity(quantity) for quantity in part.of))


def _quantity(quantity: Quantity) -> Quantity:
    options = {name: _runs(value) if isinstance(value, Runs) else value for name, value in quantity.options.items()}
    found = replace(quantity, runs=_runs(quantity.runs), options=options)
    check(found)
    return found


def _runs(runs: Runs) -> Runs:
    if runs.preset.startswith("full"):
        return runs
    presets = registry.get_task(runs.task).spec.presets
    same = "full" + runs.preset.removeprefix("small")
    return replace(runs, preset=same if same in presets else "full")
