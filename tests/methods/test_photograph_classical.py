"""The classical methods on photographs against what their headers say."""

import numpy as np
import pytest
import pywt
import torch
from PIL import Image
from skimage import color, restoration

from benchmark import contracts, operators, registry
from benchmark.context import Context
from benchmark.datasets import photographs
from benchmark.problems import LinearInverse
from methods.images.wiener import laplacian

NOISE = 0.1


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(size=32, name="coffee"):
    return photographs.square(photographs.named(name), size)


def pose(A, x, noise=0.0):
    return LinearInverse(A=A, y=A(x) + noise * A.noise(draw()), noise=noise, value_range=(0.0, 1.0))


def noisy(size=32):
    return pose(operators.Identity((3, size, size)), picture(size), NOISE)


def solve(name, problem, points=None, **given):
    record = (
        (lambda step, seconds, estimates: points.append(estimates["estimate"].clone()))
        if points is not None
        else lambda *_: None
    )
    ctx = Context(torch.device("cpu"), 0, on_record=record)
    method = registry.get_method(name)
    return problem.check(method.load()(problem, ctx, method.spec.parameters(**given).model_dump()))


# --- total variation ----------------------------------------------------------------------------------------------------


def total_variation(problem, x, weight):
    edges = sum((x - x.roll(1, axis)).abs().sum().item() for axis in (-2, -1))
    return (problem.A(x) - problem.y).square().sum().item() / 2 + weight * edges


@pytest.mark.parametrize(
    ("A", "noise"),
    [
        pytest.param(operators.Identity((3, 32, 32)), 0.1, marks=pytest.mark.long),
        (operators.Mask(torch.rand(32, 32, generator=draw()) < 0.5), 0.05),
        pytest.param(operators.Downsample(2, (3, 32, 32)), 0.05, marks=pytest.mark.long),
    ],
    ids=["denoising", "inpainting", "super_resolution"],
)
def test_tv_reaches_the_least_value_of_its_objective_whatever_its_balance(A, noise):
    problem, weight = pose(A, picture(), noise), 0.05
    values = {
        balance: [
            total_variation(problem, solve("tv", problem, weight=weight, steps=n, balance=balance), weight)
            for n in (1, 10, 100, 3000)
        ]
        for balance in (0.1, 0.5)
    }
    for descending in values.values():
        assert descending == sorted(descending, reverse=True)
        assert descending[-1] < total_variation(problem, picture(), weight)
    ends = [descending[-1] for descending in values.values()]
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)
    assert values[0.1][1] != pytest.approx(values[0.5][1], rel=0.02)  # the way there does depend on it


def test_no_step_away_from_tv_lowers_its_objective():
    problem, weight = noisy(16), 0.05
    x = solve("tv", problem, weight=weight, steps=3000)
    least = total_variation(problem, x, weight)
    for seed in range(20):
        away = torch.randn(x.shape, generator=draw(seed))
        for size in (1e-3, 1e-2):
            assert total_variation(problem, x + size * away, weight) > least
    for other in (0.95 * weight, 1.05 * weight):
        assert total_variation(problem, solve("tv", problem, weight=other, steps=3000), weight) > least


def test_a_heavy_weight_leaves_tv_the_mean_of_each_channel():
    problem = noisy(16)
    x = solve("tv", problem, weight=10.0, steps=3000, balance=1.0)
    torch.testing.assert_close(x, problem.y.mean((1, 2), keepdim=True).expand_as(x), rtol=0, atol=1e-3)


def test_tv_records_each_step():
    points = []
    x = solve("tv", noisy(), points, steps=30)
    assert len(points) == 30
    assert torch.equal(points[-1], x)
    assert not torch.equal(points[0], points[1])


# --- denoising ----------------------------------------------------------------------------------------------------------


