"""The training of a prior, one step at a time; it can be kept and taken up again."""

import copy
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.priors.network import Describe, NetworkPrior
from benchmark.priors.schedule import linear
from methods.priors._recipes import Recipe

_SNR = 5.0


def network(recipe: Recipe) -> Any:
    """The U-Net of a recipe, a diffusers UNet2DModel with new weights."""
    from diffusers import UNet2DModel

    folded, levels = 3 * recipe.fold**2, len(recipe.channels)
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


class Training:
    """learn: uint8 (N, 3, size, size); told: (N, n) or None. Of n numbers those that never change count as 0.

    half: the network computes in bfloat16, its weights stay float32.
    """

    def __init__(self, recipe: Recipe, learn: Tensor, told: Tensor | None, device: torch.device, *, half: bool = False) -> None:
        self.recipe, self.learn, self.device, self.half = recipe, learn, device, half
        self.schedule = linear()
        self.alphas = self.schedule.alphas.to(device, torch.float32)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            unet = network(recipe)
            describe = Describe(recipe.told, 4 * recipe.channels[0]) if recipe.told else None
        self.parts = nn.ModuleDict({"unet": unet} | ({"describe": describe} if describe is not None else {})).to(device)
        self.told = self.mean = self.spread = None
        if told is not None:
            told = told.float()
            self.mean = told.mean(0).to(device)
            spread = told.std(0)
            self.spread = torch.where(spread > 1e-6, spread, torch.ones_like(spread)).to(device)
            self.told = told
        self.averaged = copy.deepcopy(self.parts).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(self.parts.parameters(), lr=recipe.rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.step, self.seconds = 0, 0.0

    @property
    def seen(self) -> int:
        """Pictures so far."""
        return self.step * self.recipe.batch

    @property
    def done(self) -> bool:
        """Whether all pictures of the recipe were seen."""
        return self.seen >= self.recipe.pictures

    def prior(self, averaged: bool = True) -> NetworkPrior:
        """The prior as it is, of the averaged weights or of the last."""
        parts = self.averaged if averaged else self.parts
        describe = next((part for part in parts.children() if isinstance(part, Describe)), None)
        shape = (3, self.recipe.size, self.recipe.size)
        return NetworkPrior(
            parts["unet"],
            self.schedule,
            shape,
            "v_prediction",
            fold=self.recipe.fold,
            describe=describe,
            mean=self.mean,
            spread=self.spread,
        )

    def advance(self) -> float:
        """One step. Returns its loss."""
        begun, recipe = time.process_time() if self.device.type == "cpu" else time.monotonic(), self.recipe
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
        loss = (weight * (found - velocity).square().mean((1, 2, 3))).mean()
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, self.seen / recipe.pictures)))
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        memory = min(recipe.memory, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for old, new in zip(self.averaged.parameters(), self.parts.parameters(), strict=True):
                old.lerp_(new, 1 - memory)
        self.seconds += (time.process_time() if self.device.type == "cpu" else time.monotonic()) - begun
        return float(loss.detach())

    def _batch(self) -> tuple[Tensor, Tensor | None]:
        which = torch.randint(0, len(self.learn), (self.recipe.batch,), generator=self.generator)
        x = self.learn[which].to(self.device).float() / 127.5 - 1
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

    def save(self, file: Path) -> None:
        """Keep all that the next step depends on. The file is replaced whole."""
        state = {
            "recipe": repr(self.recipe),
            "parts": self.parts.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": self.seconds,
        }
        beside = file.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(file)

    def load(self, file: Path) -> None:
        """Go on from a file that `save` wrote; from the start where there is none.

        Raises UserError for that of another recipe.
        """
        if not file.is_file():
            return
        state = torch.load(file, map_location=self.device, weights_only=True)
        if state["recipe"] != repr(self.recipe):
            raise UserError(f"{file} is of another recipe ({state['recipe']}); move it away to begin anew")
        self.parts.load_state_dict(state["parts"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
        self.step, self.seconds = state["step"], state["seconds"]
