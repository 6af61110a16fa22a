"""DPS, PiGDM, ReSample, RED-diff and SITCOM: their laws on a scalar Gaussian, on [-1, 1], and their originals' loops.

The loops are written down here in the originals' own terms: x_t, alpha-bar, a network that gives epsilon, autograd.
"""

import math
from functools import partial
from itertools import pairwise

import pytest
import torch

from benchmark import operators
from benchmark.context import Context
from methods.images import _levels
from methods.images._centred import centred
from methods.images.resample import fitted
from tests.methods.images.gaussian import (
    ALPHAS,
    CPU,
    PIXELS,
    SIGMAS,
    Gaussian,
    Law,
    OwnDraws,
    assert_law,
    centre,
    constant,
    draw,
    pose,
    run,
    shrinkage,
)
from tests.methods.textbook import Adam

M, S = 0.1, 0.2  # of Gaussian(0.55, 0.1)
SHAPE = (3, 8, 8)


def clean(x, sigma):
    return M + shrinkage(S, sigma) * (x - M)


def problem_of(noise, A=None, deviation=0.1):
    """Half of the pixels of a picture from the prior."""
    draw = torch.Generator().manual_seed(3)
    A = A or operators.Mask(torch.rand(SHAPE[1:], generator=draw) < 0.5)
    x = 0.55 + 0.2 * torch.randn(A.shape, generator=draw)
    return pose(A, A(x) + noise * A.noise(draw), noise, Gaussian(0.55, deviation, A.shape))


class Original:
    """What the loops see: y on [-1, 1], a network that gives epsilon at an index, and the method's own random numbers."""

    def __init__(self, problem, indices):
        self.A, self.noise = problem.A, 2 * problem.noise
        self.y = 2 * problem.y - problem.A(torch.ones(problem.A.shape))
        self.m, self.s = centre(problem.prior.mean), 2 * problem.prior.deviation
        self.bars = [*(ALPHAS[i].item() for i in indices), 1.0]
        self.ctx = Context(CPU, 0)

    def randn(self):
        return self.ctx.randn(1, *self.A.shape)[0]

    def clean(self, x, k):
        """x_0 by way of epsilon."""
        a = self.bars[k]
        x0 = self.m + shrinkage(self.s, ((1 - a) / a) ** 0.5) * (x / a**0.5 - self.m)
        epsilon = (x - a**0.5 * x0) / (1 - a) ** 0.5
        return (x - (1 - a) ** 0.5 * epsilon) / a**0.5

    def ddim(self, x, x0, k):
        a, b = self.bars[k], self.bars[k + 1]
        return b**0.5 * x0 + (1 - b) ** 0.5 * (x - a**0.5 * x0) / (1 - a) ** 0.5

    def gradient_of_norm(self, x, k, clip):
        x = x.clone().requires_grad_()
        x0 = self.clean(x, k).clamp(-1, 1) if clip else self.clean(x, k)
        (self.A(x0) - self.y).norm().backward()
        return x.grad, x0.detach()


# --- DPS ----------------------------------------------------------------------------------------------------------------


def test_dps_is_the_original_loop():
    """With a wide prior, so that the clipping and the gradient through it matter."""
    problem, scale = problem_of(0.05, deviation=0.6), 2.0
    indices = [round(i * 999 / 29) for i in reversed(range(30))]
    o = Original(problem, indices)
    x = o.randn()
    clipped = 0
    for k in range(30):
        g, x0 = o.gradient_of_norm(x, k, clip=True)
        clipped += (x0.abs() == 1).sum().item()
        a, b = o.bars[k], o.bars[k + 1]
        beta = 1 - a / b  # the posterior of DDPM, with its variance
        mean = beta * b**0.5 / (1 - a) * x0 + (1 - b) * (1 - beta) ** 0.5 / (1 - a) * x
        noise = o.randn() if b < 1 else 0.0
        x = mean + (beta * (1 - b) / (1 - a)) ** 0.5 * noise - scale * g
    assert clipped > 100
    found, _ = run("dps", problem, steps=30, scale=scale)
    torch.testing.assert_close(centre(found), x, rtol=1e-3, atol=2e-3)


