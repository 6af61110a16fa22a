"""A consistency model begins as its teacher, learns the flow of a teacher that is known, and is kept and shipped whole."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.datasets.sources import ASSETS
from benchmark.errors import UserError
from benchmark.priors import card
from benchmark.priors.consistency import ConsistencyPrior
from benchmark.priors.folder import load
from benchmark.priors.prior import Calls, Prior
from benchmark.priors.schedule import linear
from methods.priors import _distil, ship, train
from methods.priors._distil import Distillation, teacher_of
from methods.priors._loop import Training
from methods.priors._recipes import Distilled, Recipe
from tests.benchmark.priors import made_up

pytestmark = pytest.mark.slow  # they train

CPU = torch.device("cpu")
OF = Recipe(size=8, fold=2, channels=(8, 16), pictures=4000, batch=8, groups=4, told=3)
SMALL = Distilled(size=8, fold=2, channels=(8, 16), pictures=4000, batch=8, groups=4, span=4, teacher="made_up")


def pictures(count: int = 12, size: int = 8) -> Tensor:
    return torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a prior that predicts v and can be told three numbers, with random weights."""
    folder = tmp_path_factory.mktemp("teacher")
    training = Training(OF, pictures(), torch.rand(12, 3), CPU)
    ship.write(training, folder, card.Card(fold=2, told=("a", "b", "c")))
    return folder


