import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.datasets.sources import SOURCES, Folder, prior_checksum, replaced
from benchmark.errors import UserError
from benchmark.priors.text import folder as folders
from benchmark.priors.text.folder import load, pipeline
from benchmark.priors.text.prior import TextPrior
from tests.benchmark.priors import made_up

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module", params=[False, True], ids=["sd", "lcm"])
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TextPrior, Path, bool]:
    folder = made_up.told_in_words(tmp_path_factory.mktemp("known") / "p", request.param)
    return load(folder), folder, request.param


def latents(count: int = 2, seed: int = 5) -> Tensor:
    return torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_it_is_loaded_as_float32_and_not_to_be_trained(known: tuple[TextPrior, Path, bool]) -> None:
    prior, folder, jumps = known
    assert pipeline(folder) == ("LatentConsistencyModelPipeline" if jumps else "StableDiffusionPipeline")
    assert (prior.shape, prior.picture_shape, prior.condition) == ((4, 8, 8), (3, 16, 16), 8 * 16)
    assert prior.jumps == jumps
    for part in (prior.network, prior.autoencoder, prior.encoder):
        assert not part.training
        assert all(p.dtype == torch.float32 and not p.requires_grad for p in part.parameters())
    assert float(prior.schedule.alphas[0]) == pytest.approx(1 - 0.00085)


def test_pictures_are_encoded_and_decoded_by_the_scale(known: tuple[TextPrior, Path, bool]) -> None:
    prior, _, _ = known
    x = 2 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 1
    z = prior.encode(x)
    assert torch.equal(z, prior.autoencoder.encode(x).latent_dist.mode() * prior.autoencoder.config.scaling_factor)
    assert prior.decode(z).shape == x.shape


def test_prompts_are_embedded_as_the_pipeline_does(known: tuple[TextPrior, Path, bool]) -> None:
    import diffusers

    prior, folder, jumps = known
    kind = diffusers.LatentConsistencyModelPipeline if jumps else diffusers.StableDiffusionPipeline
    pipe = kind.from_pretrained(folder, local_files_only=True, safety_checker=None)
    with torch.no_grad():
        theirs, free = pipe.encode_prompt("a man, red", "cpu", 1, True)
    assert torch.allclose(prior.embedded(["a man, red"])[0], theirs.flatten(), atol=1e-6)
    assert torch.allclose(prior.nothing, free.flatten(), atol=1e-6)
    assert (prior.embedded(["a man"]) - prior.embedded(["a woman"])).abs().max() > 1e-2


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_denoised_latent_is_what_the_scheduler_of_diffusers_makes_of_the_output(tmp_path: Path, prediction: str) -> None:
    from diffusers import DDIMScheduler

    prior = load(made_up.told_in_words(tmp_path, prediction=prediction))
    scheduler = DDIMScheduler.from_pretrained(tmp_path / "scheduler")
    step, noisy, told = 400, latents(), prior.embedded(["a man", "a red hat"])
    a = scheduler.alphas_cumprod[step]
    scheduler.set_timesteps(1000)
    with torch.no_grad():
        for condition in (told, None):
            text = prior.nothing.expand(2, -1) if condition is None else condition
            out = prior.network(noisy, step, encoder_hidden_states=text.reshape(2, 8, 16)).sample
            expected = scheduler.step(out, step, noisy).pred_original_sample
            found = prior(noisy / a.sqrt(), float(((1 - a) / a).sqrt()), condition)
            assert torch.allclose(found, expected, atol=2e-4)
        assert (prior(noisy, 1.0, told) - prior(noisy, 1.0)).abs().max() > 1e-4


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_jump_is_what_the_scheduler_of_lcm_makes_of_the_output(tmp_path: Path, prediction: str) -> None:
    from diffusers import LatentConsistencyModelPipeline, LCMScheduler

    folder = made_up.told_in_words(tmp_path, True, prediction, scale=20.0)
    told_in_steps = json.loads((folder / "scheduler" / "scheduler_config.json").read_text()) | {"timestep_scaling": 0.002}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(told_in_steps))
    prior = load(folder)
    scheduler = LCMScheduler.from_pretrained(folder / "scheduler")
    scheduler.set_timesteps(4)
    assert {int(t) for t in scheduler.timesteps} <= set(prior.times)
    step, noisy, told = int(scheduler.timesteps[2]), latents(), prior.embedded(["a man", "a red hat"])
    a = scheduler.alphas_cumprod[step]
    weights = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, torch.full((2,), 6.5), embedding_dim=6)  # type: ignore[arg-type]
    with torch.no_grad():
        out = prior.network(noisy, step, encoder_hidden_states=told.reshape(2, 8, 16), timestep_cond=weights).sample
        expected = scheduler.step(out, step, noisy).denoised
        sigma = float(((1 - a) / a).sqrt())
        found = prior.guided(7.5)(noisy / a.sqrt(), sigma, told)
        assert torch.allclose(found, expected, atol=2e-4)
        assert (prior.guided(3.0)(noisy / a.sqrt(), sigma, told) - found).abs().max() > 1e-3
    assert prior.calls.forward == 4  # counted together


