"""What a step of self-supervised training on video costs, and the shares of its parts: gathering clips, augmentation, network.

    python tests/performance/video_step.py [--preset small] [--threads 1] [--device cpu] [--steps 40] [--pairs 5]

Each framework with the settings of its preset on the task's training videos. Frames alone, and ViDiDi's orders in turn through
one cycle; they alternate, and of each pair the ratio of seconds is taken: the median is printed. Then the network's part with
and without channels_last_3d, in the same way.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from benchmark import Context, registry
from methods.videos._augmentation import augmented
from methods.videos._encoders import encoder_named
from methods.videos._losses import Byol, Joint, info_nce, vicreg
from methods.videos._orders import paired, phase_of
from methods.videos._training import Batches, Recipe

MODELS: dict[str, Callable[[Context, dict], Joint | Byol]] = {
    "simclr": lambda ctx, p: Joint(encoder_named(p["encoder"], ctx), p["width"], lambda x, y: info_nce(x, y, p["temperature"])),
    "vicreg": lambda ctx, p: Joint(
        encoder_named(p["encoder"], ctx), p["width"], lambda x, y: vicreg(x, y, p["variance"], p["covariance"])
    ),
    "byol": lambda ctx, p: Byol(encoder_named(p["encoder"], ctx), p["hidden"], p["width"], p["decay"]),
}


def seconds(run: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def ratio(first: Callable[[], object], second: Callable[[], object], device: torch.device, pairs: int) -> tuple[float, float]:
    """Median seconds of the first, and median over pairs of second / first."""
    first(), second()
    found = [(seconds(first, device), seconds(second, device)) for _ in range(pairs)]
    return statistics.median(a for a, _ in found), statistics.median(b / a for a, b in found)


def network(model: Joint | Byol, recipe: Recipe, views: Tensor, steps: int) -> Callable[[], None]:
    """Training on the same augmented views, by the orders of the recipe."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-4)

    def run() -> None:
        for step in range(steps):
            first, second = views.chunk(2)
            a, b = paired(first, second, phase_of(recipe.orders, step, 0.0), recipe.coin and step % 8 < 4)
            loss = model(a, b)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            model.follow()

    return run


def gather(batches: Batches, steps: int) -> None:
    for _ in range(0, steps, batches.in_a_pass):
        for _, _ in zip(range(steps), batches.of_a_pass(), strict=False):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--device", default="cpu")
    for name, value in {"threads": 1, "steps": 40, "pairs": 5}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device, steps = torch.device(given.device), given.steps
    task = registry.get_task("video_retrieval").load()
    clips = task.training(task.spec.presets[given.preset], torch.Generator().manual_seed(0)).to(device)
    for name, build in MODELS.items():
        p = registry.get_method(f"vididi_{name}").spec.resolve("video_retrieval", given.preset, {})
        vididi = Recipe(**{field: p[field] for field in Recipe.__dataclass_fields__})
        frames = replace(vididi, orders="frames", coin=False)
        ctx = Context(device, 0)
        batches = Batches(clips.videos, vididi, ctx)
        assert steps <= batches.in_a_pass
        pixels = next(batches.of_a_pass())

        def augment(pixels: Tensor = pixels, recipe: Recipe = frames, ctx: Context = ctx) -> Tensor:
            return augmented(pixels, recipe.size, recipe.least, recipe.jitter, ctx)

        views = augment()
        models = [build(Context(device, 0), p).to(device) for _ in range(3)]
        models[2] = models[2].to(memory_format=torch.contiguous_format)
        base, dearer = ratio(
            network(models[0], frames, views, steps), network(models[1], vididi, views, steps), device, given.pairs
        )
        _, slower = ratio(
            network(models[0], frames, views, steps), network(models[2], frames, views, steps), device, given.pairs
        )
        gathering = statistics.median(seconds(lambda: gather(batches, steps), device) for _ in range(given.pairs))
        augmenting = steps * statistics.median(seconds(augment, device) for _ in range(steps))
        whole = base + gathering + augmenting
        print(
            f"{name}: {steps / whole:.1f} steps a second on frames, "
            f"{steps / (base * dearer + gathering + augmenting):.1f} by the schedule (the network's part x {dearer:.2f}); "
            f"gathering {gathering / whole:.1%} of a step, augmentation {augmenting / whole:.1%}, network {base / whole:.1%}; "
            f"without channels_last_3d the network's part x {slower:.2f}"
        )


if __name__ == "__main__":
    main()
