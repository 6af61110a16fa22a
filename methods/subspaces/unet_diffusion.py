"""The paper's network: the U-Net of DDPM++ learns to denoise samples as small pictures, and generates.

    x (n,) as a picture: n = 3 R^2 in three colours (the paper's 3 x 4 x 4), or n = R^2;    D, loss and sampler: EDM

Adam; the learning rate rises linearly over `ramp` images, as published longer than the training lasts; batches of 512, 11,719
steps (6 million images), dropout 0.13; the answer is an average of the weights with a half-life of 0.5 million images, at
first of 5 % of those seen. Augmentation, on by default in the authors' code, takes samples off their subspaces and is left out.
Source: arXiv:2409.02426, settings from its code; width 128, four blocks a level
"""

import math

import torch
from torch import Tensor, nn

from benchmark import Context, Count, Distribution, Positive, Rate, UserError, method
from methods.subspaces._diffusion import train
from methods.subspaces._song_unet import SongUNet

_HALF_LIFE, _SHARE = 0.5e6, 0.05


@method(
    "unet_diffusion",
    solves="Distribution",
    kind="diffusion network",
    paper="arXiv:2409.02426",
    presets=("tiny", "full*"),
    settings={"subspace_clustering/tiny": {"steps": 1, "width": 8, "depth": 1, "batch": 16, "ramp": 100.0}},
)
def unet_diffusion(
    problem: Distribution,
    ctx: Context,
    *,
    steps: Count = 11719,
    width: Count = 128,
    depth: Count = 4,
    batch: Count = 512,
    lr: Positive = 1e-3,
    ramp: Positive = 1e7,
    dropout: Rate = 0.13,
) -> Tensor:
    B, _, n = problem.samples.shape
    colours, side = as_picture(n)
    with torch.random.fork_rng(devices=[]):  # layers draw their weights from the global generator
        torch.manual_seed(int(torch.randint(2**31, (), generator=ctx.generator)))
        networks = Pictures([SongUNet(colours, side, width, depth, dropout) for _ in range(B)], (colours, side, side))

    def memory(step: int) -> float:
        half_life = min(_HALF_LIFE, _SHARE * (step + 1) * batch)
        return math.pow(0.5, batch / half_life)

    with torch.random.fork_rng(devices=[ctx.device] if ctx.device.type == "cuda" else []):  # so does dropout
        torch.manual_seed(int(torch.randint(2**31, (), generator=ctx.generator)))
        return train(
            problem,
            ctx,
            networks.to(ctx.device),
            steps=steps,
            batch=batch,
            rate=lambda step: lr * min(1.0, (step + 1) * batch / ramp),
            memory=memory,
        )


def as_picture(n: int) -> tuple[int, int]:
    """Colours and side. Raises UserError for samples that are no pictures."""
    for colours in (3, 1):
        side = math.isqrt(n // colours)
        if colours * side**2 == n:
            return colours, side
    raise UserError(f"unet_diffusion takes samples as pictures of n = 3 R^2 or R^2 numbers; here n = {n}")


class Pictures(nn.Module):
    """B networks on pictures: x (B, P, n), c (B, P) -> (B, P, n)."""

    def __init__(self, networks: list[SongUNet], shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.networks, self.shape = nn.ModuleList(networks), shape

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        pairs = zip(self.networks, x, c, strict=True)
        return torch.stack([network(one.view(-1, *self.shape), noise).flatten(1) for network, one, noise in pairs])
