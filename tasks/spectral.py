"""Spectral reconstruction: recover spectra from the photocurrents of a few broad detectors.

    y_i = R x_i + n_i,  i = 1..B      x_i (301,) from 0 to 1, 400 to 700 nm; y_i (16,); n = 1e-5 max(0, white noise)

An instance is a stack of B spectra seen through one device. A method is told R; a `drifted` device measures with another
one, diag(1 + 0.1 g) (R * (1 + 0.05 G)), g and G white, the same for its whole stack. Methods that learn see R and simulated
spectra of one to three Lorentzian lines (benchmark/datasets/line_spectra.py), and nothing else.

Given   y, R, wavelengths, size of the noise
Score   RMSE, cosine similarity, errors of peaks in %; means over the stack, each spectrum divided by its maximum. The trait
        seen_rmse is the RMSE over 400 to 645 nm, beyond which no detector of the paper's device sees
Data    simulated: spectra of the same generator. lamps: MEASURED spectra of 188 commercial lamps (53 experimental ones for
        tuning), each once a seed; what the device measures of them is SIMULATED. drifted: the same lamps, another device for
        each stack. filtered, mixed: commercial lamps behind a SIMULATED band-pass filter, or with one or two SIMULATED lines.
        two_sided, relative: noise of another law than methods learn from, y = R x + 1e-5 n and y = (R x) (1 + 0.02 n).
        R is a STAND-IN for the device of the paper (benchmark/datasets/spectrometer.py), or the user's own.
        full_measured: spectra and photocurrents of the user's own in --data-dir
Source  arXiv:2403.12354; its 15 measured spectra are not public: `small_lines` simulates lines at their wavelengths
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Axis, Count, Instance, LinearInverse, Metric, Picture, Preset, TaskSpec, Trait, UserError, task
from benchmark.datasets import line_spectra, measurements, spectrometer
from benchmark.datasets.lamps import lamps
from benchmark.datasets.line_spectra import SimulatedSpectra
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.metrics import spectrum
from benchmark.operators.spectrometer import Spectrometer
from benchmark.seeds import Split

NOISE = 1e-5  # of the photocurrent, one-sided
_DEVIATION = 0.5838  # of max(0, n) for n standard normal: sqrt(1/2 - 1/(2 pi))
_RELATIVE = 0.02  # of each photocurrent, where noise is relative
_RED = (210, 241)  # 610 to 640 nm, beyond all centres that methods learn from
SEEN = 645.0  # nm, the end of the working range of the paper's device


class Stacks(Preset):
    """Instance i belongs to group i modulo their number; `stack` spectra at most. device: whose R."""

    metrics: tuple[str, ...] = ("rmse", "cosine", "peak_error", "two_peaks_error")
    grid: tuple[str, ...] = ("group",)
    group: tuple[
        Literal[
            "simulated",
            "lamps",
            "drifted",
            "clean",
            "matrix",
            "gaussian",
            "asymmetric",
            "drift_10",
            "drift_30",
            "beyond_604",
            "lines",
            "filtered",
            "mixed",
            "filtered_drifted",
            "mixed_drifted",
            "two_sided",
            "relative",
            "lamps_two_sided",
            "lamps_relative",
            "measured",
        ],
        ...,
    ] = ("simulated", "lamps", "drifted")
    threads: int | None = 1  # more make problems this small slower
    stack: Count = 10
    device: Literal["stand_in", "user"] = "stand_in"

    @model_validator(mode="after")
    def _groups_fit(self) -> Self:
        if self.instances % len(self.group):
            raise ValueError(f"instances: {self.instances} are not equally many for each of {len(self.group)} groups")
        return self


_SHORT: dict[str, Any] = {"budget": 60, "fit_budget": 300}
_LONG: dict[str, Any] = {"budget": 600, "fit_budget": 7200}

SPEC = TaskSpec(
    name="spectral",
    version=1,
    title="Spectral reconstruction",
    poses="LinearInverse",
    baseline="prior_mean",
    source="arXiv:2403.12354",
    offers=("spectrum", "training"),
    pictures=(Picture(kind="lines", one_by_one=True, axis=Axis(name="wavelength", unit="nm", start=400.0)),),
    # Tolerances: learnt with 1 and with 2 threads, sim2real, ridge_map and nnls_tv give the same scores to 1e-7 (solving has
    # one thread). For other processors: sim2real trained on small at a rate that differs by 1e-7 of itself differs on one
    # instance by up to 0.007, 0.007, 5 % and 3 %; twice these.
    metrics=(
        Metric(
            name="rmse",
            better="lower",
            least=0.0,
            primary=True,
            tolerance=0.015,
            description="root of the mean squared error over 400 to 700 nm, each spectrum divided by its maximum",
        ),
        Metric(
            name="cosine",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.015,
            description="cosine similarity over 400 to 700 nm",
        ),
        Metric(
            name="peak_error",
            unit="%",
            better="lower",
            least=0.0,
            tolerance=10.0,
            description="distance of the highest value's wavelength from the true one, relative to it",
        ),
        Metric(
            name="one_peak_error",
            unit="%",
            better="lower",
            least=0.0,
            tolerance=10.0,
            description="peak_error over the spectra with exactly one peak",
        ),
        Metric(
            name="two_peaks_error",
            unit="%",
            better="lower",
            least=0.0,
            tolerance=6.0,
            description="mean relative error of the wavelengths of the two highest peaks, over the spectra with two or more",
        ),
    ),
    traits=(
        Trait(
            name="seen_rmse",
            tolerance=0.015,
            description="rmse over 400 to 645 nm, beyond which no detector of the paper's device sees; it ranks nothing",
        ),
        Trait(
            name="duality_gap",
            tolerance=1e-3,
            description="of solvers of total variation: (objective - minimum) / objective is at most this",
        ),
    ),
    presets={
        "tiny": Stacks(instances=3, budget=5, fit_budget=5, data=("lamps",), stack=4, about="3 stacks of 4 spectra"),
        "small": Stacks(
            instances=60,
            **_SHORT,
            data=("lamps",),
            about="200 simulated spectra, 188 lamps, the same lamps through 20 drifted devices",
        ),
        "small_shifts": Stacks(
            instances=160,
            **_SHORT,
            learns_as="small",
            group=("clean", "simulated", "matrix", "gaussian", "asymmetric", "drift_10", "drift_30", "beyond_604"),
            about="simulated lines: no noise, other shapes, drifted devices, centres beyond 604 nm",
        ),
        "small_lines": Stacks(
            instances=20,
            **_SHORT,
            learns_as="small",
            group=("lines",),
            stack=15,
            metrics=("rmse", "cosine", "one_peak_error", "two_peaks_error"),
            about="lines at the paper's 15 measured wavelengths, 20 drifted devices",
        ),
        "small_sources": Stacks(
            instances=80,
            **_SHORT,
            data=("lamps",),
            learns_as="small",
            group=("filtered", "mixed", "filtered_drifted", "mixed_drifted"),
            metrics=("rmse", "cosine", "peak_error"),  # few of them have two peaks
            about="narrow and mixed sources, also seen by drifted devices: of narrow ones measuring tells much",
        ),
        "small_noise": Stacks(
            instances=40,
            **_SHORT,
            data=("lamps",),
            learns_as="small",
            group=("two_sided", "relative", "lamps_two_sided", "lamps_relative"),
            about="noise of another law than methods learn from: of both signs, or 2 % of each photocurrent",
        ),
        "full": Stacks(
            instances=60,
            **_LONG,
            data=("lamps",),
            about="as small; methods learn by the paper's recipe",
        ),
        "full_device": Stacks(
            instances=60,
            **_LONG,
            data=("lamps", "responsivity"),
            device="user",
            about="as full, through your device's responsivity",
        ),
        "full_measured": Stacks(
            instances=15,
            **_LONG,
            data=("responsivity", "spectra", "currents"),
            device="user",
            group=("measured",),
            stack=1,
            metrics=("rmse", "cosine", "peak_error"),
            about="your device's measurements of 15 known spectra",
        ),
    },
)


@dataclass(frozen=True)
class Group:
    """Where spectra come from and how the device that measures them differs: noise in units of NOISE, deviation of its
    detectors' gains and of the entries of its R, the law of the noise.
    """

    spectra: Literal["lamps", "filtered", "mixed", "lorentzian", "gaussian", "asymmetric", "beyond", "lines"]
    noise: float = 1.0
    gain: float = 0.0
    entries: float = 0.0
    law: Literal["one_sided", "two_sided", "relative"] = "one_sided"


GROUPS = {
    "simulated": Group("lorentzian"),
    "lamps": Group("lamps"),
    "drifted": Group("lamps", gain=0.1, entries=0.05),
    "clean": Group("lorentzian", noise=0.0),
    "matrix": Group("lorentzian", entries=0.05),
    "gaussian": Group("gaussian"),
    "asymmetric": Group("asymmetric"),
    "drift_10": Group("asymmetric", gain=0.1, entries=0.05),
    "drift_30": Group("asymmetric", gain=0.3, entries=0.05),
    "beyond_604": Group("beyond"),
    "lines": Group("lines", gain=0.1, entries=0.05),
    "filtered": Group("filtered"),
    "mixed": Group("mixed"),
    "filtered_drifted": Group("filtered", gain=0.1, entries=0.05),
    "mixed_drifted": Group("mixed", gain=0.1, entries=0.05),
    "two_sided": Group("lorentzian", law="two_sided"),
    "relative": Group("lorentzian", law="relative"),
    "lamps_two_sided": Group("lamps", law="two_sided"),
    "lamps_relative": Group("lamps", law="relative"),
}


@task(SPEC)
class SpectralReconstruction:
    data_dir: Path | None = None  # set by the runner

    def __init__(self) -> None:
        self.wavelengths = torch.from_numpy(spectrometer.WAVELENGTHS)

    def training(self, preset: Stacks, generator: torch.Generator) -> SimulatedSpectra:
        return SimulatedSpectra(self._responsivity(preset), self.wavelengths, generator)

    def make(self, preset: Stacks, split: Split, index: int, generator: torch.Generator) -> Instance:
        name = preset.group[index % len(preset.group)]
        number = index // len(preset.group)
        R = self._responsivity(preset)
        if name == "measured":
            return self._measured(R, split, index)
        group = GROUPS[name]
        x = self._spectra(group, preset, split, number, generator)  # (B, n)
        gain = 1 + group.gain * torch.randn(len(R), 1, dtype=R.dtype, generator=generator)
        device = gain.clamp_min(0) * R * (1 + group.entries * torch.randn(R.shape, dtype=R.dtype, generator=generator))
        A = Spectrometer(R, self.wavelengths, len(x))
        y, noise = _measure(x @ device.T, group, A.noise(generator))
        problem = LinearInverse(A=A, y=y, noise=noise, value_range=(0.0, 1.0))
        return Instance(problem=problem, truth=x, label=f"{name} {number}" + (", tuning" if split == "tuning" else ""))

    def _responsivity(self, preset: Stacks) -> Tensor:
        if preset.device == "stand_in":
            return torch.from_numpy(spectrometer.stand_in())
        return torch.from_numpy(spectrometer.read(self._files("responsivity")[0]))

    def _files(self, name: str) -> list[Path]:
        source = SOURCES[name]
        assert isinstance(source, Folder)
        return source.files(self.data_dir)

    def _spectra(self, group: Group, preset: Stacks, split: Split, number: int, generator: torch.Generator) -> Tensor:
        if group.spectra in ("lamps", "filtered", "mixed"):
            # ordered by kind and dealt out like cards: every stack gets its share of each
            found = torch.from_numpy(lamps(split).spectra)[number :: preset.instances // len(preset.group)]
            found = found[:: max(1, len(found) // preset.stack)][: preset.stack]
            if group.spectra == "lamps":
                return found
            change = line_spectra.filtered if group.spectra == "filtered" else line_spectra.mixed
            return change(found, self.wavelengths, generator)
        if group.spectra == "lines":
            return line_spectra.measured_sources(self.wavelengths, generator)
        shape = "lorentzian" if group.spectra == "beyond" else group.spectra
        between = _RED if group.spectra == "beyond" else line_spectra.CENTRES
        numbers = 1 + torch.arange(preset.stack) % 3
        while True:
            # the type is narrowed to these three above, which mypy does not see
            x = line_spectra.spectra(preset.stack, self.wavelengths, generator, shape, between, numbers)  # type: ignore[arg-type]
            if any(len(spectrum.peaks(one)) > 1 for one in x):  # almost always: lines merge seldom
                return x

    def _measured(self, R: Tensor, split: Split, index: int) -> Instance:
        if split == "tuning":
            raise UserError("full_measured has no tuning data: choose hyperparameters on another preset")
        known, measured = measurements.pair(self._files("spectra"), self._files("currents"), index)
        x, y = (torch.from_numpy(part)[None] for part in (measurements.spectrum(known), measurements.currents(measured)))
        if y.shape[1] != len(R):
            raise UserError(f"{measured.name} holds {y.shape[1]} numbers, but the responsivity has {len(R)} detectors")
        problem = LinearInverse(A=Spectrometer(R, self.wavelengths, 1), y=y, noise=_DEVIATION * NOISE, value_range=(0.0, 1.0))
        return Instance(problem=problem, truth=x, label=known.stem)

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        x, truth, nm = estimate, instance.truth, self.wavelengths
        highest = spectrum.highest_peak_error(x, truth, nm)
        number = [len(spectrum.peaks(one)) for one in truth]
        found = {
            "rmse": self.quality(instance, x),
            "cosine": spectrum.cosine(x, truth).mean().item(),
            "peak_error": highest.mean().item(),
        }
        if 1 in number:
            found["one_peak_error"] = highest[torch.tensor(number) == 1].mean().item()
        if two := [spectrum.two_peaks_error(a, b, nm) for a, b, k in zip(x, truth, number, strict=True) if k > 1]:
            found["two_peaks_error"] = sum(two) / len(two)
        return found

    def traits(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        seen = self.wavelengths <= SEEN
        return {"seen_rmse": spectrum.rmse(estimate[:, seen], instance.truth[:, seen]).mean().item()}

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        return spectrum.rmse(estimate, instance.truth).mean().item()

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """Spectra by their maxima, (B, 301), and the photocurrents, (B, 16)."""
        return {"image": spectrum.by_maximum(estimate), "measured": instance.problem.y}


def _measure(signal: Tensor, group: Group, n: Tensor) -> tuple[Tensor, float]:
    """Photocurrents (B, d) with noise of the group's law from n, white, and the deviation of that noise."""
    if group.law == "relative":
        return signal * (1 + _RELATIVE * n), _RELATIVE * signal.square().mean().sqrt().item()
    noise = NOISE * group.noise
    return (signal + noise * n, noise) if group.law == "two_sided" else (signal + noise * n.clamp_min(0), _DEVIATION * noise)
