"""The autoencoder of latents, learnt before the prior on them: x ~ Dec(z), z = Enc(x).

    mean |Dec(e) - x| + perceptual LPIPS(Dec(e), x) + spread mean KL(N(m, v), N(0, 1))        e ~ N(m, v) = Enc(x)

x in [-1, 1]. Once it has learnt, mean and deviation of each channel of z over the pictures become 0 and 1: the last layer of
the encoder and the first of the decoder, convolutions of one pixel, take up the change. Source: arXiv:2112.10752, without its
adversary
"""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.errors import UserError
from benchmark.metrics import perceptual
from methods.priors._learning import Learning
from methods.priors._recipes import AutoencoderRecipe

_DISTANCE = perceptual.lpips_squeeze_caffe.__wrapped__  # type: ignore[attr-defined]  # the metric itself takes no gradient
_MEASURED = 2048  # pictures that the deviation is of


def network(recipe: AutoencoderRecipe) -> Any:
    """The autoencoder of a recipe, an AutoencoderKL of diffusers with new weights."""
    from diffusers import AutoencoderKL

    levels = len(recipe.channels)
    return AutoencoderKL(
        sample_size=recipe.size,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=recipe.channels,
        layers_per_block=1,
        latent_channels=recipe.latents,
        norm_num_groups=recipe.groups,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


class Autoencoding(Learning):
    """learn: uint8 (N, 3, size, size)."""

    def __init__(self, recipe: AutoencoderRecipe, learn: Tensor, device: torch.device, *, half: bool = False) -> None:
        self.recipe, self.learn = recipe, learn
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            parts = nn.ModuleDict({"autoencoder": network(recipe)})
        super().__init__(recipe, parts, device, half=half)

    def _loss(self) -> Tensor:
        which = torch.randint(0, len(self.learn), (self.recipe.batch,), generator=self.generator)
        x = self.learn[which].to(self.device).float() / 127.5 - 1
        network: Any = self.parts["autoencoder"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            law = network.encode(x).latent_dist
            mean, deviation = law.mean.float(), law.std.float()
            noise = torch.randn(mean.shape, generator=self.generator).to(self.device)
            made = network.decode(mean + deviation * noise).sample.float()
            apart = _DISTANCE((made.clamp(-1, 1) + 1) / 2, (x + 1) / 2).mean()
        divergence = (mean.square() + deviation.square() - 1 - 2 * deviation.log()).mean() / 2
        loss: Tensor = (made - x).abs().mean() + self.recipe.perceptual * apart + self.recipe.spread * divergence
        return loss

    @torch.no_grad()
    def autoencoder(self) -> Any:
        """The autoencoder of the averaged weights, with latents of mean 0 and deviation 1."""
        found: Any = copy.deepcopy(self.averaged["autoencoder"])
        z = encoded(found, self.learn[:_MEASURED].to(self.device))
        mean, deviation = z.mean((0, 2, 3)), z.std((0, 2, 3))
        last, first = found.quant_conv, found.post_quant_conv  # to means and log variances; from latents
        first.bias += first.weight[:, :, 0, 0] @ mean
        first.weight *= deviation[:, None, None]
        last.bias -= torch.cat([mean, 2 * deviation.log()])
        scale = torch.cat([1 / deviation, torch.ones_like(deviation)])
        last.weight *= scale[:, None, None, None]
        last.bias *= scale
        return found


@torch.no_grad()
def encoded(autoencoder: Any, pictures: Tensor, batch: int = 64) -> Tensor:
    """Latents of uint8 pictures (N, 3, H, W), the mean of each law."""
    parts = [autoencoder.encode(part.float() / 127.5 - 1).latent_dist.mode() for part in torch.split(pictures, batch)]
    return torch.cat(parts)


@torch.no_grad()
def psnr(autoencoder: Any, pictures: Tensor, batch: int = 64) -> float:
    """The PSNR of Dec(Enc(x)), clipped, in dB, mean over uint8 pictures (N, 3, H, W)."""
    ratios = []
    for part in torch.split(pictures, batch):
        x = part.float() / 127.5 - 1
        made = autoencoder.decode(autoencoder.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
        ratios.append(10 * torch.log10(4 / (made - x).square().mean((1, 2, 3))))
    return float(torch.cat(ratios).mean())


def learnt(recipe: AutoencoderRecipe, learn: Tensor, file: Path) -> Autoencoding:
    """The training of a checkpoint. Raises UserError where it is missing, or not at its end."""
    training = Autoencoding(recipe, learn, torch.device("cpu"))
    training.load(file)
    if not training.done:
        shown = f"{training.seen:,} of {recipe.pictures:,} pictures" if training.seen else "none"
        raise UserError(f"{file}: the autoencoder has to be trained first and to its end; it saw {shown}")
    return training
