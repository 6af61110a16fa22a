"""A linear layer with a product of factors beside it, W0 + W_L ... W_1, and what says how such layers are made."""

from functools import reduce
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.errors import UserError

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


def adapted(model: nn.Module) -> dict[str, DeepLoraLinear]:
    """The layers with an update, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, DeepLoraLinear)}
