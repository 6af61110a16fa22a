"""Makes assets/face_reader.safetensors and its card, face_reader.json: what reads regions and attributes off pictures of faces.

    python -m benchmark.datasets.scripts.make_face_reader [--prior FOLDER]     render, train, measure
    python -m benchmark.datasets.scripts.make_face_reader --measure ...        measure again what is shipped

It learns on rendered faces, whose regions and numbers are known: half of the law (part `learn`), half with each number taken
from another face, so that it reads what it sees and not what mostly goes with it. Half are seen in a mirror, two of three are
spoilt (worsened.py), because pictures that a prior makes are not as clean as rendered ones. First the parser: its
loss is the cross-entropy of the pixels, those of small regions weighted. Then the reader, of what the parser finds: the squared
error of the numbers in standard deviations. Both by AdamW in one cycle of the learning rate. 4 CPU minutes of rendering, 3 of
training.

Measured on 500 faces of the part `test`, on 500 others of it with numbers apart, and, with --prior (a folder of diffusers for
faces of 64 x 64), on 256 of its samples: they are read, rendered again, and the regions of the render compared with the parse.
Rendered faces are kept in results/face_reader/, where two sheets are written too: pictures with their true regions (held-out
faces), their parse, and what was read of them rendered again, with its regions. Prints what benchmark/datasets/sources.py and
SOURCES.md hold.
"""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.datasets import faces
from benchmark.datasets.face_law import RACES
from benchmark.datasets.scripts.worsened import worsened
from benchmark.datasets.sources import ASSETS
from benchmark.editing.attributes import places, valid
from benchmark.editing.parser import Parser
from benchmark.editing.reader import Reader, statistics
from benchmark.editing.shipped import ENOUGH, Card, FaceReader, loaded, read_card
from benchmark.metrics.regions import explained, region_iou

RESULTS = Path("results/face_reader")
WEIGHTS, CARD = ASSETS / "face_reader.safetensors", ASSETS / "face_reader.json"
_CHUNK, _BATCH, _RATE = 500, 32, 2e-3
_APART = 100_000  # places of a part from which faces are drawn apart; 500 of the part `test`
_WEIGHTS = {"lips": 2.0, "brow": 2.0, "mouth": 3.0}  # of few pixels
_MIRRORED = ("yaw", "light", "gaze")
_COLOURS = (
    (40, 60, 90),
    (240, 200, 170),
    (220, 60, 80),
    (255, 255, 255),
    (60, 160, 60),
    (110, 70, 30),
    (120, 20, 60),
    (250, 160, 40),
)
_ROWS = 12


def apart(parameters: Tensor, generator: torch.Generator) -> Tensor:
    """The same numbers, each from another face (the shares of the races, which sum to one, together)."""
    found, races = parameters.clone(), places(RACES)
    for columns in (races, *([i] for i in range(len(faces.NAMES)) if i not in races)):
        found[:, columns] = parameters[torch.randperm(len(parameters), generator=generator)][:, columns]
    return found


def rendered(part: faces.Part, first: int, count: int, mixed: bool, size: int = 64) -> dict[str, Tensor]:
    """pictures uint8 (N, 3, H, W), labels uint8 (N, H, W), told float32 (N, 37); from a file if they were rendered before."""
    file = RESULTS / f"{part}-{first}-{count}-{size}{'-apart' if mixed else ''}.npz"
    if not file.is_file():
        told = faces.parameters_at(part, range(first, first + count))
        made = faces.render(apart(told, torch.Generator().manual_seed(first)) if mixed else told, size)
        file.parent.mkdir(parents=True, exist_ok=True)
        pictures = (made.pictures * 255).round().byte().numpy()
        np.savez(file.with_suffix(".part.npz"), pictures=pictures, labels=made.labels.numpy(), told=made.parameters.numpy())
        file.with_suffix(".part.npz").replace(file)
    with np.load(file) as found:
        return {name: torch.from_numpy(found[name]) for name in found.files}


