"""Small folders of diffusers as its pipelines save them, with random weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch


def unet(channels: int = 3, out: int = 0, size: int = 8, **more: Any) -> Any:
    from diffusers import UNet2DModel

    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=size,
        in_channels=channels,
        out_channels=out or channels,
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        attention_head_dim=4,
        **more,
    )


def ddpm(folder: Path, prediction: str = "epsilon", kind: str = "DDPM", **more: Any) -> Path:
    import diffusers

    scheduler = getattr(diffusers, f"{kind}Scheduler")(num_train_timesteps=100, prediction_type=prediction)
    getattr(diffusers, f"{kind}Pipeline")(unet(**more), scheduler).save_pretrained(folder)
    return folder


def consistency(folder: Path) -> Path:
    from diffusers import CMStochasticIterativeScheduler, ConsistencyModelPipeline

    network = unet(resnet_time_scale_shift="scale_shift")
    ConsistencyModelPipeline(network, CMStochasticIterativeScheduler()).save_pretrained(folder)
    return folder


def latent(folder: Path) -> Path:
    from diffusers import DDIMScheduler, LDMPipeline, VQModel

    torch.manual_seed(0)
    autoencoder = VQModel(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=3,
        num_vq_embeddings=16,
    )
    scheduler = DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear")
    LDMPipeline(autoencoder, unet(), scheduler).save_pretrained(folder)
    return folder


WORDS = ("a", "man", "woman", "hat", "red")  # that the tokenizer knows whole


def told_in_words(folder: Path, jumps: bool = False, prediction: str = "epsilon", scale: float = 1.0, **more: Any) -> Path:
    """A StableDiffusionPipeline, or a LatentConsistencyModelPipeline, of latents (4, 8, 8) and pictures (3, 16, 16): texts of 8
    tokens, of width 16. scale: of what the U-Net gives, so that a derivative of it can be seen; more: of the U-Net.
    """
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    network = diffusers.UNet2DConditionModel(
        **{
            "sample_size": 8,
            "in_channels": 4,
            "out_channels": 4,
            "layers_per_block": 1,
            "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "norm_num_groups": 4,
            "attention_head_dim": 4,
            "cross_attention_dim": 16,
            "time_cond_proj_dim": 6 if jumps else None,
            **more,
        }
    )
    network.conv_out.weight.data *= scale
    autoencoder = diffusers.AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=16,
    )
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *(f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz,")]
    vocabulary += [*"abcdefghijklmnopqrstuvwxyz,", *(f"{word}</w>" for word in WORDS if len(word) > 1)]
    vocabulary += ["ma", "wo", "wom", "woma", "ha", "re"]
    merges = ["m a", "ma n</w>", "w o", "wo m", "wom a", "woma n</w>", "h a", "ha t</w>", "r e", "re d</w>"]
    words = folder / "words"
    words.mkdir(parents=True)
    (words / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(vocabulary)}))
    (words / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    tokenizer = CLIPTokenizer.from_pretrained(words, model_max_length=8)
    shutil.rmtree(words)
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": prediction}
    kind, scheduler = (
        (diffusers.LatentConsistencyModelPipeline, diffusers.LCMScheduler(**betas))
        if jumps
        else (diffusers.StableDiffusionPipeline, diffusers.DDIMScheduler(clip_sample=False, **betas))
    )
    kind(
        autoencoder, CLIPTextModel(config), tokenizer, network, scheduler, None, None, requires_safety_checker=False
    ).save_pretrained(folder)
    return folder
