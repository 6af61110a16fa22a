"""A prior of latents that is told in words what to show: Stable Diffusion, or a latent consistency model.

    c = E(prompt)          (tokens, width): a CLIP text encoder, with both ends and the padding; E("") where nothing is told
    D(z, sigma | c)        of the U-Net's output for (z_t, t, c), as benchmark/priors/network.py has it

A latent consistency model jumps: D is no mean but a clean latent, and guidance is no sum of two calls but told to the U-Net.

    D' = c_skip z_t + c_out D        c_skip = s^2 / ((k t)^2 + s^2),  c_out = k t / sqrt((k t)^2 + s^2),  s = 0.5

Source: arXiv:2112.10752; arXiv:2310.04378, in the form of diffusers (k is its timestep_scaling, t a step index)
"""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.priors.latent import LatentPrior
from benchmark.priors.network import NetworkPrior

_DATA = 0.5  # s


@dataclass(frozen=True)
class Jump:
    """scaling: k; times: the step indices that the model was distilled for, rising; width: of what the U-Net is told of the
    guidance; guidance: what it is told, 8.5 as its pipeline does.
    """

    scaling: float
    times: tuple[int, ...]
    width: int
    guidance: float = 8.5

    def embedded(self) -> Tensor:
        """(width,): the guidance for the U-Net, sines and cosines of 1000 (guidance - 1)."""
        half = self.width // 2
        rates = torch.exp(-math.log(10000) / (half - 1) * torch.arange(half, dtype=torch.float32))
        angles = 1000 * (self.guidance - 1) * rates
        return F.pad(torch.cat([angles.sin(), angles.cos()]), (0, self.width % 2))


class TextPrior(LatentPrior):
    """prior: the U-Net with its schedule; encoder, tokenizer: of text, and they stay on the CPU; jump: of a latent consistency
    model.

    condition   tokens x width: what `embedded` makes of a prompt, flat
    jumps       whether D is a clean latent and not the mean
    times       step indices that a model that jumps is made for; all of the schedule's otherwise
    """

    def __init__(self, prior: NetworkPrior, autoencoder: Any, encoder: Any, tokenizer: Any, jump: Jump | None = None) -> None:
        super().__init__(prior, autoencoder)
        self.encoder, self.tokenizer, self.jump = encoder, tokenizer, jump
        self.jumps = jump is not None
        self.times: Sequence[int] = range(len(self.schedule)) if jump is None else jump.times
        self.tokens = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        self.width = encoder.config.hidden_size
        self.condition = self.tokens * self.width
        self.nothing = self.embedded([""])[0]

    @torch.no_grad()
    def embedded(self, prompts: Sequence[str]) -> Tensor:
        """(B, condition) float32 on the CPU. Raises ValueError for a prompt that is longer than the encoder takes."""
        found = self.tokenizer(list(prompts), padding="max_length", max_length=self.tokens, verbose=False)
        for prompt, tokens in zip(prompts, found.input_ids, strict=True):
            if len(tokens) > self.tokens:
                said = prompt if len(prompt) <= 40 else f"{prompt[:40]}..."
                raise ValueError(f"the prompt '{said}' has {len(tokens) - 2} tokens; the prior takes {self.tokens - 2} at most")
        masked = getattr(self.encoder.config, "use_attention_mask", False)
        mask = torch.tensor(found.attention_mask) if masked else None
        last: Tensor = self.encoder(torch.tensor(found.input_ids), attention_mask=mask)[0]
        return last.flatten(1)

    def guided(self, guidance: float) -> Self:
        """The same prior, that jumps, with this guidance told to its U-Net; its calls count with those of this one."""
        assert self.jump is not None
        found = copy(self)
        found.jump = Jump(self.jump.scaling, self.jump.times, self.jump.width, guidance)
        return found

    def raw(self, x: Tensor, time: Tensor, condition: Tensor | None, silent: Tensor | None = None) -> Tensor:
        """The U-Net's output for z_t (B, C, H, W) at step indices (B,); of "" where there is no condition, or it is silent."""
        told = self.nothing.expand(len(x), -1) if condition is None else condition
        told = told if silent is None else torch.where(silent[:, None], self.nothing, told)
        guidance = None if self.jump is None else self.jump.embedded().to(x).expand(len(x), -1)
        text = told.to(x).reshape(len(x), self.tokens, self.width)
        found: Tensor = self.network(x, time, encoder_hidden_states=text, timestep_cond=guidance).sample
        return found

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        found = super()._denoise(x, sigma, condition)
        if self.jump is None:
            return found
        time = (self.jump.scaling * self.schedule.time(sigma)).to(x)[:, None, None, None]
        skip, out = _DATA**2 / (time**2 + _DATA**2), time / (time**2 + _DATA**2).sqrt()
        return skip * x / (1 + sigma**2).sqrt()[:, None, None, None] + out * found

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        steps: int = 50,
        condition: Tensor | None = None,
        guidance: float = 1.0,
        batch: int = 64,
    ) -> Tensor:
        """Latents, as `Prior.sample` draws them. Raises ValueError for a model that jumps: DDIM is not for it."""
        if self.jumps:
            raise ValueError("a latent consistency model is not sampled by DDIM; its own pipeline draws from it")
        return super().sample(count, generator, steps, condition, guidance, batch)

    def to(self, device: torch.device | str) -> Self:
        found = super().to(device)
        found.nothing = self.nothing.to(device)
        return found
