import pytest
import torch

from benchmark import fits, registry, seeds
from benchmark.fits import Fit


class Recorder:
    """A task whose training data are the seed that they are drawn from."""

    spec = registry.get_task("spectral").spec

    def training(self, preset, generator):
        return generator.initial_seed()


def test_training_draws_from_streams_that_no_instance_uses():
    task, repeats = Recorder(), (0, 1, 1000)
    found = {fits.training_data(task, "tiny", repeat) for repeat in repeats}
    found |= {fits.method_seed(task, "tiny", repeat) for repeat in repeats}
    assert len(found) == 2 * len(repeats)
    for stream in ("data", "method"):
        assert not found & {seeds.seed("spectral", 1, "tiny", n, repeat, stream) for n in range(50) for repeat in repeats}


@pytest.mark.parametrize("truncated", [False, True])
def test_what_was_learnt_is_read_as_it_was_kept(tmp_path, truncated):
    fit = Fit({"a": torch.randn(3, 4).T, "b": torch.arange(5)}, 1 / 3, truncated)
    fits.keep(tmp_path / "fits", "name", fit)
    found = fits.load(tmp_path / "fits", "name")
    assert (found.seconds, found.truncated, found.learnt.keys()) == (1 / 3, truncated, fit.learnt.keys())
    assert all(torch.equal(found.learnt[name], x) for name, x in fit.learnt.items())
    assert fits.load(tmp_path / "fits", "other") is None