def test_nl_means_is_scikit_images():
    problem = noisy()
    y = problem.y.numpy().transpose(1, 2, 0)
    for strength, patch, distance in ((0.8, 5, 6), (0.5, 3, 4)):
        theirs = restoration.denoise_nl_means(
            y, patch, distance, strength * NOISE, fast_mode=True, sigma=NOISE, channel_axis=-1
        ).transpose(2, 0, 1)
        found = solve("nl_means", problem, strength=strength, patch=patch, distance=distance)
        torch.testing.assert_close(found, torch.from_numpy(theirs.copy()), rtol=0, atol=1e-6)
    assert problem.y.equal(noisy().y)


def test_nl_means_averages_what_looks_alike_and_keeps_an_edge():
    x = torch.zeros(3, 32, 32)
    x[:, :, 16:] = 1
    problem = pose(operators.Identity((3, 32, 32)), x, 0.05)
    error = (solve("nl_means", problem) - x).square().mean((0, 1)).sqrt()
    assert error.max() < 0.03  # in the columns beside the edge too
    assert error.mean() < 0.01


@pytest.mark.parametrize(("wave", "levels"), [("haar", 2), ("db2", 3)])
def test_wavelet_shrinks_each_band_of_each_colour_by_bayes(wave, levels):
    """The formula of the header by hand, in the colours of the transform without its offsets."""
    problem = noisy()
    to = color.rgb2ycbcr(np.eye(3)[None])[0].T - color.rgb2ycbcr(np.zeros((1, 1, 3)))[0].T  # (3 colours, RGB)
    mixed = np.einsum("cr,rhw->chw", to, problem.y.clamp(0, 1).double().numpy())
    shrunk = []
    for channel, row in zip(mixed, to, strict=True):
        variance = (NOISE * np.linalg.norm(row)) ** 2
        coarse, *bands = pywt.wavedec2(channel, wave, level=levels)
        soft = []
        for level in bands:
            excess = [max((band**2).mean() - variance, 1e-6) for band in level]
            soft.append(tuple(pywt.threshold(b, variance / e**0.5, "soft") for b, e in zip(level, excess, strict=True)))
        shrunk.append(pywt.waverec2([coarse, *soft], wave))
    expected = np.einsum("rc,chw->rhw", np.linalg.inv(to), np.stack(shrunk))
    found = solve("wavelet", problem, wave=wave, levels=levels)
    torch.testing.assert_close(found, torch.from_numpy(expected).float(), rtol=0, atol=2e-3)
    assert (found - problem.y.clamp(0, 1)).abs().max() > 0.1


# --- inpainting ---------------------------------------------------------------------------------------------------------


def test_biharmonic_keeps_what_is_seen_and_fills_the_rest():
    x = picture()
    seen = torch.rand(32, 32, generator=draw()) < 0.4
    problem = pose(operators.Mask(seen), x, 0.02)
    found = solve("biharmonic", problem)
    assert torch.equal(found[:, seen], problem.y[:, seen])
    theirs = restoration.inpaint_biharmonic(problem.y.numpy().transpose(1, 2, 0), (~seen).numpy(), channel_axis=-1)
    torch.testing.assert_close(found, torch.from_numpy(theirs.transpose(2, 0, 1).copy()), rtol=0, atol=1e-5)
    assert (found - x)[:, ~seen].abs().mean() < 0.5 * x[:, ~seen].abs().mean()


def test_biharmonic_continues_a_slope_exactly_in_each_channel():
    y, x = torch.meshgrid(torch.linspace(0, 1, 32), torch.linspace(0, 1, 32), indexing="ij")
    slopes = torch.stack([x, 1 - y, (x + y) / 2])
    seen = torch.ones(32, 32, dtype=torch.bool)
    seen[10:20, 8:17] = False
    torch.testing.assert_close(solve("biharmonic", pose(operators.Mask(seen), slopes)), slopes, rtol=0, atol=1e-5)


# --- deblurring ---------------------------------------------------------------------------------------------------------


def shake():
    """A kernel without symmetry, wide enough to matter."""
    return operators.motion_kernel(7, 5.0, 60.0, 0.3)


def test_wiener_without_blur_returns_y():
    delta = torch.zeros(5, 5)
    delta[2, 2] = 1
    problem = pose(operators.Blur(delta, (3, 32, 24)), torch.rand(3, 32, 24, generator=draw()), 0.05)
    torch.testing.assert_close(solve("wiener", problem, balance=1e-9), problem.y, rtol=0, atol=1e-5)


