"""Presets whose pictures are drawn from the prior that they offer: what is drawn, what is scored, and what nobody replaces."""

import math
from pathlib import Path

import pytest
import torch

from benchmark import UserError, registry, solving
from benchmark.datasets import sources
from benchmark.datasets.sources import fingerprint, read_by, replaced
from benchmark.instances import make_instance
from benchmark.photograph_tasks import exact
from benchmark.photograph_tasks.preset import EXACT_METRICS
from benchmark.priors import shipped
from runners.request import Request
from runners.start import How, prepare

TASKS = ("inpainting", "denoising", "deblurring", "super_resolution")
SHAPE = (3, 32, 32)


def instances(task, count, repeat=0):
    found = registry.get_task(task).load(None)
    return found, [make_instance(found, "small_exact", number, repeat) for number in range(count)]


@pytest.mark.parametrize("name", TASKS)
def test_pictures_are_draws_of_the_prior_within_the_range(name):
    task, (first, second) = instances(name, 2)
    assert first.label == "test draw 0"
    assert not torch.equal(first.truth, second.truth)
    generator = torch.Generator().manual_seed(3)
    made = task.make(task.spec.presets["small_exact"], "tuning", 4, generator)
    assert made.label == "tuning draw 4"
    again = shipped.mixture("mixture32", SHAPE).draw(1, torch.Generator().manual_seed(3))[0].float()
    assert torch.equal(made.truth, again)
    assert made.problem.prior.exact
    assert made.problem.noise > 0


def test_what_is_drawn_is_hardly_ever_outside_the_range():
    x = shipped.mixture("mixture32", SHAPE).draw(1000, torch.Generator().manual_seed(0))
    assert ((x < 0) | (x > 1)).double().mean() < 5e-5
    assert x.mean(1).std() > 0.08  # pictures, and no flat grey


def test_its_directions_are_orthonormal():
    bases = shipped.mixture("mixture32", SHAPE).bases
    assert torch.allclose(bases.mT @ bases, torch.eye(bases.shape[2], dtype=bases.dtype).expand(len(bases), -1, -1), atol=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_a_draw_of_the_posterior_has_a_gap_of_one_and_its_mean_of_zero(name):
    task, (instance,) = instances(name, 1)
    problem = instance.problem
    known = problem.prior.posterior(problem.A, problem.y, problem.noise)
    mean = task.score(instance, known.mean.float())
    assert mean["gap"] < 1e-6
    assert mean["miscalibration"] == pytest.approx(1, abs=0.05)  # not quite where a second component is left
    drawn = known.draw(60, torch.Generator().manual_seed(1)).float()
    scores = [task.score(instance, one) for one in drawn]
    gaps = torch.tensor([one["gap"] for one in scores])
    assert float(gaps.mean()) == pytest.approx(1, abs=4 * float(gaps.std()) / math.sqrt(60))
    off = torch.tensor([one["miscalibration"] for one in scores])
    assert off.mean() < 0.3
    assert task.quality(instance, drawn[0]) == scores[0]["gap"]
    far = known.mean + 3 * (drawn[0] - known.mean)
    assert task.score(instance, far.float())["miscalibration"] > 3


@pytest.mark.parametrize("name", ["inpainting", "super_resolution"])
def test_no_solver_is_below_the_least_error(name):
    """Quick ones; each is above by its gap, up to chance."""
    task, made = instances(name, 10)
    for method in ("posterior_mean", "dpir"):
        entry = registry.get_method(method)
        parameters = entry.spec.resolve(name, "small_exact", {})
        scores = [solving.solve(task, entry.load(), "small_exact", number, 0, parameters).scores for number in range(len(made))]
        beyond = torch.tensor([one["error_over_least"] - one["gap"] for one in scores])
        assert float(beyond.mean()) == pytest.approx(1, abs=4 * float(beyond.std()) / math.sqrt(len(made)))
        assert (max(one["gap"] for one in scores) < 1e-6) == (method == "posterior_mean")


def test_only_these_presets_offer_it_and_score_by_it():
    spec = registry.get_task("deblurring").spec
    assert tuple(metric.name for metric in spec.at("small_exact").metrics) == EXACT_METRICS
    assert spec.at("small_exact").primary.name == "gap"
    assert spec.at("small").primary.name == "psnr"
    assert not {"gap", "error_over_least", "miscalibration"} & {metric.name for metric in spec.at("small").metrics}
    method = registry.get_method("posterior_mean").spec
    assert not method.misfit(spec.at("small_exact"))
    assert "needs exact" in method.misfit(spec.at("small"))


def test_the_users_prior_takes_no_exact_ones_place(tmp_path):
    size = registry.get_task("deblurring").spec.presets["small_exact"]
    before = fingerprint(read_by(size), None)
    with replaced({"prior": str(tmp_path)}):
        assert fingerprint(read_by(size), None) == before
        assert shipped.prior("mixture32", SHAPE, None).exact
    request = Request(task="deblurring", method="ddrm", preset="small_exact")
    with pytest.raises(UserError, match=r"--source prior: deblurring/small_exact takes no prior of yours"):
        prepare([request], How(sources={"prior": str(tmp_path)}), str(tmp_path / "none.db"))


def test_a_damaged_asset_is_refused_in_one_line(tmp_path: Path, monkeypatch):
    whole = (sources.ASSETS / "mixture32.npz").read_bytes()
    (tmp_path / "mixture32.npz").write_bytes(whole[:-1])
    monkeypatch.setattr(sources, "ASSETS", tmp_path)
    with pytest.raises(UserError, match=r"mixture32.npz is damaged \(wrong SHA-256\)") as error:
        shipped.prior("mixture32", SHAPE, None)
    assert "\n" not in str(error.value)


def test_one_for_other_pictures_is_refused():
    with pytest.raises(UserError, match=r"mixture32.npz is of pictures \(3, 32, 32\); this preset's are \(3, 64, 64\)"):
        shipped.prior("mixture32", (3, 64, 64), None)


def test_the_posterior_is_made_once_for_a_curve():
    task, (one, other) = instances("denoising", 2)
    exact._posterior.cache_clear()
    for instance in (one, one, other, other):
        task.quality(instance, instance.truth)
    assert exact._posterior.cache_info().misses == 2
