"""Makes of a trained prior the folder that is shipped, with its card, and two sheets of pictures to be looked at:

    python -m methods.priors.ship photographs64 --data crops.npz

The folder, benchmark/datasets/assets/priors/NAME, is a DDPMPipeline of diffusers in half precision with `prior.json` and, where
the prior can be told what to show, `condition/`; of a prior of latents an LDMPipeline, with its autoencoder. The command
prints its SHA-256s as benchmark/datasets/sources.py holds them, and writes samples.png (64 samples) and nearest.png (16
samples, each above its nearest picture among those it learnt from) into results/priors/NAME.

A consistency model becomes a ConsistencyModelPipeline. Its card has its teacher's figures too, and beside the sheets lie
teacher.png (64 samples by DDIM) and jumps.png: eight pictures, and under them for 100, 200, 400 and 700 time steps of noise one
jump, one call of the teacher, and the teacher's DDIM in 20 steps from there.
"""

import shutil
from copy import copy
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from safetensors.torch import save_file
from torch import Tensor

from benchmark.datasets.face_law import NAMES
from benchmark.datasets.sources import ASSETS
from benchmark.errors import UserError, unknown
from benchmark.priors import card
from benchmark.priors.consistency import ConsistencyPrior
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.network import NetworkPrior
from benchmark.priors.prior import Prior
from methods.priors._autoencoder import encoded, learnt, psnr
from methods.priors._distil import Distillation, flow, teacher_of
from methods.priors._loop import Training
from methods.priors._quality import distance_to, nearest, one_step_psnr
from methods.priors._recipes import RECIPES, Distilled, LatentRecipe, Recipe
from methods.priors.train import RESULTS, autoencoder_of, folder_of, pictures, pictures_of, sheet

CPU = torch.device("cpu")
ABOUT = {
    "photographs64": ("Photographs, 64 x 64", "crops of the photographs that wallpapers.LICENSE lists"),
    "photographs32": (
        "Photographs, 32 x 32, small, for tests",
        "crops of the photographs that wallpapers.LICENSE lists",
    ),
    "faces64": ("Rendered faces, 64 x 64, conditional on their parameters", "pictures of benchmark/datasets/faces.py"),
    "faces64_consistency": (
        "Rendered faces, 64 x 64, a consistency model distilled from faces64",
        "pictures of benchmark/datasets/faces.py",
    ),
    "faces64_latent": (
        "Rendered faces, 64 x 64, by latents of an autoencoder, 4 x 16 x 16",
        "pictures of benchmark/datasets/faces.py",
    ),
}


def told_of(recipe: Recipe) -> tuple[str, ...]:
    """The names of the numbers that describe a picture: of a face where there are as many, else their places."""
    return NAMES if recipe.told == len(NAMES) else tuple(f"{i}" for i in range(recipe.told))


