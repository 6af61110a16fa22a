"""Rank and linearity of a denoiser: how many directions the mean of clean pictures lets through, and how straight it is.

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps,   f(x_t) = E[x_0 | x_t],   J = d f / d x_t
    l(s) = f(x_t) + s J v         v random, norm 1

Given   a noisy picture of one time t, and a diffusion prior
Answer  squared singular values of J and of I - J, which is the Jacobian of the predicted noise but for a factor
Score   rank_ratio: least r whose leading values hold 0.99^2 of the sum, over n; noise_rank_ratio: the same of the noise. Where
        the prior is exact, error: how far the answer is from the closed form
        norm_gap, cosine: | |f(x_t + s v)| / |l(s)| - 1 | and cosine of f(x_t + s v) and l(s) at s = 40, mean over v: what the
        task itself sees of the prior, whatever the answer
Data    small: rendered faces of 36 degrees of freedom, 64 x 64. small_photographs: photographs, 32 x 32. small_exact: pictures
        of a mixture of five Gaussians on 40 directions each, whose Jacobian is known. Each seed and time has a picture of its
        own. full: a user's photographs and prior
Source  arXiv:2409.02374, section 3.1 and appendix D. There x_t lies on the way of a sampler; here it is a picture with noise
"""

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor
from torch.nn import functional as F

from benchmark import Axis, Count, Fraction, Instance, Jacobian, Metric, Picture, Positive, Preset, TaskSpec, UserError, task
from benchmark.datasets import faces, photographs
from benchmark.models.spectra_of_mixtures import spectrum
from benchmark.priors import shipped
from benchmark.priors.exact import Mixture
from benchmark.seeds import Split

SHARE = 0.99**2  # of the sum of squared singular values
SHOWN = 512  # leading values that are drawn
TIMES = (0.0, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)


class Points(Preset):
    """One noisy picture at each time t. size: pixels a side; strength: s, in x_t on the scale [-1, 1]; lines: how many v."""

    grid: tuple[str, ...] = ("t",)
    t: tuple[Fraction, ...] = TIMES
    size: Count
    strength: Positive = 40.0
    lines: Count = 8
    shows: Literal["faces", "photographs", "draws"]

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        if not self.t:
            raise ValueError("t: no value")
        self.check_cells(1)
        return self


SPEC = TaskSpec(
    name="jacobian_rank",
    version=1,
    title="Rank and linearity of a denoiser",
    poses="Jacobian",
    baseline="lanczos_jacobian",
    source="arXiv:2409.02374",
    offers=("prior",),
    metrics=(
        Metric(
            name="rank_ratio",
            better="lower",
            least=0.0,
            most=1.0,
            primary=True,
            tolerance=0.01,
            description="least number of singular values of J that hold 0.99^2 of the sum of their squares, over n; a property "
            "of the prior and its time, no merit of a method",
        ),
        Metric(
            name="noise_rank_ratio",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.02,
            description="the same of the Jacobian of the predicted noise",
        ),
        Metric(
            name="error",
            better="lower",
            least=0.0,
            of="exact",
            tolerance=0.05,
            description="distance of the singular values of J to those of the closed form, over the size of those",
        ),
        Metric(
            name="norm_gap",
            better="lower",
            least=0.0,
            tolerance=0.01,
            description="| |f| / |l| - 1 | at the strength of the preset, 40, mean over random directions: 0 where f is "
            "straight; of the prior, whatever the method",
        ),
        Metric(
            name="cosine",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.01,
            description="cosine of f and l there; of the prior too",
        ),
        Metric(
            name="network_calls",
            better="lower",
            least=0.0,
            description="pictures sent through the prior's network; 0 for an answer that was handed in",
        ),
        Metric(
            name="network_gradients",
            better="lower",
            least=0.0,
            description="gradients drawn back through the prior's network, each of about two calls; 0 for an answer handed in",
        ),
    ),
    pictures=(
        Picture(
            kind="lines",
            title="singular values",
            about="Leading singular values over the largest, of J and of I - J; of the truth where it is known",
            rows="Jacobian",
            value="share of the largest",
            axis=Axis(name="place", start=1.0),
            log=True,
        ),
    ),
    presets={
        "tiny": Points(
            instances=1,
            budget=10,
            t=(0.4,),
            size=32,
            lines=2,
            shows="draws",
            data=("mixture32",),
            prior="mixture32",
            about="32 x 32, draws of a mixture of Gaussians",
        ),
        "small": Points(
            instances=7,
            budget=240,
            size=64,
            shows="faces",
            data=("head",),
            prior="faces64",
            about="64 x 64, rendered faces of 36 degrees of freedom",
        ),
        "small_photographs": Points(
            instances=7,
            budget=240,
            size=32,
            shows="photographs",
            data=("skimage_photographs", "sklearn_photographs"),
            prior="photographs32",
            about="32 x 32, photographs",
        ),
        "small_exact": Points(
            instances=7,
            budget=240,
            size=32,
            shows="draws",
            data=("mixture32",),
            prior="mixture32",
            about="32 x 32, draws of a mixture of Gaussians, 40 directions each, and its exact denoiser",
        ),
        "full": Points(
            instances=7,
            budget=7200,
            size=256,
            shows="photographs",
            data=("photographs", "prior"),
            prior="prior",
            about="256 x 256; photographs and prior yours",
        ),
    },
)


