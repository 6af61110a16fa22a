"""Operators with the names that deepinv's solvers read, checked without deepinv."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

import lowdimbench as ldb
from benchmark.bridge import as_deepinv, bridge
from benchmark.context import Context
from benchmark.operators import LinearOperator
from benchmark.physics import Noise, Physics, batched, plain

CPU = torch.device("cpu")


@pytest.mark.parametrize("task", ["mri", "inpainting", "super_resolution", "spectral"])
def test_physics_has_deepinvs_shapes_and_an_exact_adjoint(task):
    problem, truth = ldb.instance(task, "tiny", 0)
    y, physics = as_deepinv(problem)
    dims, draw = len(problem.A.shape), torch.Generator().manual_seed(0)
    x = batched(truth, dims)
    assert not x.is_complex()
    assert not y.is_complex()
    if task == "mri":
        assert x.shape == (1, 2, *truth.shape)
        assert y.shape == (1, 2, *problem.y.shape)
    assert torch.equal(plain(x, problem.A.shape, problem.A.dtype)[0], truth)
    other = torch.randn(2, *x.shape[1:], generator=draw, dtype=x.dtype)  # a batch
    z = torch.randn(2, *y.shape[1:], generator=draw, dtype=y.dtype)
    left, right = (physics.A(other) * z).sum(), (other * physics.A_adjoint(z)).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-3, abs=1e-2)
    assert torch.equal(physics.A_vjp(other, z), physics.A_adjoint(z))
    assert torch.equal(physics.A_adjoint_A(other), physics.A_adjoint(physics.A(other)))
    assert torch.equal(physics.A_A_adjoint(z), physics.A(physics.A_adjoint(z)))
    assert physics.img_size == tuple(x.shape[1:])
    assert torch.allclose(physics.A(x)[0], batched(problem.A(truth), len(problem.A.data_shape))[0], atol=1e-6)
    with pytest.raises(ValueError, match="has shape"):
        physics.A(x[:, :, :-1])


class Matrix(LinearOperator):
    def __init__(self, matrix):
        self.matrix, self.dtype = matrix, matrix.dtype
        self.data_shape, self.shape = (1, 1, len(matrix)), (1, 1, matrix.shape[1])

    def forward(self, x):
        return x @ self.matrix.T

    def adjoint(self, y):
        return y @ self.matrix

    def to(self, device):
        return Matrix(self.matrix.to(device))


@pytest.fixture
def small():
    """A matrix (5, 8), its physics, and measurements of two unknowns."""
    M = torch.randn(5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return M.numpy(), Physics(Matrix(M), 0.1, CPU), torch.arange(10, dtype=torch.float64).reshape(2, 1, 1, 5)


def test_the_pseudo_inverse_is_numpys():
    M = torch.randn(5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    M[4] = M[0] + M[1]  # rank 4
    y = torch.arange(10, dtype=torch.float64).reshape(2, 1, 1, 5)
    x = Physics(Matrix(M), 0.1, CPU).A_dagger(y, tol=1e-9)
    assert np.allclose(x[:, 0, 0].numpy(), y[:, 0, 0].numpy() @ np.linalg.pinv(M.numpy()).T, atol=1e-4)


def test_the_proximal_operator_solves_its_equations(small):
    M, physics, y = small
    z = torch.linspace(-1, 1, 16, dtype=torch.float64).reshape(2, 1, 1, 8)
    for near, gamma in ((z, 0.7), (z, torch.tensor(0.7)), (z, torch.tensor([0.3, 2.0])), (0.5, 0.7), (None, 0.7)):
        x = physics.prox_l2(near, y, gamma, tol=1e-9)[:, 0, 0].numpy()
        start = near[:, 0, 0].numpy() if near is z else np.full((2, 8), near or 0.0)
        for at, g in enumerate(np.broadcast_to(np.asarray(gamma), (2,))):
            right = start[at] + g * M.T @ y[at, 0, 0].numpy()
            assert np.allclose(x[at], np.linalg.solve(np.eye(8) + g * M.T @ M, right), atol=1e-4)


def test_gradient_and_proximal_steps_of_a_solver_meet(small):
    """Descent along A_vjp, as deepinv's L2 takes it, ends where prox_l2 does, as its ADMM takes it."""
    _, physics, y = small
    x, step = torch.zeros(2, 1, 1, 8, dtype=torch.float64), 1 / (1 + physics.compute_sqnorm(max_iter=1000, tol=1e-9))
    for _ in range(400):
        x = x - step * (physics.A_vjp(x, physics.A(x) - y) + x)
    assert torch.allclose(x, physics.prox_l2(0.0, y, 1.0, tol=1e-9), atol=1e-4)


def test_norms_are_the_largest_singular_value(small):
    M, physics, _ = small
    top = np.linalg.norm(M, 2)
    x0 = torch.zeros(1, 1, 1, 8, dtype=torch.float64)
    assert physics.compute_sqnorm(x0, max_iter=1000, tol=1e-9).item() == pytest.approx(top**2, rel=1e-4)
    assert physics.compute_norm(x0, max_iter=1000, tol=1e-9, verbose=False).item() == pytest.approx(top**2, rel=1e-4)
    assert physics.compute_norm(x0, squared=False, max_iter=1000, tol=1e-9).item() == pytest.approx(top, rel=1e-4)


