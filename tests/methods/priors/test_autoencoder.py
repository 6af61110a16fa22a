"""An autoencoder, the prior on its latents, and the folder of both."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.errors import UserError
from benchmark.priors import card
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.network import NetworkPrior
from methods.priors import ship, train
from methods.priors._autoencoder import Autoencoding, encoded, learnt, psnr
from methods.priors._loop import Training
from methods.priors._quality import one_step_psnr
from methods.priors._recipes import AutoencoderRecipe, LatentRecipe

SIZE = 20  # the least that the perceptual distance takes is 17
FIRST = AutoencoderRecipe(size=SIZE, channels=(4, 8), latents=2, pictures=32, batch=4, groups=2)
SECOND = LatentRecipe(
    size=SIZE // 2, fold=1, channels=(8, 16), pictures=32, batch=4, groups=4, latents=2, autoencoder="made_up_first"
)

pytestmark = pytest.mark.slow  # they train
CPU = torch.device("cpu")


def pictures(count: int = 24) -> Tensor:
    """Ramps from a dark to a light colour, and their mirror images."""
    ramp = torch.linspace(0, 1, SIZE).expand(3, SIZE, SIZE)
    tint = torch.rand(count, 3, 1, 1, generator=torch.Generator().manual_seed(3))
    made = [(ramp if i % 2 else ramp.flip(-1)) * tint[i] for i in range(count)]
    return (torch.stack(made) * 255).round().byte()


def advanced(steps: int, recipe: AutoencoderRecipe = FIRST, *, half: bool = False) -> Autoencoding:
    found = Autoencoding(recipe, pictures(), CPU, half=half)
    for _ in range(steps):
        found.advance()
    return found


def weights(found: Autoencoding) -> Tensor:
    return torch.cat([part.flatten() for part in found.averaged.state_dict().values()])


def test_an_autoencoder_that_is_taken_up_again_is_the_one_that_was_not_stopped(tmp_path: Path) -> None:
    advanced(2).save(tmp_path / "checkpoint.pt")
    second = advanced(0)
    second.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        second.advance()
    assert torch.equal(weights(second), weights(advanced(4)))


def test_the_loss_is_of_the_picture_its_look_and_the_spread_of_latents() -> None:
    """One step by hand: the same draws."""
    from benchmark.metrics.perceptual import lpips_squeeze_caffe

    recipe = replace(FIRST, perceptual=0.7, spread=0.3)
    found = advanced(0, recipe)
    generator = torch.Generator().manual_seed(recipe.seed)
    x = pictures()[torch.randint(0, 24, (4,), generator=generator)].float() / 127.5 - 1
    network = found.parts["autoencoder"]
    with torch.no_grad():
        law = network.encode(x).latent_dist  # type: ignore[operator, union-attr]
        noise = torch.randn(law.mean.shape, generator=generator)
        made = network.decode(law.mean + law.std * noise).sample  # type: ignore[operator, union-attr]
        apart = lpips_squeeze_caffe((made.clamp(-1, 1) + 1) / 2, (x + 1) / 2).mean()
        expected = (made - x).abs().mean() + 0.7 * apart + 0.3 * law.kl().mean() / law.mean[0].numel()
    assert found.advance() == pytest.approx(float(expected), rel=1e-4)


def test_the_perceptual_part_is_learnt_from() -> None:
    """Its gradient reaches the weights."""
    one = advanced(1, replace(FIRST, perceptual=1.0))
    other = advanced(1, replace(FIRST, perceptual=0.0))
    grads = [torch.cat([part.grad.flatten() for part in found.parts.parameters()]) for found in (one, other)]  # type: ignore[union-attr]
    assert (grads[0] - grads[1]).norm() > 0.05 * grads[1].norm()


def test_latents_have_mean_0_and_deviation_1_and_pictures_do_not_change() -> None:
    found = advanced(3)
    plain, levelled = found.averaged["autoencoder"], found.autoencoder()
    z = encoded(levelled, pictures())
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(2), atol=1e-4, rtol=0)
    assert psnr(levelled, pictures()) == pytest.approx(psnr(plain, pictures()), abs=1e-3)
    x = pictures(2).float() / 127.5 - 1
    with torch.no_grad():
        before, after = (one.encode(x).latent_dist for one in (plain, levelled))  # type: ignore[operator, union-attr]
    scale = encoded(plain, pictures()).std((0, 2, 3))[:, None, None]
    torch.testing.assert_close(after.std * scale, before.std, atol=1e-5, rtol=1e-4)


def test_it_learns_to_give_pictures_back() -> None:
    recipe = replace(FIRST, perceptual=0.0, pictures=400, rate=5e-3, memory=0.9)
    before = psnr(advanced(0, recipe).averaged["autoencoder"], pictures())
    assert psnr(advanced(40, recipe).autoencoder(), pictures()) > before + 2


def test_in_half_precision_the_loss_is_nearly_the_same() -> None:
    whole, half = advanced(0), advanced(0, half=True)
    assert half.advance() == pytest.approx(whole.advance(), rel=0.03)


def test_an_autoencoder_that_is_not_at_its_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(UserError, match="has to be trained first and to its end; it saw none"):
        learnt(FIRST, pictures(), file)
    advanced(2).save(file)
    with pytest.raises(UserError, match="it saw 8 of 32 pictures"):
        learnt(FIRST, pictures(), file)


class Quarter:
    """Pictures are a quarter of their latents."""

    config = SimpleNamespace(scaling_factor=1.0, block_out_channels=(1,), out_channels=2)

    def decode(self, z: Tensor) -> object:
        return SimpleNamespace(sample=z / 4)


def test_the_psnr_of_latents_is_that_of_what_is_decoded() -> None:
    from benchmark.priors.schedule import linear

    unet = Training(SECOND, torch.zeros(2, 2, 10, 10), None, CPU)
    prior = LatentPrior(unet.prior(), Quarter())
    latents = torch.randn(8, 2, 10, 10, generator=torch.Generator().manual_seed(0))
    found = one_step_psnr(prior, latents)
    sigma = float(linear().sigmas[100])
    with torch.no_grad():
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        error = (prior(latents + sigma * noise, sigma) / 4).clamp(-1, 1) - (latents / 4).clamp(-1, 1)
    expected = float((10 * torch.log10(4 / error.square().mean((1, 2, 3)))).mean())
    assert found[100] == pytest.approx(expected, abs=1e-4)


def test_the_commands_train_both_and_ship_a_pipeline_of_latents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Takes three seconds: two trainings, and samples of what was learnt in both commands."""
    monkeypatch.setitem(train.RECIPES, "made_up_first", FIRST)
    monkeypatch.setitem(train.RECIPES, "made_up_second", SECOND)
    monkeypatch.setitem(ship.ABOUT, "made_up_second", ("made up", "ramps"))
    monkeypatch.setattr(train.signal, "signal", lambda *given: None)
    for module in (train, ship):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    file = tmp_path / "data.npz"
    np.savez(file, learn=pictures().numpy(), held_out=pictures(32).numpy())
    with pytest.raises(UserError, match="the autoencoder has to be trained first"):
        train.train("made_up_second", file, device="cpu")
    train.train("made_up_first", file, device="cpu", half=False)
    assert "Dec(Enc(x))" in capsys.readouterr().out
    train.train("made_up_second", file, device="cpu", half=False)
    assert (tmp_path / "made_up_second" / "samples.png").is_file()
    ship.ship("made_up_second", file, tmp_path / "priors")
    folder = tmp_path / "priors" / "made_up_second"
    prior = load(folder)
    assert isinstance(prior, LatentPrior)
    assert prior.shape == (2, 10, 10)
    assert prior.picture_shape == (3, 20, 20)
    first = learnt(FIRST, pictures(), tmp_path / "made_up_first" / "checkpoint.pt").autoencoder()
    x = pictures(3).float() / 127.5 - 1
    with torch.no_grad():
        torch.testing.assert_close(prior.encode(x), encoded(first, pictures(3)), atol=0.03, rtol=0.03)  # half precision
    second = Training(SECOND, torch.zeros(2, 2, 10, 10), None, CPU)
    second.load(tmp_path / "made_up_second" / "checkpoint.pt")
    assert isinstance(second.prior(), NetworkPrior)
    z = torch.randn(2, 2, 10, 10, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        mine = LatentPrior(second.prior(), first)(z, 0.5)
        torch.testing.assert_close(prior(z, 0.5), mine, atol=0.03, rtol=0.03)
    found = card.read(folder)
    assert set(found.quality) == {"psnr_autoencoder", "frechet_samples", "frechet_held_out", "frechet_pictures"} | {
        f"psnr_{level}" for level in (20, 100, 200, 400)
    }
    assert "'autoencoder': {'size': 20" in found.recipe
    assert found.hours >= 0


def test_an_autoencoder_alone_is_not_shipped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown recipe 'faces64_autoencoder'"):
        ship.ship("faces64_autoencoder", tmp_path / "data.npz")
