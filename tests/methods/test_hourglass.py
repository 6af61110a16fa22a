"""The hourglass against a literal one, written from the paper's description, and the pieces around it."""

import pytest
import torch
from torch import nn

from methods.images._hourglass import hourglass
from methods.images._pruned import by_layer, largest
from methods.images.deep_decoder import decoder, decoder_weights

CPU = torch.device("cpu")


class Literal(nn.Module):
    """In the paper's order: convolution at full resolution, then pooling; enlargement, then norm."""

    def __init__(self, widths):
        super().__init__()
        before, self.down, self.up = 32, nn.Sequential(), nn.Sequential()
        for width in widths:
            self.down += nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(before, width, 5), nn.AvgPool2d(2))
            self.down += nn.Sequential(nn.BatchNorm2d(width), nn.LeakyReLU(0.2))
            self.down += nn.Sequential(
                nn.ReflectionPad2d(2), nn.Conv2d(width, width, 5), nn.BatchNorm2d(width), nn.LeakyReLU(0.2)
            )
            before = width
        for width in reversed(widths):
            self.up += nn.Sequential(nn.Upsample(scale_factor=2), nn.BatchNorm2d(before), nn.ReflectionPad2d(1))
            self.up += nn.Sequential(nn.Conv2d(before, width, 3), nn.BatchNorm2d(width), nn.LeakyReLU(0.2))
            before = width
        self.head = nn.Conv2d(before, 3, 1)

    def forward(self, z):
        return self.head(self.up(self.down(z))).sigmoid()


def small(seed=0):
    f = hourglass((3, 32, 48), width=4, widest=8, scales=3)
    theta = f.weights.initial(torch.Generator().manual_seed(seed), CPU).double()
    return f, theta + 0.1 * torch.randn(len(theta), generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)


def test_it_is_the_literal_network_and_has_its_gradient():
    f, theta = small()
    net = Literal([4, 8, 8]).double()
    for given, part in zip(net.parameters(), f.weights.split(theta).values(), strict=True):
        given.data = part.clone()
    z = torch.rand(1, 32, 32, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    theta.requires_grad_()
    ours, theirs = f(theta, z), net(z)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    (ours**2).sum().backward()
    (theirs**2).sum().backward()
    expected = torch.cat([p.grad.flatten() for p in net.parameters()])
    torch.testing.assert_close(theta.grad, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("side", "width", "widest", "scales", "count"), [(512, 16, 128, 6, 3_008_867), (64, 8, 32, 4, 132_435)]
)
def test_it_has_as_many_weights_as_the_papers(side, width, widest, scales, count):
    assert hourglass((3, side, side), width=width, widest=widest, scales=scales).weights.count == count


@pytest.mark.parametrize(("layers", "width", "count"), [(5, 128, 100_224), (4, 32, 5_536)])
def test_the_deep_decoder_has_as_many_weights_as_the_papers(layers, width, count):
    weights = decoder_weights(layers, width, 3)
    assert weights.count == count
    z = torch.rand(1, width, 4, 6, generator=torch.Generator().manual_seed(0))
    x = decoder(weights, weights.initial(torch.Generator().manual_seed(0), CPU), z)
    assert x.shape == (1, 3, 4 * 2**layers, 6 * 2**layers)
    assert 0 < x.min() < x.max() < 1


def test_the_deep_decoder_is_the_literal_network():
    """Per layer: convolution without a bias, bilinear x2, ReLU, norm; once without the enlargement; head and sigmoid."""
    width, net = 6, nn.Sequential()
    for enlarged in (True, True, False):
        net += nn.Sequential(nn.Conv2d(width, width, 1, bias=False))
        if enlarged:
            net += nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"))
        net += nn.Sequential(nn.ReLU(), nn.BatchNorm2d(width))
    net += nn.Sequential(nn.Conv2d(width, 3, 1, bias=False), nn.Sigmoid())
    net = net.double()
    draw = torch.Generator().manual_seed(2)
    weights = decoder_weights(2, width, 3)
    theta = torch.randn(weights.count, generator=draw, dtype=torch.float64)
    for given, part in zip(net.parameters(), weights.split(theta).values(), strict=True):
        given.data = part.clone()
    z = torch.rand(1, width, 4, 6, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(decoder(weights, theta, z), net(z), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("shape", "side"), [((3, 40, 64), 40), ((3, 64, 72), 72), ((3, 32, 64), 32)])
def test_pictures_that_do_not_fit_are_refused(shape, side):
    with pytest.raises(ValueError, match=f"4 scales need sides of 4, 5, ... times 16 pixels, not {side}"):
        hourglass(shape, width=4, widest=8, scales=4)


def test_initial_weights_are_pytorchs():
    f = hourglass((3, 64, 64), width=8, widest=32, scales=4)
    parts = f.weights.split(f.weights.initial(torch.Generator().manual_seed(0), CPU))
    for name, part in parts.items():
        if name.endswith("gain"):
            assert (part == 1).all()
        elif name.endswith("shift"):
            assert (part == 0).all()
        elif name.endswith("weight"):
            bound = part[0].numel() ** -0.5
            assert 0.9 * bound < part.abs().max() <= bound
            assert parts[name.replace("weight", "bias")].abs().max() <= bound


def test_the_linear_form_is_linear_for_positive_weights():
    f, theta = small()
    theta = torch.cat([p.abs().flatten() * (not n.endswith(("bias", "shift"))) for n, p in f.weights.split(theta).items()])
    a, b = torch.rand(2, 1, 32, 32, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(f.linear(theta, a + 2 * b), f.linear(theta, a) + 2 * f.linear(theta, b))


def test_masks_hold_exactly_the_share_that_is_asked_for():
    scores = torch.tensor([3.0, 1.0, 2.0, 1.0, 1.0, 0.0])
    assert largest(scores, 1 / 3, torch.arange(6)).tolist() == [1, 0, 1, 0, 0, 0]
    ties = {
        tuple(largest(scores, 0.5, torch.randperm(6, generator=torch.Generator().manual_seed(s))).tolist()) for s in range(30)
    }
    assert ties == {(1, 1, 1, 0, 0, 0), (1, 0, 1, 1, 0, 0), (1, 0, 1, 0, 1, 0)}
    assert largest(scores, 0.0, torch.arange(6)).sum() == 0
    assert largest(scores, 1.0, torch.arange(6)).sum() == 6


def test_masks_by_layer_keep_the_same_share_of_each_kernel_but_the_last_and_all_else():
    f, theta = small()
    mask = by_layer(theta.abs(), 0.1, torch.randperm(len(theta), generator=torch.Generator().manual_seed(0)), f.weights)
    for name, part in f.weights.split(mask).items():
        cut = name.endswith("weight") and name != "head.weight"
        assert part.sum() == (round(0.1 * part.numel()) if cut else part.numel()), name
    kernel, kept = f.weights.split(theta)["up1.weight"].abs(), f.weights.split(mask)["up1.weight"]
    assert kernel[kept == 1].min() >= kernel[kept == 0].max()
