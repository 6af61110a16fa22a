"""A network's weights as one vector, with names and shapes: a mask is a vector too, and an optimiser has one tensor."""

from math import prod

import torch
from torch import Tensor


class Weights:
    """shapes: name -> shape, in the order of the vector. Names end in `weight` or `bias` (of a convolution), `gain` or `shift`
    (of a norm); a bias follows its weight.
    """

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}

    def conv(self, name: str, channels_out: int, channels_in: int, side: int, *, bias: bool = True) -> None:
        """Add a convolution."""
        self.shapes[f"{name}.weight"] = (channels_out, channels_in, side, side)
        if bias:
            self.shapes[f"{name}.bias"] = (channels_out,)

    def norm(self, name: str, channels: int) -> None:
        """Add a norm."""
        self.shapes |= {f"{name}.gain": (channels,), f"{name}.shift": (channels,)}

    @property
    def sizes(self) -> list[int]:
        """Numbers in each tensor."""
        return [prod(shape) for shape in self.shapes.values()]

    @property
    def count(self) -> int:
        """Numbers in all, d."""
        return sum(self.sizes)

    def split(self, theta: Tensor) -> dict[str, Tensor]:
        """The tensors of a vector (d,), by name; views of it."""
        pieces = torch.split(theta, self.sizes)
        return {name: piece.view(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)}

    def initial(self, generator: torch.Generator, device: torch.device) -> Tensor:
        """PyTorch's usual start, drawn on the CPU: convolutions U(-b, b) with b = 1 / sqrt(fan in), gains 1, shifts 0."""
        theta = torch.zeros(self.count)
        bound = 0.0
        for name, part in self.split(theta).items():
            if name.endswith("weight"):
                bound = prod(part.shape[1:]) ** -0.5
            if name.endswith(("weight", "bias")):
                part.uniform_(-bound, bound, generator=generator)
            elif name.endswith("gain"):
                part.fill_(1)
        return theta.to(device)