def ship(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(ABOUT)}.")],
    data: Annotated[Path, typer.Option(help="The .npz that it was trained on.")],
    into: Annotated[Path, typer.Option(help="The folder of all priors.")] = ASSETS / "priors",
    teacher: Annotated[Path | None, typer.Option(help="Of a consistency model; by default as shipped.")] = None,
) -> None:
    """Write the folder of a prior from its checkpoint."""
    if name not in ABOUT:
        raise unknown("recipe", name, ABOUT)
    torch.set_num_threads(1)
    recipe, results = RECIPES[name], RESULTS / name
    assert isinstance(recipe, Recipe)  # an autoencoder is shipped with the prior on its latents
    if not (results / "checkpoint.pt").is_file():
        raise UserError(f"{results}/checkpoint.pt does not exist; train the prior first: python -m methods.priors.train {name}")
    arrays = pictures(data, recipe)
    first = None
    if isinstance(recipe, LatentRecipe):
        first = learnt(autoencoder_of(recipe), arrays["learn"], RESULTS / recipe.autoencoder / "checkpoint.pt")
    training = (
        Distillation(recipe, arrays["learn"], teacher_of(teacher or folder_of(recipe), CPU), CPU)
        if isinstance(recipe, Distilled)
        else Training(recipe, arrays["learn"], arrays.get("learn_told"), CPU)
    )
    training.load(results / "checkpoint.pt")
    folder = into / name
    shutil.rmtree(folder, ignore_errors=True)
    described = card.Card(fold=recipe.fold, told=told_of(recipe))
    write(training, folder, described, None if first is None else first.autoencoder())
    prior = load(folder)
    learn, held_out = (arrays[part].float() / 255 for part in ("learn", "held_out"))
    samples = prior.sample(min(len(held_out) // 2, 512), torch.Generator().manual_seed(0))
    clean, quality = held_out, {}
    if isinstance(prior, LatentPrior):
        samples, clean = pictures_of(prior, samples), encoded(prior.autoencoder, arrays["held_out"])
        quality["psnr_autoencoder"] = psnr(prior.autoencoder, arrays["held_out"])
    sheet(samples[:64], results / "samples.png")
    near = learn[nearest(samples[:16], learn)]
    sheet(torch.cat([samples[:8], near[:8], samples[8:16], near[8:]]), results / "nearest.png")
    quality |= {f"psnr_{level}": value for level, value in one_step_psnr(prior, clean).items()}
    quality |= distance_to(samples, held_out)
    if isinstance(training, Distillation):
        quality |= beside(prior, training.teacher, held_out, len(samples), results)
    about, source = ABOUT[name]
    full = card.Card(
        about=about,
        data=source,
        licence="weights: Apache-2.0, as the suite; for the pictures see SOURCES.md",
        recipe=str(asdict(recipe) | ({} if first is None else {"autoencoder": asdict(first.recipe)})),
        pictures=training.seen,
        hours=round((training.seconds + (0 if first is None else first.seconds)) / 3600, 2),
        fold=recipe.fold,
        told=told_of(recipe),
        quality={key: round(value, 3) for key, value in quality.items()},
    )
    (folder / card.FILE).write_text(full.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(full.model_dump_json(indent=1))
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        print(f'"{file.relative_to(folder).as_posix()}": "{sha256(file.read_bytes()).hexdigest()}",')


def beside(prior: Prior, teacher: Prior, held_out: Tensor, count: int, results: Path) -> dict[str, float]:
    """The same figures of a teacher, by one call and by DDIM in 20 steps, and the sheets that show both. Pictures in [0, 1]."""
    teacher = copy(teacher)
    teacher.value_range = prior.value_range
    samples = teacher.sample(count, torch.Generator().manual_seed(0))
    sheet(samples[:64], results / "teacher.png")
    rows, generator = [held_out[:8]], torch.Generator().manual_seed(0)
    for time in (100, 200, 400, 700):
        levels = torch.tensor(
            [*(float(teacher.schedule.sigmas[i]) / 2 for i in teacher.schedule.spread(20, 0, time)[::-1]), 0.0]
        )
        noisy = held_out[:8] + levels[0] * torch.randn(held_out[:8].shape, generator=generator)
        with torch.no_grad():
            rows += [flow(one, noisy, levels[[0, -1], None])[-1] for one in (prior, teacher)]
            rows.append(flow(teacher, noisy, levels[:, None])[-1])
    sheet(torch.cat(rows), results / "jumps.png")
    return {
        "teacher_frechet_samples": distance_to(samples, held_out)["frechet_samples"],
        **{f"teacher_psnr_{level}": value for level, value in one_step_psnr(teacher, held_out).items()},
        **{f"teacher_ddim_psnr_{level}": value for level, value in one_step_psnr(teacher, held_out, steps=20).items()},
    }


def write(training: Training | Distillation, folder: Path, described: card.Card, autoencoder: Any = None) -> None:
    """The averaged weights as a pipeline of diffusers in half precision, and the layers of the condition; with an autoencoder
    that pipeline is one of latents.
    """
    from diffusers import CMStochasticIterativeScheduler as Jumps
    from diffusers import ConsistencyModelPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, LDMPipeline

    prior = training.prior()
    told = {"prediction_type": "v_prediction", "beta_schedule": "linear"}
    if isinstance(prior, ConsistencyPrior):
        jumps = Jumps(sigma_min=prior.least, sigma_max=float(prior.schedule.sigmas[-1]), sigma_data=prior.data)
        ConsistencyModelPipeline(prior.network.half(), jumps).save_pretrained(folder)
    elif autoencoder is None:
        DDPMPipeline(prior.network.half(), DDPMScheduler(**told)).save_pretrained(folder)
    else:
        LDMPipeline(autoencoder.half(), prior.network.half(), DDIMScheduler(**told)).save_pretrained(folder)
    (folder / card.FILE).write_text(described.model_dump_json(), encoding="utf-8")
    if isinstance(prior, NetworkPrior) and prior.describe is not None and prior.mean is not None and prior.spread is not None:
        (folder / "condition").mkdir()
        kept: dict[str, Tensor] = {key: value.half() for key, value in prior.describe.state_dict().items()}
        save_file({**kept, "mean": prior.mean.cpu(), "spread": prior.spread.cpu()}, folder / "condition" / "layers.safetensors")


def main() -> None:
    """The command. A UserError is one line and exit code 2."""
    try:
        typer.run(ship)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
