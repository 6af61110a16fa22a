import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.errors import UserError
from benchmark.priors.consistency import ConsistencyPrior
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.prior import Prior
from tests.benchmark.priors import made_up

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def pictures(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", ["DDPM", "DDIM"])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_a_denoised_picture_is_what_the_scheduler_of_diffusers_makes_of_the_output(
    tmp_path: Path, kind: str, prediction: str
) -> None:
    from diffusers import DDIMScheduler

    prior = load(made_up.ddpm(tmp_path, prediction, kind))
    scheduler = DDIMScheduler(num_train_timesteps=100, prediction_type=prediction, clip_sample=False)
    step = 40
    a = scheduler.alphas_cumprod[step]
    x = 2 * pictures() - 1
    noisy = a.sqrt() * x + (1 - a).sqrt() * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out = prior.network(noisy, step).sample  # type: ignore[attr-defined]
        scheduler.set_timesteps(100)
        expected = scheduler.step(out, step, noisy).pred_original_sample
        sigma = float(((1 - a) / a).sqrt())
        found = prior((noisy / a.sqrt() + 1) / 2, sigma / 2)
    assert torch.allclose(2 * found - 1, expected, atol=2e-4)


def test_a_learnt_variance_is_left_out(tmp_path: Path) -> None:
    prior = load(made_up.ddpm(tmp_path, out=6))
    assert prior.shape == (3, 8, 8)
    assert prior(pictures(), 0.1).shape == (2, 3, 8, 8)


def test_a_lone_unet_with_its_scheduler_is_a_prior(tmp_path: Path) -> None:
    from diffusers import DDPMScheduler

    made_up.unet().save_pretrained(tmp_path)
    DDPMScheduler().save_pretrained(tmp_path)
    assert len(load(tmp_path).schedule) == 1000


def test_a_consistency_model_gives_what_its_pipeline_gives(tmp_path: Path) -> None:
    from diffusers import ConsistencyModelPipeline

    prior = load(made_up.consistency(tmp_path))
    assert isinstance(prior, ConsistencyPrior)
    pipeline = ConsistencyModelPipeline.from_pretrained(tmp_path, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    made = pipeline(num_inference_steps=1, latents=noise, output_type="pt").images
    with torch.no_grad():
        found = prior((80 * noise + 1) / 2, 40.0).clamp(0, 1)
    assert torch.allclose(found, made, atol=1e-4)


def test_a_latent_pipeline_has_an_autoencoder(tmp_path: Path) -> None:
    prior = load(made_up.latent(tmp_path))
    assert isinstance(prior, LatentPrior)
    assert prior.picture_shape == (3, 16, 16)
    x = 2 * torch.rand(2, 3, 16, 16) - 1
    z = prior.encode(x)
    assert z.shape == (2, *prior.shape)
    assert prior.decode(z).shape == x.shape
    assert float(prior.schedule.alphas[0]) == pytest.approx(1 - 0.0015)


def test_latents_have_no_range_that_samples_are_held_to(tmp_path: Path) -> None:
    """Against DDIM by hand, from the same noise."""
    prior = load(made_up.latent(tmp_path))
    found = prior.sample(2, torch.Generator().manual_seed(4), steps=3)
    times = prior.schedule.spread(3)[::-1]
    sigmas = [float(prior.schedule.sigmas[t]) for t in times]
    made = sigmas[0] * torch.randn(2, *prior.shape, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        for now, then in pairwise([*sigmas, 0.0]):
            clean = prior(made, now)
            made = clean + then / now * (made - clean)
    assert torch.allclose(found, made, atol=1e-4)
    assert found.abs().max() > 1


def test_calls_forward_and_backward_are_counted(tmp_path: Path) -> None:
    prior = load(made_up.ddpm(tmp_path))
    x = pictures(3).requires_grad_()
    prior(x, 0.2).sum().backward()
    with torch.no_grad():
        prior(x, 0.2)
    assert (prior.calls.forward, prior.calls.backward) == (6, 3)


def test_samples_come_from_the_generator_alone(tmp_path: Path) -> None:
    prior = load(made_up.ddpm(tmp_path))

    def made(batch: int) -> Tensor:
        return prior.sample(3, torch.Generator().manual_seed(4), steps=4, batch=batch)

    assert torch.equal(made(64), made(64))
    assert torch.allclose(made(64), made(1), atol=1e-5)
    assert made(64).shape == (3, 3, 8, 8)
    assert float(made(64).min()) >= 0
    assert float(made(64).max()) <= 1


def edited(folder: Path, file: str, **changes: object) -> Path:
    where = folder / file
    where.write_text(json.dumps(json.loads(where.read_text()) | changes))
    return folder


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"neither model_index\.json nor config\.json"):
        load(tmp_path)


def test_an_unknown_pipeline_is_refused(tmp_path: Path) -> None:
    folder = edited(made_up.ddpm(tmp_path), "model_index.json", _class_name="StableAudioPipeline")
    with pytest.raises(UserError, match="holds a StableAudioPipeline; known are DDPMPipeline"):
        load(folder)


def test_an_unknown_prediction_is_refused(tmp_path: Path) -> None:
    folder = edited(made_up.ddpm(tmp_path), "scheduler/scheduler_config.json", prediction_type="flow")
    with pytest.raises(UserError, match="predicts 'flow'; known are epsilon, v_prediction, sample"):
        load(folder)


def test_missing_weights_are_one_line(tmp_path: Path) -> None:
    folder = made_up.ddpm(tmp_path)
    for file in (folder / "unet").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(UserError, match="its U-Net cannot be loaded") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_another_network_is_refused(tmp_path: Path) -> None:
    folder = edited(made_up.ddpm(tmp_path), "unet/config.json", _class_name="UNet2DConditionModel")
    with pytest.raises(UserError, match="holds a UNet2DConditionModel; a prior is a UNet2DModel"):
        load(folder)


def test_a_missing_scheduler_is_named(tmp_path: Path) -> None:
    folder = made_up.ddpm(tmp_path)
    (folder / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(UserError, match=r"no scheduler_config\.json"):
        load(folder)


def test_a_card_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = made_up.ddpm(tmp_path)
    (folder / "prior.json").write_text('{"fold": 0}')
    with pytest.raises(UserError, match="no card of a prior"):
        load(folder)


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 8, 8)])
def test_pictures_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    prior: Prior = load(made_up.ddpm(tmp_path))
    with pytest.raises(ValueError, match="of pictures"):
        prior(torch.zeros(1, *shape), 0.1)


def test_a_condition_is_refused_where_the_prior_takes_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="takes no condition"):
        load(made_up.ddpm(tmp_path))(pictures(), 0.1, torch.zeros(2, 4))
