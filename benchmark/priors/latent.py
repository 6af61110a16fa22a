"""A prior on what an autoencoder makes of a picture: x = Dec(z), z = Enc(x), D on z. Source: arXiv:2112.10752"""

from typing import Any, Self

import torch
from torch import Tensor

from benchmark.priors.network import NetworkPrior


class LatentPrior(NetworkPrior):
    """D, the schedule and `shape` are those of latents, which have no range: value_range says that they are on the network's
    scale. picture_shape: of what `decode` gives.
    """

    picture_shape: tuple[int, int, int]

    def __init__(self, prior: NetworkPrior, autoencoder: Any) -> None:
        shape = (prior.shape[0], prior.shape[1], prior.shape[2])
        super().__init__(prior.network, prior.schedule, shape, prior.prediction, fold=prior.fold)
        self.value_range = (-1.0, 1.0)
        self.autoencoder = autoencoder
        factor = 2 ** (len(autoencoder.config.block_out_channels) - 1)
        self.picture_shape = (autoencoder.config.out_channels, shape[1] * factor, shape[2] * factor)

    @property
    def _scale(self) -> float:
        return float(getattr(self.autoencoder.config, "scaling_factor", None) or 1.0)

    def clipped(self, x: Tensor) -> Tensor:
        """Latents as they are."""
        return x

    def encode(self, x: Tensor) -> Tensor:
        """Latents (B, *shape) of pictures (B, *picture_shape) on the scale [-1, 1]; of a variational one, their mean."""
        found = self.autoencoder.encode(x)
        z: Tensor = found.latents if hasattr(found, "latents") else found.latent_dist.mode()
        return z * self._scale

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (B, *picture_shape) on the scale [-1, 1], not clipped, of latents (B, *shape)."""
        found: Tensor = self.autoencoder.decode(z / self._scale).sample
        return found

    def to(self, device: torch.device | str) -> Self:
        found = super().to(device)
        found.autoencoder = self.autoencoder.to(device)
        return found
