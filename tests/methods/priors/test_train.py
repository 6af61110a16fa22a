import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.errors import UserError
from benchmark.priors import card
from benchmark.priors.folder import load
from benchmark.priors.network import NetworkPrior
from methods.priors import ship, train
from methods.priors._autoencoder import network as autoencoder
from methods.priors._loop import Training
from methods.priors._recipes import RECIPES, AutoencoderRecipe, LatentRecipe, Recipe

SMALL = Recipe(size=8, fold=2, channels=(8, 16), pictures=4000, batch=8, groups=4)
TOLD = replace(SMALL, told=3, silent=0.5)
CPU = torch.device("cpu")


def data(count: int = 40) -> Tensor:
    """Two kinds of picture: dark on the left, dark on the right."""
    ramp = torch.linspace(20, 230, 8).expand(3, 8, 8)
    return torch.stack([ramp if i % 2 else ramp.flip(-1) for i in range(count)]).round().byte()


def told(count: int = 40) -> Tensor:
    return torch.stack([torch.tensor([float(i % 2), 1.0, float(i)]) for i in range(count)])


def training(recipe: Recipe = SMALL) -> Training:
    return Training(recipe, data(), told() if recipe.told else None, CPU)


def weights(found: Training) -> Tensor:
    return torch.cat([part.flatten() for part in found.averaged.state_dict().values()])


