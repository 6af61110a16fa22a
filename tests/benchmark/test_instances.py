from hashlib import sha256

import torch

from benchmark import registry, seeds
from benchmark.instances import make_instance, observed

MRI = registry.get_task("mri").spec


class Recorder:
    """A task whose instance is what it was asked to make."""

    def __init__(self, spec):
        self.spec = spec

    def make(self, preset, split, number, generator):
        return preset, split, number, generator.initial_seed()


def test_an_instance_is_made_of_its_own_seed_and_split():
    size = MRI.presets["tiny"]
    for number, repeat, split in ((0, 0, "test"), (1, 0, "test"), (0, 1, "test"), (3, 1000, "tuning")):
        expected = (size, split, number, seeds.seed("mri", 1, "tiny", number, repeat, "data"))
        assert make_instance(Recorder(MRI), "tiny", number, repeat) == expected


def test_the_observation_is_the_hash_of_every_byte_shown():
    x, y = torch.arange(6.0).reshape(2, 3), torch.tensor([True, False])
    found = observed([x, y])
    assert found == sha256(x.numpy().tobytes() + y.numpy().tobytes()).hexdigest()
    assert observed([x, ~y]) != found
    assert observed([x]) != found
    assert observed([x.T.contiguous().T, y]) == found  # its layout in memory is not shown
    assert observed([x.T, y]) != found
