"""What DCDP and DPS cost a picture, and what a batch of pictures gains, with one network, in one run.

    python tests/performance/diffusion_speed.py --checkpoint results/priors/faces64/checkpoint.pt [--recipe faces64]
    python tests/performance/diffusion_speed.py --prior FOLDER          # a diffusers folder

A checkpoint is that of a training (methods/priors/train.py), which may be half done. Pictures are those of deblurring/small*
whose size fits the prior's, with noise 0. Times are processor seconds of one thread, which a neighbour's work hardly changes.

1. The network: forward, and forward and back, one picture after the other and as one batch.
2. The solvers: the same, of `dcdp` and `dps`; a solver takes a batch of y. Tasks pose one picture at a time.
3. DCDP against DPS: seconds a picture, calls and PSNR; DPS with --dps-steps, and what its 1000 steps would take.

Found on a busy machine: a batch of 10 costs the network a picture 3.3 times less forward and 3.5 forward and back with
photographs32, 2.1 and 2.2 times less with faces64, where dps gains 2.2 and dcdp 1.2 (its data steps take half of its time). A
picture of 64 x 64 takes DCDP 9.4 s (ddim, 182 calls) or 4.9 s (one Tweedie step, 10 calls), DPS 57 s for 1000 steps.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmark import LinearInverse
from benchmark.context import Context
from benchmark.instances import make_instance
from benchmark.metrics.image import psnr
from benchmark.priors.folder import load
from benchmark.priors.prior import Prior
from benchmark.registry import get_method, get_task
from methods.priors._loop import Training
from methods.priors._recipes import RECIPES

CPU = torch.device("cpu")
PRESETS = {32: "tiny", 64: "small"}


def trained(name: str, checkpoint: Path) -> Prior:
    training = Training(RECIPES[name], torch.zeros(0), None, CPU)
    training.load(checkpoint)
    return training.prior()


def seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def network(prior: Prior, count: int, rounds: int) -> None:
    x = torch.rand(count, *prior.shape, generator=torch.Generator().manual_seed(0))

    def forward(x: Tensor) -> None:
        with torch.no_grad():
            prior(x, 0.2)

    def back(x: Tensor) -> None:
        x = x.clone().requires_grad_()
        torch.autograd.grad(prior(x, 0.2).square().sum(), x)

    print(f"1. the network, {tuple(prior.shape)}: processor ms a picture, median of {rounds}")
    for name, call in (("forward", forward), ("forward and back", back)):
        call(x[:1])
        times = [(seconds(lambda: [call(one[None]) for one in x]), seconds(lambda: call(x))) for _ in range(rounds)]
        alone, both = (1e3 * median(some) / count for some in zip(*times, strict=True))
        print(f"   {name:18} one by one {alone:8.1f}   in a batch of {count} {both:8.1f}   ratio {alone / both:.2f}")


def posed(prior: Prior, count: int, data: str) -> tuple[list[LinearInverse], Tensor]:
    """Problems without noise, and the true pictures."""
    preset = PRESETS[prior.shape[1]] + data
    some = [make_instance(get_task("deblurring").load(), preset, number, 0) for number in range(count)]
    problems = [replace(one.problem, y=one.problem.A(one.truth), noise=0.0, prior=prior.again()) for one in some]
    return problems, torch.stack([one.truth for one in some])


def solve(problem: LinearInverse, method: str, given: dict[str, Any]) -> Tensor:
    found = get_method(method)
    answer: Tensor = found.load()(problem, Context(CPU, 0), found.spec.parameters(**given).model_dump())
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--prior", type=Path)
    which.add_argument("--checkpoint", type=Path)
    parser.add_argument("--recipe", default="faces64", choices=RECIPES)
    parser.add_argument("--data", default="_faces", help="of the preset: small_faces")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dps-steps", type=int, default=100)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    prior = load(asked.prior) if asked.prior else trained(asked.recipe, asked.checkpoint)
    data = asked.data if prior.shape[1] == 64 else ""
    count = asked.count if prior.shape[1] == 64 else min(2, asked.count)
    network(prior, asked.count, asked.rounds)
    problems, truth = posed(prior, count, data)

    print(f"2. the solvers, deblurring, {count} pictures: processor s a picture")
    together = replace(problems[0], y=torch.stack([problem.y for problem in problems]), prior=prior.again())
    few: dict[str, dict[str, Any]] = {
        "dcdp": {"rounds": 3, "inner": 100, "ddim_steps": 5},
        "dps": {"steps": 10},
    }
    for method, given in few.items():
        solve(problems[0], method, given)
        alone = seconds(lambda: [solve(problem, method, given) for problem in problems]) / count
        both = seconds(lambda: solve(together, method, given)) / count
        text = ", ".join(f"{name} {value}" for name, value in given.items())
        print(f"   {method} ({text}): one by one {alone:.3f}   in a batch {both:.3f}   ratio {alone / both:.2f}")

    print("3. one picture: processor s, calls forward / back, PSNR (dB)")
    whole: dict[str, tuple[str, dict[str, Any]]] = {
        "dcdp, ddim": ("dcdp", {"start": 200}),
        "dcdp, tweedie": ("dcdp", {"start": 200, "version": "tweedie"}),
        f"dps, {asked.dps_steps} steps": ("dps", {"steps": asked.dps_steps, "scale": 300.0 / asked.dps_steps}),
    }
    for name, (method, given) in whole.items():
        problem = replace(problems[0], prior=prior.again())
        kept: list[Tensor] = []
        spent = seconds(lambda: kept.append(solve(problem, method, given)))
        calls = problem.prior.calls
        scored = psnr(kept[0].clamp(0, 1).reshape(1, -1), truth[0].reshape(1, -1), 1.0)
        print(f"   {name:16} {spent:8.2f} s   {calls.forward:4} / {calls.backward:4}   {float(scored):6.2f}", end="")
        print(f"   1000 steps: {spent * 1000 / asked.dps_steps:.0f} s" if method == "dps" else "")


if __name__ == "__main__":
    main()