@task(SPEC)
class JacobianRank:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Any, split: Split, index: int, generator: torch.Generator) -> Instance:
        shape = (3, preset.size, preset.size)
        prior = shipped.prior(preset.prior, shape, self.data_dir)
        if tuple(prior.shape) != shape or getattr(prior, "jumps", False):
            raise UserError("the prior is one of latents or a consistency model: this task needs the mean of clean pictures")
        (t,) = preset.cells()[index % len(preset.cells())]
        place = round(t * (len(prior.schedule) - 1))
        sigma, root = float(prior.schedule.sigmas[place]), float(prior.schedule.alphas[place]) ** 0.5
        clean = self._picture(preset, prior, split, generator)
        noise, along = (torch.randn(m, *shape, generator=generator) for m in (1, preset.lines))
        problem = Jacobian(
            prior=prior,
            x=clean + prior.half * sigma * noise[0],
            sigma=prior.half * sigma,
            along=F.normalize(along.flatten(1), dim=1).view_as(along),
            reach=prior.half * preset.strength / root,
        )
        truth = torch.zeros(2, problem.count, dtype=torch.float64)
        if isinstance(prior, Mixture):
            truth = spectrum(prior, problem.x, problem.sigma)
        return Instance(problem=problem, truth=truth, label=f"{split} t {t}")

    def _picture(self, preset: Points, prior: Any, split: Split, generator: torch.Generator) -> Tensor:
        number = int(torch.randint(1000, (1,), generator=generator))
        if preset.shows == "draws":
            drawn: Tensor = prior.draw(1, generator)[0].float()
            return drawn
        if preset.shows == "faces":
            made: Tensor = faces.drawn("test" if split == "test" else "tune", number, 1, preset.size).pictures[0]
            return made
        return photographs.square(photographs.pick(preset.data, split, number, self.data_dir), preset.size)

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        problem, truth = instance.problem, instance.truth
        found = {"rank_ratio": self.quality(instance, estimate), "noise_rank_ratio": _rank_ratio(estimate[1])}
        if problem.prior.exact:
            mine, known = estimate[0].sqrt(), truth[0].sqrt()
            found["error"] = float((mine - known).norm() / known.norm())
        return found

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        """The rank ratio of J."""
        return _rank_ratio(estimate[0])

    def facts(self, instance: Instance, kept: Any) -> dict[str, float]:
        """How often the prior's network was called, and how straight it is: nothing of the answer."""
        forward, backward = kept.get("network_calls", torch.zeros(2)).tolist()
        return {"network_calls": forward, "network_gradients": backward, **_straight(instance.problem)}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """(2, k): leading singular values over the largest."""
        values = estimate[:, :SHOWN].sqrt()
        return {"image": (values / values[:, :1].clamp_min(1e-12)).float()}


def _rank_ratio(squares: Tensor) -> float:
    """The rank ratio of squared singular values (n,), falling."""
    total = squares.cumsum(0)
    return (int((total <= SHARE * total[-1]).sum()) + 1) / len(squares) if total[-1] > 0 else 0.0


@torch.no_grad()
def _straight(problem: Jacobian) -> dict[str, float]:
    """How far f is from its tangent along random directions, on the network's scale."""
    prior, v = problem.prior, problem.along
    low, high = prior.value_range

    def f(x: Tensor) -> Tensor:
        return ((problem.D(x) - (low + high) / 2) / prior.half).flatten(1)

    step = 0.1 * problem.sigma
    tangent = (f(problem.x + step * v) - f(problem.x - step * v)) / (2 * step)
    line, there = f(problem.x[None]) + problem.reach * tangent, f(problem.x + problem.reach * v)
    gaps = (there.norm(dim=1) / line.norm(dim=1) - 1).abs()
    return {"norm_gap": float(gaps.mean()), "cosine": float(F.cosine_similarity(there, line).mean())}
