"""Compressed Deep LoRA: the small subspace in which the wide update would stay, from the gradient of one mini-batch.

Wide update Delta = W_L ... W_1 = eps^L P, P (out, in) with orthonormal columns (out >= in; otherwise the transposed problem),
G = d loss / d (W0 + Delta) (out, in). The first factor's gradient is G_1 = eps^(L-1) Q^T G with W_L ... W_2 = eps^(L-1) Q, and
P = Q W_1 / eps. So the leading right singular vectors of G_1 and of G_1^T W_1 are the right and the left ones of

    M = P^T G = X S Y^T  (in, in),      V = orth[y_1 ... y_k,  x_1 ... x_k],  k = r / 2,      U = P V
    Delta(0) = U (eps I_r)^L V^T        the wide update, restricted to V

which needs P alone, not L square factors, and one truncated decomposition a layer. A product of Haar-distributed matrices is
Haar-distributed, so a network that was never wide draws P at once.
Source: arXiv:2406.04112 (subspaces as in the second variant of the authors' code: two truncated decompositions)
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from methods.texts.adapters.layer import DeepLoraConfig, DeepLoraLinear, adapted, orthogonal

T = TypeVar("T", bound=nn.Module)
_MORE, _ROUNDS = 8, 6  # of the block iteration for leading singular vectors


def compressed_factors(
    model: nn.Module,
    layers: dict[str, nn.Linear],
    config: DeepLoraConfig,
    generator: torch.Generator,
    loss: Callable[[], Tensor],
) -> dict[str, list[Tensor]]:
    """Factors of each layer, first the one that meets the input, of a network that was never wide."""
    assert config.rank is not None
    r, P, V = config.rank, {}, {}
    for name, layer in layers.items():
        P[name] = orthogonal(layer.out_features, layer.in_features, generator).to(layer.weight.device)
    with _without_dropout(model):
        for name, G in _gradients(layers, loss).items():
            V[name] = _subspace(P[name], G(), r, generator)
    return {name: _factors(P[name], V[name], config.scale, config.depth) for name in layers}


def compress(model: T, loss: Callable[[], Tensor], rank: int, generator: torch.Generator) -> T:
    """`model` itself, wide so far, with updates of this rank that begin as its own and stay near them.

    loss  of one mini-batch, as a function; dropout is off while it is taken

    Raises UserError for a model that is not wide, or an odd rank.
    """
    wide = adapted(model)
    if not wide or any(layer.form != "wide" for layer in wide.values()):
        raise UserError("compress takes a model with wide Deep LoRA layers: get_deep_lora_model(..., form='wide')")
    config: DeepLoraConfig = model.deep_lora_config  # type: ignore[assignment]  # set by `install`
    config = DeepLoraConfig(**{**config.model_dump(), "rank": rank, "form": "compressed"})
    with _without_dropout(model):
        found = _gradients(wide, loss)
        for name, layer in wide.items():
            with torch.no_grad():
                P = layer.delta() / config.scale**config.depth
                V = _subspace(P, found[name](), rank, generator)
            layer.factors = nn.ParameterList(_factors(P, V, config.scale, config.depth))
            layer.form = "compressed"
    model.deep_lora_config = config  # type: ignore[assignment]  # what save_pretrained writes down
    return model


def _subspace(P: Tensor, G: Tensor, rank: int, generator: torch.Generator) -> Tensor:
    """V (min(out, in), r), orthonormal."""
    if P.shape[0] < P.shape[1]:
        P, G = P.T, G.T
    X, Y = _leading(P.T @ G.to(P.dtype), rank // 2, generator)
    basis: Tensor = torch.linalg.qr(torch.cat([Y, X], 1)).Q
    return basis


def _factors(P: Tensor, V: Tensor, eps: float, depth: int) -> list[Tensor]:
    eye = eps * torch.eye(V.shape[1], dtype=V.dtype, device=V.device)
    right, left = (V, P @ V) if P.shape[0] >= P.shape[1] else (P.T @ V, V)
    return [right.T.contiguous(), *[eye.clone() for _ in range(depth)], left.contiguous()]


def _leading(M: Tensor, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The k leading left and right singular vectors of a square matrix, by iteration of a block."""
    block = torch.randn(len(M), min(k + _MORE, len(M)), generator=generator).to(M)
    Y = torch.linalg.qr(block).Q
    for _ in range(_ROUNDS):
        Y = torch.linalg.qr(M.T @ torch.linalg.qr(M @ Y).Q).Q
    X, _, Z = torch.linalg.svd(M @ Y, full_matrices=False)
    return X[:, :k], (Y @ Z.T)[:, :k]


def _gradients(
    layers: dict[str, nn.Linear] | dict[str, DeepLoraLinear], loss: Callable[[], Tensor]
) -> dict[str, Callable[[], Tensor]]:
    """A function for each layer that forms d loss / d (W0 + Delta) (out, in). One gradient is in memory at a time."""
    inputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    hooks = []
    for name, layer in layers.items():

        def seen(module: nn.Module, given: tuple[Tensor, ...], y: Tensor, name: str = name) -> Tensor:
            y = y if y.requires_grad else y.detach().requires_grad_()  # nothing before it learns
            inputs[name].append(given[0].detach())
            outputs[name].append(y)
            return y

        hooks.append(layer.register_forward_hook(seen))
    try:
        with torch.enable_grad():
            value = loss()
        where = [(name, y) for name, ys in outputs.items() for y in ys]
        found = torch.autograd.grad(value, [y for _, y in where], allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    slopes: dict[str, list[Tensor]] = {name: [] for name in layers}
    for (name, y), slope in zip(where, found, strict=True):
        slopes[name].append(torch.zeros_like(y) if slope is None else slope)

    def formed(name: str) -> Tensor:
        if not inputs[name]:
            raise UserError(f"layer '{name}' takes no part in the loss; leave it out of target_modules")
        pairs = zip(slopes[name], inputs[name], strict=True)
        terms = [dy.flatten(0, -2).float().T @ x.flatten(0, -2).float() for dy, x in pairs]
        return torch.stack(terms).sum(0)

    return {name: (lambda name=name: formed(name)) for name in layers}  # type: ignore[misc]  # a lambda's default has no type


class _without_dropout:  # noqa: N801  # read as a statement
    def __init__(self, model: nn.Module) -> None:
        self.modules = {module: module.training for module in model.modules()}

    def __enter__(self) -> None:
        for module in self.modules:
            module.training = False

    def __exit__(self, *error: object) -> None:
        for module, training in self.modules.items():
            module.training = training
