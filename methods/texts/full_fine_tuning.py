"""Full fine-tuning: every weight of the encoder learns.

    theta = theta_0 + Delta,  as many numbers as the encoder has; the head as in the other methods
`update_singular_values` (layers, k) is kept of the linear layers. The rate is BERT's for small data. Source: arXiv:1810.04805
"""

from typing import Literal

from torch import Tensor, nn

from benchmark import Context, Count, FewShot, Positive, method
from methods.texts._training import Tuning
from methods.texts._updates import singular_values_of


@method(
    "full_fine_tuning",
    solves="FewShot",
    kind="fine-tuning",
    paper="arXiv:1810.04805",
    settings={
        "few_shot/tiny": {"steps": 2},
        # As many steps as deep_lora. On tuning texts of `small` mean accuracy is .789 and .783 at 5e-5 and 2e-4.
        "few_shot/small*": {"steps": 48},
        "few_shot/small_ranks": {"steps": 100},
    },
)
def full_fine_tuning(
    problem: FewShot,
    ctx: Context,
    *,
    lr: Positive = 5e-5,
    head: Literal["trained", "frozen"] = "trained",
    head_lr: Positive = 1e-3,
    batch: Count = 16,
    steps: Count = 500,
) -> Tensor:
    tuning = Tuning(problem, ctx)
    layers = [layer for layer in tuning.encoder.modules() if isinstance(layer, nn.Linear)]
    before = [layer.weight.detach().clone() for layer in layers]
    scores = tuning.run([{"params": list(tuning.encoder.parameters()), "lr": lr}], steps, batch, head, head_lr)
    deltas = (layer.weight.detach() - start for layer, start in zip(layers, before, strict=True))
    ctx.keep("update_singular_values", singular_values_of(deltas))
    return scores
