"""Methods of spectral reconstruction against other solvers of the same problem, and what the network learns from."""

import itertools

import numpy as np
import pytest
import torch
from scipy import optimize
from torch import nn

from benchmark import LinearInverse, fits, registry
from benchmark.context import Context
from benchmark.datasets import spectrometer
from benchmark.datasets.lamps import lamps
from benchmark.datasets.line_spectra import SimulatedSpectra, spectra
from benchmark.operators.spectrometer import Spectrometer
from methods.spectra import _intervals as intervals
from methods.spectra import _nonnegative as nonnegative
from methods.spectra._augmentation import normalised, pairs
from methods.spectra._system import System
from methods.spectra.lorentzian_fit import Lines, lorentzian_fit
from methods.spectra.nnls import nnls, nnls_elastic_net, nnls_tikhonov
from methods.spectra.nnls_tv import factorise, nnls_tv
from methods.spectra.prior_mean import prior_mean
from methods.spectra.ridge_map import ridge_map
from methods.spectra.sim2real import forward, initial, sim2real, train
from methods.spectra.stopped_smoother import stopped_smoother

CPU = torch.device("cpu")
NM = torch.from_numpy(spectrometer.WAVELENGTHS)
R = torch.from_numpy(spectrometer.stand_in())
MLP = 17 * 256 + 257 * 512 + 513 * 512 + 513 * 301  # weights and biases, layer by layer
CONV = 17 * 256 + 257 * 4 * 301 + (4 * 9 + 1) * 32 + 2 * (32 * 9 + 1) * 32 + 32 * 9 + 1


def context():
    return Context(CPU, 0)


