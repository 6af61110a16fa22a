"""The priors that are shipped, as data: the network, its pictures, and for how long it learns.

Recipe of all: v-prediction, linear beta over 1,000 steps, loss weighted by min(SNR, 5), AdamW (0.9, 0.99) with weight decay
0.01, a learning rate that falls as a cosine to 0 over all pictures, gradients clipped at norm 1, an average of the weights
whose memory rises to 0.999. A prior of latents needs its autoencoder trained first: two recipes, one after the other.
Source: arXiv:2202.00512 (v), arXiv:2303.09556 (min-SNR), arXiv:2112.10752 (the autoencoder and its loss)
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """size: pixels a side; fold: pixels a side that are folded into channels; channels: of the U-Net's levels, the coarsest
    with attention; pictures: how many it sees in all; told: how many numbers describe a picture, dropped for a share `silent`
    of them; mirrored: half of the pictures are seen in a mirror.
    """

    size: int
    fold: int
    channels: tuple[int, ...]
    pictures: int
    told: int = 0
    silent: float = 0.2
    mirrored: bool = False
    batch: int = 32
    rate: float = 1e-3
    groups: int = 16
    memory: float = 0.999
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one example that the network learns."""
        return 3, self.size, self.size


@dataclass(frozen=True)
class LatentRecipe(Recipe):
    """size: of a latent, a side; latents: its channels; autoencoder: the recipe of what makes latents of pictures."""

    latents: int = 4
    autoencoder: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.latents, self.size, self.size


@dataclass(frozen=True)
class Distilled(Recipe):
    """A consistency model that learns from `teacher`, the folder of a prior. The teacher goes `span` DDIM steps on a way of
    `levels`, and a batch is that many pictures on such ways. least: the noise level at which it leaves a picture as it is.
    """

    teacher: str = ""
    levels: int = 40
    span: int = 8
    least: float = 0.002


@dataclass(frozen=True)
class AutoencoderRecipe:
    """size: pixels a side; channels: of its levels, each half as fine as the one before; latents: channels of a latent;
    perceptual, spread: weights of LPIPS (SqueezeNet) and of the mean Kullback-Leibler divergence beside mean |error|.
    """

    size: int
    channels: tuple[int, ...]
    latents: int
    pictures: int
    perceptual: float = 0.1
    spread: float = 3e-4
    batch: int = 8
    rate: float = 2e-3
    groups: int = 8
    memory: float = 0.999
    seed: int = 0


RECIPES: dict[str, Recipe | AutoencoderRecipe] = {
    "photographs64": Recipe(size=64, fold=2, channels=(32, 64, 128, 128), pictures=480_000, mirrored=True),
    "faces64": Recipe(size=64, fold=2, channels=(32, 64, 128, 128), pictures=480_000, told=37),
    "photographs32": Recipe(size=32, fold=2, channels=(16, 32, 48), pictures=200_000, mirrored=True, batch=64),
    "faces64_consistency": Distilled(
        size=64, fold=2, channels=(32, 64, 128, 128), pictures=96_000, batch=64, rate=2e-4, memory=0.99, teacher="faces64"
    ),
    "faces64_autoencoder": AutoencoderRecipe(size=64, channels=(16, 32, 64), latents=4, pictures=32_000),
    "faces64_latent": LatentRecipe(
        size=16, fold=1, channels=(48, 96, 96), pictures=96_000, batch=16, autoencoder="faces64_autoencoder"
    ),
}
