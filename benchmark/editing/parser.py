"""What is where in a picture of a face: a small U-Net that gives each pixel a region of benchmark/datasets/faces.py.

    picture (3, H, W) -> logits (8, H, W), in the order of REGIONS; H and W multiples of 8

Its first step folds 2 x 2 pixels into channels and its last unfolds them, which costs a quarter and loses nothing. It learnt on
rendered faces of 64 x 64 (benchmark/datasets/scripts/make_face_reader.py), and knows no other faces and no other scale.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.datasets.face_colour import REGIONS

MULTIPLE = 8  # of pixels a side: two foldings after the first
_WIDTHS = (24, 48, 96)


def convolved(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A convolution of 3 x 3, normalised over the pictures it learnt from, and its positive part."""
    layer = nn.Conv2d(before, after, 3, stride, 1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU())


def checked(pictures: Tensor) -> None:
    """Raises TypeError for another type than float32, ValueError for pictures that are not (B, 3, H, W) with B at least 1, H
    and W multiples of 8, and values in [0, 1].
    """
    if pictures.dtype != torch.float32:
        raise TypeError(f"pictures must be float32, not {pictures.dtype}")
    if pictures.ndim != 4 or pictures.shape[1] != 3 or not len(pictures):
        raise ValueError(f"pictures must be (B, 3, H, W) with B at least 1, not {tuple(pictures.shape)}")
    if min(pictures.shape[2:]) < MULTIPLE or any(side % MULTIPLE for side in pictures.shape[2:]):
        raise ValueError(f"sides of pictures must be multiples of {MULTIPLE}, not {pictures.shape[2]} x {pictures.shape[3]}")
    if not ((pictures >= 0) & (pictures <= 1)).all():
        raise ValueError("pictures must lie in [0, 1] and hold no NaN")


class Parser(nn.Module):
    """The U-Net. forward: float32 (B, 3, H, W) in [0, 1] -> logits (B, 8, H, W). It does not check what it is given."""

    def __init__(self, widths: tuple[int, int, int] = _WIDTHS) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.fine = nn.Sequential(convolved(12, fine), convolved(fine, fine))
        self.middle = nn.Sequential(convolved(fine, middle, 2), convolved(middle, middle))
        self.coarse = nn.Sequential(convolved(middle, coarse, 2), convolved(coarse, coarse))
        self.to_middle = nn.Sequential(convolved(coarse + middle, middle), convolved(middle, middle))
        self.to_fine = nn.Sequential(convolved(middle + fine, fine), convolved(fine, fine))
        self.out = nn.Conv2d(fine, 4 * len(REGIONS), 3, 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        fine = self.fine(F.pixel_unshuffle(pictures - 0.5, 2))  # (B, 24, H / 2, W / 2)
        middle = self.middle(fine)
        coarse = self.coarse(middle)  # (B, 96, H / 8, W / 8)
        middle = self.to_middle(torch.cat([F.interpolate(coarse, scale_factor=2.0), middle], 1))
        fine = self.to_fine(torch.cat([F.interpolate(middle, scale_factor=2.0), fine], 1))
        found: Tensor = F.pixel_shuffle(self.out(fine), 2)
        return found
