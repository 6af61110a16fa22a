"""Adapters that move or scale what layers give: BitFit learns the biases alone, IA3 factors of keys, values and MLP.

    bitfit    W0 x + b                     b (out) of every layer, normalisations included
    ia3       l * (W0 x), or W0 (l * x)    l = 1 at the start, of keys, values, and what the output layers
                                           of attention and MLP are given (peft's choice; the paper leaves attention's out)

Each learns a thousandth of the encoder or less. peft has no BitFit; it is those parameters whose name ends in `bias`.
Source: BitFit arXiv:2106.10199; IA3 arXiv:2205.05638
"""

from dataclasses import dataclass
from typing import Any

from peft import IA3Config, inject_adapter_in_model
from peft.tuners.ia3 import Linear
from peft.utils import TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING as INPUTS
from peft.utils import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as LAYERS
from torch import Tensor

from benchmark import Context, FewShot, Positive, method
from benchmark.errors import UserError
from benchmark.isolation import isolated
from methods.texts._training import SETTINGS, Recipe, Tuning
from methods.texts._updates import singular_values_of


@dataclass(frozen=True)
class BitFit(Recipe):
    """How to train; on tuning texts of `small` mean accuracy is .798 and .792 at rates of 1e-3 and 3e-3."""

    lr: Positive = 1e-3


@dataclass(frozen=True)
class IA3(Recipe):
    """How to train; the rate was not tuned."""

    lr: Positive = 3e-3


@method("bitfit", solves="FewShot", kind="small adapter", paper="arXiv:2106.10199", settings=SETTINGS, parameters=BitFit)
def bitfit(problem: FewShot, ctx: Context, given: BitFit) -> Tensor:
    """BitFit: the biases of the encoder learn, and nothing else of it"""
    tuning = Tuning(problem, ctx, given.head)
    tuning.encoder.requires_grad_(False)
    biases = [p.requires_grad_() for name, p in tuning.encoder.named_parameters() if name.endswith("bias")]
    if not biases:
        raise UserError(f"the encoder {problem.backbone} has no biases, which are what bitfit trains")
    return tuning.learn([{"params": biases, "lr": given.lr}], given)


@method("ia3", solves="FewShot", kind="small adapter", paper="arXiv:2205.05638", settings=SETTINGS, parameters=IA3)
def ia3(problem: FewShot, ctx: Context, given: IA3) -> Tensor:
    """IA3: keys, values and what output layers are given are scaled by what is learned, entry by entry"""
    tuning = Tuning(problem, ctx, given.head)
    kind = str(tuning.encoder.config.model_type)  # type: ignore[union-attr]
    if kind not in LAYERS:
        raise UserError(f"peft knows no IA3 layers of a '{kind}' encoder; known: {', '.join(sorted(LAYERS))}")
    config = IA3Config(target_modules=LAYERS[kind], feedforward_modules=INPUTS[kind])
    with isolated(ctx):
        inject_adapter_in_model(config, tuning.encoder)
    learning = [p for p in tuning.encoder.parameters() if p.requires_grad]
    scores = tuning.learn([{"params": learning, "lr": given.lr}], given)
    layers: list[Any] = [module for module in tuning.encoder.modules() if isinstance(module, Linear)]
    deltas = ((layer.ia3_l["default"].detach() - 1) * layer.weight.detach() for layer in layers)
    ctx.keep("update_singular_values", singular_values_of(deltas))
    return scores
