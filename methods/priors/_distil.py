"""A consistency model learns from a prior that predicts v: one call of it goes where DDIM goes in many steps.

    x_0 + sigma_1 n = x_1,   x_(k+1) = D(x_k) + sigma_(k+1) / sigma_k (x_k - D(x_k))      `span` DDIM steps of the teacher
    loss  mean over k of sqrt(mean square of ((f(x_k, sigma_k) - f(x_K, sigma_K)) / c_out(sigma_k)) + c^2) - c         c = 0.03

All pictures on the way jump to where its end jumps, which is held; c_out is the factor of the network's output. The levels lie
evenly in their seventh root, at any offset; at the least f leaves a picture as it is. A span of 1 is the paper's distillation;
a longer one hands the end of the flow up in fewer steps, and the whole way is regression on the ends of DDIM.

With data of spread 1, f is D but for `least`: both are x / (1 + sigma^2) + sigma / sqrt(1 + sigma^2) F, with F = -v, of one
scaled x. So the student begins as the teacher, its last layer turned in sign, and with an embedding of 250 ln sigma that is
fitted to the teacher's of t. Source: arXiv:2303.01469 (distillation), arXiv:2310.14189 (the form of the
loss; the target is of the last weights, not of averaged ones)
"""

import copy
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.errors import UserError
from benchmark.priors.consistency import ConsistencyPrior
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.network import NetworkPrior
from benchmark.priors.prior import Prior
from benchmark.priors.schedule import Schedule, linear
from methods.priors._learning import Learning
from methods.priors._loop import network
from methods.priors._recipes import Distilled

_FIT = 100  # steps
_C = 0.03


