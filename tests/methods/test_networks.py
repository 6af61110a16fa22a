import pytest
import torch
from torch import nn

from benchmark import operators
from methods.images._average import RunningAverage
from methods.images._channels import channel_count, from_channels, to_channels
from methods.images._unet import unet

CPU = torch.device("cpu")


def net(width, depth, seed=0):
    return unet(2, 2, width=width, depth=depth, generator=torch.Generator().manual_seed(seed), device=CPU)


@pytest.mark.parametrize(
    ("width", "depth", "parameters"), [(64, 5, 69_185_218), (64, 4, 17_266_882), (64, 3, 4_283_842), (16, 3, 269_170)]
)
def test_sizes_are_those_of_the_paper(width, depth, parameters):
    assert sum(p.numel() for p in net(width, depth).parameters()) == parameters


def test_initialisation_is_from_the_generator_with_the_paper_s_spread():
    one, two, other = net(16, 3), net(16, 3), net(16, 3, seed=1)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    weights = torch.cat([m.weight.flatten() for m in one.modules() if isinstance(m, nn.Conv2d)])
    gains = torch.cat([m.weight for m in one.modules() if isinstance(m, nn.GroupNorm)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert gains.mean().item() == pytest.approx(1, abs=0.01)
    assert not torch.equal(weights, torch.cat([m.weight.flatten() for m in other.modules() if isinstance(m, nn.Conv2d)]))


def test_norm_of_stacked_images_is_batch_norm_of_each_alone():
    x = torch.randn(3, 8, 12, 10, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.GroupNorm(8, 8), nn.BatchNorm2d(8)
    one_by_one = torch.cat([theirs(image[None]) for image in x])
    torch.testing.assert_close(ours(x), one_by_one)
    f = net(8, 2)
    torch.testing.assert_close(f(x[:, :2]), torch.cat([f(image[None, :2]) for image in x]))


@pytest.mark.parametrize("size", [(16, 16), (21, 30), (16, 18)])
def test_any_size_keeps_its_shape(size):
    assert net(4, 3)(torch.zeros(1, 2, *size)).shape == (1, 2, *size)


def test_running_average_by_hand():
    average = RunningAverage(0.5)
    assert average.update(torch.tensor([4.0])).item() == 4
    assert average.update(torch.tensor([1.0])).item() == pytest.approx((0.5 * 4 + 1) / 1.5)
    last = RunningAverage(0.0)
    last.update(torch.tensor([4.0]))
    assert last.update(torch.tensor([1.0])).item() == 1


def test_channels_and_back():
    A = operators.MultiCoilMRI(torch.ones(1, 4, 5, dtype=torch.complex64), torch.ones(5, dtype=torch.bool))
    image = torch.randn(4, 5, dtype=torch.complex64)
    batch = to_channels(image)
    assert channel_count(A) == 2
    assert batch.shape == (1, 2, 4, 5)
    assert torch.equal(from_channels(batch, A), image)
