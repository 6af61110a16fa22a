"""The supervised U-Net: its objective, its rate, and what it does with what it learnt."""

from dataclasses import replace

import pytest
import torch

from benchmark import fits, registry
from benchmark.context import Context
from benchmark.instances import make_instance
from methods.images import unet_supervised as module
from methods.images._unet import unet

CPU = torch.device("cpu")
SMALL = {"width": 8, "depth": 2, "batch": 2}


@pytest.fixture(scope="module")
def task():
    return registry.get_task("mri").load()


def learn(task, steps, losses=None, **given):
    data = fits.training_data(task, "tiny", 0)
    record = (
        (lambda step, seconds, points: losses.append(points["estimate"].item())) if losses is not None else (lambda *_: None)
    )
    return module.train(data, Context(CPU, 1, on_record=record), steps=steps, **{**SMALL, **given})


def answer(problem, learnt):
    return registry.get_method("unet_supervised").load().function(problem, Context(CPU, 0), learnt, width=8, depth=2)


def test_its_loss_is_the_distance_of_pictures_that_are_normalised_by_what_is_seen(task):
    losses = []
    learn(task, 1, losses)
    seen, true = fits.training_data(task, "tiny", 0).scanned(2)
    net = unet(1, 1, width=8, depth=2, generator=Context(CPU, 1).generator, device=CPU)
    expected = 0.0
    for u, x in zip(seen, true, strict=True):
        a, d = u.mean(), u.std()
        expected += (net(((u - a) / d)[None, None])[0, 0] - (x - a) / d).abs().mean().item() / 2
    assert losses == [pytest.approx(expected, rel=1e-4)]


def test_its_rate_is_a_tenth_in_the_last_fifth(task, monkeypatch):
    rates = []

    class Watched(torch.optim.RMSprop):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "RMSprop", Watched)
    learn(task, 10, lr=0.02)
    assert rates == pytest.approx([0.02] * 8 + [0.002] * 2)


def test_it_takes_artefacts_off_slices_that_it_did_not_learn_from(task):
    learnt = learn(task, 150)
    untrained = learn(task, 1)
    gains = []
    for number in range(2):
        made = make_instance(task, "tiny", number, 1000)
        filled = task.score(made, made.problem.A.H(made.problem.y))["psnr"]
        gains.append([task.score(made, answer(made.problem, one))["psnr"] - filled for one in (learnt, untrained)])
    assert all(trained > 1.0 and trained > before + 3.0 for trained, before in gains)


def test_its_answer_has_the_phase_and_the_scale_of_the_measurements(task):
    learnt = learn(task, 30)
    problem = make_instance(task, "tiny", 0, 1000).problem
    estimate, filled = answer(problem, learnt), problem.A.H(problem.y)
    turned = estimate * filled.conj()
    bright = estimate.abs() > 0.1
    assert (turned.imag.abs()[bright] < 1e-3 * turned.real.abs()[bright]).all()
    twice = answer(replace(problem, y=2 * problem.y), learnt)
    torch.testing.assert_close(twice, 2 * estimate, rtol=1e-3, atol=1e-3)
    other = answer(replace(problem, y=1j * problem.y), learnt)
    torch.testing.assert_close(other, 1j * estimate, rtol=1e-3, atol=1e-3)
