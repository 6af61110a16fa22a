"""What is solved with an operator: singular values, pseudo-inverse and proximal map, against dense algebra in float64."""

import numpy as np
import pytest
import torch

from benchmark import operators

SHAPE = (3, 12, 16)


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def make(name, dtype):
    taps = operators.gaussian_kernel(5, 0.8).double().sum(0)
    column, row = draw(5, seed=1), draw(5, seed=2)
    skewed = column[:, None] * row  # neither symmetric nor positive, but a product
    return {
        "identity": lambda: operators.Identity(SHAPE, dtype),
        "mask": lambda: operators.Mask(draw(*SHAPE[1:], seed=3) > 0, dtype=dtype),
        "gaussian": lambda: operators.Blur((taps[:, None] * taps / taps.sum() ** 2).to(dtype), SHAPE),
        "product": lambda: operators.Blur(skewed.to(dtype), SHAPE),
        "motion": lambda: operators.Blur(operators.motion_kernel(7, 5.0, 30.0, 0.15).to(dtype), SHAPE),
        "downsample": lambda: operators.Downsample(4, SHAPE, dtype),
        "adjoint": lambda: operators.Downsample(4, SHAPE, dtype).H,
    }[name]()


KNOWN = ("identity", "mask", "gaussian", "product", "downsample")
SOLVED = ("motion", "adjoint")
known = pytest.mark.parametrize("name", KNOWN)
every = pytest.mark.parametrize("name", [*KNOWN, *SOLVED])
both = pytest.mark.parametrize(("dtype", "rounding"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])


def dense(A):
    """(data, pixels)"""
    pixels = int(np.prod(A.shape))
    return A(torch.eye(pixels, dtype=A.dtype).reshape(pixels, *A.shape)).reshape(pixels, -1).T


