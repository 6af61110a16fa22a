"""Deep LoRA for the linear layers of any PyTorch network: W0 stays, an update of three or more factors learns.

    y = (W0 + Delta) x + b,   Delta = W_L ... W_2 W_1                      W0 (out, in) frozen; no alpha / r anywhere
    narrow      W_1 (r, in), W_2 (r, r), ..., W_L (out, r), each eps times (semi-)orthogonal
    wide        the same with r = min(out, in), the width that gave the published numbers
    compressed  U (eps I_r)^L V^T, U (out, r), V (in, r): methods/texts/adapters/compress.py

    model = get_deep_lora_model(model, DeepLoraConfig(rank=8), torch.Generator().manual_seed(0))
    optimiser = torch.optim.AdamW(parameter_groups(model, lr=1e-4), weight_decay=0.0)
    ...                                                                    # train as always
    save_pretrained(model, "folder")                                       # factors alone; load(model, "folder") later
    model = merge(model)                                                   # plain linear layers again

Layers are named as peft names them: "all-linear", or the ends of their names. Source: arXiv:2406.04112.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import reduce
from itertools import pairwise
from typing import Any, Literal, Self, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.errors import UserError

M = TypeVar("M", bound=nn.Module)
Form = Literal["narrow", "wide", "compressed"]


class DeepLoraConfig(BaseModel):
    """What is adapted, and how.

    rank             r; the wide form has none
    depth            L, factors of an update; the compressed form has two outer ones besides
    scale            eps, of the initial factors
    target_modules   "all-linear" (all but an output head), or ends of names, such as ("query", "value")
    modules_to_save  ends of names of modules that are trained as they are and stored with the factors, such as ("classifier",)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int | None = Field(default=8, ge=1)
    depth: int = Field(default=3, ge=2)
    scale: float = Field(default=1e-3, gt=0)
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    modules_to_save: tuple[str, ...] = ()
    form: Form = "narrow"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.form != "wide" and self.rank is None:
            raise UserError(f"the {self.form} form of Deep LoRA needs a rank")
        if self.form == "compressed" and (self.rank or 0) % 2:
            raise UserError(f"the compressed form of Deep LoRA needs an even rank, not {self.rank}")
        return self


class DeepLoraLinear(nn.Module):
    """A frozen linear layer and its update, the product of `factors`: first the one that meets the input."""

    def __init__(self, base: nn.Linear, factors: list[Tensor], form: Form) -> None:
        super().__init__()
        self.base, self.form = base.requires_grad_(False), form
        self.factors = nn.ParameterList(factors)

    @property
    def weight(self) -> Tensor:
        """W0; some networks ask a layer for the type of its weight."""
        return self.base.weight

    @property
    def bias(self) -> Tensor | None:
        return self.base.bias

    @property
    def in_features(self) -> int:
        return self.base.in_features

    @property
    def out_features(self) -> int:
        return self.base.out_features

    def sides(self) -> tuple[Tensor, Tensor]:
        """W_L (out, r) and W_{L-1} ... W_1 (r, in), whose product is the update."""
        *rest, last = self.factors
        return last, reduce(lambda product, factor: factor @ product, rest)

    def delta(self) -> Tensor:
        """The update (out, in)."""
        left, right = self.sides()
        return torch.mm(left, right)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(x)
        left, right = self.sides()  # small products once; the tokens pass two thin matrices and no (out, in) one
        if x.dtype != right.dtype and not torch.is_autocast_enabled(x.device.type):
            apart: Tensor = F.linear(F.linear(x.to(right.dtype), right), left)
            return y.add(apart.to(y.dtype))
        h = F.linear(x, right)  # (..., r)
        together: Tensor = torch.addmm(y.reshape(-1, left.shape[0]), h.reshape(-1, left.shape[1]), left.T)
        return together.view_as(y)


def orthogonal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """A Haar-distributed matrix whose longer side is orthonormal, drawn on the CPU: the same for every device."""
    drawn = torch.randn(max(rows, columns), min(rows, columns), generator=generator)
    W, R = torch.linalg.qr(drawn)
    Q: Tensor = W * R.diagonal().sign()
    return Q if rows >= columns else Q.T.contiguous()


def get_deep_lora_model(
    model: M, config: DeepLoraConfig, generator: torch.Generator, loss: Callable[[], Tensor] | None = None
) -> M:
    """`model` itself, frozen, with updates of its target layers that learn.

    generator  draws all that is random
    loss       of one mini-batch, as a function; the compressed form takes its subspaces from its gradient, without dropout

    Raises UserError for names that fit no layer (with the nearest) and for a rank above a layer's sizes.
    """
    layers = targets(model, config)
    for name, layer in layers.items():
        if config.form != "wide" and config.rank is not None and config.rank > min(layer.weight.shape):
            shape = "x".join(map(str, layer.weight.shape))
            raise UserError(f"rank {config.rank} is above the smaller side of layer '{name}' ({shape}); choose a smaller one")
    if config.form == "compressed":
        from methods.texts.adapters.compress import compressed_factors

        if loss is None:
            raise UserError("the compressed form of Deep LoRA needs `loss`, a function that gives the loss of one mini-batch")
        factors = compressed_factors(model, layers, config, generator, loss)
    else:
        factors = {name: _drawn(layer, config, generator) for name, layer in layers.items()}
    return install(model, layers, factors, config)


def _drawn(layer: nn.Linear, config: DeepLoraConfig, generator: torch.Generator) -> list[Tensor]:
    out, into = layer.weight.shape
    r = config.rank if config.form == "narrow" and config.rank else min(out, into)
    sizes = [into, *[r] * (config.depth - 1), out]
    drawn = [config.scale * orthogonal(b, a, generator) for a, b in pairwise(sizes)]
    return [factor.to(layer.weight.device) for factor in drawn]


