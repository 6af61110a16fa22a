"""Diffusion solvers beside their authors' code: the same prior, operator, pictures and random numbers, call by call.

    python tests/performance/originals.py --clone dcdp=FOLDER [--clone dps=FOLDER ...] [--pictures 2] [--each]

FOLDER is a checkout of
    dcdp           Morefre/Decoupled-Data-Consistency-with-Diffusion-Purification-for-Image-Restoration
    dps            DPS2022/diffusion-posterior-sampling
    diffpir        yuanzhi-zhu/DiffPIR
    ddnm           wyhuai/DDNM
    sitcom         sjames40/SITCOM
    resample       soominkwon/resample
    inversebench   devzhk/InverseBench: daps, red_diff, pigdm, ddrm
Their code runs as it is (tests/performance/original_loops.py says how); their operators are replaced by ours. Pictures are
those of the tiny presets, 32 x 32, the prior is the shipped one of photographs of that size, y is measured without noise and
with 0.05 on [0, 1].

A row: the largest difference of two clean pictures D that the network gave at the same call, on [-1, 1], the largest
difference of their PSNR, and the PSNR of both answers. --each prints the rounds of dcdp, x_k and v_k.

Found, on one picture where not said       largest difference of D        dB, at any call
    dcdp ddim, tweedie (all, two pictures) 2.4e-4 in one, else 2e-5       0.0000, x_k and v_k of each round too
    dps (deblurring, inpainting)           4e-6                           0.0000
    diffpir (noise)                        8e-5                           0.0001; 0.0002 in the answer
    ddnm (no noise)                        3e-6                           0.0000
    sitcom (deblurring, noise)             4e-5                           0.0000
    daps, red_diff from A^+ y (noise)      4e-6                           0.0000
    pigdm (super-resolution, noise)        6e-5                           0.0001
    resample, slips mended (deblurring)    4e-6                           0.0000
What differs, and why: ddnm with noise from its form for singular values (0.4 dB; see methods/images/ddnm.py); red_diff begins
at 0 in InverseBench (0.06 dB, 0.004 in the answer); resample as it is takes 1 - alpha-bar for its root.
"""

import argparse
import math
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark import LinearInverse
from benchmark.context import Context
from benchmark.instances import make_instance
from benchmark.priors.prior import Prior
from benchmark.registry import get_method, get_task
from methods.images._centred import Centred, centred
from tests.performance import original_inversebench as inversebench
from tests.performance import original_loops as loops
from tests.performance.original_loops import Found

CPU = torch.device("cpu")
TASKS = ("deblurring", "inpainting", "super_resolution")
NOISES = (0.0, 0.05)


class Watched(Prior):
    """Another prior, which keeps each clean picture that it gives, on [-1, 1]."""

    def __init__(self, prior: Prior) -> None:
        self.prior, self.shape, self.schedule, self.calls = prior, prior.shape, prior.schedule, prior.calls
        self.value_range = prior.value_range
        self.given: list[Tensor] = []

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        found = self.prior._denoise(x, sigma, condition)
        self.given.append(found.detach().clone())
        return found

    def to(self, device: torch.device | str) -> "Watched":
        return self


