"""The loops of InverseBench for tests/performance/originals.py; see original_loops.py."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from tests.performance.original_loops import Found, fed, imports


class Denoiser(nn.Module):
    """Our prior as their network: D(x, sigma) on [-1, 1]."""

    def __init__(self, prior: Any) -> None:
        super().__init__()
        self.prior = prior
        self.img_channels, self.img_resolution = prior.shape[0], prior.shape[1]

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.prior._denoise(x, sigma.to(x).expand(len(x)), None)


def run(folder: Path, case: Any, numbers: list[Tensor], start: Callable[[Any, Any], Any], operator: dict[str, Any]) -> Found:
    """start(algorithm's modules, their operator): the algorithm, ready to be asked."""
    p = case.p
    with imports(folder), fed(numbers):
        from inverse_problems.base import BaseOperator

        class Ours(BaseOperator):  # type: ignore[misc]
            def forward(self, x: Tensor, **_: Any) -> Tensor:
                return p.A(x)

        A = Ours(p.noise, device="cpu")
        vars(A).update(operator)
        algorithm, zeros = start(Denoiser(case.prior), A)
        with ExitStack() as stack:
            if zeros is not None:
                stack.enter_context(patch.object(torch, "zeros", lambda *_, **__: zeros.clone()))
            return algorithm.inference(operator.get("y", p.y)).detach(), []


def daps(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    def start(network: Any, A: Any) -> Any:
        from algo.daps import DAPS

        poly = {"schedule": "linear", "timestep": "poly-7", "sigma_final": 0}
        return DAPS(
            network,
            A,
            poly | {"num_steps": given["rounds"], "sigma_max": given["high"], "sigma_min": given["low"]},
            poly | {"num_steps": given["flow_steps"], "sigma_min": 0.01},
            {"num_steps": given["inner"], "lr": given["lr"], "tau": given["tau"], "lr_min_ratio": 0.01},
        ), None

    return run(folder, case, drawn, start, {})


def red_diff(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any], own_start: bool = False) -> Found:
    """On our noise levels, with the network's input unscaled, and half the gradient of the square. own_start: mu from 0."""

    def start(network: Any, A: Any) -> Any:
        from algo.reddiff import REDDiff

        how = {"base_lambda": given["weight"], "base_lr": given["lr"], "lambda_scheduling_type": given["weighting"]}
        found = REDDiff(network, A, given["steps"], 0.5, **how)
        sigmas = case.prior.schedule.sigmas.tolist()
        found.scheduler.sigma_steps = [sigmas[i * len(sigmas) // given["steps"]] for i in reversed(range(given["steps"]))]
        found.scheduler.scaling_steps = [1.0] * given["steps"]
        first = torch.zeros_like(case.u) if own_start else case.p.A.pinv(case.p.y, given["threshold"])
        return found, first

    return run(folder, case, drawn, start, {})


def pigdm(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    """With A as a matrix in float64, and 0 for their last level, which is `low` once more."""
    p = case.p
    n = case.u[0].numel()
    matrix = p.A(torch.eye(n).reshape(n, *case.u.shape[1:])).flatten(1).T.double()

    def start(network: Any, A: Any) -> Any:
        from algo.pigdm import PiGDM

        levels = {"num_steps": given["steps"], "sigma_max": given["high"], "sigma_min": given["low"]}
        found = PiGDM(network, A, levels | {"schedule": "sqrt", "timestep": "log"}, given["eta"], noisy=True)
        found.scheduler.sigma_steps[-1] = 0.0
        return found, None

    return run(folder, case, drawn, start, {"A": matrix, "y": p.y.double()})


def ddrm(folder: Path, case: Any, drawn: list[Tensor], given: dict[str, Any]) -> Found:
    """On our noise levels; its three draws of a step, of which a coordinate takes one, are one."""
    p = case.p
    svd = p.svd()
    seen = svd.values > given["threshold"]
    kinds = 3 if p.noise else 2
    numbers = [svd.Vt(drawn[0]), *(svd.Vt(number) for number in drawn[1:] for _ in range(kinds))]
    operator = {
        "M": seen.float(),
        "S": torch.where(seen, svd.values, 1),
        "U": None,
        "V": svd.V,
        "Vt": svd.Vt,
        "Ut": svd.Ut,
        "forward": lambda x, **_: p.A(x),
    }

    def start(network: Any, A: Any) -> Any:
        from algo.ddrm import DDRM

        found = DDRM(network, A, {"num_steps": given["steps"]}, given["eta"], given["eta_b"])
        sigmas = case.prior.schedule.sigmas.tolist()
        levels = [sigmas[i * len(sigmas) // given["steps"]] for i in reversed(range(given["steps"]))]
        found.scheduler.sigma_steps, found.scheduler.sigma_max = [*levels, 1e-9], levels[0]  # at 0 it divides by 0
        found.scheduler.scaling_steps = [1.0]
        return found, None

    return run(folder, case, numbers, start, operator)