def install(model: M, layers: dict[str, nn.Linear], factors: dict[str, list[Tensor]], config: DeepLoraConfig) -> M:
    """`model` itself with these layers replaced; a layer that two modules share becomes one that they share."""
    model.requires_grad_(False)
    for name in saved_modules(model, config.modules_to_save):
        model.get_submodule(name).requires_grad_(True)
    made = {layer: DeepLoraLinear(layer, factors[name], config.form) for name, layer in layers.items()}
    _replace(model, lambda module: made.get(module) if isinstance(module, nn.Linear) else None)
    model.deep_lora_config = config  # type: ignore[assignment]  # what save_pretrained writes down
    return model


def _replace(model: nn.Module, by: Callable[[nn.Module], nn.Module | None]) -> None:
    for parent in list(model.modules()):
        if not isinstance(parent, DeepLoraLinear):
            for name, child in list(parent.named_children()):
                if (new := by(child)) is not None:
                    setattr(parent, name, new)


def targets(model: nn.Module, config: DeepLoraConfig) -> dict[str, nn.Linear]:
    """The layers to adapt, by name. Raises UserError where there is none, or where a name stands for another kind of module."""
    modules = dict(model.named_modules())
    if any(isinstance(module, DeepLoraLinear) for module in modules.values()):
        raise UserError("the model has Deep LoRA layers already; merge(model) first")
    linear = {name: module for name, module in modules.items() if type(module) is nn.Linear}
    kept = saved_modules(model, config.modules_to_save)
    if config.target_modules == "all-linear":
        heads = {id(head) for head in _heads(model)}
        found = {name: layer for name, layer in linear.items() if id(layer) not in heads and not _inside(name, kept)}
        if not found:
            raise UserError("the model has no linear layer (torch.nn.Linear) to adapt")
        return found
    found = {}
    for target in config.target_modules:
        named = {name: module for name, module in modules.items() if _ends(name, target) and not _inside(name, kept)}
        if other := [name for name in named if name not in linear]:
            raise UserError(
                f"'{other[0]}' is a {type(modules[other[0]]).__name__}, not a torch.nn.Linear; Deep LoRA adapts those"
            )
        if not named:
            raise UserError(f"no linear layer's name ends in '{target}'; {_nearest(target, linear)}")
        found |= {name: linear[name] for name in named}
    return {name: layer for name, layer in linear.items() if name in found}


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith("." + target)


def _inside(name: str, modules: list[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


def _nearest(target: str, linear: dict[str, nn.Linear]) -> str:
    ends = {".".join(name.split(".")[-parts:]) for name in linear for parts in (1, 2)}
    near = get_close_matches(target, sorted(ends), n=3, cutoff=0.4) or sorted({name.split(".")[-1] for name in linear})[:8]
    return f"nearest: {', '.join(near)}" if near else "the model has none"


def _heads(model: nn.Module) -> Iterator[nn.Module]:
    """Output layers, which 'all-linear' leaves out as peft does."""
    output: Any = getattr(model, "get_output_embeddings", lambda: None)()
    if output is not None:
        yield output
    elif type(model).__name__.endswith("ForSequenceClassification"):
        for name in ("classifier", "score"):
            yield from getattr(model, name, nn.Module()).modules()


def saved_modules(model: nn.Module, ends: tuple[str, ...]) -> list[str]:
    """Names of the modules that are trained as they are. Raises UserError for an end that no name has."""
    names = [name for name, _ in model.named_modules() if name]
    for end in ends:
        if not any(_ends(name, end) for name in names):
            near = get_close_matches(end, names, n=3, cutoff=0.4)
            raise UserError(
                f"no module's name ends in '{end}' (modules_to_save){'; nearest: ' + ', '.join(near) if near else ''}"
            )
    return [name for name in names if any(_ends(name, end) for end in ends)]


def adapted(model: nn.Module) -> dict[str, DeepLoraLinear]:
    """The layers with an update, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, DeepLoraLinear)}


def parameter_groups(model: nn.Module, lr: float, gamma: float = 1.0) -> list[dict[str, Any]]:
    """For an optimiser: factors at rate `lr`, the outer two of a compressed update at gamma * lr; what else learns at `lr`."""
    inner: list[nn.Parameter] = []
    outer: list[nn.Parameter] = []
    for layer in adapted(model).values():
        *_, last = factors = list(layer.factors)
        apart = {id(factors[0]), id(last)} if layer.form == "compressed" else set()
        for factor in factors:
            (outer if id(factor) in apart else inner).append(factor)
    known = {id(factor) for factor in (*inner, *outer)}
    inner += [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    groups = [{"params": inner, "lr": lr}, {"params": outer, "lr": gamma * lr}]
    return [group for group in groups if group["params"]]


@torch.no_grad()
def deltas(model: nn.Module) -> dict[str, Tensor]:
    """Every layer's update (out, in), by name."""
    return {name: layer.delta() for name, layer in adapted(model).items()}


@torch.no_grad()
def merge(model: M) -> M:
    """`model` itself with plain linear layers of weight W0 + Delta: the same answers at the cost of the unadapted network."""
    done: dict[nn.Module, nn.Linear] = {}

    def plain(module: nn.Module) -> nn.Module | None:
        if isinstance(module, DeepLoraLinear) and module not in done:
            module.base.weight += module.delta().to(module.base.weight.dtype)
            done[module] = module.base
        return done.get(module)

    _replace(model, plain)
    return model
