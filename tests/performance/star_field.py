"""Self-guided DIP on a dark picture, by how fast its input learns: inpainting of a synthetic star field and of two photographs.

    python tests/performance/star_field.py --steps 300 --rate 1e-2 --rate 1e-3

Pictures for tuning hold none as dark as the star field of those for tests. Learnt by the seen pixels alone, the input tells the
network where pixels are missing, and unseen parts of it stay near their start, U[0, 1): unseen pixels come out too bright.
"""

import argparse
from dataclasses import replace

import torch
from torch import Tensor

from benchmark import Instance, registry
from benchmark.context import Context
from benchmark.instances import make_instance

CPU = torch.device("cpu")
PHOTOGRAPHS = {"camera": 0, "cell": 5}  # numbers of the instances for tuning; the second is the darkest of them
SEEDS = {"camera": 7, "cell": 12, "stars": 6}  # of the method


def stars(size: int, count: int = 60) -> Tensor:
    """(3, size, size) from 0 to 1: round spots of 0.5 to 2 pixels on a sky of 0.03, few of them bright."""
    draw = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    sky = torch.full((3, size, size), 0.03)
    for _ in range(count):
        row, column = size * torch.rand(2, generator=draw)
        width = 0.5 + 1.5 * torch.rand((), generator=draw)
        light = torch.rand((), generator=draw) ** 2 * (0.7 + 0.3 * torch.rand(3, generator=draw))
        sky += light[:, None, None] * torch.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return sky.clamp(0, 1)


def dark(instance: Instance) -> Instance:
    """The same pixels missing and the same noise, on the star field."""
    problem, x = instance.problem, stars(instance.truth.shape[-1])
    noise = problem.y - problem.A(instance.truth)
    return replace(instance, problem=replace(problem, y=problem.A(x) + noise), truth=x, label="stars")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rate", type=float, action="append", help="of the input; again for another")
    given = parser.parse_args()
    torch.set_num_threads(1)
    task, method = registry.get_task("inpainting").load(), registry.get_method("self_guided_dip")
    instances = {name: make_instance(task, "small", number, 1000) for name, number in PHOTOGRAPHS.items()}
    instances["stars"] = dark(instances["camera"])
    for rate in given.rate or [method.spec.resolve("inpainting", "small", {})["lr_input"]]:
        parameters = method.spec.resolve("inpainting", "small", {"lr_input": rate, "steps": given.steps})
        for name, instance in instances.items():
            estimate = method.load()(instance.problem, Context(CPU, SEEDS[name]), parameters)
            print(f"lr_input {rate:g}, {name}: {task.score(instance, estimate)['psnr']:.2f} dB", flush=True)


if __name__ == "__main__":
    main()