class Recording(Context):
    """A context that keeps what it drew."""

    def __init__(self, seed: int) -> None:
        super().__init__(CPU, seed)
        self.drawn: list[Tensor] = []
        self.points: list[dict[str, Tensor]] = []
        self._on_record = lambda step, seconds, estimates: self.points.append({k: v.clone() for k, v in estimates.items()})

    def randn(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        self.drawn.append(super().randn(*shape, dtype=dtype))
        return self.drawn[-1].clone()


@dataclass(frozen=True)
class Case:
    """One problem as both sides see it. u: the true picture (1, C, H, W) on [-1, 1]; p: our problem on that scale."""

    name: str
    problem: LinearInverse
    u: Tensor
    p: Centred
    prior: Watched

    def psnr(self, u: Tensor) -> float:
        """Of a picture on [-1, 1], clipped: decibels on [0, 1]."""
        return -10 * math.log10(float(((u.clamp(-1, 1) - self.u) / 2).square().mean()))


@dataclass
class Side:
    """What one side gave: D at each call, the answer, and dcdp's x_k and v_k. All on [-1, 1]."""

    clean: list[Tensor]
    answer: Tensor
    rounds: list[tuple[Tensor, Tensor]]


def case(task: str, number: int, noise: float) -> Case:
    instance = make_instance(get_task(task).load(), "tiny", number, 0)
    A, x = instance.problem.A, instance.truth
    y = A(x) + noise * A.noise(torch.Generator().manual_seed(number))
    prior = Watched(instance.problem.prior)
    problem = LinearInverse(A=A, y=y, noise=noise, value_range=(0.0, 1.0), prior=prior)
    return Case(f"{task} {noise:g} #{number}", problem, 2 * x[None] - 1, centred(problem), prior)


def ours(case: Case, method: str, given: dict[str, Any]) -> tuple[Side, list[Tensor]]:
    """What our method gives, and the numbers that it drew."""
    case.prior.given.clear()
    ctx, found = Recording(0), get_method(method)
    answer = found.load()(case.problem, ctx, found.spec.parameters(**given).model_dump())
    rounds = [tuple(2 * point[k][None] - 1 for k in ("data", "prior")) for point in ctx.points] if method == "dcdp" else []
    return Side(list(case.prior.given), 2 * answer[None] - 1, rounds), ctx.drawn


def compare(case: Case, method: str, given: dict[str, Any], original: Callable[..., Any], folder: Path) -> list[str]:
    """The row's numbers, and after them the rounds of dcdp."""
    mine, drawn = ours(case, method, given)
    case.prior.given.clear()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings(action="ignore"):
        answer, rounds = original(folder, case, drawn, given)
    his = Side(list(case.prior.given), answer, rounds)
    pairs = list(zip(mine.clean, his.clean, strict=False))
    away = max(float((a - b).abs().max()) for a, b in pairs)
    decibels = max(abs(case.psnr(a) - case.psnr(b)) for a, b in pairs)
    each: list[str] = []
    for k, (one, other) in enumerate(zip(mine.rounds, his.rounds, strict=True), start=1):
        found = [(case.psnr(a), case.psnr(b)) for a, b in zip(one, other, strict=True)]
        decibels = max(decibels, *(abs(a - b) for a, b in found))
        away = max(away, *(float((a - b).abs().max()) for a, b in zip(one, other, strict=True)))
        each.append(f"    round {k:2}  " + "  ".join(f"{n} {a:.4f} {b:.4f}" for n, (a, b) in zip("xv", found, strict=True)))
    calls = f"{len(mine.clean)}" if len(mine.clean) == len(his.clean) else f"{len(mine.clean)}/{len(his.clean)}"
    last = case.psnr(mine.answer), case.psnr(his.answer)
    return [f"{calls:>9} {away:10.1e} {decibels:9.4f} {last[0]:9.3f} {last[1]:9.3f} {last[0] - last[1]:+9.4f}", *each]


@dataclass(frozen=True)
class Row:
    """A method's settings, of ours by name, and the loop that it is compared with. by_task: what differs between tasks."""

    title: str
    method: str
    original: Callable[..., Found]
    settings: dict[str, Any]
    by_task: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: tuple[str, ...] = ("deblurring", "inpainting", "super_resolution")
    noises: tuple[float, ...] = (0.0, 0.05)

    def given(self, task: str) -> dict[str, Any]:
        return self.settings | self.by_task.get(task, {})


_DCDP = {"rounds": 10, "inner": 100, "step": 1.017, "momentum": 0.9, "start": 400, "end": 0, "ddim_steps": 20}
_DCDP |= {"schedule": "linear"}
_DCDP_BY_TASK = {
    "super_resolution": {"step": 0.163},
    "inpainting": {"rounds": 20, "inner": 50, "step": 0.0102, "start": 700},
}
_DDNM = {"steps": 100, "eta": 0.85, "threshold": 3e-2}
_RED = {"steps": 200, "weight": 0.25, "weighting": "linear", "lr": 0.1, "threshold": 3e-2}
_RESAMPLE = {"steps": 200, "middle_steps": 300, "late_steps": 300}
_PIGDM = {"steps": 30, "eta": 0.2, "high": 100.0, "low": 0.01}
_DAPS = {"rounds": 50, "flow_steps": 5, "inner": 100, "lr": 1e-4, "tau": 0.01, "high": 100.0, "low": 0.1}
NOISY = (0.05,)

ROWS: dict[str, list[Row]] = {
    "dcdp": [Row(f"dcdp {kind}", "dcdp", loops.dcdp, _DCDP | {"version": kind}, _DCDP_BY_TASK) for kind in ("ddim", "tweedie")],
    "dps": [Row("dps", "dps", loops.dps, {"steps": 200, "scale": 0.3}, {"inpainting": {"scale": 0.5}})],
    "diffpir": [
        Row(
            "diffpir",
            "diffpir",
            loops.diffpir,
            {"steps": 100, "weight": 0.25, "zeta": 0.1},
            {"inpainting": {"steps": 20, "zeta": 1.0}, "super_resolution": {"zeta": 0.25}},
        )
    ],
    "ddnm": [
        Row("ddnm", "ddnm", loops.ddnm, _DDNM),
        Row("ddnm, its own lambda", "ddnm", partial(loops.ddnm, own_operator=True), _DDNM, tasks=("inpainting",), noises=NOISY),
    ],
    "sitcom": [Row("sitcom", "sitcom", loops.sitcom, {"steps": 10, "inner": 10, "lr": 0.02})],
    "resample": [
        Row("resample mended", "resample", loops.resample, _RESAMPLE),
        Row("resample as it is", "resample", partial(loops.resample, mended=False), _RESAMPLE),
    ],
    "inversebench": [
        Row("daps", "daps", inversebench.daps, _DAPS),
        Row("red_diff", "red_diff", inversebench.red_diff, _RED),
        Row("red_diff from 0", "red_diff", partial(inversebench.red_diff, own_start=True), _RED),
        Row("pigdm", "pigdm", inversebench.pigdm, _PIGDM, tasks=("super_resolution",)),
        Row("ddrm", "ddrm", inversebench.ddrm, {"steps": 20, "eta": 0.85, "eta_b": 1.0, "threshold": 3e-2}),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clone", action="append", default=[], metavar="NAME=FOLDER", help="a checkout, see above")
    parser.add_argument("--pictures", type=int, default=2)
    parser.add_argument("--only", default="", metavar="WORD", help="rows that contain it")
    parser.add_argument("--each", action="store_true")
    asked = parser.parse_args()
    folders = dict(text.split("=", 1) for text in asked.clone)
    if unknown := set(folders) - set(ROWS):
        parser.error(f"{unknown.pop()} is none of {', '.join(ROWS)}")
    torch.set_num_threads(1)
    print(f"{'':58}{'calls':>9} {'D':>10} {'dB':>9} {'ours':>9} {'original':>9} {'':>9}")
    for name, folder in folders.items():
        for row in ROWS[name]:
            for task in row.tasks:
                for noise in row.noises:
                    for number in range(asked.pictures):
                        one = case(task, number, noise)
                        title = f"{row.title}, {one.name}"
                        if asked.only in title:
                            given = row.given(task)
                            print(f"{title:58}", end="", flush=True)
                            found = compare(one, row.method, given, row.original, Path(folder))
                            print("\n".join(found if asked.each else found[:1]), flush=True)


if __name__ == "__main__":
    main()