def started(folder: Path, recipe: Distilled = SMALL) -> Distillation:
    """With an embedding that is hardly fitted, which is quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_distil, "_FIT", 2)
        return Distillation(recipe, pictures(), teacher_of(folder, CPU), CPU)


def test_it_begins_as_the_denoiser_of_its_teacher() -> None:
    recipe = Distilled(size=32, fold=2, channels=(16, 32, 48), pictures=100)
    training = Distillation(recipe, pictures(2, 32), teacher_of(ASSETS / "priors" / "photographs32", CPU), CPU)
    generator = torch.Generator().manual_seed(1)
    for sigma in np.geomspace(0.03, 150, 10):
        level = torch.full((4,), float(sigma))
        x = torch.rand(4, 3, 1, 1, generator=generator) + level[0] * torch.randn(4, 3, 32, 32, generator=generator)
        with torch.no_grad():
            found, expected = training.prior().jump(x, level), training.teacher(x, level)
        apart = (found - expected).square().mean().sqrt() / min(sigma, 1)
        assert apart < 0.06, sigma  # an embedding that is not fitted leaves 0.4


class Gaussian(Prior):
    """Every number of a picture is drawn from N(0.3, 0.2^2). On the scale [-1, 1]."""

    value_range = (-1.0, 1.0)

    def __init__(self) -> None:
        self.shape, self.schedule, self.calls = (3, 2, 2), linear(), Calls()

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        return 0.3 + (0.04 / (0.04 + sigma**2))[:, None, None, None] * (x - 0.3)

    def to(self, device: torch.device | str) -> Prior:
        return self


class Affine(nn.Module):
    """F(x, t) = a(t) x + b(t), with a and b through points in t: enough for the flow of a Gaussian."""

    def __init__(self) -> None:
        super().__init__()
        self.points = torch.linspace(-6.3, 5.1, 24)
        self.layer = nn.Linear(24, 2)

    def forward(self, x: Tensor, time: Tensor) -> SimpleNamespace:
        near = torch.softmax(-4 * (time[:, None] / 250 - self.points).square(), 1)
        a, b = self.layer(near)[:, :, None, None, None].unbind(1)
        return SimpleNamespace(sample=a * x + b)


def test_it_learns_the_flow_of_a_teacher_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow takes m + z sqrt(s^2 + sigma^2) to m + z s; 40 steps of DDIM leave 0.91 of s or more."""
    monkeypatch.setattr(_distil, "network", lambda recipe: Affine())
    torch.manual_seed(0)
    recipe = Distilled(size=2, fold=1, channels=(), pictures=200 * 128, batch=128, rate=0.05, memory=0.95)
    clean = 0.3 + 0.2 * torch.randn(2000, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    training = Distillation(recipe, ((clean + 1) * 127.5).clamp(0, 255).round().byte(), Gaussian(), CPU)
    while not training.done:
        training.advance()
    found = {}
    for sigma in (0.1, 0.5, 2.0):
        x = 0.3 + torch.tensor([-1.0, 1.0])[:, None, None, None].expand(2, 3, 2, 2) * (0.04 + sigma**2) ** 0.5
        with torch.no_grad():
            low, high = training.prior().jump(x, torch.full((2,), sigma)).mean((1, 2, 3))
        found[sigma] = (float(low + high) / 2, float(high - low) / 2)
    for sigma, (mean, spread) in found.items():
        assert mean == pytest.approx(0.3, abs=0.07), sigma
        assert 0.12 < spread < 0.26, sigma  # of the mean, which is no jump: 0.07 at 0.5, 0.02 at 2


def weights(found: Distillation) -> Tensor:
    return torch.cat([part.flatten() for part in found.averaged.state_dict().values()])


def test_one_that_is_taken_up_again_is_the_one_that_was_not_stopped(teacher: Path, tmp_path: Path) -> None:
    whole, first, second = started(teacher), started(teacher), started(teacher)
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    second.load(tmp_path / "checkpoint.pt")
    for _ in range(2):
        second.advance()
    assert torch.equal(weights(second), weights(whole))
    assert not torch.equal(weights(first), weights(whole))


def test_a_checkpoint_of_another_teacher_is_refused(teacher: Path, tmp_path: Path) -> None:
    started(teacher).save(tmp_path / "checkpoint.pt")
    other = teacher_of(teacher, CPU)
    other.network.conv_in.bias += 1
    with pytest.raises(UserError, match="of another recipe"):
        Distillation(SMALL, pictures(), other, CPU).load(tmp_path / "checkpoint.pt")


def test_one_step_is_that_of_the_formula(teacher: Path) -> None:
    """Two ways of four DDIM steps by hand, one from the last level, one cut at the least: all jump where their ends jump."""
    training = started(teacher, replace(SMALL, levels=4))
    generator = torch.Generator().manual_seed(SMALL.seed)
    which = torch.randint(0, 12, (2,), generator=generator)
    first = (2 + 4 * torch.rand(2, generator=generator)).clamp_max(4)
    noise = torch.randn(2, 3, 8, 8, generator=generator)
    low, high = 0.002 ** (1 / 7), float(linear().sigmas[-1]) ** (1 / 7)
    losses = []
    for i in range(2):
        sigmas = [(low + max(float(first[i]) - step, 0) / 4 * (high - low)) ** 7 for step in range(5)]
        x = pictures()[which[i]][None].float() / 127.5 - 1 + sigmas[0] * noise[i]
        way = []
        with torch.no_grad():
            for now, then in pairwise(sigmas):
                way.append((x, now))
                clean = training.teacher(x, now).clamp(-1, 1)
                x = clean + then / now * (x - clean)
            aim = training.prior().jump(x, torch.tensor([sigmas[-1]]))
            for noisy, sigma in way:
                error = (training.prior().jump(noisy, torch.tensor([sigma])) - aim).square().mean()
                losses.append((error * (1 + sigma**2) / sigma**2 + 0.03**2) ** 0.5 - 0.03)
    assert training.advance() == pytest.approx(float(torch.stack(losses).mean()), rel=1e-3)


def test_a_shipped_folder_jumps_as_the_averaged_weights_do(teacher: Path, tmp_path: Path) -> None:
    training = started(teacher)
    training.advance()
    x = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = [training.prior()(x, sigma) for sigma in (0.001, 0.05, 1.0, 70.0)]
    ship.write(training, tmp_path, card.Card(fold=2))
    prior = load(tmp_path)
    assert isinstance(prior, ConsistencyPrior)
    assert prior.condition == 0
    with torch.no_grad():
        found = [prior(x, sigma) for sigma in (0.001, 0.05, 1.0, 70.0)]
    for mine, theirs in zip(found, expected, strict=True):
        assert torch.allclose(mine, theirs, atol=3e-3)  # half precision
    assert torch.equal(found[0], x)
    assert torch.equal(prior.schedule.alphas, linear().alphas)
    settings = json.loads((tmp_path / "scheduler" / "scheduler_config.json").read_text())
    assert (settings["sigma_min"], settings["sigma_data"]) == (0.002, 1.0)
    assert settings["sigma_max"] == pytest.approx(157.407, abs=1e-3)


def test_without_folding_the_pipeline_of_diffusers_gives_the_same_sample(tmp_path: Path) -> None:
    from diffusers import ConsistencyModelPipeline

    plain = replace(SMALL, fold=1)
    ship.write(Training(replace(OF, fold=1, told=0), pictures(), None, CPU), tmp_path / "teacher", card.Card())
    training = started(tmp_path / "teacher", plain)
    ship.write(training, tmp_path / "student", card.Card())
    pipeline = ConsistencyModelPipeline.from_pretrained(tmp_path / "student", local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    made = pipeline(num_inference_steps=1, latents=noise, output_type="pt").images
    found = load(tmp_path / "student").sample(1, torch.Generator().manual_seed(0))
    assert torch.allclose(found, made, atol=1e-3)


def test_the_commands_card_has_the_figures_of_the_teacher_beside_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, recipe = replace(OF, size=20, told=0), replace(SMALL, size=20)
    ship.write(Training(of, pictures(2, 20), None, CPU), tmp_path / "teacher", card.Card(fold=2))
    name = "faces64_consistency"
    monkeypatch.setitem(train.RECIPES, name, recipe)
    monkeypatch.setattr(ship, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(_distil, "_FIT", 30)
    file = tmp_path / "data.npz"
    np.savez(file, learn=pictures(16, 20).numpy(), held_out=pictures(16, 20).numpy())
    (tmp_path / "results" / name).mkdir(parents=True)
    begun = Distillation(recipe, pictures(2, 20), teacher_of(tmp_path / "teacher", CPU), CPU)
    begun.save(tmp_path / "results" / name / "checkpoint.pt")
    ship.ship(name, file, tmp_path / "shipped", tmp_path / "teacher")
    figures = card.read(tmp_path / "shipped" / name).quality
    for level in (20, 100, 200, 400):  # it has just begun, so that it is its teacher's denoiser
        assert figures[f"psnr_{level}"] == pytest.approx(figures[f"teacher_psnr_{level}"], abs=0.3)
    assert figures["teacher_ddim_psnr_400"] < figures["teacher_psnr_400"] - 0.5
    assert {"frechet_samples", "teacher_frechet_samples", "frechet_held_out"} < set(figures)
    assert {file.name for file in (tmp_path / "results" / name).glob("*.png")} == {
        *("samples.png", "nearest.png", "teacher.png", "jumps.png"),
    }


@pytest.mark.parametrize("kind", ["epsilon", "sample"])
def test_a_teacher_that_does_not_predict_v_is_refused(tmp_path: Path, kind: str) -> None:
    folder = made_up.ddpm(tmp_path, kind)
    with pytest.raises(UserError, match=f"predicts v_prediction, and this one predicts {kind}$"):
        teacher_of(folder, CPU)


def test_a_teacher_of_another_kind_or_network_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"this one is a ConsistencyPrior$"):
        teacher_of(made_up.consistency(tmp_path / "jumps"), CPU)
    with pytest.raises(UserError, match=r"this one is a LatentPrior$"):
        teacher_of(made_up.latent(tmp_path / "latent"), CPU)
    with pytest.raises(UserError, match=r"faces64 does not exist; .* python -m methods.priors.ship faces64$"):
        teacher_of(tmp_path / "faces64", CPU)
    with pytest.raises(UserError, match="is no model of diffusers"):
        teacher_of(tmp_path, CPU)
    with pytest.raises(UserError, match="network is not that of the recipe"):
        started(made_up.ddpm(tmp_path / "plain", "v_prediction"))


def test_the_command_distils_and_goes_on(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(train.RECIPES, "made_up_consistency", SMALL)
    monkeypatch.setattr(train, "RESULTS", tmp_path)
    monkeypatch.setattr(_distil, "_FIT", 2)
    monkeypatch.setattr("signal.signal", lambda *given: None)
    file = tmp_path / "data.npz"
    np.savez(file, learn=pictures().numpy(), held_out=pictures(4).numpy())
    for steps in (2, 1):
        train.train("made_up_consistency", file, steps=steps, device="cpu", teacher=teacher)
    lines = (tmp_path / "made_up_consistency" / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["16", "24"]
    with pytest.raises(UserError, match="made_up does not exist"):
        train.train("made_up_consistency", file, steps=1, device="cpu")
    with pytest.raises(UserError, match="this recipe has no teacher"):
        train.train("photographs32", shown(file, 32), steps=1, device="cpu", teacher=teacher)


def shown(file: Path, size: int) -> Path:
    np.savez(file, learn=pictures(2, size).numpy(), held_out=pictures(2, size).numpy())
    return file
