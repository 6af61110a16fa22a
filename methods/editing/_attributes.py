"""Supervision: numbers of a face that the shipped reader reads off a picture, and which of them belong to each region.

What has it knows what success is measured by: it bounds the methods that do not.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Editing
from benchmark.datasets.face_law import NAMES
from benchmark.editing.attributes import ATTRIBUTES
from benchmark.editing.reader import SIDE
from benchmark.editing.shipped import card, face_reader
from methods.editing._flow import Flow


class Attributes:
    """own: for each region the places of its numbers that can be read, the same count for all, repeated where there are fewer;
    of a region without one all of its numbers, for an edit of it is asked for too, though it cannot be judged.

    Raises ValueError for regions that are none of a face's, and for a prior of latents, which are no pictures to be read.
    """

    def __init__(self, problem: Editing) -> None:
        names, counted = problem.names, card().counts
        if not names or set(names) - set(ATTRIBUTES):
            said = f"these are {', '.join(names)}" if names else "these have no names"
            raise ValueError(f"it needs regions whose numbers are known, {', '.join(ATTRIBUTES)}; {said}")
        if hasattr(problem.prior, "picture_shape"):
            raise ValueError("it needs a prior of pictures; this one is of an autoencoder's latents")
        readable = [[one for one in ATTRIBUTES[name] if one in counted] for name in names]
        own = [[NAMES.index(one) for one in mine or ATTRIBUTES[name]] for mine, name in zip(readable, names, strict=True)]
        most = max(map(len, own))
        self.own = [[mine[i % len(mine)] for i in range(most)] for mine in own]
        self.places = sorted({place for mine in own for place in mine})
        self._reader = face_reader().to(problem.pictures.device)

    def numbers(self, clean: Tensor) -> Tensor:
        """(B, 37), in standard deviations from the mean over faces, of clean pictures (B, 3, H, W) on [-1, 1], not clipped."""
        x = (1 + clean) / 2
        small = x if x.shape[2:] == (SIDE, SIDE) else F.adaptive_avg_pool2d(x, SIDE)
        found: Tensor = self._reader.reader(small, self._reader.parser(small).softmax(1))
        return found

    def towards(self, flow: Flow, z: Tensor, sigma: float, places: Tensor, told: Tensor | None) -> tuple[Tensor, Tensor]:
        """f(z) and J^T grad a(f(z)), both (B, C, H, W): a is of each z the number at its place of `places` (B,)."""
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            clean = flow.f(z, sigma, told)
            read = self.numbers(clean).gather(1, places[:, None]).sum()
        return clean.detach(), torch.autograd.grad(read, z)[0]

    def candidates(self, flow: Flow) -> Tensor:
        """(R, k, C, H, W): for each region the gradients of its numbers at t of the first picture."""
        places = torch.tensor(self.places, device=flow.z.device)
        told = None if flow.told is None else flow.told[:1].expand(len(places), -1)
        _, found = self.towards(flow, flow.z[:1].expand(len(places), -1, -1, -1), flow.sigma, places, told)
        return torch.stack([found[[self.places.index(place) for place in mine]] for mine in self.own])
