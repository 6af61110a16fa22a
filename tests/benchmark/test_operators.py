import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import operators


def sense(size=24, coils=3, acceleration=4, dtype=torch.complex128):
    generator = torch.Generator().manual_seed(1)
    maps = operators.ring_of_coils(coils, size, generator).to(dtype)
    return operators.MultiCoilMRI(maps, operators.column_mask(size, acceleration, generator))


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(size=st.integers(8, 33), coils=st.integers(1, 5), acceleration=st.integers(1, 8), seed=st.integers(0, 99))
def test_adjoint_by_dot_product(size, coils, acceleration, seed):
    A = sense(size, coils, acceleration)
    x, y = draw(*A.shape, seed=seed), draw(*A.data_shape, seed=seed + 1)
    forward, backward = torch.vdot(A(x).flatten(), y.flatten()), torch.vdot(x.flatten(), A.H(y).flatten())
    assert abs(forward - backward) <= 1e-12 * abs(A(x)).norm() * abs(y).norm()


def test_adjoint_of_the_adjoint():
    A = sense()
    x, y = draw(*A.shape), draw(*A.data_shape)
    assert torch.equal(A.H.H(x), A(x))
    assert torch.equal(A.H.adjoint(x), A(x))
    assert A.H.shape == A.data_shape
    assert torch.equal(A.H(y), A.adjoint(y))


def test_norm_is_at_most_one_and_one_without_undersampling():
    A = sense()
    x = draw(*A.shape)
    for _ in range(50):
        x = A.H(A(x))
        x = x / x.norm()
    assert A(x).norm() <= 1 + 1e-12
    everything = operators.MultiCoilMRI(A.maps, torch.ones_like(A.mask))
    # the maps are normalised in float32
    torch.testing.assert_close(everything.H(everything(x)), x, rtol=0, atol=1e-6)


def test_batches_are_the_images_one_by_one():
    A = sense()
    x = draw(2, 3, *A.shape)
    assert A(x).shape == (2, 3, *A.data_shape)
    torch.testing.assert_close(A(x)[1, 2], A(x[1, 2]))
    torch.testing.assert_close(A.H(A(x))[1, 2], A.H(A(x[1, 2])))


@pytest.mark.parametrize("size", [8, 9])
def test_fourier_transform_is_centred_and_orthonormal(size):
    x = draw(size, size)
    k = operators.fft2c(x)
    torch.testing.assert_close(k.norm(), x.norm())
    torch.testing.assert_close(operators.ifft2c(k), x)
    flat = operators.fft2c(torch.ones(size, size, dtype=torch.complex128))
    assert flat.abs().argmax() == (size // 2) * size + size // 2
    torch.testing.assert_close(flat[size // 2, size // 2].real, torch.tensor(float(size), dtype=torch.float64))


@pytest.mark.parametrize(("width", "acceleration", "total", "centre"), [(368, 4, 91, 29), (372, 4, 93, 29), (96, 4, 23, 7)])
def test_mask_counts_are_those_of_the_paper(width, acceleration, total, centre):
    mask = operators.column_mask(width, acceleration, torch.Generator().manual_seed(0))
    first = (width - centre) // 2
    assert mask.sum() == total
    assert mask[first : first + centre].all()
    assert mask[:first].sum() == mask[first + centre :].sum()


def test_coils_are_normalised_smooth_and_different():
    maps = operators.ring_of_coils(4, 64, torch.Generator().manual_seed(3))
    torch.testing.assert_close(maps.abs().square().sum(0), torch.ones(64, 64))
    assert (maps[:, 1:] - maps[:, :-1]).abs().max() < 0.1
    strongest = maps.abs().flatten(1).argmax(1)
    assert len(set(strongest.tolist())) == 4


def test_noise_has_unit_variance_where_measured_and_none_elsewhere():
    A = sense(size=64)
    noise = A.noise(torch.Generator().manual_seed(0))
    assert noise[..., ~A.mask].abs().max() == 0
    assert noise[..., A.mask].abs().square().mean().item() == pytest.approx(1, abs=0.05)
