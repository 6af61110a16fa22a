"""Deep LoRA: each linear layer of the encoder learns an update that is a product of three small factors.

    W0 + W_3 W_2 W_1,    W_1 (r, in), W_2 (r, r), W_3 (out, r),  all orthogonal times 1e-3 at the start      no alpha / r
    compressed: W0 + U (W_3 W_2 W_1) V^T,  U (out, r), V (in, r) from the gradient of one mini-batch, their rate gamma * lr

Of all linear layers of attention and MLP, the same as `lora`. Depth favours updates of lower rank, which overfit less, and r
needs no tuning. The published numbers are those of `wide`: r = min(out, in). A step of Adam moves a factor by up to
lr * sqrt(its size) whatever its gradient, so at one rate a wide update grows much faster than a narrow one and ends at chance;
`pace=balanced` lowers the rate with the width by so much that updates grow alike. Rates of the paper: 1e-4 for every form,
compressed 1e-2 with gamma = 1e-2. Its head stays random (head=frozen). `update_singular_values` (layers, k) is kept of the
updates learned.
Source: arXiv:2406.04112; the layers themselves: methods/texts/adapters/
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor

from benchmark import Context, Count, FewShot, NonNegative, Positive, method
from methods.texts._training import PUBLISHED, SETTINGS, Recipe, Tuning
from methods.texts._updates import largest, singular_values
from methods.texts.adapters import DeepLoraConfig, DeepLoraLinear, Pace, adapted, get_deep_lora_model, parameter_groups


@dataclass(frozen=True)
class DeepLora(Recipe):
    """Training, the update's form, its rank, the number of factors and their scale, the outer factors' rate as a multiple of
    lr, and whether lr is that of every rank (published) or of rank 8, from which a layer's follows (balanced).
    """

    form: Literal["narrow", "wide", "compressed"] = "narrow"
    rank: Count = 8
    depth: Count = 3
    scale: Positive = 1e-3
    gamma: NonNegative = 1e-2
    pace: Pace = "published"


@method(
    "deep_lora",
    solves="FewShot",
    kind="low-rank adapter",
    paper="arXiv:2406.04112",
    settings={
        **SETTINGS,
        "few_shot/tiny": {"steps": 2, "lr": 3e-3},
        # On tuning texts (18 draws, 48 steps, random head) mean accuracy is .777, .786, .785 at 1e-3, 2e-3, 3e-3, and .628 at
        # 1e-2 (6 draws). After 500 steps from the probe three trials on two draws give .797, .820, .817 at 1e-4, 1e-3, 2e-3;
        # at these rates .06, .33 and .58 of the layers move.
        "few_shot/small*": {"steps": 300, "lr": 2e-3},
        "few_shot/small_short": {"steps": 48},
        "few_shot/small_protocol": {**PUBLISHED, "steps": 500},
    },
    search={"few_shot/small*": {"lr": (1e-4, 1e-2, "log")}},
    parameters=DeepLora,
)
def deep_lora(problem: FewShot, ctx: Context, given: DeepLora) -> Tensor:
    tuning = Tuning(problem, ctx, given.head)
    config = DeepLoraConfig(form=given.form, rank=given.rank, depth=given.depth, scale=given.scale)
    loss = tuning.first_loss(given.batch) if given.form == "compressed" else None
    encoder = get_deep_lora_model(tuning.encoder, config, ctx.generator, loss)
    layers = adapted(encoder)
    sizes = {name: partial(_size, layer) for name, layer in layers.items()}
    scores = tuning.learn(parameter_groups(encoder, given.lr, given.gamma, given.pace), given, sizes)
    ctx.keep("update_singular_values", singular_values([layer.sides() for layer in layers.values()]))
    return scores


def _size(layer: DeepLoraLinear) -> Tensor:
    return largest(*reversed(list(layer.factors)))