@pytest.mark.parametrize("recipe", [SMALL, TOLD, replace(SMALL, mirrored=True)], ids=["plain", "told", "mirrored"])
def test_a_training_that_is_taken_up_again_is_the_one_that_was_not_stopped(tmp_path: Path, recipe: Recipe) -> None:
    whole, first = training(recipe), training(recipe)
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second = training(recipe)
    second.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        second.advance()
    assert second.seen == whole.seen == 32
    assert torch.equal(weights(second), weights(whole))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    training().save(tmp_path / "checkpoint.pt")
    with pytest.raises(UserError, match="of another recipe"):
        Training(replace(SMALL, rate=2e-3), data(), None, CPU).load(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_it_learns_to_denoise_and_what_the_numbers_say(seed: int) -> None:
    found = training(replace(TOLD, seed=seed, rate=4e-3, channels=(16, 32), pictures=800))
    clean = data(8).float() / 255
    generator = torch.Generator().manual_seed(seed)
    noisy = clean + 0.5 * torch.randn(clean.shape, generator=generator)
    told_left = told(8)

    def error(condition: Tensor | None) -> float:
        with torch.no_grad():
            return float((found.prior()(noisy, 0.5, condition) - clean).square().mean())

    before = error(None)
    for _ in range(100):
        found.advance()
    free = error(None)
    assert free < 0.8 * before
    strong = clean[:2] + 5.0 * torch.randn(2, 3, 8, 8, generator=generator)  # the picture cannot be seen any more
    with torch.no_grad():
        right = found.prior()(strong, 5.0, told_left[:2])
        wrong = found.prior()(strong, 5.0, told_left[:2].flip(0))
    assert (right - clean[:2]).square().mean() < (wrong - clean[:2]).square().mean()


def test_the_loss_is_of_v_weighted_by_min_snr() -> None:
    """One step by hand: the same draws, the loss of the recipe."""
    found = training()
    generator = torch.Generator().manual_seed(SMALL.seed)
    which = torch.randint(0, 40, (8,), generator=generator)
    x = data()[which].float() / 127.5 - 1
    t = torch.randint(0, 1000, (8,), generator=generator)
    noise = torch.randn(x.shape, generator=generator)
    a = found.schedule.alphas[t].float()[:, None, None, None]
    prior = found.prior(averaged=False)
    with torch.no_grad():
        out = prior.raw(a.sqrt() * x + (1 - a).sqrt() * noise, t, None)
    error = (out - (a.sqrt() * noise - (1 - a).sqrt() * x)).square().mean((1, 2, 3))
    snr = (a / (1 - a)).flatten()
    expected = float((snr.clamp_max(5) / (snr + 1) * error).mean())
    assert found.advance() == pytest.approx(expected, rel=1e-5)


def test_in_half_precision_the_loss_is_nearly_the_same_and_the_weights_stay_whole() -> None:
    whole, half = training(TOLD), Training(TOLD, data(), told(), CPU, half=True)
    losses = [(whole.advance(), half.advance()) for _ in range(3)]
    for expected, found in losses:
        assert found == pytest.approx(expected, rel=0.02)
        assert found != expected
    assert {part.dtype for part in half.parts.parameters()} == {torch.float32}


@pytest.mark.parametrize("there", [True, False])
def test_half_precision_goes_by_what_the_device_has_units_for(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    asked: dict[str, bool] = {}
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **given: asked.update(given) or there)
    assert train.has_half(torch.device("cuda")) is there
    assert asked == {"including_emulation": False}
    monkeypatch.setattr(Path, "is_file", lambda self: True)
    monkeypatch.setattr(Path, "read_text", lambda self: "flags : fpu amx_bf16 avx2" if there else "flags : fpu avx2")
    assert train.has_half(CPU) is there


def test_a_file_that_holds_no_pictures_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", learn=np.zeros((2, 3, 9, 9), np.uint8), held_out=np.zeros((2, 3, 9, 9), np.uint8))
    with pytest.raises(UserError, match=r"learn is torch.uint8 \(2, 3, 9, 9\), not uint8 \(N, 3, 8, 8\)"):
        train.pictures(tmp_path / "data.npz", SMALL)
    with pytest.raises(UserError, match="no data of a prior"):
        train.pictures(tmp_path / "none.npz", SMALL)
    with pytest.raises(UserError, match="learn_told"):
        train.pictures(tmp_path / "data.npz", replace(TOLD, size=9))


def test_a_shipped_folder_holds_the_averaged_weights(tmp_path: Path) -> None:
    found = training(TOLD)
    for _ in range(3):
        found.advance()
    condition = told(2)
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = [found.prior()(x, 0.3, condition), found.prior()(x, 0.3)]
    ship.write(found, tmp_path, card.Card(fold=2, told=("a", "b", "c")))
    prior = load(tmp_path)
    assert isinstance(prior, NetworkPrior)
    with torch.no_grad():
        shipped = [prior(x, 0.3, condition), prior(x, 0.3)]
    for mine, theirs in zip(shipped, expected, strict=True):
        assert torch.allclose(mine, theirs, atol=3e-3)  # half precision
    assert prior.condition == 3


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_network_of_its_pictures(name: str) -> None:
    recipe = RECIPES[name]
    if isinstance(recipe, AutoencoderRecipe):
        x = torch.rand(1, 3, recipe.size, recipe.size)
        assert autoencoder(recipe)(x).sample.shape == x.shape
        return
    found = Training(recipe, torch.zeros(2, *recipe.shape), torch.zeros(2, recipe.told) if recipe.told else None, CPU)
    assert found.prior()(torch.rand(1, *found.prior().shape), 0.1).shape == (1, *recipe.shape)
    if isinstance(recipe, LatentRecipe):
        first = RECIPES[recipe.autoencoder]
        assert isinstance(first, AutoencoderRecipe)
        assert recipe.shape == (first.latents, *(first.size // 2 ** (len(first.channels) - 1),) * 2)


def test_the_command_trains_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(train.RECIPES, "made_up", SMALL)
    monkeypatch.setattr(train, "RESULTS", tmp_path)
    file = tmp_path / "data.npz"
    np.savez(file, learn=data().numpy(), held_out=data(4).numpy())
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for steps in (2, 1):
        train.train("made_up", file, steps=steps, device="cpu")
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)
    lines = (tmp_path / "made_up" / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["16", "24"]
    assert (tmp_path / "made_up" / "samples.png").is_file()
    with pytest.raises(UserError, match="unknown recipe 'faces'"):
        train.train("faces", file)