def test_wiener_is_its_formula_where_the_picture_is_periodic():
    """Reflected once, a picture and a symmetric blur of it are periodic, and the minimum is the quotient of transforms."""
    kernel = operators.gaussian_kernel(5, 1.0)
    x = picture()
    A = operators.Blur(kernel, (3, 32, 32))
    problem = pose(A, x, 0.01)
    inner = slice(8, 24)
    whole = np.pad(problem.y.double().numpy(), ((0, 0), (16, 16), (16, 16)), mode="symmetric")

    def transform(small):
        large = np.zeros(whole.shape[1:])
        large[: len(small), : len(small)] = small
        return np.fft.fft2(np.roll(large, (-(len(small) // 2), -(len(small) // 2)), (0, 1)))

    K, L = transform(kernel.double().numpy()), transform([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    X = np.conj(K) * np.fft.fft2(whole) / (np.abs(K) ** 2 + 0.02 * np.abs(L) ** 2)
    expected = np.fft.ifft2(X).real[:, 16:-16, 16:-16][:, inner, inner]
    found = solve("wiener", problem, balance=0.02)[:, inner, inner]
    torch.testing.assert_close(found, torch.from_numpy(expected).float(), rtol=0, atol=5e-3)


def test_wiener_solves_its_normal_equations():
    A = operators.Blur(shake(), (3, 16, 12))
    problem = pose(A, torch.rand(3, 16, 12, generator=draw()), 0.05)
    found = solve("wiener", problem, balance=0.02)
    slope = A.H(A(found) - problem.y) + 0.02 * laplacian(laplacian(found))
    assert slope.norm() < 2e-4 * A.H(problem.y).norm()
    x, y = (torch.rand(3, 16, 12, generator=draw(seed)) for seed in (1, 2))
    torch.testing.assert_close((laplacian(x) * y).sum(), (x * laplacian(y)).sum(), rtol=1e-4, atol=1e-4)
    assert laplacian(torch.ones(3, 5, 4)).abs().max() == 0


def test_wiener_sharpens_a_long_motion_blur():
    """The border of a periodic transform spoils such a picture: it came out worse than it went in."""
    A = operators.Blur(operators.motion_kernel(31, 24.0, 30.0, 0.15), (3, 96, 96))
    x = picture(96)
    problem = pose(A, x, 0.01)
    assert (solve("wiener", problem, balance=1e-2) - x).square().mean() < 0.5 * (problem.y - x).square().mean()


def test_richardson_lucy_is_scikit_images_where_the_picture_is_black_at_its_edges():
    kernel, x = shake(), torch.zeros(3, 64, 64)
    x[:, 20:44, 20:44] = 0.1 + 0.9 * picture(24)
    problem = pose(operators.Blur(kernel, (3, 64, 64)), x)
    found = solve("richardson_lucy", problem, steps=20)
    theirs = [
        restoration.richardson_lucy(channel, kernel.double().numpy(), num_iter=20, clip=False)
        for channel in problem.y.clamp_min(1e-4).double().numpy()
    ]
    inside = (slice(None), slice(18, 46), slice(18, 46))
    torch.testing.assert_close(found[inside], torch.from_numpy(np.stack(theirs)).float()[inside], rtol=0, atol=2e-3)
    assert (found - x)[inside].square().mean() < 0.3 * (problem.y - x)[inside].square().mean()


def test_richardson_lucy_stays_positive_and_records_each_step():
    problem, points = pose(operators.Blur(shake(), (3, 32, 32)), picture(name="rocket"), 0.1), []
    assert problem.y.min() < 0
    found = solve("richardson_lucy", problem, points, steps=25)
    assert len(points) == 25
    assert torch.equal(points[-1], found)
    assert min(point.min() for point in points) >= 0
    first = points[0] * 0 + 0.5
    by_hand = first * problem.A.H(problem.y.clamp_min(1e-4) / problem.A(first)) / problem.A.H(torch.ones_like(first))
    torch.testing.assert_close(points[0], by_hand, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("preset", registry.get_task("deblurring").spec.presets)
def test_richardson_lucy_is_finite_with_the_kernel_of_each_preset(preset):
    """Some kernels never look at a corner: A^H 1 is 0 there."""
    given = registry.get_task("deblurring").spec.presets[preset]
    kernel = (
        operators.gaussian_kernel(given.side, given.sigma)
        if given.kernel == "gaussian"
        else operators.motion_kernel(given.side, given.length, given.angle, given.bend)
    )
    x = picture(64)
    problem = pose(operators.Blur(kernel, tuple(x.shape)), x, given.noise)
    found = solve("richardson_lucy", problem, steps=10)  # checked to be finite
    assert (found - x).square().mean() < (problem.y - x).square().mean()


# --- super-resolution ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kernel"), [("bicubic", Image.Resampling.BICUBIC), ("lanczos", Image.Resampling.LANCZOS)])
@pytest.mark.parametrize("factor", [2, 4])
def test_interpolation_is_pillows(name, kernel, factor):
    A = operators.Downsample(factor, (3, 24, 32))
    problem = pose(A, torch.rand(3, 24, 32, generator=draw()), 0.01)
    found = solve(name, problem)
    for channel in range(3):
        theirs = Image.fromarray(problem.y[channel].numpy()).resize((32, 24), kernel)
        assert np.array_equal(found[channel].numpy(), np.asarray(theirs))
    flat = pose(A, torch.full((3, 24, 32), 0.3))
    torch.testing.assert_close(solve(name, flat), torch.full((3, 24, 32), 0.3), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "h"),
    [
        ("bicubic", lambda t: np.where(t < 1, 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2) * (t < 2)),
        ("lanczos", lambda t: np.sinc(t) * np.sinc(t / 3) * (t < 3)),
    ],
)
def test_interpolation_is_its_formula(name, h):
    A = operators.Downsample(4, (3, 48, 48))
    problem = pose(A, picture(48))
    places = (np.arange(48) + 0.5) / 4 - 0.5
    weights = h(np.abs(places[:, None] - np.arange(12)))
    weights = weights / weights.sum(1, keepdims=True)
    expected = weights @ problem.y.double().numpy() @ weights.T
    torch.testing.assert_close(solve(name, problem), torch.from_numpy(expected).float(), rtol=0, atol=1e-5)


# --- all of them --------------------------------------------------------------------------------------------------------

FITTING = [
    (task, method.spec.name)
    for task in ("inpainting", "denoising", "deblurring", "super_resolution")
    for method in registry.methods().values()
    if method.spec.kind == "classical" and not method.spec.misfit(registry.get_task(task).spec)
]


@pytest.mark.parametrize(("task", "method"), FITTING)
def test_classical_methods_beat_the_raw_measurements(task, method):
    """By what they are set to there: against y itself, and in super-resolution against the enlarged y (bicubic)."""
    pair = contracts.Pair(registry.get_method(method), registry.get_task(task))
    instance = pair.make()
    raw = instance.problem.y
    if task == "super_resolution":
        raw = solve("bicubic", instance.problem)
    quality = pair.problems.quality(instance, pair.solve(instance, pair.context(0, Context)))
    if task == "super_resolution" and method in ("bicubic", "l1_wavelet"):  # the reference, and one that is behind it
        assert quality > pair.problems.quality(instance, instance.problem.A.H(instance.problem.y)) + 5
    else:
        assert quality > pair.problems.quality(instance, raw)


def test_every_task_has_its_methods():
    assert {("inpainting", "biharmonic"), ("denoising", "nl_means"), ("denoising", "wavelet")} < set(FITTING)
    assert {("deblurring", "wiener"), ("deblurring", "richardson_lucy")} < set(FITTING)
    assert {("super_resolution", "bicubic"), ("super_resolution", "lanczos")} < set(FITTING)
    assert {task for task, method in FITTING if method == "tv"} == {task for task, _ in FITTING}