def problem_of(x, noise=1e-5, seed=0):
    A = Spectrometer(R, NM, len(x))
    y = A(x) + noise * A.noise(torch.Generator().manual_seed(seed)).clamp_min(0)
    return LinearInverse(A=A, y=y, noise=noise, value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def problem():
    return problem_of(spectra(6, NM, torch.Generator().manual_seed(0)))


@pytest.fixture(scope="module")
def system(problem):
    return System(problem, 650.0)


def training(seed=0):
    return SimulatedSpectra(R, NM, torch.Generator().manual_seed(seed))


def test_the_operator_has_its_adjoint_and_its_norm(problem):
    A = problem.A
    draw = torch.Generator().manual_seed(0)
    x, y = (torch.randn(shape, dtype=torch.float64, generator=draw) for shape in (A.shape, A.data_shape))
    assert (A(x) * y).sum().item() == pytest.approx((x * A.H(y)).sum().item(), rel=1e-12)
    assert A.norm == pytest.approx(np.linalg.svd(R.numpy())[1][0])


# --- solvers ------------------------------------------------------------------------------------------------------------


def total_variation(system, x, weight):
    return 0.5 * (x @ system.R.T - system.y).square().sum(1) + weight * x.diff().abs().sum(1)


def by_admm(system, weight, penalty, steps):
    ctx = context()
    problem = LinearInverse(A=Spectrometer(R, NM, len(system.y)), y=system.y, noise=0.0)
    learnt = factorise(training(), ctx, penalty=penalty, upto=650.0)
    given = {"solver": "admm", "weight": weight, "penalty": penalty, "steps": steps, "gap": 1e-12}
    return nnls_tv.function(problem, ctx, learnt, **given)[:, : system.width]


@pytest.mark.parametrize("weight", [1e-6, *(pytest.param(w, marks=pytest.mark.long) for w in (1e-4, 1e-2))])
def test_intervals_reach_the_minimum_of_total_variation(system, weight):
    exact = torch.from_numpy(intervals.solve(system.R.numpy(), system.y.numpy(), weight))
    assert exact.min() >= 0
    reached = total_variation(system, exact, weight)
    for penalty in (1e-4, 1e-2):
        long = total_variation(system, by_admm(system, weight, penalty, 20000), weight)
        assert (reached <= long * (1 + 1e-7)).all()
    assert (reached >= 0.98 * long).all()  # ADMM comes near, so that it is the same minimum


@pytest.mark.parametrize("weight", [1e-6, 1e-3])
def test_the_duality_gap_bounds_the_distance_to_the_minimum(system, weight):
    K, y = system.R.numpy(), system.y.numpy()
    exact = intervals.solve(K, y, weight)
    least = total_variation(system, torch.from_numpy(exact), weight).numpy()
    assert intervals.gap(K, y, weight, exact).max() < 1e-6
    rough = by_admm(system, weight, 1e-2, 400).numpy()
    for x in (rough, exact + 1e-3, np.zeros_like(exact), np.ones_like(exact)):
        value = total_variation(system, torch.from_numpy(x), weight).numpy()
        assert (intervals.gap(K, y, weight, x) >= (value - least) / value - 1e-9).all()
    assert intervals.gap(K, y, weight, np.ones_like(exact)).min() > 0.5


def test_total_variation_says_how_near_it_ended(problem):
    """The exact solver as recommended and ADMM both keep their gap; ADMM ends once it is small enough, and not before."""
    ctx = context()
    parameters = nnls_tv.spec.resolve("spectral", "small", {})
    assert parameters["solver"] == "exact"
    nnls_tv(problem, ctx, parameters, None)
    assert nnls_tv.traits(problem, parameters, ctx.kept)["duality_gap"] < 1e-6
    steps = {}
    for gap in (0.5, 0.2):
        given = {"solver": "admm", "weight": 1e-2, "penalty": 1.0, "steps": 3000, "gap": gap}
        ctx, parameters = context(), nnls_tv.spec.resolve("spectral", "small", given)
        nnls_tv(problem, ctx, parameters, factorise(training(), ctx, penalty=parameters["penalty"], upto=650.0))
        assert nnls_tv.traits(problem, parameters, ctx.kept)["duality_gap"] <= gap
        steps[gap] = ctx.steps_done
    assert steps[0.5] < steps[0.2] < parameters["steps"]


def test_the_stopped_smoother_is_admm_without_a_bound_on_its_multipliers_and_flattens(problem, system):
    """An infinite weight of total variation gives the same steps; more steps, of a larger penalty, leave less of the shape."""
    learnt = factorise(training(), context(), penalty=3e-4, upto=650.0)
    early = stopped_smoother.function(problem, context(), learnt, penalty=3e-4, steps=20)
    given = {"solver": "admm", "weight": 1e12, "penalty": 3e-4, "steps": 20}
    torch.testing.assert_close(early, nnls_tv.function(problem, context(), learnt, **given), rtol=0, atol=1e-12)
    learnt = factorise(training(), context(), penalty=0.1, upto=650.0)
    later = stopped_smoother.function(problem, context(), learnt, penalty=0.1, steps=1000)
    rough, flat = (x[:, : system.width].std(1) / x[:, : system.width].mean(1) for x in (early, later))
    assert (flat < rough).all()


def test_the_prior_mean_ignores_the_measurement_and_is_a_mean(problem):
    other = LinearInverse(A=problem.A, y=2 * problem.y.flip(0), noise=problem.noise)
    for of in ("simulated", "lamps", "both"):
        learnt = prior_mean.learn(training(), context(), {"of": of, "spectra": 500})
        assert torch.equal(prior_mean(problem, context(), {}, learnt), prior_mean(other, context(), {}, learnt))
    known = torch.from_numpy(lamps("tuning").spectra).mean(0)
    x = prior_mean.learn(training(), context(), {"of": "lamps", "spectra": 500})["mean"]
    assert x.max() == 1
    assert (x != known).sum() == 1
    simulated = training().draw(500).double().mean(0)
    x = prior_mean.learn(training(), context(), {"of": "simulated", "spectra": 500})["mean"]
    assert (x - simulated).abs().median() < 0.03


@pytest.mark.parametrize("weight", [1e-5, 1e-3])
def test_intervals_leave_no_descent(system, weight):
    """The conditions of optimality, written down anew: c = R^T r lies in the subdifferential of the penalty at x."""
    x = intervals.solve(system.R.numpy(), system.y.numpy(), weight)
    c = (system.y.numpy() - x @ system.R.numpy().T) @ system.R.numpy()
    tail = np.cumsum(c[:, ::-1], 1)[:, ::-1]  # sums from j to the end: 1-sided indicators
    scale = np.abs(system.y.numpy() @ system.R.numpy()).max()
    head = np.cumsum(c, 1)
    assert head[:, :-1].max() <= weight + 1e-8 * scale  # no interval from the left descends
    assert tail[:, 1:].max() <= weight + 1e-8 * scale
    assert head[:, -1].max() <= 1e-8 * scale  # nor all of the axis, which costs nothing
    inner = head[:, :-1]
    assert (inner - np.minimum.accumulate(inner, 1)).max() <= 2 * weight + 1e-8 * scale  # nor one inside
    # complementarity: <c, x> is the penalty of x
    assert np.allclose((c * x).sum(1), weight * np.abs(np.diff(x)).sum(1), rtol=1e-4, atol=1e-9 * scale)


def by_scipy(H, c):
    """min 1/2 x H x - c x over x >= 0 as a least-squares problem."""
    L = np.linalg.cholesky(H)
    return optimize.nnls(L.T, np.linalg.solve(L, c), maxiter=100000)[0]


def test_block_pivoting_gives_the_minimum_that_scipy_gives():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((40, 30))
    H, C = A.T @ A + 1e-3 * np.eye(30), rng.standard_normal((20, 30))
    found = nonnegative.solve(H, C)
    assert (found == 0).any()
    assert np.allclose(nonnegative.solve_mostly_positive(H, C), found, atol=1e-9)
    for x, c in zip(found, C, strict=True):
        assert x == pytest.approx(by_scipy(H, c), abs=1e-9)


@pytest.mark.parametrize(
    ("method", "settings", "penalty", "linear"),
    [
        (nnls_tikhonov, {"weight": 1e-3, "order": 1}, lambda D, n: 1e-3 * D(1).T @ D(1), 0.0),
        (nnls_tikhonov, {"weight": 0.1, "order": 2}, lambda D, n: 0.1 * D(2).T @ D(2), 0.0),
        (nnls_elastic_net, {"lasso": 1e-3, "ridge": 1e-2}, lambda D, n: 1e-2 * np.eye(n), 1e-3),
    ],
)
def test_penalised_least_squares_are_at_their_minimum(problem, system, method, settings, penalty, linear):
    n, K = system.width, system.R.numpy()
    x = method.function(problem, context(), upto=650.0, **settings)[:, :n].numpy()
    H = K.T @ K + penalty(lambda order: np.diff(np.eye(n), order, axis=0), n)
    gradient = x @ H - system.y.numpy() @ K + linear
    scale = np.abs(system.y.numpy() @ K).max()
    assert x.min() >= 0
    assert gradient.min() > -1e-7 * scale
    assert np.abs(gradient[x > 1e-9]).max() < 1e-7 * scale


def test_plain_least_squares_are_spikes(problem):
    x = nnls.function(problem, context(), upto=650.0)
    assert ((x > 0).sum(1) <= 16).all()
    y = problem.y / problem.y.amax(1, keepdim=True)
    assert (problem.A(x) / R.max() - y).norm(dim=1).median() < 0.01  # and they fit what was measured


def test_nothing_is_placed_beyond_the_red_end(problem):
    for method in (nnls, nnls_tikhonov, nnls_elastic_net):
        x = method.function(problem, context(), upto=620.0)
        assert x[:, 221:].abs().max() == 0
        assert x[:, 215:221].shape == (6, 6)


def test_estimates_do_not_depend_on_the_stack_or_on_the_scale(problem):
    for name in ("nnls", "nnls_tv", "stopped_smoother", "nnls_tikhonov", "nnls_elastic_net", "lorentzian_fit"):
        method = registry.get_method(name).load()
        parameters = method.spec.resolve("spectral", "small", {})
        learnt = None if method.fit is None else method.learn(training(), context(), parameters)
        together = method(problem, context(), parameters, learnt)
        alone = LinearInverse(A=Spectrometer(R, NM, 1), y=problem.y[2:3], noise=problem.noise)
        assert torch.allclose(method(alone, context(), parameters, learnt), together[2:3], rtol=1e-4, atol=1e-6), name
    louder = LinearInverse(A=problem.A, y=8 * problem.y, noise=8 * problem.noise)
    for method, more in ((nnls_tikhonov, {}), (lorentzian_fit, {})):
        x, many = method.function(problem, context(), **more), method.function(louder, context(), **more)
        assert torch.allclose(many / many.amax(1, keepdim=True), x / x.amax(1, keepdim=True), atol=1e-5)


# --- lines --------------------------------------------------------------------------------------------------------------


def test_the_jacobian_of_lines_is_their_derivative():
    y = torch.rand(1, 16, dtype=torch.float64)
    lines = Lines(R / R.max(), NM, y, torch.full_like(y, 0.1))
    p = torch.tensor([[0.01, -0.3, 470.0, 2.5, 0.1, 560.0, 3.0]], dtype=torch.float64)
    of = torch.zeros(1, dtype=torch.long)
    numeric = torch.autograd.functional.jacobian(lambda q: lines.residual(q[None], of)[0], p[0])
    assert torch.allclose(lines.jacobian(p, of)[0], numeric, rtol=1e-9, atol=1e-12)


def test_lines_that_are_lorentzian_are_recovered_without_noise():
    one = torch.tensor([1, 1, 1, 2, 2, 2])
    x = spectra(6, NM, torch.Generator().manual_seed(5), numbers=one)
    found = lorentzian_fit.function(problem_of(x, noise=0.0), context(), relative=1e-4)
    error = (found / found.amax(1, keepdim=True) - x).square().mean(1).sqrt()
    assert error[:3].max() < 0.01
    assert error.median() < 0.02


# --- learning -----------------------------------------------------------------------------------------------------------


def test_log_min_max_is_guarded():
    y = torch.tensor([[1e-6, 1e-4, 1e-2], [-1e-3, 0.0, 1e-2], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    u = normalised(y, "log")
    assert u.isfinite().all()
    assert u[0].tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert u[1].tolist() == pytest.approx([0.0, 0.0, 1.0])
    assert torch.allclose(normalised(1e3 * y[:1], "log"), u[:1])
    assert normalised(y, "maximum").isfinite().all()


def test_the_two_levels_of_augmentation():
    ctx = Context(CPU, 0)
    y, x = pairs(training(), ctx, 32, "both", 2, 4)
    assert y.shape == (256, 16)
    assert x.shape == (256, 301)
    clean = x.double() @ R.T
    off = (y - clean) / 1e-5
    weak = clean.mean(0) < 1e-5  # where the matrix noise is far below the signal noise
    assert off[:, weak].min() > -0.5
    assert (off[:, weak] < 0.05).double().mean() == pytest.approx(0.5, abs=0.1)  # one-sided: half of it is nothing
    strong = clean.mean(0) > 1e-3
    assert (y / clean - 1)[:, strong].std() < 0.02  # 5 % an entry is averaged out

    y, x = pairs(training(), Context(CPU, 0), 32, "none", 2, 4)
    assert y.shape == (32, 16)
    assert torch.allclose(y.double(), x.double() @ R.T, rtol=1e-5)
    y, x = pairs(training(), Context(CPU, 0), 32, "matrix", 3, 4)
    assert y.shape == (96, 16)
    ratio = y.double() / (x.double() @ R.T)
    assert not torch.allclose(ratio[:32], ratio[32:64])
    single = pairs(training(), Context(CPU, 0), 1, "matrix", 1, 4)
    assert single[0].shape == (1, 16)
    assert pairs(training(), Context(CPU, 0), 32, "signal", 2, 4)[0].shape == (128, 16)


@pytest.mark.parametrize(("network", "weights"), [("mlp", MLP), ("conv", CONV)])
def test_networks_have_their_sizes_and_pytorchs_start(network, weights):
    found = initial(network, 16, 301, torch.Generator().manual_seed(0))
    assert sum(x.numel() for x in found.values()) == weights
    assert found["0.weight"].abs().max() <= 0.25
    assert found["0.weight"].std().item() == pytest.approx(0.25 / 3**0.5, rel=0.05)
    assert found["1.bias"].abs().max() <= 1 / 16
    out = forward(network, found, torch.rand(3, 16))
    assert out.shape == (3, 301)
    assert out.min() > 0
    assert out.max() < 1


def test_networks_are_those_that_pytorchs_layers_make():
    u = torch.rand(3, 16)
    w = initial("mlp", 16, 301, torch.Generator().manual_seed(0))
    sizes = [16, 256, 512, 512, 301]
    layers = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
    f = nn.Sequential(*layers[:-1], nn.Sigmoid())
    f.load_state_dict({f"{2 * int(name[0])}{name[1:]}": x for name, x in w.items()})
    assert torch.allclose(f(u), forward("mlp", w, u))
    w = initial("conv", 16, 301, torch.Generator().manual_seed(0))
    start = nn.Sequential(nn.Linear(16, 256), nn.ReLU(), nn.Linear(256, 4 * 301), nn.Unflatten(1, (4, 301)))
    over = [layer for a, b in ((4, 32), (32, 32), (32, 32)) for layer in (nn.Conv1d(a, b, 9, padding=4), nn.ReLU())]
    f = nn.Sequential(*start, *over, nn.Conv1d(32, 1, 9, padding=4), nn.Sigmoid())
    places = (0, 2, 4, 6, 8, 10)
    f.load_state_dict({f"{places[int(name[0])]}{name[1:]}": x for name, x in w.items()})
    assert torch.allclose(f(u)[:, 0], forward("conv", w, u), atol=1e-6)


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_short_training_lowers_the_loss_and_the_answer_is_scaled(network, problem):
    losses = []
    ctx = Context(CPU, 0, on_record=lambda step, seconds, points: losses.append(points["estimate"].item()))
    learnt = train(training(), ctx, batch=8, lr=2e-3, steps=60 if network == "mlp" else 20, network=network)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    x = sim2real.function(problem, context(), learnt, network=network)
    assert x.dtype == torch.float64
    assert torch.allclose(x.amax(1), torch.ones(6, dtype=torch.float64))
    assert x.min() >= 0


def test_the_ridge_map_is_the_least_squares_solution():
    """Against NumPy's on the same pairs, drawn again from the same seeds."""
    ctx = Context(CPU, 0)
    learnt = ridge_map.fit(training(), ctx, input="maximum", weight=1e-3, spectra=250, augmentation="signal")
    y, x = pairs(training(), Context(CPU, 0), 250, "signal", 2, 4)
    u = np.column_stack([normalised(y, "maximum").double().numpy(), np.ones(len(y))])
    penalty = np.diag([1e-3] * 16 + [1e-12])
    W = np.linalg.solve(u.T @ u / len(u) + penalty, u.T @ x.double().numpy() / len(u))
    assert np.allclose(learnt["map"].numpy(), W, rtol=1e-6, atol=1e-8)


def test_sim2real_beats_its_own_ablation_on_noise_after_the_small_training(problem):
    """A thirteenth of the training on `small` is enough to see it."""
    task = registry.get_task("spectral").load()
    error = {}
    for level in ("both", "none"):
        parameters = sim2real.spec.resolve("spectral", "small", {"augmentation": level, "steps": 300})
        fit = fits.learn(sim2real, task, "small", 1000, parameters, Context(CPU, 0))
        instance = task.make(task.spec.presets["small"], "tuning", 0, torch.Generator().manual_seed(0))
        error[level] = task.quality(instance, sim2real(instance.problem, context(), parameters, fit.learnt))
    assert error["both"] < 0.9 * error["none"]
