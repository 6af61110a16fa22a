"""The operators on pictures: adjoints, and equality with what SciPy and Pillow compute."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from benchmark import operators

DOUBLE = torch.float64


def draw(*shape, seed=0):
    return torch.rand(shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def mask(height=16, width=12, seed=0):
    return draw(height, width, seed=seed) < 0.6


def blur(height=16, width=12, side=5, seed=0):
    return operators.Blur(draw(side, side, seed=seed) - 0.3, (3, height, width))


OPERATORS = {
    "identity": operators.Identity((3, 16, 12), DOUBLE),
    "mask": operators.Mask(mask(), dtype=DOUBLE),
    "blur": blur(),
    "downsample": operators.Downsample(4, (3, 16, 12), DOUBLE),
}
each = pytest.mark.parametrize("A", OPERATORS.values(), ids=OPERATORS)


def largest_singular_value(A):
    pixels = int(np.prod(A.shape))
    columns = A(torch.eye(pixels, dtype=DOUBLE).reshape(pixels, *A.shape))
    return torch.linalg.matrix_norm(columns.reshape(pixels, -1), 2).item()


def check_adjoint(A, seed):
    x, y = draw(*A.shape, seed=seed) - 0.5, draw(*A.data_shape, seed=seed + 1) - 0.5
    assert A(x).shape == A.data_shape
    assert A.H(y).shape == A.shape
    forward, backward = torch.vdot(A(x).flatten(), y.flatten()), torch.vdot(x.flatten(), A.H(y).flatten())
    assert abs(forward - backward) <= 1e-12 * x.norm() * y.norm() * max(1.0, A.norm)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(8, 24), width=st.integers(8, 24), half=st.integers(0, 4), seed=st.integers(0, 99))
def test_adjoint_by_dot_product(height, width, half, seed):
    check_adjoint(operators.Identity((3, height, width), DOUBLE), seed)
    check_adjoint(operators.Mask(mask(height, width, seed), dtype=DOUBLE), seed)
    check_adjoint(blur(height, width, 2 * half + 1, seed), seed)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(2, 12), width=st.integers(2, 12), factor=st.sampled_from([2, 3, 4]), seed=st.integers(0, 99))
def test_adjoint_of_downsampling_by_dot_product(height, width, factor, seed):
    check_adjoint(operators.Downsample(factor, (3, factor * height, factor * width), DOUBLE), seed)


def test_adjoint_of_the_widest_kernel():
    check_adjoint(blur(8, 9, side=15), 0)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(5, 24), width=st.integers(5, 24), half=st.integers(0, 4), seed=st.integers(0, 99))
def test_blur_is_scipys_convolution(height, width, half, seed):
    A, x = blur(height, width, 2 * half + 1, seed), draw(3, height, width, seed=seed)
    theirs = [ndimage.convolve(channel, A.kernel.numpy(), mode="mirror") for channel in x.numpy()]
    torch.testing.assert_close(A(x), torch.from_numpy(np.stack(theirs)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_downsampling_is_pillows(factor):
    A, x = operators.Downsample(factor, (3, 24, 36), DOUBLE), draw(3, 24, 36)
    size = (36 // factor, 24 // factor)
    theirs = [
        np.asarray(Image.fromarray(channel.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)) for channel in x.numpy()
    ]
    torch.testing.assert_close(A(x), torch.from_numpy(np.stack(theirs)).double(), rtol=0, atol=1e-6)


@each
def test_batches_are_the_pictures_one_by_one(A):
    x = draw(2, 4, *A.shape)
    y = A(x)
    assert y.shape == (2, 4, *A.data_shape)
    assert A.H(y).shape == x.shape
    torch.testing.assert_close(y[1, 2], A(x[1, 2]))
    torch.testing.assert_close(A.H(y)[1, 2], A.H(y[1, 2]))


@each
def test_channels_do_not_mix(A):
    x = draw(*A.shape)
    x[1] = 0
    assert A(x)[1].abs().max() == 0
    assert A(x)[0].abs().max() > 0


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_the_norm_of_downsampling_is_its_largest_singular_value(factor):
    A = operators.Downsample(factor, (1, 12, 24), DOUBLE)
    assert largest_singular_value(A) == pytest.approx(A.norm, rel=1e-9)


@pytest.mark.parametrize(
    "kernel",
    [
        torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], dtype=DOUBLE),
        operators.gaussian_kernel(5, 1.0).double(),
        operators.motion_kernel(9, 8.0, 30.0, 0.15).double(),
        draw(5, 5) - 0.3,
    ],
    ids=["shift", "gaussian", "motion", "random"],
)
def test_the_norm_of_a_blur_bounds_its_singular_values(kernel):
    """A reflected picture shows some pixels twice, so that the sum of |kernel| alone is no bound."""
    A = operators.Blur(kernel, (1, 16, 20))
    assert largest_singular_value(A) <= A.norm * (1 + 1e-9)
    assert A.norm <= 2.1 * kernel.abs().sum()


def test_the_norms_of_identity_and_mask_are_one():
    for name in ("identity", "mask"):
        assert OPERATORS[name].norm == 1
        assert largest_singular_value(OPERATORS[name]) == pytest.approx(1)


def test_impossible_operators_are_refused():
    with pytest.raises(ValueError, match="the mask hides every pixel"):
        operators.Mask(torch.zeros(8, 8, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"the kernel is \(4, 4\); it has to be square with an odd side"):
        operators.Blur(torch.ones(4, 4), (3, 16, 16))
    with pytest.raises(ValueError, match=r"the kernel is \(3, 5\)"):
        operators.Blur(torch.ones(3, 5), (3, 16, 16))
    with pytest.raises(ValueError, match="a kernel of 17 pixels is larger than a picture of 8 x 16 can be reflected"):
        operators.Blur(torch.ones(17, 17), (3, 8, 16))
    with pytest.raises(ValueError, match="16 x 18 pixels cannot be divided by 4"):
        operators.Downsample(4, (3, 16, 18))


def test_a_mask_measures_and_is_noisy_where_it_is_true():
    seen = mask(64, 64)
    A = operators.Mask(seen)
    noise, x = A.noise(torch.Generator().manual_seed(0)), draw(3, 64, 64).float()
    assert noise[:, ~seen].abs().max() == 0
    assert noise[:, seen].std().item() == pytest.approx(1, abs=0.03)
    assert A(x)[:, ~seen].abs().max() == 0
    assert torch.equal(A(x)[:, seen], x[:, seen])


@each
def test_moving_keeps_the_results(A):
    moved, x = A.to("cpu"), draw(*A.shape)
    assert type(moved) is type(A)
    assert (moved.shape, moved.data_shape, moved.dtype, moved.norm) == (A.shape, A.data_shape, A.dtype, A.norm)
    assert torch.equal(moved(x), A(x))
    assert torch.equal(moved.H(A(x)), A.H(A(x)))


@pytest.mark.parametrize(("side", "sigma"), [(5, 1.0), (9, 1.5), (61, 3.0)])
def test_a_gaussian_kernel_is_one(side, sigma):
    kernel = operators.gaussian_kernel(side, sigma)
    assert kernel.shape == (side, side)
    assert kernel.sum().item() == pytest.approx(1, abs=1e-6)
    assert torch.equal(kernel, kernel.T)
    assert torch.equal(kernel, kernel.flip(0, 1))
    centre = side // 2
    ratio = kernel[centre, centre + 2] / kernel[centre, centre]
    assert ratio.item() == pytest.approx(np.exp(-2 / sigma**2), rel=1e-5)


def test_a_straight_motion_kernel_is_a_line_of_its_length():
    kernel = operators.motion_kernel(13, 8.0, 0.0, 0.0)
    expected = torch.zeros(13, 13)
    expected[6, 2:11] = 1 / 8
    expected[6, [2, 10]] = 1 / 16
    torch.testing.assert_close(kernel, expected, rtol=0, atol=1e-3)
    assert kernel[:6].abs().max() == kernel[7:].abs().max() == 0
    torch.testing.assert_close(operators.motion_kernel(13, 8.0, 90.0, 0.0), kernel.T)
    rising = operators.motion_kernel(13, 8.0, 45.0, 0.0)  # counter-clockwise: up to the right, which is row 0
    assert rising.flip(1).diagonal().sum() > 0.5
    assert rising.diagonal().sum() < 0.2


@pytest.mark.parametrize(
    ("side", "length", "angle", "bend"), [(9, 8.0, 30.0, 0.15), (61, 40.0, 30.0, 0.15), (41, 30.0, 0.0, 0.2)]
)
def test_a_bent_motion_kernel_stays_centred(side, length, angle, bend):
    kernel = operators.motion_kernel(side, length, angle, bend)
    assert kernel.sum().item() == pytest.approx(1, abs=1e-6)
    assert kernel.min() >= 0
    at = torch.arange(side, dtype=torch.float32) - side // 2
    assert (kernel.sum(0) @ at).abs() < 0.05
    assert (kernel.sum(1) @ at).abs() < 0.05


def test_the_ends_of_a_bent_motion_kernel_lie_off_its_middle():
    kernel, rows = operators.motion_kernel(41, 30.0, 0.0, 0.2), torch.arange(41, dtype=torch.float32)
    height = [(kernel[:, column] @ rows / kernel[:, column].sum()).item() for column in (5, 20, 35)]
    assert height[1] - height[0] == pytest.approx(0.2 * 30, abs=0.5)
    assert height[0] == pytest.approx(height[2], abs=1e-3)
