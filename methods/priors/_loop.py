"""The training of a prior, one step at a time; it can be kept and taken up again."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmark.priors.network import Describe, NetworkPrior
from benchmark.priors.schedule import linear
from methods.priors._learning import Learning
from methods.priors._recipes import Recipe

_SNR = 5.0


def network(recipe: Recipe) -> Any:
    """The U-Net of a recipe, a diffusers UNet2DModel with new weights."""
    from diffusers import UNet2DModel

    folded, levels = recipe.shape[0] * recipe.fold**2, len(recipe.channels)
    return UNet2DModel(
        sample_size=recipe.size // recipe.fold,
        in_channels=folded,
        out_channels=folded,
        layers_per_block=1,
        block_out_channels=recipe.channels,
        down_block_types=("DownBlock2D",) * (levels - 1) + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (levels - 1),
        norm_num_groups=recipe.groups,
        attention_head_dim=16,
        class_embed_type="identity" if recipe.told else None,
    )


class Training(Learning):
    """learn: uint8 (N, 3, size, size), or latents as they are; told: (N, n) or None. Of n numbers those that never change
    count as 0.
    """

    def __init__(self, recipe: Recipe, learn: Tensor, told: Tensor | None, device: torch.device, *, half: bool = False) -> None:
        self.recipe, self.learn = recipe, learn
        self.schedule = linear()
        self.alphas = self.schedule.alphas.to(device, torch.float32)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            unet = network(recipe)
            describe = Describe(recipe.told, 4 * recipe.channels[0]) if recipe.told else None
        parts = nn.ModuleDict({"unet": unet} | ({"describe": describe} if describe is not None else {}))
        super().__init__(recipe, parts, device, half=half)
        self.told = self.mean = self.spread = None
        if told is not None:
            told = told.float()
            self.mean = told.mean(0).to(device)
            spread = told.std(0)
            self.spread = torch.where(spread > 1e-6, spread, torch.ones_like(spread)).to(device)
            self.told = told

    def prior(self, averaged: bool = True) -> NetworkPrior:
        """The prior as it is, of the averaged weights or of the last."""
        parts = self.averaged if averaged else self.parts
        describe = next((part for part in parts.children() if isinstance(part, Describe)), None)
        return NetworkPrior(
            parts["unet"],
            self.schedule,
            self.recipe.shape,
            "v_prediction",
            fold=self.recipe.fold,
            describe=describe,
            mean=self.mean,
            spread=self.spread,
        )

    def _loss(self) -> Tensor:
        x, told = self._batch()
        time_steps = torch.randint(0, len(self.schedule), (len(x),), generator=self.generator).to(self.device)
        noise = torch.randn(x.shape, generator=self.generator).to(self.device)
        alpha = self.alphas[time_steps][:, None, None, None]
        noisy = alpha.sqrt() * x + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * x
        snr = (alpha / (1 - alpha)).flatten()
        weight = snr.clamp_max(_SNR) / (snr + 1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            found = self._raw(noisy, time_steps, told).float()
        return (weight * (found - velocity).square().mean((1, 2, 3))).mean()

    def _batch(self) -> tuple[Tensor, Tensor | None]:
        which = torch.randint(0, len(self.learn), (self.recipe.batch,), generator=self.generator)
        x = self.learn[which].to(self.device)
        x = x.float() / 127.5 - 1 if x.dtype == torch.uint8 else x
        if self.recipe.mirrored:
            mirrored = (torch.rand(len(x), generator=self.generator) < 0.5).to(self.device)
            x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
        return x, None if self.told is None else self.told[which].to(self.device)

    def _raw(self, noisy: Tensor, time_steps: Tensor, told: Tensor | None) -> Tensor:
        prior = self.prior(averaged=False)
        if told is None or prior.describe is None:
            return prior.raw(noisy, time_steps, None)
        silent = (torch.rand(len(noisy), generator=self.generator) < self.recipe.silent).to(self.device)
        return prior.raw(noisy, time_steps, told, silent)
