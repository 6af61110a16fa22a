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


def test_gains_are_spread_and_biases_start_at_zero():
    f = net(64, 3)
    gains = torch.cat([m.weight for m in f.modules() if isinstance(m, nn.GroupNorm)])
    assert gains.std().item() == pytest.approx(0.02, rel=0.1)
    assert all((m.bias == 0).all() for m in f.modules() if isinstance(m, nn.Conv2d | nn.GroupNorm))


class Literal(nn.Module):
    """The paper's U-Net with two poolings and `width` channels, as its description says it, with batch norm."""

    def __init__(self, width):
        super().__init__()

        def block(a, b, c):
            first = nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU()
            return nn.Sequential(*first, nn.Conv2d(b, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())

        self.inlet, self.pool = block(2, width, width), nn.MaxPool2d(2)
        self.down1, self.down2 = block(width, 2 * width, 2 * width), block(2 * width, 2 * width, 2 * width)
        self.up1, self.up2 = block(4 * width, 2 * width, width), block(2 * width, width, width)
        self.enlarge, self.head = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(width, 2, 1)

    def forward(self, u):
        a = self.inlet(u)
        b = self.down1(self.pool(a))
        c = self.down2(self.pool(b))
        d = self.up1(torch.cat([b, self.enlarge(c)], 1))
        return self.head(self.up2(torch.cat([a, self.enlarge(d)], 1)))


def test_it_is_the_literal_network():
    f, literal = net(4, 2), Literal(4)
    for given, part in zip(literal.parameters(), f.parameters(), strict=True):
        given.data = part + torch.randn(part.shape, generator=torch.Generator().manual_seed(part.numel()))
        part.data = given.data.clone()
    u = torch.rand(1, 2, 16, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(f(u), literal(u), rtol=1e-4, atol=1e-4)


def test_what_pooling_cut_off_is_zero_on_the_way_up():
    """One level, an odd side: the last row of what was enlarged is zero, so that the head sees the skip alone there."""
    f = net(4, 1)
    block = f.up[0]
    seen = []
    block.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    f(torch.rand(1, 2, 9, 8, generator=torch.Generator().manual_seed(0)))
    assert seen[0].shape == (1, 8, 9, 8)
    assert not seen[0][:, 4:, -1].any()
    assert seen[0][:, 4:, :-1].any()


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