def test_a_model_that_jumps_is_not_sampled_by_ddim(known: tuple[TextPrior, Path, bool]) -> None:
    prior, _, jumps = known
    if jumps:
        with pytest.raises(ValueError, match="not sampled by DDIM"):
            prior.sample(1, torch.Generator())
    else:
        assert prior.sample(2, torch.Generator(), 2, prior.embedded(["a man", "a hat"]), 7.5).shape == (2, 4, 8, 8)


def test_a_prompt_that_is_too_long_is_one_line(known: tuple[TextPrior, Path, bool]) -> None:
    prior, _, _ = known
    assert prior.embedded(["a red hat a red hat"]).shape == (1, 128)
    with pytest.raises(ValueError, match=r"the prompt 'a red hat a red hat a' has 7 tokens; the prior takes 6 at most"):
        prior.embedded(["a man", "a red hat a red hat a"])


def changed(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def without(part: str) -> Any:
    def change(folder: Path) -> None:
        for file in (folder / part).iterdir():
            file.unlink()
        (folder / part).rmdir()

    return change


def weights_lack(part: str, name: str) -> Any:
    def change(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        file = next((folder / part).glob("*.safetensors"))
        found = load_file(file)
        del found[next(key for key in found if key.endswith(name))]
        save_file(found, file, {"format": "pt"})

    return change


def model_index(**parts: Any) -> Any:
    return lambda folder: changed(folder / "model_index.json", **parts)


def configured(part: str, **values: Any) -> Any:
    name = "scheduler_config.json" if part == "scheduler" else "config.json"
    return lambda folder: changed(folder / part / name, **values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("text_encoder"), "has no text_encoder/, a part of its StableDiffusionPipeline"),
        (without("tokenizer"), "has no tokenizer/, a part of its"),
        (without("vae"), "has no vae/"),
        (without("scheduler"), r"no scheduler_config\.json"),
        (model_index(text_encoder=[None, None]), "has no text_encoder/"),
        (
            model_index(text_encoder=["transformers", "T5EncoderModel"]),
            "text_encoder is a T5EncoderModel; known is CLIPTextModel",
        ),
        (lambda f: (f / "tokenizer" / "tokenizer.json").unlink(), r"neither tokenizer\.json nor vocab\.json and merges\.txt"),
        (lambda f: (f / "tokenizer" / "tokenizer.json").write_text("{"), "its tokenizer cannot be loaded"),
        (lambda f: (f / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"no"), "its autoencoder cannot be loaded"),
        (weights_lack("unet", "conv_in.weight"), "its U-Net cannot be loaded"),
        (weights_lack("text_encoder", "final_layer_norm.weight"), r"its text encoder cannot be loaded \(its weights lack "),
        (configured("scheduler", prediction_type="flow"), "predicts 'flow'; known are epsilon, v_prediction, sample"),
        (configured("scheduler", _class_name="FlowMatchEulerDiscreteScheduler"), "a scheduler with betas is needed"),
        (configured("scheduler", _class_name="Nothing"), "describes a Nothing; a scheduler with betas is needed"),
        (configured("unet", sample_size=[8, 16]), r"from latents of size \[8, 16\]; square colour is needed"),
        (lambda f: made_up.told_in_words(f, time_cond_proj_dim=6), "its U-Net is told the guidance"),
        (lambda f: made_up.told_in_words(f, True, time_cond_proj_dim=None), "its U-Net is not told the guidance"),
        (lambda f: made_up.told_in_words(f, in_channels=9), "takes 9 channels and gives 4; its autoencoder's latents have 4"),
        (lambda f: made_up.told_in_words(f, cross_attention_dim=12), "texts of width 12; its text encoder's have 16"),
        (lambda f: made_up.told_in_words(f, num_class_embeds=3), r"more than a text \(num_class_embeds\)"),
    ],
)
def test_a_folder_that_lacks_or_mixes_something_is_one_line(tmp_path: Path, change: Any, message: str) -> None:
    made_up.told_in_words(tmp_path)
    change(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_other_folders_are_left_to_the_other_loader(tmp_path: Path) -> None:
    with replaced({"prior": str(made_up.ddpm(tmp_path / "other"))}):
        assert folders.prior("prior", None) is None
    assert pipeline(tmp_path) is None


def test_its_calls_are_counted_anew_for_each_problem(known: tuple[TextPrior, Path, bool]) -> None:
    with replaced({"prior": str(known[1])}):
        first, second = folders.prior("prior", None), folders.prior("prior", None)
        assert first is not None
        assert second is not None
        first(latents(), 1.0)
        assert first.network is second.network
        assert (first.calls.forward, second.calls.forward) == (2, 0)


def test_its_code_and_its_words_are_in_the_key_where_the_prior_is_brought(tmp_path: Path, monkeypatch: Any) -> None:
    from benchmark.datasets import sources

    read: list[Path] = []
    monkeypatch.setattr(sources, "code_of", lambda files: read.extend(files) or "code")
    ours = Path(folders.__file__)
    prior_checksum("faces64")
    assert ours not in read
    prior_checksum("prior")
    assert ours in read
    for name in ("merges.txt", "vocab.json"):
        (tmp_path / name).write_text("x")
    brought = SOURCES["prior"]
    assert isinstance(brought, Folder)
    with replaced({"prior": str(tmp_path)}):
        assert {file.name for file in brought.files(None)} == {"merges.txt", "vocab.json"}