def test_steps_and_tolerance_can_be_given(small):
    _, physics, y = small
    exact, first = physics.A_dagger(y, tol=1e-9), physics.A_dagger(y, solver="CG", max_iter=1, verbose=False)
    back = physics.A_adjoint(y)
    ratio = first / back  # one step of conjugate gradients goes along the first residual
    assert torch.allclose(ratio, ratio[:, :, :, :1].expand_as(ratio))
    assert not torch.allclose(first, exact, rtol=1e-2)
    assert not torch.allclose(physics.A_dagger(y, tol=0.5), exact, rtol=1e-2)


def test_a_pseudo_inverse_ends_as_early_as_deepinvs():
    """Multi-coil MRI is ill conditioned: more steps enlarge the noise of y."""
    problem, _ = ldb.instance("mri", "tiny", 0)
    y, physics = as_deepinv(problem)
    steps = [physics.A_dagger(y, max_iter=n, tol=0.0).norm().item() for n in (50, 200)]
    usual = physics.A_dagger(y).norm().item()
    assert 0.5 * steps[0] < usual < 1.001 * steps[0]
    assert steps[1] > 1.3 * usual


def test_noise_has_the_power_of_the_problem():
    problem, truth = ldb.instance("mri", "tiny", 0)
    y, physics = as_deepinv(problem)
    assert physics.noise_model.sigma.item() == pytest.approx(problem.noise / 2**0.5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = batched(truth, 2)
        added = (physics(x) - physics.A(x))[problem.A.mask.expand(y.shape)]
        assert added.std().item() == pytest.approx(physics.noise_model.sigma.item(), rel=0.1)


@pytest.mark.parametrize("task", ["inpainting", "mri"])
def test_there_is_noise_only_where_the_operator_measures(task):
    problem, truth = ldb.instance(task, "tiny", 0)
    _, physics = as_deepinv(problem)
    physics.update(sigma=0.5)
    x = batched(truth, len(problem.A.shape))
    added = physics(x) - physics.A(x)
    seen = physics.A(torch.ones_like(x)) != 0 if task == "inpainting" else problem.A.mask.expand(added.shape)
    assert 0 < seen.sum() < seen.numel()
    assert (added[~seen] == 0).all()
    assert (added[seen] != 0).float().mean() > 0.99


def test_noise_can_be_set_and_the_operator_cannot(small):
    _, physics, y = small
    x = physics.A_adjoint(y)
    copy = physics.clone()
    copy.update(sigma=torch.tensor(0.5), mask=None)
    assert (copy.noise_model.sigma.item(), physics.noise_model.sigma.item()) == (0.5, pytest.approx(0.1))
    copy(x, sigma=torch.tensor([0.0, 0.25]))
    assert copy.noise_model.sigma.tolist() == [0.0, 0.25]
    added = copy(x) - copy.A(x)
    assert added[0].abs().sum() < 1e-9 < added[1].abs().sum()
    copy.set_noise_model(Noise(0.0))
    assert torch.equal(copy(x), copy.A(x))
    mask = torch.zeros(1)
    for change in (copy.update, copy.update_parameters):
        with pytest.raises(ValueError, match="is fixed: it takes no mask"):
            change(mask=mask)
    for call, given in ((copy.A, x), (copy.A_adjoint, y), (copy.A_dagger, y), (copy, x)):
        with pytest.raises(ValueError, match="is fixed: it takes no mask"):
            call(given, mask=mask)
    assert torch.equal(physics.A_dagger(y, init=x), physics.A_dagger(y))


def test_physics_is_a_linear_physics_of_deepinv_where_that_is_imported(monkeypatch):
    """Some of its solvers ask for the class: a likeness of its module stands here for it."""

    class LinearPhysics(nn.Module):
        def __init__(self, A=lambda x: x, noise_model=None, img_size=None):
            super().__init__()
            self.forw, self.noise_model, self.img_size = A, noise_model, img_size
            self.register_buffer("_device_holder", torch.tensor(0.0))
            self.to("cpu")

        def A(self, x):
            return self.forw(x)

        def adjointness_test(self, u):
            v = torch.ones_like(self.A(u))
            return (v * self.A(u)).sum() - (self.A_adjoint(v) * u).sum()

    class GaussianNoise(Noise):
        pass

    problem, truth = ldb.instance("mri", "tiny", 0)
    alone = as_deepinv(problem)[1]
    assert type(alone) is Physics
    theirs = ModuleType("deepinv.physics")
    theirs.LinearPhysics, theirs.GaussianNoise = LinearPhysics, GaussianNoise
    monkeypatch.setitem(sys.modules, "deepinv.physics", theirs)
    y, physics = as_deepinv(problem)
    assert isinstance(physics, LinearPhysics)
    assert isinstance(physics, Physics)
    assert isinstance(physics.noise_model, GaussianNoise)
    assert physics.noise_model.sigma.item() == alone.noise_model.sigma.item()
    x = batched(truth, 2)
    assert torch.equal(physics.A(x), alone.A(x))
    assert abs(physics.adjointness_test(x).item()) < 1e-2
    assert torch.equal(physics.clone().A_adjoint(y), alone.A_adjoint(y))
    asked = []
    bridge(lambda y, physics: asked.append(isinstance(physics, LinearPhysics)) or physics.A_adjoint(y))(
        problem, Context(CPU, 0)
    )
    assert asked == [True]
