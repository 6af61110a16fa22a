"""Seconds of spectral reconstruction, in one process: solvers against the network, generators, and a training step.

    python tests/performance/spectral_time.py [--threads 1]

Times are the method's own (Context's clock): a method's call on one spectrum, and on 200 at once, after warm-up; what it learns
before is not in them. The network is untrained: its time does not depend on its weights.
"""

import argparse
import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmark import LinearInverse, fits, solving
from benchmark.context import Context
from benchmark.datasets.line_spectra import spectra
from benchmark.operators.spectrometer import Spectrometer
from benchmark.registry import get_method, get_task
from methods.spectra._augmentation import normalised, pairs
from methods.spectra.sim2real import forward, initial

CPU = torch.device("cpu")
SOLVERS = (
    ("sim2real", {}),
    ("ridge_map", {}),
    ("nnls_tv", {}),
    ("nnls_tv", {"solver": "exact", "weight": 1e-6}),
    ("nnls_tv", {"weight": 1e-6, "penalty": 1.0, "steps": 1000}),
    ("nnls", {}),
    ("nnls_tikhonov", {}),
    ("nnls_elastic_net", {}),
    ("lorentzian_fit", {}),
)


def one_by_one(count: int, rng: np.random.Generator) -> np.ndarray:
    """Spectra drawn in a loop, one after the other, as the authors' generator does."""
    grid, made = np.arange(301), []
    for _ in range(count):
        lines = rng.integers(1, 4)
        at: list[int] = []
        while len(at) < lines:
            one = rng.integers(0, 205)
            if all(abs(one - other) >= 10 for other in at):
                at.append(one)
        x = np.zeros(301)
        for centre in at:
            width, height = rng.uniform(10, 25), rng.uniform(0.6, 1.4)
            line = width / (np.pi * ((grid - centre) ** 2 + width**2))
            x += height * line / line.max()
        made.append((x - x.min()) / (x.max() - x.min()))
    return np.array(made)


def rate(work, count: int, rounds: int = 30) -> str:
    """Spectra a second: median and middle half of `rounds`."""
    work()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(count / (time.perf_counter() - began))
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    return f"{middle:9.0f} [{low:.0f}, {high:.0f}] spectra a second"


def own_times(method, parameters, learnt, problem: LinearInverse, seconds: float = 4.0) -> list[float]:
    """The method's own seconds, call by call, for about `seconds` after 3 calls of warm-up; at most 1000."""
    found, began = [], time.perf_counter()
    while len(found) < 13 or (len(found) < 1003 and time.perf_counter() - began < seconds):
        ctx = Context(CPU, 0)
        solving.timed(method, problem, ctx, parameters, learnt)
        found.append(ctx.clock.seconds)
    return found[3:]


def main(threads: int) -> None:
    task = get_task("spectral").load()
    training = fits.training_data(task, "small", 1000)
    draw = torch.Generator().manual_seed(0)
    x = spectra(200, training.wavelengths, draw)
    print("generator, 256 at once and one by one:")
    print("  " + rate(lambda: training.draw(256), 256))
    print("  " + rate(lambda: one_by_one(64, np.random.default_rng(0)), 64))

    def problem(first: int, count: int) -> LinearInverse:
        A = Spectrometer(training.matrix, training.wavelengths, count)
        y = A(x[first : first + count])
        return LinearInverse(A=A, y=y + 1e-5 * torch.randn(y.shape, generator=draw).clamp_min(0), noise=0.58e-5)

    single, many = [problem(i, 1) for i in range(20)], problem(0, 200)
    print("\nmilliseconds per spectrum: one at a time, median [middle half]; 200 at once; in units of sim2real's")
    unit = (0.0, 0.0)
    for name, given in SOLVERS:
        method = get_method(name).load()
        parameters = method.spec.resolve("spectral", "small", given)
        if name == "sim2real":
            learnt = initial("mlp", 16, 301, draw)
        else:
            learnt = method.learn(training, Context(CPU, 0), parameters) if method.fit else None
        alone = 1e3 * np.concatenate([own_times(method, parameters, learnt, one, 0.5) for one in single])
        together = 1e3 / 200 * np.median(own_times(method, parameters, learnt, many))
        low, middle, high = np.quantile(alone, [0.25, 0.5, 0.75])
        unit = (middle, together) if name == "sim2real" else unit
        label = name + (f" {given}" if given else "")
        print(
            f"  {label:62} {middle:8.3f} [{low:.3f}, {high:.3f}]  {together:8.4f}"
            f"   x {middle / unit[0]:7.1f}  x {together / unit[1]:7.1f}",
            flush=True,
        )

    print("\na training step of small (32 spectra, 256 rows), milliseconds:")
    ctx = Context(CPU, 0)
    weights = {name: w.requires_grad_() for name, w in initial("mlp", 16, 301, draw).items()}
    optimiser = torch.optim.Adam(weights.values(), lr=1e-3, fused=True)
    spent = np.zeros((200, 3))
    for step in range(200):
        marks = [time.perf_counter()]
        y, target = pairs(training, ctx, 32, "both", 2, 4)
        marks.append(time.perf_counter())
        loss = (forward("mlp", weights, normalised(y, "log")) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        marks.append(time.perf_counter())
        optimiser.step()
        marks.append(time.perf_counter())
        spent[step] = 1e3 * np.diff(marks)
    for what, column in zip(("pairs", "forward and backward", "Adam"), spent[20:].T, strict=True):
        print(f"  {what:22} {np.median(column):6.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    count = parser.parse_args().threads
    torch.set_num_threads(count)
    with threadpool_limits(count):
        main(count)
