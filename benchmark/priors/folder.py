"""Loads a prior from a folder of diffusers: a pipeline (DDPM, DDIM, consistency, latent) or a lone U-Net with its scheduler.

model_index.json        names the pipeline; unet/, scheduler/ and, of a latent one, vqvae/ or vae/ lie beside it
config.json             of a U-Net, with scheduler_config.json beside it: the older form
prior.json              our card, where there is one (benchmark/priors/card.py); condition/ holds its layers
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmark.errors import UserError
from benchmark.priors import card as cards
from benchmark.priors.consistency import ConsistencyPrior
from benchmark.priors.latent import LatentPrior
from benchmark.priors.network import Describe, NetworkPrior
from benchmark.priors.prior import Prior
from benchmark.priors.schedule import Schedule, linear

_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_PIPELINES = ("DDPMPipeline", "DDIMPipeline", "ConsistencyModelPipeline", "LDMPipeline")


def load(folder: Path, device: torch.device | str = "cpu") -> Prior:
    """The prior in a folder, its weights as float32 on `device`.

    Raises UserError for a folder that is none of these, or whose parts are missing, broken or of a kind that is not known.
    """
    described, card = _described(folder), cards.read(folder)
    kind = described.get("_class_name", "")
    unet = _network(folder, device)
    settings = _json(_part(folder, "scheduler") / "scheduler_config.json", "the scheduler")
    if "CMStochasticIterative" in str(settings.get("_class_name", "")) or kind == "ConsistencyModelPipeline":
        return _consistency(unet, settings, card)
    schedule = _schedule(settings, folder)
    prediction = settings.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS:
        raise UserError(f"{folder}: its scheduler predicts '{prediction}'; known are {', '.join(_PREDICTIONS)}")
    shape = _shape(unet, card.fold, folder)
    describe, mean, spread = _describe(folder, card, device)
    whole = NetworkPrior(unet, schedule, shape, prediction, fold=card.fold, describe=describe, mean=mean, spread=spread)
    if kind != "LDMPipeline":
        return whole
    return LatentPrior(whole, _autoencoder(folder, device))


def _described(folder: Path) -> dict[str, Any]:
    """model_index.json, or the configuration of a lone U-Net."""
    if (folder / "model_index.json").is_file():
        found = _json(folder / "model_index.json", "the pipeline")
        if found.get("_class_name") not in _PIPELINES:
            raise UserError(f"{folder} holds a {found.get('_class_name')}; known are {', '.join(_PIPELINES)}")
        return found
    if (folder / "config.json").is_file() or (folder / "unet" / "config.json").is_file():
        return {}
    raise UserError(f"{folder} is no model of diffusers: it has neither model_index.json nor config.json")


def _part(folder: Path, name: str) -> Path:
    return folder / name if (folder / name).is_dir() else folder


def _json(file: Path, what: str) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"{file.parent} has no {file.name}, the description of {what}") from None
    except ValueError:
        raise UserError(f"{file} is no JSON") from None
    if not isinstance(found, dict):
        raise UserError(f"{file} describes no model")
    return found


def _loaded(what: str, folder: Path, read: Callable[[], Any], device: torch.device | str) -> Any:
    """A part of diffusers, float32, not to be trained. What its loader raises becomes one line."""
    try:
        part = read()
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: {what} cannot be loaded ({why[:200]})") from None
    return part.float().eval().requires_grad_(False).to(device)


def _network(folder: Path, device: torch.device | str) -> Any:
    from diffusers import UNet2DModel

    where = _part(folder, "unet")
    kind = _json(where / "config.json", "the U-Net").get("_class_name", "UNet2DModel")
    if kind != "UNet2DModel":
        raise UserError(f"{where} holds a {kind}; a prior is a UNet2DModel")
    return _loaded("its U-Net", where, lambda: UNet2DModel.from_pretrained(where, local_files_only=True), device)


def _autoencoder(folder: Path, device: torch.device | str) -> Any:
    import diffusers

    where = next((folder / name for name in ("vqvae", "vae") if (folder / name).is_dir()), None)
    if where is None:
        raise UserError(f"{folder} has neither vqvae/ nor vae/, the autoencoder of a latent pipeline")
    kind = _json(where / "config.json", "the autoencoder").get("_class_name")
    if kind not in ("VQModel", "AutoencoderKL"):
        raise UserError(f"{where} holds a {kind}; known are VQModel, AutoencoderKL")
    model = getattr(diffusers, kind)
    return _loaded("its autoencoder", where, lambda: model.from_pretrained(where, local_files_only=True), device)


def _schedule(settings: dict[str, Any], folder: Path) -> Schedule:
    """The cumulative products as diffusers makes them of a DDPM's or DDIM's configuration."""
    from diffusers import DDPMScheduler

    wanted = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "rescale_betas_zero_snr")
    chosen = {name: settings[name] for name in wanted if settings.get(name) is not None}
    try:
        alphas = DDPMScheduler(**chosen).alphas_cumprod
        return Schedule(alphas)
    except (ValueError, NotImplementedError, TypeError) as error:
        raise UserError(f"{folder}: its scheduler is not known ({str(error).splitlines()[0]})") from None


def _shape(unet: Any, fold: int, folder: Path) -> tuple[int, int, int]:
    side, channels = unet.config.sample_size, unet.config.in_channels
    if isinstance(side, list | tuple):
        height, width = side
    else:
        height = width = side
    if not height or channels % fold**2:
        raise UserError(f"{folder}: its U-Net takes {channels} channels of size {side}, which is no picture")
    return channels // fold**2, height * fold, width * fold


def _describe(folder: Path, card: cards.Card, device: torch.device | str) -> tuple[Describe | None, Any, Any]:
    """The layers of the condition, and the mean and spread of the numbers that they were trained on."""
    if not card.told:
        return None, None, None
    from safetensors.torch import load_file

    file = folder / "condition" / "layers.safetensors"
    try:
        found = load_file(file)
    except Exception as error:
        raise UserError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
    mean, spread = found.pop("mean").float(), found.pop("spread").float()
    layers = Describe(len(mean), found["layers.2.weight"].shape[0])
    layers.load_state_dict({name: value.float() for name, value in found.items()})
    return layers.requires_grad_(False).to(device), mean.to(device), spread.to(device)


def _consistency(unet: Any, settings: dict[str, Any], card: cards.Card) -> ConsistencyPrior:
    """Its schedule has the linear one's steps as far as the model goes, so that t means to solvers what it means elsewhere."""
    least, most = float(settings.get("sigma_min", 0.002)), float(settings.get("sigma_max", 80.0))
    whole = linear()
    schedule = Schedule(whole.alphas[(whole.sigmas >= least) & (whole.sigmas <= most * (1 + 1e-6))])
    shape = _shape(unet, card.fold, Path("the consistency model"))
    return ConsistencyPrior(unet, schedule, shape, least, float(settings.get("sigma_data", 0.5)), card.fold)
