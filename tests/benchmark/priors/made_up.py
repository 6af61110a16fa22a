"""Small folders of diffusers as its pipelines save them, with random weights."""

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
