"""Loads a prior that is told in words from a folder of diffusers: StableDiffusionPipeline or LatentConsistencyModelPipeline.

model_index.json        names the pipeline and the kinds of its parts
unet/, vae/, scheduler/, text_encoder/, tokenizer/        the parts that are read; a safety checker is not
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from benchmark.datasets.sources import prior_folder
from benchmark.errors import UserError

# Private there: that file is in the key of every run with a prior, and a name made public would age them all.
from benchmark.priors.folder import _json, _loaded, _schedule
from benchmark.priors.network import NetworkPrior
from benchmark.priors.text.prior import Jump, TextPrior

_JUMPS = "LatentConsistencyModelPipeline"
_PIPELINES = ("StableDiffusionPipeline", _JUMPS)
_KINDS = {
    "unet": ("UNet2DConditionModel",),
    "vae": ("AutoencoderKL",),
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
}
_PREDICTIONS = ("epsilon", "v_prediction", "sample")
_MORE = ("class_embed_type", "num_class_embeds", "addition_embed_type", "encoder_hid_dim_type")  # that a U-Net may ask for


def prior(name: str, data_dir: Path | None) -> TextPrior | None:
    """The prior that the user brings under `name`, its calls counted from 0; None where it is told no words.

    Raises UserError where it is missing, or as `load` does.
    """
    folder = prior_folder(name, data_dir)
    if pipeline(folder) is None:
        return None
    return _kept(folder, folder.stat().st_mtime_ns).again()


@lru_cache(maxsize=1)
def _kept(folder: Path, changed: int) -> TextPrior:
    return load(folder)


def pipeline(folder: Path) -> str | None:
    """Which of the two pipelines the folder holds, if any. Raises UserError for a model_index.json that is no JSON."""
    if not (folder / "model_index.json").is_file():
        return None
    found = _json(folder / "model_index.json", "the pipeline").get("_class_name")
    return found if found in _PIPELINES else None


def load(folder: Path, device: torch.device | str = "cpu") -> TextPrior:
    """The prior in a folder of one of the two pipelines, its weights as float32 on `device`, those of its text encoder on the
    CPU.

    Raises UserError for a part that is missing, broken or of another kind, and for parts that do not fit together.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    _of_known_kinds(folder)
    jumps = pipeline(folder) == _JUMPS
    settings = _settings(folder)
    tokenizer = _tokenizer(folder / "tokenizer")
    unet = _model(folder, "unet", "its U-Net", UNet2DConditionModel, device)
    autoencoder = _model(folder, "vae", "its autoencoder", AutoencoderKL, device)
    encoder = _model(folder, "text_encoder", "its text encoder", CLIPTextModel, "cpu")
    for misfit in _misfits(unet.config, autoencoder.config, encoder.config, tokenizer, jumps):
        raise UserError(f"{folder}: {misfit}")
    side = unet.config.sample_size if isinstance(unet.config.sample_size, int) else unet.config.sample_size[0]
    whole = NetworkPrior(
        unet, _schedule(settings, folder), (unet.config.in_channels, side, side), settings.get("prediction_type", "epsilon")
    )
    return TextPrior(whole, autoencoder, encoder, tokenizer, _jump(settings, unet.config) if jumps else None)


def _of_known_kinds(folder: Path) -> None:
    """Raises UserError for a part that model_index.json leaves out or that is of another kind, or has no folder."""
    index = _json(folder / "model_index.json", "the pipeline")
    for part, kinds in _KINDS.items():
        kind = (index.get(part) or [None, None])[-1]
        if kind is None or not (folder / part).is_dir():
            raise UserError(f"{folder} has no {part}/, a part of its {index['_class_name']}")
        if kind not in kinds:
            raise UserError(f"{folder}: its {part} is a {kind}; known is {kinds[0]}")


def _settings(folder: Path) -> dict[str, Any]:
    """scheduler_config.json, with the defaults of the scheduler that it names. Raises UserError for one that is not known."""
    import diffusers

    file = folder / "scheduler" / "scheduler_config.json"
    said = _json(file, "the scheduler")
    kind = getattr(diffusers, str(said.get("_class_name", "")), None)
    try:
        made = kind.from_config(said) if kind is not None else None
    except Exception:  # whatever the scheduler's own code raises
        made = None
    if made is None or not hasattr(made, "alphas_cumprod"):
        raise UserError(f"{file} describes a {said.get('_class_name')}; a scheduler with betas is needed")
    found: dict[str, Any] = dict(made.config)
    if (prediction := found.get("prediction_type", "epsilon")) not in _PREDICTIONS:
        raise UserError(f"{folder}: its scheduler predicts '{prediction}'; known are {', '.join(_PREDICTIONS)}")
    return found


def _model(folder: Path, part: str, what: str, kind: Any, device: torch.device | str) -> Any:
    """A network with all of its weights: both libraries would draw those that a file lacks."""

    from transformers.utils import logging

    def read() -> Any:
        found, report = kind.from_pretrained(folder / part, local_files_only=True, output_loading_info=True)
        if lacking := sorted(report["missing_keys"]):
            raise ValueError(f"its weights lack {lacking[0]}")
        return found

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return _loaded(what, folder / part, read, device)
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    if not (folder / "tokenizer.json").is_file() and not all((folder / x).is_file() for x in ("vocab.json", "merges.txt")):
        raise UserError(f"{folder} has neither tokenizer.json nor vocab.json and merges.txt")  # it would be made of 3 words
    try:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder}: its tokenizer cannot be loaded ({why[:200]})") from None


def _misfits(unet: Any, autoencoder: Any, encoder: Any, tokenizer: Any, jumps: bool) -> Iterator[str]:
    """The mismatch between the parts' configurations, in words."""
    if not unet.in_channels == unet.out_channels == autoencoder.latent_channels:
        yield (
            f"its U-Net takes {unet.in_channels} channels and gives {unet.out_channels}; "
            f"its autoencoder's latents have {autoencoder.latent_channels}"
        )
    if unet.cross_attention_dim != encoder.hidden_size:
        yield f"its U-Net reads texts of width {unet.cross_attention_dim}; its text encoder's have {encoder.hidden_size}"
    if len(tokenizer) > encoder.vocab_size:
        yield f"its tokenizer knows {len(tokenizer)} tokens; its text encoder {encoder.vocab_size}"
    size = unet.sample_size
    if not size or (not isinstance(size, int) and len(set(size)) > 1) or autoencoder.out_channels != 3:
        yield f"it makes pictures of {autoencoder.out_channels} channels from latents of size {size}; square colour is needed"
    for more in (name for name in _MORE if getattr(unet, name, None)):
        yield f"its U-Net asks for more than a text ({more})"
    if jumps != bool(unet.time_cond_proj_dim):
        yield f"its U-Net is {'not ' if jumps else ''}told the guidance (time_cond_proj_dim), as one of a {_JUMPS} is"


def _jump(settings: dict[str, Any], unet: Any) -> Jump:
    """The times are those of LCMScheduler: each of `original_inference_steps` steps, at its end."""
    count = int(settings.get("original_inference_steps", 50))
    each = int(settings["num_train_timesteps"]) // count
    times = tuple(each * i - 1 for i in range(1, count + 1))
    return Jump(float(settings.get("timestep_scaling", 10.0)), times, int(unet.time_cond_proj_dim))
