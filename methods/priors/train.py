"""Trains a prior of methods/priors/_recipes.py:

    python -m methods.priors.train photographs64 --data crops.npz --hours 1

The data is an .npz with `learn` and `held_out`, uint8 (N, 3, size, size), and `learn_told` and `held_out_told`, (N, n), where
the recipe takes numbers that describe a picture. Training goes on from results/priors/NAME/checkpoint.pt, which is written
every few minutes and at the end, also after Ctrl-C. Beside it: log.csv (pictures, seconds, loss, held-out PSNR at four noise
levels) and a sheet of 64 samples; of an autoencoder, the held-out PSNR of Dec(Enc(x)) and held-out pictures above what it makes
of them. A prior of latents learns from the same pictures once its autoencoder is trained, a consistency model once its teacher
is shipped.
`python -m methods.priors.ship NAME` makes the folder that is shipped.
"""

import csv
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from torch import Tensor

from benchmark.datasets.sources import ASSETS
from benchmark.errors import UserError, unknown
from benchmark.priors.latent import LatentPrior
from methods.priors._autoencoder import Autoencoding, encoded, learnt, psnr
from methods.priors._distil import Distillation, teacher_of
from methods.priors._learning import Learning
from methods.priors._loop import Training
from methods.priors._quality import one_step_psnr
from methods.priors._recipes import RECIPES, AutoencoderRecipe, Distilled, LatentRecipe, Recipe

RESULTS = Path("results/priors")
_KEEP, _LOOK = 300.0, 1200.0  # seconds between checkpoints, and between looks at held-out pictures and samples
_HELD_OUT = 256
Look = tuple[dict[str, float], Tensor]  # dB by name, and pictures (N, 3, H, W) in [0, 1]


def pictures(file: Path, recipe: Recipe | AutoencoderRecipe) -> dict[str, Tensor]:
    """The arrays of a data file. Raises UserError for a file that does not hold what the recipe takes."""
    told = isinstance(recipe, Recipe) and recipe.told
    names = ["learn", "held_out", *(("learn_told", "held_out_told") if told else ())]
    size = autoencoder_of(recipe).size if isinstance(recipe, LatentRecipe) else recipe.size
    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: torch.from_numpy(found[name]) for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{file} is no data of a prior: {error}; it has to hold {', '.join(names)}") from None
    for name in names[:2]:
        if arrays[name].dtype != torch.uint8 or tuple(arrays[name].shape[1:]) != (3, size, size):
            wanted = f"uint8 (N, 3, {size}, {size})"
            raise UserError(f"{file}: {name} is {arrays[name].dtype} {tuple(arrays[name].shape)}, not {wanted}")
    return arrays


def autoencoder_of(recipe: LatentRecipe) -> AutoencoderRecipe:
    """The recipe of what makes latents."""
    found = RECIPES[recipe.autoencoder]
    assert isinstance(found, AutoencoderRecipe)
    return found


def folder_of(recipe: Distilled) -> Path:
    """The folder of the teacher that a recipe names."""
    return ASSETS / "priors" / recipe.teacher


def learning(
    recipe: Recipe | AutoencoderRecipe,
    arrays: dict[str, Tensor],
    device: torch.device,
    *,
    half: bool = False,
    teacher: Path | None = None,
) -> tuple[Learning, Callable[[], Look]]:
    """A training from its start, and what says how good it is by now.

    Raises UserError without an autoencoder of latents, and for a teacher that is missing, does not fit or is not needed.
    """
    if teacher is not None and not isinstance(recipe, Distilled):
        raise UserError(f"--teacher {teacher}: this recipe has no teacher")
    learn, held_out = arrays["learn"], arrays["held_out"][:_HELD_OUT]
    if isinstance(recipe, AutoencoderRecipe):
        one = Autoencoding(recipe, learn, device, half=half)

        def reconstructed() -> Look:
            found = one.autoencoder()
            some = held_out[:32].to(device).float() / 127.5 - 1
            with torch.no_grad():
                made = found.decode(found.encode(some).latent_dist.mode()).sample.clamp(-1, 1)
            rows = [part for pair in zip(torch.split(some, 8), torch.split(made, 8), strict=True) for part in pair]
            return {"Dec(Enc(x))": psnr(found, held_out.to(device))}, (torch.cat(rows) + 1) / 2

        return one, reconstructed
    if not isinstance(recipe, LatentRecipe):
        two = (
            Distillation(recipe, learn, teacher_of(teacher or folder_of(recipe), device), device, half=half)
            if isinstance(recipe, Distilled)
            else Training(recipe, learn, arrays.get("learn_told"), device, half=half)
        )
        clean = held_out.to(device).float() / 255

        def denoised() -> Look:
            prior = two.prior()
            found = {f"t {level}": value for level, value in one_step_psnr(prior, clean).items()}
            return found, prior.sample(64, torch.Generator(device).manual_seed(0))

        return two, denoised
    autoencoder = learnt(autoencoder_of(recipe), learn, RESULTS / recipe.autoencoder / "checkpoint.pt").autoencoder()
    three = Training(recipe, encoded(autoencoder, learn), None, device, half=half)
    latents = encoded(autoencoder, held_out).to(device)

    def decoded() -> Look:
        prior = LatentPrior(three.prior(), autoencoder.to(device))
        found = {f"t {level}": value for level, value in one_step_psnr(prior, latents).items()}
        return found, pictures_of(prior, prior.sample(64, torch.Generator(device).manual_seed(0)))

    return three, decoded


def pictures_of(prior: LatentPrior, latents: Tensor) -> Tensor:
    """Decoded, (B, 3, H, W) in [0, 1]."""
    with torch.no_grad():
        return (prior.decode(latents).clamp(-1, 1) + 1) / 2


def sheet(made: Tensor, file: Path, columns: int = 8) -> None:
    """Writes pictures (N, 3, H, W) in [0, 1] as one image."""
    rows = [torch.cat(list(made[i : i + columns]), 2) for i in range(0, len(made) - columns + 1, columns)]
    Image.fromarray((torch.cat(rows, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()).save(file)


def has_half(device: torch.device) -> bool:
    """Whether the device multiplies matrices of bfloat16 in units of their own (AMX of a CPU), so that they are faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return "amx_bf16" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else False


def train(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPES)}.")],
    data: Annotated[Path, typer.Option(help="The .npz with the pictures.")],
    hours: Annotated[float | None, typer.Option(help="Stop after so many hours.", min=0)] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after so many steps of this call.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    teacher: Annotated[Path | None, typer.Option(help="Of a consistency model; by default as shipped.")] = None,
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
    training, judged = learning(recipe, arrays, where, half=half, teacher=teacher)
    training.load(folder / "checkpoint.pt")
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *found: stop.append(1))
    begun = kept = looked = time.monotonic()
    first = training.step
    losses: list[float] = []

    def look() -> None:
        found, shown = judged()
        with (folder / "log.csv").open("a", newline="") as log:
            csv.writer(log).writerow([training.seen, round(training.seconds), np.mean(losses or [0]), *found.values()])
        quality = "  ".join(f"{name}: {value:.2f}" for name, value in found.items())
        course = f"{training.seen:,} of {recipe.pictures:,} pictures, {training.seconds / 3600:.2f} h"
        print(f"{course}, loss {np.mean(losses or [0]):.4f}, held-out dB {quality}", flush=True)
        losses.clear()
        sheet(shown, folder / "samples.png")

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
