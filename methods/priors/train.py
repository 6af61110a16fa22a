"""Trains a prior of methods/priors/_recipes.py:

    python -m methods.priors.train photographs64 --data crops.npz --hours 1

The data is an .npz with `learn` and `held_out`, uint8 (N, 3, size, size), and `learn_told` and `held_out_told`, (N, n), where
the recipe takes numbers that describe a picture. Training goes on from results/priors/NAME/checkpoint.pt, which is written
every few minutes and at the end, also after Ctrl-C. Beside it: log.csv (pictures, seconds, loss, held-out PSNR at four noise
levels) and a sheet of 64 samples. `python -m methods.priors.ship NAME` makes the folder that is shipped.
"""

import csv
import signal
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from torch import Tensor

from benchmark.errors import UserError, unknown
from methods.priors._loop import Training
from methods.priors._quality import one_step_psnr
from methods.priors._recipes import RECIPES, Recipe

RESULTS = Path("results/priors")
_KEEP, _LOOK = 300.0, 1200.0  # seconds between checkpoints, and between looks at held-out pictures and samples
_HELD_OUT = 256


def pictures(file: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The arrays of a data file. Raises UserError for a file that does not hold what the recipe takes."""
    names = ["learn", "held_out", *(("learn_told", "held_out_told") if recipe.told else ())]
    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: torch.from_numpy(found[name]) for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{file} is no data of a prior: {error}; it has to hold {', '.join(names)}") from None
    for name in names[:2]:
        if arrays[name].dtype != torch.uint8 or tuple(arrays[name].shape[1:]) != (3, recipe.size, recipe.size):
            wanted = f"uint8 (N, 3, {recipe.size}, {recipe.size})"
            raise UserError(f"{file}: {name} is {arrays[name].dtype} {tuple(arrays[name].shape)}, not {wanted}")
    return arrays


def sheet(made: Tensor, file: Path, columns: int = 8) -> None:
    """Writes pictures (N, 3, H, W) in [0, 1] as one image."""
    rows = [torch.cat(list(made[i : i + columns]), 2) for i in range(0, len(made) - columns + 1, columns)]
    Image.fromarray((torch.cat(rows, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()).save(file)


def has_half(device: torch.device) -> bool:
    """Whether the device multiplies matrices of bfloat16 in units of their own (AMX of a CPU), so that they are faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return "amx_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else False


def train(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPES)}.")],
    data: Annotated[Path, typer.Option(help="The .npz with the pictures.")],
    hours: Annotated[float | None, typer.Option(help="Stop after so many hours.", min=0)] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps of this call.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    half: Annotated[bool | None, typer.Option(help="In bfloat16; by default where the device has units for it.")] = None,
) -> None:
    """Train a prior, from its checkpoint where there is one."""
    if name not in RECIPES:
        raise unknown("recipe", name, RECIPES)
    torch.set_num_threads(threads)
    recipe, folder = RECIPES[name], RESULTS / name
    arrays = pictures(data, recipe)
    where = torch.device("cuda" if device == "auto" and torch.cuda.is_available() else "cpu" if device == "auto" else device)
    folder.mkdir(parents=True, exist_ok=True)
    half = has_half(where) if half is None else half
    training = Training(recipe, arrays["learn"], arrays.get("learn_told"), where, half=half)
    training.load(folder / "checkpoint.pt")
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *found: stop.append(1))
    begun = kept = looked = time.monotonic()
    first = training.step
    held_out = arrays["held_out"][:_HELD_OUT].to(where).float() / 255
    losses: list[float] = []

    def look() -> None:
        prior = training.prior()
        found = one_step_psnr(prior, held_out)
        with (folder / "log.csv").open("a", newline="") as log:
            csv.writer(log).writerow([training.seen, round(training.seconds), np.mean(losses or [0]), *found.values()])
        quality = "  ".join(f"t {level}: {value:.2f}" for level, value in found.items())
        shown = f"{training.seen:,} of {recipe.pictures:,} pictures, {training.seconds / 3600:.2f} h"
        print(f"{shown}, loss {np.mean(losses or [0]):.4f}, held-out dB {quality}", flush=True)
        losses.clear()
        sheet(prior.sample(64, torch.Generator(where).manual_seed(0)), folder / "samples.png")

    while not stop and not training.done and (steps is None or training.step < first + steps):
        losses.append(training.advance())
        now = time.monotonic()
        if hours is not None and now - begun > hours * 3600:
            break
        if now - kept > _KEEP:
            training.save(folder / "checkpoint.pt")
            kept = now
        if now - looked > _LOOK:
            look()
            looked = time.monotonic()
    training.save(folder / "checkpoint.pt")
    look()


def main() -> None:
    """The command. A UserError is one line and exit code 2."""
    try:
        typer.run(train)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
