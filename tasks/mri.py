"""Multi-coil MRI: recover an image from undersampled k-space.

    y_c = M F S_c x + n_c,  c = 1..C        x complex (H, W), max |x| = 1;  y complex (C, H, W)

Given   y, coil maps S with sum_c |S_c|^2 = 1, column mask M with a dense centre, noise level
Score   PSNR, SSIM, NMSE of |x| on the whole slice, after one least-squares scale; data range max |x|
Data    tiny, small: real T1 magnitude slices of the Colin27 head. The phase, the coils, the mask and the noise are
        SIMULATED, and so is k-space: it is computed from the image. Test slices are axial, tuning slices coronal.
        full: measured k-space of fastMRI multi-coil files in --data-dir, coil maps by ESPIRiT, no noise added.
Source  arXiv:2402.04097 (mask, coil combination); F is orthonormal and centred
"""

from pathlib import Path

import torch
from torch import Tensor

from benchmark import Count, Instance, LinearInverse, Metric, NonNegative, Preset, TaskSpec, metrics, operators, task
from benchmark.datasets import colin27, fastmri
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.seeds import Split


class Size(Preset):
    """size: pixels a side, None for the file's own grid; noise: sqrt(E|n|^2) relative to max |x|."""

    size: Count | None
    coils: Count = 4
    acceleration: Count = 4
    noise: NonNegative = 0.01


SPEC = TaskSpec(
    name="mri",
    version=1,
    title="Multi-coil MRI",
    poses="LinearInverse",
    baseline="zero_filled",
    source="arXiv:2402.04097",
    offers=("image", "coils", "references"),
    # Tolerances: between 1 and 2 threads the classical methods give the same numbers, but a network's training amplifies
    # rounding. Largest differences on one instance: tiny, 60 steps: 0.08 dB, 0.005, 0.0015; small, full length: 0.63 dB,
    # 0.016, 0.0022. Each tolerance is about twice the largest, because few instances were measured.
    metrics=(
        Metric(
            name="psnr",
            unit="dB",
            better="higher",
            primary=True,
            tolerance=1.25,
            description="peak signal-to-noise ratio of |x|, whole slice, range max |x|, after a least-squares scale",
        ),
        Metric(
            name="ssim",
            better="higher",
            tolerance=0.03,
            description="structural similarity of |x| (Gaussian window 11, sigma 1.5), range max |x|, same scale",
        ),
        Metric(
            name="nmse",
            better="lower",
            tolerance=0.005,
            description="squared error of |x| over squared norm of |x|, same scale",
        ),
    ),
    presets={
        "tiny": Size(instances=2, budget=10, data=("colin27",), size=48, coils=3, about="48 x 48, 4x; simulated k-space"),
        "small": Size(instances=8, budget=180, data=("colin27",), size=96, about="96 x 96, 4x, 1 % noise; simulated k-space"),
        "small_8x": Size(
            instances=8,
            budget=180,
            data=("colin27",),
            size=96,
            acceleration=8,
            about="96 x 96, 8x, 1 % noise; simulated k-space",
        ),
        "small_noisy": Size(
            instances=8,
            budget=300,
            data=("colin27",),
            size=96,
            noise=0.03,
            about="96 x 96, 4x, 3 % noise; simulated k-space",
        ),
        "full": Size(instances=20, budget=7200, data=("fastmri",), size=320, noise=0.0, about="320 x 320, 4x; fastMRI k-space"),
        "full_8x": Size(
            instances=20,
            budget=7200,
            data=("fastmri",),
            size=320,
            acceleration=8,
            noise=0.0,
            about="320 x 320, 8x; fastMRI k-space",
        ),
        "full_grid": Size(
            instances=20,
            budget=14400,
            data=("fastmri",),
            size=None,
            noise=0.0,
            about="the file's own grid, 4x; fastMRI k-space",
        ),
    },
)


@task(SPEC)
class MRI:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Size, split: Split, index: int, generator: torch.Generator) -> Instance:
        return (
            self._simulated(preset, split, index, generator)
            if "colin27" in preset.data
            else self._measured(preset, split, index, generator)
        )

    def _simulated(self, preset: Size, split: Split, index: int, generator: torch.Generator) -> Instance:
        assert preset.size is not None
        orientation: colin27.Orientation = "axial" if split == "test" else "coronal"
        number = index % colin27.count(orientation)
        magnitude = colin27.slice_image(orientation, number, preset.size)
        x = torch.polar(magnitude, smooth_phase(preset.size, generator))  # (H, W)
        maps = operators.ring_of_coils(preset.coils, preset.size, generator)  # (C, H, W)
        A = operators.MultiCoilMRI(maps, operators.column_mask(preset.size, preset.acceleration, generator))
        y = A(x) + preset.noise * A.noise(generator)
        references = {
            "neighbour": colin27.slice_image(orientation, number, preset.size, reference=True).sqrt(),
            "same": magnitude.sqrt(),
            "other": colin27.slice_image("sagittal", number, preset.size).sqrt(),
        }
        problem = LinearInverse(A=A, y=y, noise=preset.noise, references=references)
        return Instance(problem=problem, truth=x, label=f"{orientation} {colin27.position(orientation, number)} mm")

    def _measured(self, preset: Size, split: Split, index: int, generator: torch.Generator) -> Instance:
        source = SOURCES["fastmri"]
        assert isinstance(source, Folder)
        found = fastmri.read(*fastmri.pick(source.files(self.data_dir), split, index), preset.size)
        maps, kspace = torch.from_numpy(found.maps), torch.from_numpy(found.kspace)  # (C, H, W)
        A = operators.MultiCoilMRI(maps, operators.column_mask(maps.shape[-1], preset.acceleration, generator))
        edge = kspace[..., : max(1, kspace.shape[-2] // 16), :]  # the outermost lines hold little but noise
        problem = LinearInverse(A=A, y=kspace * A.mask, noise=float(edge.abs().square().mean().sqrt()))
        return Instance(problem=problem, truth=torch.from_numpy(found.image), label=found.label)

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        truth = instance.truth.abs()
        guess, peak = metrics.best_scale(estimate.abs(), truth), truth.max()
        return {
            "psnr": metrics.psnr(guess, truth, peak).item(),
            "ssim": metrics.ssim(guess, truth, peak).item(),
            "nmse": metrics.nmse(guess, truth).item(),
        }

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The magnitude on the scale of the truth, (H, W) float32."""
        return {"image": metrics.best_scale(estimate.abs(), instance.truth.abs())}


def smooth_phase(size: int, generator: torch.Generator) -> Tensor:
    """float32 (size, size), radians: a random quadratic in the coordinates, each coefficient N(0, 0.7^2)."""
    axis = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    terms = torch.stack([x, y, x * y, x.square() - 0.5, y.square() - 0.5])  # (5, H, W)
    return torch.einsum("k,khw->hw", 0.7 * torch.randn(5, generator=generator), terms)
