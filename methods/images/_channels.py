"""Images as real channels, which is what networks work on.

complex (H, W) <-> (1, 2, H, W) as (Re, Im);   real (C, H, W) <-> (1, C, H, W)
"""

import torch
from torch import Tensor

from benchmark.operators import LinearOperator


def channel_count(A: LinearOperator) -> int:
    """Real channels of an image in the domain of A."""
    return 2 if A.dtype.is_complex else A.shape[0]


def to_channels(image: Tensor) -> Tensor:
    """One image as a batch of one, float32."""
    return (torch.stack([image.real, image.imag]) if image.is_complex() else image)[None]


def from_channels(batch: Tensor, A: LinearOperator) -> Tensor:
    """The image in a batch of one, with the shape and type of the domain of A."""
    image = batch[0]
    return torch.complex(image[0], image[1]) if A.dtype.is_complex else image
