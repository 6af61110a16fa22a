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
from itertools import pairwise
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from methods.texts.adapters.compress import compressed_factors
from methods.texts.adapters.layer import DeepLoraConfig, DeepLoraLinear, adapted, orthogonal

M = TypeVar("M", bound=nn.Module)
Pace = Literal["published", "balanced"]
_RANK = 8  # whose rate the balanced pace names: the recommended rank


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
            for name, child in list(parent._modules.items()):  # named_children leaves out the second name of a layer
                if child is not None and (new := by(child)) is not None:
                    setattr(parent, name, new)


def targets(model: nn.Module, config: DeepLoraConfig) -> dict[str, nn.Linear]:
    """The layers to adapt, each once, by its first name.

    Raises UserError where there is none, where a name stands for another kind of module, where a layer stands in several places
    and only some are named, and where a layer's weight is also another module's, since an update of one would part the two.
    """
    modules = dict(model.named_modules(remove_duplicate=False))
    if any(isinstance(module, DeepLoraLinear) for module in modules.values()):
        raise UserError("the model has Deep LoRA layers already; merge(model) first")
    linear = {name: module for name, module in modules.items() if type(module) is nn.Linear}
    kept = saved_modules(model, config.modules_to_save)
    if config.target_modules == "all-linear":
        heads = {id(head) for head in _heads(model)}
        found = {name: layer for name, layer in linear.items() if id(layer) not in heads and not _inside(name, kept)}
        if not found:
            raise UserError("the model has no linear layer (torch.nn.Linear) to adapt")
    else:
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
    _refuse_half(found, linear)
    _refuse_tied(found, modules)
    first = {id(layer): name for name, layer in reversed(linear.items())}
    return {name: layer for name, layer in linear.items() if name in found and first[id(layer)] == name}


def _refuse_half(found: dict[str, nn.Linear], linear: dict[str, nn.Linear]) -> None:
    """A layer that stands in several places is adapted in all of them: all have to be meant."""
    for name, layer in found.items():
        for other, one in linear.items():
            if one is layer and other not in found:
                raise UserError(f"layer '{name}' is also '{other}', which is no target; name both, or neither")


def _refuse_tied(found: dict[str, nn.Linear], modules: dict[str, nn.Module]) -> None:
    """Two modules with one weight, as an embedding and an output layer often have."""
    for name, layer in found.items():
        for other, module in modules.items():
            if module is not layer and any(p is layer.weight for p in module._parameters.values()):
                raise UserError(
                    f"layers '{name}' and '{other}' share one weight, and an update of '{name}' alone would part them; "
                    "leave it out of target_modules, or give it a weight of its own first"
                )


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


def parameter_groups(model: nn.Module, lr: float, gamma: float = 1.0, pace: Pace = "published") -> list[dict[str, Any]]:
    """For an optimiser: factors at rate `lr`, the outer two of a compressed update at gamma * lr; what else learns at `lr`.

    pace  published: one rate for every width, the paper's. balanced: `lr` is the rate of rank 8, and an update of n factors of
          rank r learns at lr (8 / r)^((n - 1) / n). A saturated step of Adam changes a factor (a, b) by lr sqrt(a b) in norm,
          so the product by lr^n r^(n - 1) sqrt(out in): with this rate updates of every width grow alike
    """
    rates: dict[float, list[nn.Parameter]] = {}
    known: set[int] = set()
    for layer in adapted(model).values():
        *_, last = factors = list(layer.factors)
        apart = {id(factors[0]), id(last)} if layer.form == "compressed" else set()
        own = lr if pace == "published" else lr * (_RANK / len(factors[0])) ** (1 - 1 / len(factors))
        rates.setdefault(own, [])  # the first group, where none of its factors comes first
        for factor in factors:
            rates.setdefault(gamma * own if id(factor) in apart else own, []).append(factor)
            known.add(id(factor))
    if others := [p for p in model.parameters() if p.requires_grad and id(p) not in known]:
        rates.setdefault(lr, []).extend(others)
    return [{"params": those, "lr": rate} for rate, those in rates.items()]


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
            # a weight of its own: the present one may be that of other modules too, which are to stay as they are
            weight = module.base.weight + module.delta().to(module.base.weight.dtype)
            module.base.weight = nn.Parameter(weight, requires_grad=False)
            done[module] = module.base
        return done.get(module)

    _replace(model, plain)
    return model