class Distillation(Learning):
    """learn: uint8 (N, 3, size, size). teacher: works on the scale [-1, 1]; the student begins with its weights.

    Raises UserError for a teacher of another network than the recipe's.
    """

    def __init__(self, recipe: Distilled, learn: Tensor, teacher: Prior, device: torch.device, *, half: bool = False) -> None:
        self.recipe, self.learn, self.teacher, self.schedule = recipe, learn, teacher, linear()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            unet = network(recipe)
        if isinstance(teacher, NetworkPrior):
            begin(unet, teacher, recipe.least)
        super().__init__(recipe, nn.ModuleDict({"unet": unet}), device, half=half)
        if isinstance(teacher, NetworkPrior):
            self.name = f"{recipe!r}, its teacher {_digest(teacher.network)}"

    def prior(self, averaged: bool = True) -> ConsistencyPrior:
        """The consistency model as it is, of the averaged weights or of the last."""
        unet = (self.averaged if averaged else self.parts)["unet"]
        return ConsistencyPrior(unet, self.schedule, self.recipe.shape, self.recipe.least, 1.0, self.recipe.fold)

    def _loss(self) -> Tensor:
        span = self.recipe.span
        starts = self.recipe.batch // span
        which = torch.randint(0, len(self.learn), (starts,), generator=self.generator)
        x = self.learn[which].to(self.device).float() / 127.5 - 1
        first = span / 2 + self.recipe.levels * torch.rand(starts, generator=self.generator)
        places = first.clamp_max(self.recipe.levels).to(self.device) - torch.arange(span + 1, device=self.device)[:, None]
        sigmas = self._level(places)  # (span + 1, starts)
        noise = torch.randn(x.shape, generator=self.generator).to(self.device)
        student = self.prior(averaged=False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            with torch.no_grad():
                way = flow(self.teacher, x + sigmas[0][:, None, None, None] * noise, sigmas)
                aim = student.jump(way[-1], sigmas[-1])
            found = student.jump(way[:-1].flatten(0, 1), sigmas[:-1].flatten())
        level = sigmas[:-1, :, None, None, None]
        error = (found.view_as(way[:-1]) - aim) * (1 + level**2).sqrt() / level
        loss: Tensor = ((error.square().mean((2, 3, 4)) + _C**2).sqrt() - _C).mean()
        return loss

    def _level(self, place: Tensor) -> Tensor:
        """sigma, from `least` at place 0 to the schedule's last at place `levels`, evenly in its seventh root."""
        low, high = self.recipe.least ** (1 / 7), float(self.schedule.sigmas[-1]) ** (1 / 7)
        found: Tensor = (low + place.clamp_min(0) / self.recipe.levels * (high - low)) ** 7
        return found


def flow(prior: Prior, x: Tensor, sigmas: Tensor) -> Tensor:
    """DDIM from x (B, C, H, W) through levels (K, B) or (K, 1), all on the prior's scale, its clean pictures clipped: the
    pictures at all levels, (K, B, C, H, W).
    """
    way = [x]
    for now, then in pairwise(sigmas):
        clean = prior.clipped(prior(x, now))
        x = clean + (then / now)[:, None, None, None] * (x - clean)
        way.append(x)
    return torch.stack(way)


def teacher_of(folder: Path, device: torch.device) -> NetworkPrior:
    """The prior in a folder, on the scale [-1, 1]. Raises UserError where there is none, or one that does not predict v."""
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; the teacher is a shipped prior: python -m methods.priors.ship {folder.name}")
    found = load(folder, device)
    if not isinstance(found, NetworkPrior) or isinstance(found, LatentPrior) or found.prediction != "v_prediction":
        kind = f"predicts {found.prediction}" if type(found) is NetworkPrior else f"is a {type(found).__name__}"
        raise UserError(f"{folder}: a teacher is a prior of pictures that predicts v_prediction, and this one {kind}")
    found.value_range = (-1.0, 1.0)
    return found


def begin(unet: Any, teacher: NetworkPrior, least: float) -> None:
    """Gives a student the weights of its teacher, so that it jumps to D. Raises UserError for a teacher of another network."""
    weights = copy.deepcopy(teacher.network.state_dict())
    for name in ("conv_out.weight", "conv_out.bias"):
        weights[name] = -weights[name]
    try:
        unet.load_state_dict(weights)
    except RuntimeError:
        raise UserError("the teacher's network is not that of the recipe; the student begins with its weights") from None
    with torch.random.fork_rng(devices=[]):
        _fit(unet, teacher.network, teacher.schedule, least)


def _fit(unet: Any, teacher: Any, schedule: Schedule, least: float) -> None:
    """Its embedding of 250 ln sigma for the teacher's of t, at levels spread evenly over ln sigma and over t."""
    ends = torch.tensor([least, float(schedule.sigmas[-1])], dtype=torch.float64).log()
    sigmas = torch.cat([torch.linspace(float(ends[0]), float(ends[1]), 1000, dtype=torch.float64).exp(), schedule.sigmas])
    layers, known = (copy.deepcopy(one.time_embedding).cpu().double() for one in (unet, teacher))
    told = unet.time_proj((250 * sigmas.log()).float()).double()
    with torch.no_grad():
        aim = known(teacher.time_proj(schedule.time(sigmas)).double())
    layers.requires_grad_()
    optimiser = torch.optim.Adam(layers.parameters(), lr=5e-3)
    for step in range(_FIT):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / _FIT)
        optimiser.zero_grad()
        torch.autograd.backward((layers(told) - aim).square().mean())
        optimiser.step()
    with torch.no_grad():  # the last layer exactly
        hidden = F.pad(layers.act(layers.linear_1(told)), (0, 1), value=1)
        moment = hidden.T @ hidden / len(hidden) + 1e-6 * torch.eye(hidden.shape[1], dtype=hidden.dtype)
        last = torch.linalg.solve(moment, hidden.T @ aim / len(hidden))
        layers.linear_2.weight.copy_(last[:-1].T)
        layers.linear_2.bias.copy_(last[-1])
    unet.time_embedding.load_state_dict(layers.state_dict())


def _digest(network: nn.Module) -> str:
    total = sha256()
    for name, values in network.state_dict().items():
        total.update(name.encode())
        total.update(values.cpu().numpy().tobytes())
    return total.hexdigest()[:16]