def test_dps_has_the_law_of_its_formulas():
    """Of many pixels, whose norm is that of their expectation but for a share of 1 / sqrt(2 n)."""
    a, y, scale, steps = 0.8, 0.3, 30.0, 50
    indices = [round(i * 999 / (steps - 1)) for i in reversed(range(steps))]
    sigmas, bars = [*(SIGMAS[i].item() for i in indices), 0.0], [*(ALPHAS[i].item() for i in indices), 1.0]
    law, plain = Law(0.0, 1 + sigmas[0] ** 2), Law(0.0, 1 + sigmas[0] ** 2)

    def step(sigma, after, push, x):
        x0 = clean(x, sigma)
        return x0 + (after / sigma) ** 2 * (x - x0) - push * (a * x0 - y)

    for k, (sigma, after) in enumerate(pairwise(sigmas)):
        c = shrinkage(S, sigma)
        rms = math.sqrt((a * clean(law.mean, sigma) - y) ** 2 + (a * c) ** 2 * law.variance)
        push = scale * a * c / (math.sqrt(PIXELS) * rms) / math.sqrt(bars[k] * bars[k + 1])
        fresh = after * math.sqrt(1 - (after / sigma) ** 2)
        law.move(partial(step, sigma, after, push), fresh)
        plain.move(partial(step, sigma, after, 0.0), fresh)
    found, _ = run("dps", constant(a, (y + a) / 2, 0.05), steps=steps, scale=scale)
    moved = abs(law.mean - plain.mean)
    assert moved > 0.1
    assert centre(found).mean().item() == pytest.approx(law.mean, abs=5 * math.sqrt(law.variance / PIXELS) + 0.02 * moved)
    assert centre(found).var().item() == pytest.approx(law.variance, rel=0.15)


def test_dps_without_a_push_samples_the_prior():
    """Ancestral steps at all 1000 levels, whose law is the prior's but for the schedule's first step."""
    found, _ = run("dps", constant(1.0, 0.9, 0.05), scale=0.0)
    assert_law(centre(found), Law(M, S**2))


# --- PiGDM --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("eta", [0.0, 0.2, 1.0])
def test_pigdm_has_the_law_of_its_formulas(noise, eta):
    a, y, steps, sigma_y = 0.8, 0.3, 30, max(2 * noise, 1e-4)
    sigmas = [*_levels.geometric(100.0, 0.01, steps), 0.0]

    def step(sigma, after, x):
        x0, r2 = clean(x, sigma), sigma**2 / (1 + sigma**2)
        g = shrinkage(S, sigma) * a * (y - a * x0) / (a**2 + sigma_y**2 / r2)
        return x0 + math.sqrt(1 - eta**2) * after / sigma * (x - x0) + g

    law = Law(0.0, 1 + sigmas[0] ** 2)
    for sigma, after in pairwise(sigmas):
        law.move(partial(step, sigma, after), eta * after)
    found, _ = run("pigdm", constant(a, (y + a) / 2, noise), steps=steps, eta=eta)
    assert_law(centre(found), law)


def test_pigdm_damps_the_data_by_r2():
    """One step from level 1, where r^2 is 1/2: with sigma_y = 1 the data weigh 1 / (a^2 + 2). N(0, 4) keeps 4/5 of x."""
    a, prior = 0.8, Gaussian(0.5, 1.0)
    found, _ = run("pigdm", constant(a, 0.9, 0.5, prior), steps=1, high=1.0)
    [(x, _)] = prior.asked
    x0, y = 0.8 * x[0], 2 * 0.9 - a
    torch.testing.assert_close(centre(found), x0 + 0.8 * a * (y - a * x0) / (a**2 + 2), rtol=0, atol=1e-5)


def test_pigdm_starts_no_higher_than_the_schedule():
    problem = constant(1.0, 0.6, 0.1)
    run("pigdm", problem, steps=3, high=1e6)
    assert problem.prior.asked[0][1] == pytest.approx(SIGMAS[-1].item())


# --- ReSample -----------------------------------------------------------------------------------------------------------


