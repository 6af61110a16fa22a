"""Multi-coil MRI: recover an image from undersampled k-space.

    y_c = M F S_c x + n_c,  c = 1..C        x complex (H, W), max |x| = 1;  y complex (C, H, W)

Given   y, coil maps S with sum_c |S_c|^2 = 1, column mask M with a dense centre, noise level
Score   PSNR, SSIM, NMSE of |x| on the whole slice, after one least-squares scale; data range max |x|
Data    tiny, small*: real T1 magnitude slices of the Colin27 head. The phase, the coils, the mask and the noise are
        SIMULATED, and so is k-space: it is computed from the image. Test slices are axial, tuning slices coronal.
        Methods that learn see other slices of that head (colin27.training_images), scanned anew, as `small` scans: those
        that are parallel to a test slice are 6 mm from one, as the references are; sagittal ones cross test slices in a line.
        small_macaque: slices of a macaque's brain, simulated in the same way; nothing is learnt from them.
        full*: measured k-space of fastMRI multi-coil files in --data-dir, coil maps by ESPIRiT, no noise added.
Curves  small_bands*: beside PSNR the signal over the error in three bands of frequencies, in dB (`in_bands`)
Source  arXiv:2402.04097 (mask, coil combination); F is orthonormal and centred
"""

from pathlib import Path

import torch
from torch import Tensor

from benchmark import Count, Instance, LinearInverse, Metric, NonNegative, Preset, TaskSpec, metrics, operators, task
from benchmark.datasets import colin27, fastmri, inia19, scanner
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.seeds import Split


class Size(Preset):
    """size: pixels a side, None for the file's own grid; noise: sqrt(E|n|^2) relative to max |x|."""

    size: Count | None
    coils: Count = 4
    acceleration: Count = 4
    noise: NonNegative = 0.01


class Bands(Size):
    """Whose curves also show the error by band of frequencies."""


SPEC = TaskSpec(
    name="mri",
    version=1,
    title="Multi-coil MRI",
    poses="LinearInverse",
    baseline="zero_filled",
    source="arXiv:2402.04097",
    offers=("image", "coils", "references", "training"),
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
            least=-1.0,
            most=1.0,
            tolerance=0.03,
            description="structural similarity of |x| (Gaussian window 11, sigma 1.5), range max |x|, same scale",
        ),
        Metric(
            name="nmse",
            better="lower",
            least=0.0,
            tolerance=0.005,
            description="squared error of |x| over squared norm of |x|, same scale",
        ),
    ),
    presets={
        "tiny": Size(instances=2, budget=10, data=("colin27",), size=48, coils=3, about="48 x 48, 4x; simulated k-space"),
        "small": Size(
            instances=8,
            budget=180,
            fit_budget=1800,
            data=("colin27",),
            size=96,
            about="96 x 96, 4x, 1 % noise; simulated k-space",
        ),
        "small_8x": Size(
            instances=8,
            budget=180,
            data=("colin27",),
            size=96,
            acceleration=8,
            learns_as="small",
            about="96 x 96, 8x, 1 % noise; simulated k-space",
        ),
        "small_noisy": Size(
            instances=8,
            budget=300,
            data=("colin27",),
            size=96,
            noise=0.03,
            learns_as="small",
            about="96 x 96, 4x, 3 % noise; simulated k-space",
        ),
        "small_long": Size(
            instances=8,
            budget=900,
            data=("colin27",),
            size=96,
            learns_as="small",
            about="96 x 96, 4x, 1 % noise; untrained networks take 1,500 steps",
        ),
        "small_macaque": Size(
            instances=8,
            budget=180,
            data=("inia19",),
            size=96,
            learns_as="small",
            lacks=("references",),
            about="96 x 96, 4x, 1 % noise; a macaque's brain, methods learn from a human head",
        ),
        "small_bands": Bands(
            instances=4,
            budget=180,
            data=("colin27",),
            size=96,
            learns_as="small",
            about="96 x 96, 4x, 1 % noise; curves by band of frequencies",
        ),
        "small_bands_whole": Bands(
            instances=4,
            budget=180,
            data=("colin27",),
            size=96,
            acceleration=1,
            noise=0.0,
            learns_as="small",
            about="96 x 96, all of k-space, no noise; curves by band of frequencies",
        ),
        "full": Size(
            instances=20,
            budget=7200,
            data=("fastmri",),
            size=320,
            noise=0.0,
            lacks=("training",),
            about="320 x 320, 4x; fastMRI k-space",
        ),
        "full_8x": Size(
            instances=20,
            budget=7200,
            data=("fastmri",),
            size=320,
            acceleration=8,
            noise=0.0,
            lacks=("training",),
            about="320 x 320, 8x; fastMRI k-space",
        ),
        "full_grid": Size(
            instances=20,
            budget=14400,
            data=("fastmri",),
            size=None,
            noise=0.0,
            lacks=("training",),
            about="the file's own grid, 4x; fastMRI k-space",
        ),
    },
)


class Banded(Instance):
    """One whose curves also show the error by band of frequencies."""


@task(SPEC)
class MRI:
    data_dir: Path | None = None  # set by the runner

    def training(self, preset: Size, generator: torch.Generator) -> scanner.Slices:
        assert preset.size is not None
        images = colin27.training_images(preset.size)
        return scanner.Slices(images, preset.coils, preset.acceleration, preset.noise, generator)

    def make(self, preset: Size, split: Split, index: int, generator: torch.Generator) -> Instance:
        if "fastmri" in preset.data:
            return self._measured(preset, split, index, generator)
        return self._simulated(preset, split, index, generator)

    def _simulated(self, preset: Size, split: Split, index: int, generator: torch.Generator) -> Instance:
        assert preset.size is not None
        orientation: inia19.Orientation = "axial" if split == "test" else "coronal"
        source = inia19 if "inia19" in preset.data else colin27
        number = index % source.count(orientation)
        magnitude = source.slice_image(orientation, number, preset.size)
        x, A, y = scanner.scan(magnitude, preset.coils, preset.acceleration, preset.noise, generator)
        references = {}
        if source is colin27:
            references = {
                "neighbour": colin27.slice_image(orientation, number, preset.size, reference=True).sqrt(),
                "same": magnitude.sqrt(),
                "other": colin27.slice_image("sagittal", number, preset.size).sqrt(),
            }
        problem = LinearInverse(A=A, y=y, noise=preset.noise, references=references)
        kind = Banded if isinstance(preset, Bands) else Instance
        return kind(problem=problem, truth=x, label=f"{orientation} {source.position(orientation, number)} mm")

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

    def traces(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        return in_bands(instance.truth, estimate) if isinstance(instance, Banded) else {}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The magnitude on the scale of the truth, (H, W) float32."""
        return {"image": metrics.best_scale(estimate.abs(), instance.truth.abs())}


def in_bands(truth: Tensor, estimate: Tensor) -> dict[str, float]:
    """20 log10 (||truth|| / ||error||), dB, of two complex pictures (H, W) by thirds of the way from the zero frequency to
    the edge of k-space: "low", "middle" and "high frequencies", the last with the corners.
    """
    height, width = truth.shape
    rows, columns = (6 * (torch.arange(n) - n // 2) / n for n in (height, width))  # 3 at the edge
    third = torch.hypot(*torch.meshgrid(rows, columns, indexing="ij")).floor().clamp(max=2)
    true, error = operators.fft2c(truth), operators.fft2c(estimate - truth)
    return {
        f"{name} frequencies": 20 * torch.log10(true[third == band].norm() / error[third == band].norm()).item()
        for band, name in enumerate(("low", "middle", "high"))
    }