def distance(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


@known
@both
def test_the_decomposition_is_of_the_operator(name, dtype, rounding):
    A = make(name, dtype)
    svd, x, y, c = (
        A.svd(),
        draw(2, *A.shape, dtype=dtype),
        draw(2, *A.data_shape, dtype=dtype),
        draw(2, 3 * 12 * 16, dtype=dtype),
    )
    assert svd.values.shape == (3 * 12 * 16,)
    assert svd.values.dtype == svd.Vt(x).dtype == svd.U(c).dtype == dtype
    assert svd.Vt(x).shape == svd.Ut(y).shape == (2, 3 * 12 * 16)
    assert svd.V(c).shape == x.shape
    assert svd.U(c).shape == y.shape
    assert distance(svd.U(svd.values * svd.Vt(x)), A(x)) < rounding
    assert distance(svd.V(svd.values * svd.Ut(y)), A.H(y)) < rounding
    assert distance(svd.V(svd.values.square() * svd.Vt(x)), A.H(A(x))) < rounding
    assert distance(svd.V(svd.Vt(x)), x) < rounding
    assert distance(svd.Vt(svd.V(c)), c) < rounding
    assert abs((svd.Ut(y) * c).sum() - (y * svd.U(c)).sum()) < 10 * rounding * y.norm()
    seen = c * (svd.values > 0)
    assert distance(svd.Ut(svd.U(seen)), seen) < rounding


@known
def test_values_are_those_of_the_dense_matrix(name):
    A = make(name, torch.float64)
    expected = torch.linalg.svdvals(dense(A))
    found = A.svd().values.sort(descending=True).values
    torch.testing.assert_close(found[: len(expected)], expected, rtol=0, atol=1e-12)
    assert found[len(expected) :].abs().sum() == 0


@pytest.mark.parametrize("name", SOLVED)
def test_what_is_not_known_is_not_given(name):
    assert make(name, torch.float32).svd() is None


def test_the_kernel_of_the_tasks_is_known():
    assert operators.Blur(operators.gaussian_kernel(61, 3.0), (3, 256, 256)).svd() is not None


def test_the_decomposition_is_made_once_and_late():
    A = make("gaussian", torch.float32)
    assert not any(isinstance(part, operators.SVD) for part in vars(A).values())
    assert A.svd() is A.svd()


@every
@both
@pytest.mark.parametrize("rho", [0.03, 2.0])
def test_prox_is_the_minimum(name, dtype, rounding, rho):
    A = make(name, dtype)
    v, y = draw(2, *A.shape, seed=5, dtype=dtype), draw(2, *A.data_shape, seed=6, dtype=dtype)
    x = A.prox(v, y, rho)
    assert x.shape == v.shape
    assert x.dtype == dtype
    gradient = A.H(A(x) - y) + rho * (x - v)
    assert gradient.norm() < (2e-5 if name in SOLVED else rounding) * (A.H(y) + rho * v).norm()


@every
def test_prox_takes_a_weight_for_each_picture_or_pixel(name):
    A = make(name, torch.float64)
    v, y = draw(2, *A.shape, seed=5), draw(2, *A.data_shape, seed=6)
    one_each = torch.tensor([0.1, 3.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    for number, rho in enumerate((0.1, 3.0)):
        assert distance(A.prox(v, y, one_each)[number], A.prox(v[number], y[number], rho)) < 1e-4
    rhos = 0.1 + draw(*A.shape, seed=7).abs()
    x = A.prox(v, y, rhos)
    assert (A.H(A(x) - y) + rhos * (x - v)).norm() < 2e-5 * (A.H(y) + rhos * v).norm()


@every
@pytest.mark.parametrize("rho", [0.0, -1.0, float("nan")])
def test_prox_refuses_a_weight_that_is_not_positive(name, rho):
    A = make(name, torch.float32)
    with pytest.raises(ValueError, match="rho is"):
        A.prox(torch.zeros(A.shape), torch.zeros(A.data_shape), rho)


@pytest.mark.parametrize("name", [*KNOWN, "adjoint"])  # by a motion blur nearly all of it would be noise
def test_the_pseudo_inverse_is_that_of_the_dense_matrix(name):
    A = make(name, torch.float64)
    y = draw(2, *A.data_shape, seed=8)
    expected = y.flatten(1) @ torch.linalg.pinv(dense(A)).T
    assert distance(A.pinv(y).flatten(1), expected) < (1e-4 if name == "adjoint" else 1e-6)


@every
@both
def test_the_pseudo_inverse_measures_as_what_is_in_the_range(name, dtype, rounding):
    A = make(name, dtype)
    y = A(draw(2, *A.shape, seed=9, dtype=dtype))
    assert distance(A(A.pinv(y)), y) < (1e-2 if name in SOLVED else 50 * rounding)


@known
def test_a_threshold_cuts_what_is_at_or_below_it(name):
    A = make(name, torch.float64)
    svd, y = A.svd(), draw(*A.data_shape, seed=8)
    threshold = svd.values[svd.values > 0].median().item()
    c = svd.Vt(A.pinv(y, threshold))
    assert c[svd.values <= threshold].abs().max() < 1e-12
    kept = svd.values > threshold
    torch.testing.assert_close(c[kept], (svd.Ut(y) / svd.values)[kept])


def test_a_threshold_damps_where_values_are_not_known():
    A = make("motion", torch.float64)
    y = draw(*A.data_shape, seed=8)
    U, s, Vt = torch.linalg.svd(dense(A))
    expected = Vt.T @ (s / (s**2 + 0.2**2) * (U.T @ y.flatten()))
    assert distance(A.pinv(y, 0.2).flatten(), expected) < 1e-4


def test_complex_operators_are_solved_too():
    generator = torch.Generator().manual_seed(0)
    A = operators.MultiCoilMRI(operators.ring_of_coils(3, 24, generator), operators.column_mask(24, 4, generator))
    v, y = A.H(A.noise(generator)), A.noise(generator)
    x = A.prox(v, y, 0.1)
    assert (A.H(A(x) - y) + 0.1 * (x - v)).norm() < 2e-5 * (A.H(y) + 0.1 * v).norm()
    assert distance(A(A.pinv(A(v))), A(v)) < 1e-3


def test_conjugate_gradients_solve_each_picture_of_a_batch_alone():
    A = make("motion", torch.float64)
    v, y = draw(3, *A.shape, seed=5), draw(3, *A.data_shape, seed=6)
    y[1], v[1] = 0, 0  # at its minimum from the start
    together = A.prox(v, y, 0.1)
    assert together[1].abs().max() == 0
    for number in (0, 2):
        torch.testing.assert_close(together[number], A.prox(v[number], y[number], 0.1), rtol=0, atol=1e-10)


@pytest.mark.gpu
@pytest.mark.parametrize("name", [*KNOWN, "motion"])
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_all_of_it_works_on_a_gpu(name):
    A = make(name, torch.float32)
    there = A.to("cuda")
    v, y = draw(2, *A.shape, seed=5, dtype=torch.float32), draw(2, *A.data_shape, seed=6, dtype=torch.float32)
    each = torch.tensor([0.1, 3.0]).reshape(2, 1, 1, 1)
    for rho, moved in ((0.1, 0.1), (each, each.cuda())):
        torch.testing.assert_close(there.prox(v.cuda(), y.cuda(), moved).cpu(), A.prox(v, y, rho), rtol=0, atol=1e-3)
    torch.testing.assert_close(there.pinv(y.cuda(), 0.2).cpu(), A.pinv(y, 0.2), rtol=0, atol=1e-3)
    if (svd := there.svd()) is not None:
        c = svd.values.cuda() * svd.Vt(v.cuda())
        torch.testing.assert_close(svd.U(c).cpu(), A(v), rtol=0, atol=1e-4)