def least_squares(o, x, steps, lr, patience):
    """As the original: torch's AdamW on the mean square error, with its two ways to end."""
    x = x.clone().requires_grad_()
    optimiser, losses = torch.optim.AdamW([x], lr=lr), []
    for n in range(steps):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(o.A(x), o.y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        if loss < max(o.noise, 1e-3) ** 2 or (n >= patience and losses[n - patience] < losses[n]):
            break
    return x.detach()


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_resample_is_the_original_loop(noise):
    """40 steps: resampling at the indices 20 (the middle third) and 10 (the last) counted from the clean end."""
    problem, steps, gamma = problem_of(noise), 40, 0.5
    o = Original(problem, [i * 25 for i in reversed(range(steps))])
    x, travels = o.randn(), []
    for k in range(steps):
        index = steps - 1 - k
        g, x0 = o.gradient_of_norm(x, k, clip=False)
        x = o.ddim(x, x0, k) - o.bars[k] / 2 * g
        if index % 10 == 0 and 0 < index <= steps - steps // 3:
            z = x
            for j in range(k + 1, k + 6):
                x0 = o.clean(z, j)
                z = o.ddim(z, x0, j)
            middle = index >= steps // 3
            travels.append((index, middle))
            star = least_squares(o, x0, 60, 1e-2, 60) if middle else least_squares(o, x0, 30, 5e-3, 200)
            a, b = o.bars[k], o.bars[k + 1]
            s2 = gamma * (1 - b) / (1 - a) * (1 - a / b)
            mean = (s2 * b**0.5 * star + (1 - b) * x) / (s2 + 1 - b)
            x = mean + (1 / (1 / s2 + 1 / (1 - b))) ** 0.5 * o.randn()
    assert travels == [(20, True), (10, False)]
    x = least_squares(o, x, 30, 5e-3, 200)
    found, _ = run("resample", problem, steps=steps, gamma=gamma, middle_steps=60, late_steps=30)
    torch.testing.assert_close(centre(found), x, rtol=1e-3, atol=2e-3)


def test_resamples_fit_ends_at_the_noise_of_each_picture():
    problem = problem_of(0.05)
    p = centred(problem)
    starts = torch.cat([p.start(-0.9), p.start(0.0)])
    for x in fitted(centred(pose(p.A, problem.y.expand(2, *SHAPE), 0.05, problem.prior)), starts, 2000, 1e-2, 2000):
        left = (p.A(x) - p.y).square().mean().item()
        assert 0.8 * 0.1**2 < left < 0.1**2  # 0.1 on [-1, 1]; a step past it at most


def test_resamples_fit_ends_where_nothing_is_gained():
    """Two pixels of one value that are measured differently: 0.25 is left at best."""

    class Sum(operators.Identity):
        def forward(self, x):
            return x.mean((-3, -2, -1), keepdim=True).expand(x.shape)

        adjoint = forward

    A = Sum((1, 2, 2))
    y = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    p = centred(pose(A, y, 0.0, Gaussian(shape=(1, 2, 2))))
    calls = []
    A.forward = lambda x: calls.append(1) or Sum.forward(A, x)
    fitted(p, p.start(0.5), 5000, 1e-2, 20)
    assert len(calls) < 1000


# --- RED-diff -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighting", ["linear", "constant"])
def test_red_diff_is_adam_on_sums_over_one_picture(weighting):
    """For super-resolution, where means over y and over x would weigh 4 times otherwise."""
    problem, steps, weight, lr = problem_of(0.05, operators.Downsample(2, SHAPE)), 25, 0.5, 0.05
    indices = [i * 40 for i in reversed(range(steps))]
    o = Original(problem, indices)
    mu = problem.A.pinv(o.y, 0.03)
    mean, square = torch.zeros_like(mu), torch.zeros_like(mu)
    for k in range(steps):
        a, n = o.bars[k], o.randn()
        x = a**0.5 * mu + (1 - a) ** 0.5 * n
        epsilon = (x - a**0.5 * o.clean(x, k)) / (1 - a) ** 0.5
        variable = mu.clone().requires_grad_()
        w = weight * (((1 - a) / a) ** 0.5 if weighting == "linear" else 1.0)
        loss = 0.5 * (problem.A(variable) - o.y).square().sum() + w * ((epsilon - n) * variable).sum()
        [g] = torch.autograd.grad(loss, variable)
        mean, square = 0.9 * mean + 0.1 * g, 0.99 * square + 0.01 * g * g
        mu = mu - lr * mean / (1 - 0.9 ** (k + 1)) / ((square / (1 - 0.99 ** (k + 1))).sqrt() + 1e-8)
    found, _ = run("red_diff", problem, steps=steps, weight=weight, weighting=weighting, lr=lr)
    torch.testing.assert_close(centre(found), mu, rtol=1e-3, atol=1e-3)
    assert problem.prior.calls.backward == 0


def test_red_diff_ends_where_data_and_prior_balance():
    """A heavy weight and levels that end at sigma: a (a mu - y) + weight (1 - c) (mu - m) = 0."""
    a, y, weight = 0.8, 0.9, 2000.0
    found, _ = run("red_diff", constant(a, (y + a) / 2, 0.0), steps=1000, weight=weight, lr=2e-3)
    pull = weight * (1 - shrinkage(S, SIGMAS[:30])).mean().item()  # over the last levels, as Adam averages
    assert pull > 3  # so that the prior's mean wins
    balance = (a * y + pull * M) / (a**2 + pull)
    assert centre(found).mean().item() == pytest.approx(balance, abs=0.06)
    assert abs(y / a - balance) > 0.6


# --- SITCOM -------------------------------------------------------------------------------------------------------------


def sitcom(o, indices, inner, lr, pull=0.0):
    """Answer and calls of the network, forward, of the original's loop without its look at the truth."""
    z, calls = o.randn(), 0
    goal = (o.noise + 0.001) ** 2 * o.y.numel()
    for k in range(len(indices)):
        adam = Adam(z, lr)
        for n in range(inner):
            v = adam.variable()
            x0 = o.clean(v, k).clamp(-1, 1)
            calls += 1
            left = (o.A(x0) - o.y).norm()
            if left**2 < goal or n == inner - 1:
                break
            loss = (left**2 if o.noise else left) + pull * (v - z).square().sum()
            adam.step(torch.autograd.grad(loss, v)[0])
        x0 = x0.detach()
        if k + 1 < len(indices):
            b = o.bars[k + 1]
            z = b**0.5 * x0 + (1 - b) ** 0.5 * o.randn()
    return x0, calls


@pytest.mark.parametrize(("noise", "pull"), [(0.0, 0.0), (0.05, 0.0), (0.05, 0.3)])
def test_sitcom_is_the_original_loop_without_its_look_at_the_truth(noise, pull):
    problem, steps, inner, lr = problem_of(noise), 5, 12, 0.1
    indices = [i * 200 for i in reversed(range(steps))]
    expected, calls = sitcom(Original(problem, indices), indices, inner, lr, pull)
    found, _ = run("sitcom", problem, steps=steps, inner=inner, lr=lr, pull=pull)
    torch.testing.assert_close(centre(found), expected, rtol=1e-3, atol=2e-3)
    assert problem.prior.calls.forward == calls
    assert problem.prior.calls.backward == calls - steps  # none for what is only looked at


def test_sitcom_stops_when_the_noise_explains_what_is_left():
    problem = problem_of(0.05)
    run("sitcom", problem, steps=5, inner=30, lr=0.3)
    assert 5 < problem.prior.calls.forward < 5 * 30
    loud = problem_of(0.05)
    loud = pose(loud.A, loud.y, 1.0, loud.prior)
    run("sitcom", loud, steps=5, inner=30)
    assert (loud.prior.calls.forward, loud.prior.calls.backward) == (5, 0)


def test_sitcom_moves_no_picture_of_a_batch_that_is_explained():
    """The first is sooner than the second, after steps that leave it a momentum."""
    problems = [problem_of(0.05), problem_of(0.05)]
    near = problems[0].prior.mean * torch.ones(SHAPE)
    ys = torch.stack([problems[0].A(near) + 0.08 * problems[0].A.noise(draw(5)), problems[1].y])
    given = {"steps": 5, "inner": 12, "lr": 0.1}
    alone = []
    for number, problem in enumerate(problems):
        one = pose(problem.A, ys[number], 0.05, problem.prior)
        alone.append(run("sitcom", one, ctx=OwnDraws([number]), **given)[0])
    few, many = (problem.prior.calls.forward for problem in problems)
    assert 5 < few < many
    both, _ = run("sitcom", pose(problems[0].A, ys, 0.05, problems[0].prior), ctx=OwnDraws([0, 1]), **given)
    torch.testing.assert_close(both, torch.stack(alone), rtol=1e-3, atol=1e-3)


def test_sitcom_without_steps_has_the_law_of_its_renoising():
    law = Law(0.0, 1.0)
    bars = [ALPHAS[i].item() for i in range(900, -1, -100)]
    for k, a in enumerate(bars):
        if k:
            law.move(lambda x, a=a: math.sqrt(a) * x, math.sqrt(1 - a))
        law.move(lambda x, a=a: clean(x / math.sqrt(a), math.sqrt((1 - a) / a)))
    found, _ = run("sitcom", constant(1.0, 0.9, 0.05), steps=10, inner=1)
    assert_law(centre(found), law)