def to_learn_from(count: int, size: int = 64) -> dict[str, Tensor]:
    """`count` faces in all, a multiple of 1,000: half of the law, half with numbers apart."""
    parts = []
    for first in range(0, count // 2, _CHUNK):
        for mixed in (False, True):
            parts.append(rendered("learn", first + _APART * mixed, _CHUNK, mixed, size))
            print(f"rendered {_CHUNK * len(parts)} of {count}", flush=True)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def seen(data: dict[str, Tensor], which: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, labels and numbers of the faces at `which`, as they are learnt from."""
    x, labels, told = data["pictures"][which].float() / 255, data["labels"][which].long(), data["told"][which]
    signs = torch.ones(len(faces.NAMES))
    signs[places(_MIRRORED)] = -1
    mirrored = torch.rand(len(which), generator=generator) < 0.5
    x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    labels = torch.where(mirrored[:, None, None], labels.flip(-1), labels)
    return worsened(x, generator), labels, torch.where(mirrored[:, None], told * signs, told)


def cycle(network: nn.Module, rate: float, steps: int) -> Callable[[Tensor], None]:
    """What takes one of so many steps, down a loss."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=max(steps, 2), pct_start=0.1)

    def step(loss: Tensor) -> None:
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        rates.step()

    return step


def learnt_parser(data: dict[str, Tensor], pictures: int, half: bool = False) -> Parser:
    """A parser that saw so many pictures; half: it computes in bfloat16."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parser = Parser().to(memory_format=torch.channels_last)
    generator, losses, steps = torch.Generator().manual_seed(0), [], pictures // _BATCH
    step = cycle(parser, _RATE, steps)
    weights = torch.tensor([_WEIGHTS.get(name, 1.0) for name in faces.REGIONS])
    for number in range(1, steps + 1):
        which = torch.randint(0, len(data["told"]), (_BATCH,), generator=generator)
        x, labels, _ = seen(data, which, generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = parser(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), labels, weights)
        step(loss)
        losses.append(loss.item())
        if number % 100 == 0:
            print(f"parser: {number * _BATCH:,} of {pictures:,}, loss {np.mean(losses[-100:]):.4f}", flush=True)
    return parser.eval().requires_grad_(False).to(memory_format=torch.contiguous_format)


def learnt(data: dict[str, Tensor], parser: Parser, looks: int = 3, rounds: int = 30) -> FaceReader:
    """The parser and a reader of what it finds in each face, `looks` times spoilt anew; it learns from these `rounds` times."""
    pool = faces.parameters_at("learn", range(4000))
    mean, spread = pool.mean(0), pool.std(0)
    generator, found, numbers = torch.Generator().manual_seed(1), [], []
    for look in range(looks):
        for which in torch.arange(len(data["told"])).split(64):
            x, _, told = seen(data, which, generator)
            with torch.no_grad():
                found.append(statistics(x, parser(x).softmax(1)))
            numbers.append((told - mean) / spread)
        print(f"reader: look {look + 1} of {looks}", flush=True)
    known, numbers = torch.cat(found), torch.cat(numbers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        reader = Reader()
        steps = rounds * len(known) // 64
        step = cycle(reader, 3e-3, steps)
        for _ in range(steps):
            which = torch.randint(0, len(known), (64,), generator=generator)
            step((reader.told(known[which]) - numbers[which]).square().clamp(max=16).mean())
    return FaceReader(parser, reader.eval().requires_grad_(False), mean, spread)


def write(found: FaceReader, file: Path) -> None:
    """The weights in half precision; mean and spread of the numbers whole."""
    parts = {f"parser.{key}": value for key, value in found.parser.state_dict().items()}
    parts |= {f"reader.{key}": value for key, value in found.reader.state_dict().items()}
    kept = {key: value.half().contiguous() for key, value in parts.items() if not key.endswith("num_batches_tracked")}
    save_file({**kept, "mean": found.mean, "spread": found.spread}, file)


def again(found: FaceReader, pictures: Tensor) -> tuple[Tensor, faces.Faces]:
    """The parse of pictures, and what was read of them, rendered again."""
    return found.regions(pictures), faces.render(valid(found.numbers(pictures)), pictures.shape[-1])


def agreement(parse: Tensor, labels: Tensor) -> dict[str, float]:
    """IoU of each region."""
    return dict(zip(faces.REGIONS, region_iou(parse, labels, len(faces.REGIONS)).tolist(), strict=True))


def sheet(columns: list[Tensor], file: Path) -> None:
    """Writes rows of pictures (N, 3, H, W) and labels (N, H, W), enlarged twice, in two halves side by side."""
    colours = torch.tensor(_COLOURS) / 255
    drawn = [x if x.ndim == 4 else colours[x.long()].permute(0, 3, 1, 2) for x in (x[: 2 * _ROWS] for x in columns)]
    rows = torch.stack(drawn, 1).repeat_interleave(2, -1).repeat_interleave(2, -2)  # (N, columns, 3, H, W)
    grid = torch.cat([torch.cat([torch.cat(list(row), 2) for row in half], 1) for half in rows.split(_ROWS)], 2)
    Image.fromarray((grid * 255).round().byte().permute(1, 2, 0).numpy()).save(file)


def sampled(prior: Path, count: int) -> Tensor:
    """Samples of a prior in 50 steps, (N, 3, 64, 64) in [0, 1]; from a file where they were drawn before."""
    from benchmark.priors.folder import load

    weights = sha256(b"".join(file.read_bytes() for file in sorted(prior.rglob("*.safetensors")))).hexdigest()
    file = RESULTS / f"samples-{count}-{weights[:16]}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        generator, network = torch.Generator().manual_seed(0), load(prior)
        parts = [network.sample(min(32, count - first), generator).clamp(0, 1) for first in range(0, count, 32)]
        np.save(file, torch.cat(parts).numpy())
    return torch.from_numpy(np.load(file))


def measured(found: FaceReader, prior: Path | None, samples: int = 256) -> dict[str, object]:
    """The measured fields of the card; writes the sheets."""
    result: dict[str, object] = {}
    r2 = {}
    for mixed in (False, True):
        held_out = rendered("test", 500 * mixed, 500, mixed)
        pictures = held_out["pictures"].float() / 255
        r2[mixed] = dict(zip(faces.NAMES, explained(found.numbers(pictures), held_out["told"]).tolist(), strict=True))
        if not mixed:
            parse, made = again(found, pictures)
            result |= {"iou": agreement(parse, held_out["labels"]), "again": agreement(parse, made.labels)}
            sheet([pictures, held_out["labels"], parse, made.pictures, made.labels], RESULTS / "held_out.png")
    counts = tuple(name for name in faces.NAMES if min(r2[False][name], r2[True][name]) > ENOUGH)
    result |= {"r2": r2[False], "r2_apart": r2[True], "counts": counts}
    if prior is not None:
        from benchmark.priors.card import read

        pictures = sampled(prior, samples)
        parse, made = again(found, pictures)
        sheet([pictures, parse, made.pictures, made.labels], RESULTS / "generated.png")
        learnt_from = f"{prior.name}, after {read(prior).pictures:,} pictures"
        result |= {"generated": agreement(parse, made.labels), "samples": samples, "prior": learnt_from}
    return {
        key: {name: round(number, 3) for name, number in value.items()} if isinstance(value, dict) else value
        for key, value in result.items()
    }


def main(
    count: Annotated[int, typer.Option(help="Faces to learn from, a multiple of 1,000.", min=1000)] = 6000,
    pictures: Annotated[int, typer.Option(help="How many it sees, repeated ones counted.", min=64)] = 30_000,
    half: Annotated[bool, typer.Option(help="Compute in bfloat16.")] = True,
    prior: Annotated[Path | None, typer.Option(help="A folder of diffusers, to measure on its samples.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure again what is shipped, do not train.")] = False,
) -> None:
    """Render, train, measure and write."""
    torch.set_num_threads(1)
    if measure:
        before = read_card(CARD).model_dump()
    else:
        data = to_learn_from(count)
        begun = time.process_time()
        write(learnt(data, learnt_parser(data, pictures, half)), WEIGHTS)
        before = {
            "about": "A parser of regions and a reader of numbers, of rendered faces of 64 x 64",
            "data": "pictures of benchmark/datasets/faces.py",
            "licence": "CC0 1.0 (face_reader.LICENSE)",
            "recipe": f"AdamW {_RATE}, weight decay 0.02, one cycle, batches of {_BATCH}, {'bfloat16' if half else 'float32'}",
            "faces": len(data["told"]),
            "pictures": pictures,
            "minutes": round((time.process_time() - begun) / 60, 1),
        }
    card = Card.model_validate(before | measured(loaded(WEIGHTS), prior))
    CARD.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(card.model_dump_json(indent=1))
    for file in (WEIGHTS, CARD):
        print(file.name, file.stat().st_size, sha256(file.read_bytes()).hexdigest())


if __name__ == "__main__":
    typer.run(main)
