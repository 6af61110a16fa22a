"""What every problem asks of an estimate, whatever its shape. A failed check raises one line for the author of the method."""

import torch
from torch import Tensor


def tensor(estimate: object) -> Tensor:
    """The estimate, if it is a tensor. Raises ValueError otherwise."""
    if not isinstance(estimate, Tensor):
        raise ValueError(f"the estimate is a {type(estimate).__name__}, not a tensor")
    return estimate


def finite(estimate: Tensor, *types: torch.dtype) -> Tensor:
    """The estimate, if it is of one of these types and finite. Raises ValueError otherwise."""
    if estimate.dtype not in types:
        raise ValueError(f"the estimate has type {estimate.dtype}, not {' or '.join(map(str, types))}")
    if not bool(torch.isfinite(torch.view_as_real(estimate) if estimate.is_complex() else estimate).all()):
        raise ValueError("the estimate has entries that are not finite")
    return estimate
