"""Full fine-tuning: every weight of the encoder learns.

    theta = theta_0 + Delta,  as many numbers as the encoder has; the head as in the other methods
`update_singular_values` (layers, k) is kept of the linear layers. The rate is BERT's for small data. Source: arXiv:1810.04805
"""

from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from benchmark import Context, FewShot, Positive, method
from methods.texts._training import SETTINGS, Recipe, Tuning
from methods.texts._updates import largest, singular_values_of


@dataclass(frozen=True)
class Full(Recipe):
    """How to train; on tuning texts of `small` mean accuracy is .789 and .783 at rates of 5e-5 and 2e-4."""

    lr: Positive = 5e-5


@method("full_fine_tuning", solves="FewShot", kind="fine-tuning", paper="arXiv:1810.04805", settings=SETTINGS, parameters=Full)
def full_fine_tuning(problem: FewShot, ctx: Context, given: Full) -> Tensor:
    tuning = Tuning(problem, ctx, given.head)
    layers = {name: layer for name, layer in tuning.encoder.named_modules() if isinstance(layer, nn.Linear)}
    deltas = {name: partial(_delta, layer, layer.weight.detach().clone()) for name, layer in layers.items()}
    sizes = {name: lambda delta=delta: largest(delta()) for name, delta in deltas.items()}
    scores = tuning.learn([{"params": list(tuning.encoder.parameters()), "lr": given.lr}], given, sizes)
    ctx.keep("update_singular_values", singular_values_of(delta() for delta in deltas.values()))
    return scores


def _delta(layer: nn.Linear, before: Tensor) -> Tensor:
    return layer.weight.detach() - before
