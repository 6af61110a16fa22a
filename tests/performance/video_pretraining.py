"""Self-supervised training on rendered motions, judged on the tuning views: what a training finds, and how fast a step is.

    python tests/performance/video_pretraining.py --loss simclr --orders schedule --no-coin --cycles 5
    python tests/performance/video_pretraining.py --loss supervised --focus 0     # what labels would give in as many steps
    python tests/performance/video_pretraining.py --loss none                     # random weights

Gallery and queries: 8 views a class each of the part `tuning train`, two draws before backgrounds whatever the class (clean),
two before backgrounds that agree with the class in the gallery alone (biased). Chance is 0.067. Printed for each: R@1, R@5 by
motion, R@1 by background, the linear probe, consistency cos(h(v), h(Dv)) same less other video.
"""

import argparse
import time
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark import Clips, Context, Retrieval
from benchmark.datasets import motions
from benchmark.metrics.retrieval import nearest, probe, recall
from methods.video import Byol, Joint, Recipe, differentiate, embed, encoder_named, info_nce, load, pretrain, seeded, vicreg
from methods.video.augmentation import augmented

BACKGROUNDS, CPU = 15, torch.device("cpu")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", choices=["simclr", "vicreg", "byol", "supervised", "none"], default="simclr")
    parser.add_argument("--orders", choices=["schedule", "random", "same", "mixed", "frames"], default="schedule")
    parser.add_argument("--coin", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--placing", choices=["adjacent", "random"], default="random")
    parser.add_argument("--jitter", choices=["clip", "frame"], default="clip")
    for name, value in {"cycles": 5, "side": 40, "scenes": 4, "frames": 8, "batch": 32, "seed": 1, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    for name, number in {"focus": 4.0, "lr": 1e-3, "least": 0.5}.items():
        parser.add_argument(f"--{name}", type=float, default=number)
    return parser.parse_args()


def training(given: argparse.Namespace) -> tuple[Clips, Tensor]:
    """Every training view before `scenes` backgrounds, out of focus by `focus` pixels; the labels that supervision has."""
    draw = torch.Generator().manual_seed(given.seed)
    views = motions.framed(motions.load("train"), given.side, draw)
    which = torch.arange(len(views.labels)).repeat(given.scenes)
    scenes = motions.backgrounds("train", len(which), draw, given.side, given.focus)
    return Clips(motions.compose(views, which, scenes)), views.labels[which]


def instance(given: argparse.Namespace, number: int) -> tuple[Retrieval, Tensor]:
    """A tuning problem and its truth (G + Q, 2): class and background. Odd numbers are biased."""
    draw = torch.Generator().manual_seed(1000 + number)
    part = "tuning train"
    views = motions.framed(motions.load(part), given.side, draw)
    halves = []
    for c in range(len(motions.CLASSES)):
        mine = (views.labels == c).nonzero()[:, 0]
        halves.append(mine[torch.randperm(len(mine), generator=draw)].view(2, -1))
    gallery, queries = torch.cat(halves, 1)
    scenes = motions.backgrounds(part, BACKGROUNDS, draw, given.side, given.focus)
    where = [
        motions.assign(views.labels[half], BACKGROUNDS, draw, motions.AGREE[name] if number % 2 else None)
        for name, half in (("gallery", gallery), ("queries", queries))
    ]
    which, shown = torch.cat([gallery, queries]), torch.cat(where)
    videos = motions.compose(views, which, scenes[shown])
    problem = Retrieval(gallery=videos[: len(gallery)], queries=videos[len(gallery) :])
    return problem, torch.stack([views.labels[which], shown], 1)


def judge(given: argparse.Namespace, encoder: nn.Module, what: str) -> None:
    """Print the scores of frames' and of differences' features."""
    for features in ("frames", "differences"):
        for name, numbers in (("clean", (0, 2)), ("biased", (1, 3))):
            rows = []
            for number in numbers:
                problem, truth = instance(given, number)
                ctx = Context(CPU, 0)
                z = embed(encoder, problem, ctx, frames=given.frames, size=given.side, views=10, features=features)  # type: ignore[arg-type]
                (gallery, queries), (a, b) = problem.split(z), problem.split(truth)
                found = nearest(gallery, queries, 10)
                motion, scene = (recall(found, a[:, i], b[:, i], (1, 5)) for i in (0, 1))
                same, other = ctx.kept["cosines"].tolist()
                rows.append([motion[1], motion[5], scene[1], probe(gallery, queries, a[:, 0], b[:, 0]), same - other])
            mean = torch.tensor(rows).mean(0).tolist()
            names = ("R@1", "R@5", "background R@1", "probe", "consistency")
            print(
                f"{what:8} {features:12} {name:7}" + "  ".join(f"{n} {v:.3f}" for n, v in zip(names, mean, strict=True)),
                flush=True,
            )


def supervise(given: argparse.Namespace, encoder: nn.Module, clips: Clips, labels: Tensor, ctx: Context) -> None:
    """As many steps as the self-supervised trainings take, of cross-entropy on the classes."""
    head = seeded(ctx, lambda: nn.Linear(64, len(motions.CLASSES)))
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], given.lr)
    steps = 4 * given.cycles * (len(labels) // given.batch)
    for step in range(steps):
        rows = torch.randint(len(labels), (2 * given.batch,), generator=ctx.generator)
        first = torch.randint(motions.FRAMES - given.frames + 1, (len(rows),), generator=ctx.generator)
        views = clips.videos[rows[:, None], first[:, None] + torch.arange(given.frames)]
        x = augmented(views, given.side, given.least, given.jitter, ctx)
        loss = F.cross_entropy(head(encoder(x if given.orders == "frames" else differentiate(x))), labels[rows])
        optimiser.param_groups[0]["lr"] = given.lr * (1 - step / steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def main() -> None:
    given = parsed()
    torch.set_num_threads(given.threads)
    ctx = Context(CPU, given.seed)
    encoder = encoder_named("conv4", ctx)
    if given.loss == "none":
        judge(given, encoder, "random")
        return
    clips, labels = training(given)
    began = time.perf_counter()
    steps = 4 * given.cycles * (len(labels) // given.batch)
    if given.loss == "supervised":
        supervise(given, encoder, clips, labels, ctx)
        judge(given, encoder, "running")
    else:
        losses = {"simclr": partial(info_nce, temperature=0.1), "vicreg": partial(vicreg, variance=1.0, covariance=0.04)}
        build = (
            (lambda: Byol(encoder, 256, 256, 0.99))
            if given.loss == "byol"
            else (lambda: Joint(encoder, 256, losses[given.loss]))
        )
        recipe = Recipe(
            frames=given.frames,
            size=given.side,
            cycles=given.cycles,
            batch=given.batch,
            optimiser="adam",
            lr=given.lr,
            weight_decay=1e-6,
            warmup=0,
            least=given.least,
            jitter=given.jitter,
            placing=given.placing,
            share=1.0,
            orders=given.orders,
            coin=given.coin,
        )
        learnt = pretrain(clips, ctx, seeded(ctx, build), recipe)
    spent = time.perf_counter() - began
    print(f"{steps} steps in {spent:.0f} s, {steps / spent:.1f} a second, {given.threads} thread(s)")
    if given.loss != "supervised":
        for how in ("running", "frames"):
            judge(given, load(encoder, learnt, how), how)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
