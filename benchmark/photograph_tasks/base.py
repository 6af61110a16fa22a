"""The base of tasks on photographs: the pictures, the scores, and how they are shown. Each task makes its own instances."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from benchmark.datasets import photographs
from benchmark.metrics.image import psnr, ssim
from benchmark.metrics.perceptual import lpips_squeeze_caffe
from benchmark.operators import LinearOperator
from benchmark.photograph_tasks.preset import Photographs
from benchmark.priors.prior import Prior
from benchmark.problems.instance import Instance
from benchmark.problems.linear_inverse import LinearInverse
from benchmark.seeds import Split

# Imported where they are used, so that they are not code that every result of these tasks depends on: the renderer counts as
# data of the presets that show its pictures, the priors with the methods that need one (benchmark/datasets/sources.py).
_FACES = partial(import_module, "benchmark.datasets.faces")
_SHIPPED = partial(import_module, "benchmark.priors.shipped")
_EXACT = partial(import_module, "benchmark.photograph_tasks.exact")


class PhotographTask:
    """Base of tasks whose truth is a colour photograph, (3, H, W) with values in [0, 1]."""

    data_dir: Path | None = None  # set by the runner

    def photograph(self, preset: Photographs, split: Split, index: int, generator: torch.Generator) -> tuple[Tensor, str]:
        """float32 (3, size, size) and its name: of a photograph, of a rendered face where the preset reads the head, or drawn
        from the prior where that is exact.

        Raises UserError for a picture that is too small or cannot be read.
        """
        if preset.exact:
            mixture = _SHIPPED().mixture(preset.prior, (3, preset.size, preset.size))
            return mixture.draw(1, generator)[0].float(), f"{split} draw {index}"
        if "head" in preset.data:
            part = "test" if split == "test" else "tune"
            made: Tensor = _FACES().drawn(part, index, 1, preset.size).pictures[0]
            return made, f"face {index}"
        file = photographs.pick(preset.data, split, index, self.data_dir)
        return photographs.square(file, preset.size), file.stem

    def instance(self, preset: Photographs, A: LinearOperator, y: Tensor, noise: float, x: Tensor, name: str) -> Instance:
        """The problem y = A x + n with its truth, and with the prior where the preset names one."""
        problem = LinearInverse(A=A, y=y, noise=noise, value_range=(0.0, 1.0), prior=self.prior(preset, tuple(x.shape)))
        return Instance(problem=problem, truth=x, label=name)

    def prior(self, preset: Photographs, shape: tuple[int, ...]) -> Prior | None:
        """The prior that the preset names, for pictures of `shape`; None where it names none. Raises UserError where it fits
        no such picture, is missing or damaged.
        """
        if not preset.prior:
            return None
        found: Prior = _SHIPPED().prior(preset.prior, shape, self.data_dir)
        return found

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        """The metrics of benchmark/photograph_tasks/preset.py: EXACT_METRICS where the prior is exact, else the others."""
        if _is_exact(instance):
            return {**_EXACT().scores(instance, estimate), "psnr": self._psnr(instance, estimate)}
        seen = estimate.clamp(0, 1)
        return {
            "psnr": self._psnr(instance, estimate),
            "ssim": ssim(seen, instance.truth, 1.0).mean().item(),
            "lpips_squeeze_caffe": lpips_squeeze_caffe(seen[None], instance.truth[None]).item(),
        }

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        """PSNR in dB over all pixels and channels, after clipping to [0, 1], range 1; the gap where the prior is exact."""
        if _is_exact(instance):
            gap: float = _EXACT().gap(instance, estimate)
            return gap
        return self._psnr(instance, estimate)

    def _psnr(self, instance: Instance, estimate: Tensor) -> float:
        return psnr(estimate.clamp(0, 1).flatten(0, 1), instance.truth.flatten(0, 1), 1.0).item()

    def facts(self, instance: Instance, kept: Mapping[str, Tensor]) -> dict[str, float]:
        """How often the prior's network was called, where there is one."""
        if instance.problem.prior is None:
            return {}
        forward, backward = kept.get("network_calls", torch.zeros(2)).tolist()
        return {"network_calls": forward, "network_gradients": backward}

    def traits(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        """`spread` of PHOTOGRAPH_TRAITS; none where a channel of the truth is constant itself."""
        theirs, ours = (x.flatten(1).double().std(1, correction=0) for x in (instance.truth, estimate.clamp(0, 1)))
        return {"spread": (ours / theirs).min().item()} if bool((theirs > 0).all()) else {}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The estimate in its colours, (3, H, W)."""
        return {"image": estimate.clamp(0, 1)}


def _is_exact(instance: Instance) -> bool:
    return instance.problem.prior is not None and instance.problem.prior.exact
