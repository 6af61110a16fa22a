"""Pictures made of parts, with their exact prior: two boxes with a mode of their own each, and one mode that all shares."""

from dataclasses import replace

import torch
from diffusers import UNet2DModel
from torch import Tensor

from benchmark.priors.exact import Mixture
from benchmark.priors.network import NetworkPrior
from benchmark.priors.prior import Calls, Prior
from benchmark.priors.schedule import linear
from benchmark.problems import Editing

SIDE = 8


def boxes() -> Tensor:
    """(2, SIDE, SIDE) bool."""
    found = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    found[0, 1:4, 1:4] = True
    found[1, 5:7, 2:6] = True
    return found


def prior() -> Mixture:
    modes = torch.stack([0.5 * box.double().expand(3, SIDE, SIDE) for box in boxes()] + [torch.full((3, SIDE, SIDE), 0.3)])
    U, s, _ = torch.linalg.svd(modes.double().flatten(1).T, full_matrices=False)
    means = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.float64)
    means[0, :, :, :4], means[1, :, :, 4:] = 0.3, 0.3
    both = torch.tensor([0.5, 0.5], dtype=torch.float64)
    return Mixture((3, SIDE, SIDE), means.flatten(1), U.expand(2, *U.shape), s.expand(2, 3), both, 0.02)


def problem(pictures: int = 1, strengths: tuple[float, ...] = (-2.0, -1.0, 0.0, 1.0, 2.0)) -> Editing:
    known = prior()
    drawn = known.draw(pictures, torch.Generator().manual_seed(3)).float()
    regions = boxes().expand(pictures, 2, SIDE, SIDE)
    return Editing(prior=known, pictures=drawn, regions=regions, strengths=strengths)


def named(pictures: int = 1) -> Editing:
    """The problem with regions that a face has."""
    return replace(problem(pictures), names=("mouth", "hair"))


def network() -> NetworkPrior:
    """An untrained U-Net of pictures like those: its middle is (16, 4, 4)."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=SIDE,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        add_attention=False,
    )
    return NetworkPrior(unet.eval().requires_grad_(False), linear(), (3, SIDE, SIDE), "v_prediction")


class Told(Prior):
    """x_0 ~ N(B c, C) where c (2,) is told, N(0, C + B B^T) where it is not: c ~ N(0, I). All on the network's scale."""

    def __init__(self) -> None:
        self.shape, self.schedule, self.condition, self.calls = (3, SIDE, SIDE), linear(), 2, Calls()
        draw = torch.Generator().manual_seed(5)
        n = 3 * SIDE * SIDE
        self.B = torch.randn(n, 2, generator=draw, dtype=torch.float64) / 4
        root = torch.randn(n, 4, generator=draw, dtype=torch.float64) * torch.tensor([0.4, 0.2, 0.1, 0.05], dtype=torch.float64)
        C = root @ root.T + 0.01 * torch.eye(n, dtype=torch.float64)
        self._laws = {True: torch.linalg.eigh(C), False: torch.linalg.eigh(C + self.B @ self.B.T)}

    def gain(self, sigma: float, told: bool) -> Tensor:
        """G of f(z) = B c + G (z - B c)."""
        values, vectors = self._laws[told]
        return vectors * (values / (values + sigma**2)) @ vectors.T

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        mean = x.new_zeros(len(x), x[0].numel()).double() if condition is None else condition.double() @ self.B.T
        G = self.gain(float(sigma[0]), condition is not None)
        return (mean + (x.flatten(1).double() - mean) @ G.T).to(x.dtype).view_as(x)

    def to(self, device: torch.device | str) -> "Told":
        return self


def told() -> Editing:
    """Of the prior that is told (0.5, -0.5); wanted are (1.5, -0.5) in the first region and (0.5, 1) in the second."""
    known = Told()
    c, wanted = torch.tensor([[0.5, -0.5]]), torch.tensor([[1.5, -0.5], [0.5, 1.0]])
    mean = (c.double() @ known.B.T).float().view(1, 3, SIDE, SIDE)
    return Editing(
        prior=known,
        pictures=0.5 + 0.5 * mean,
        regions=boxes()[None],
        strengths=(-2.0, -1.0, 0.0, 1.0, 2.0),
        told=c,
        wanted=wanted,
    )
