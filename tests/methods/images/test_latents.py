"""DCDP, ReSample and PSLD in the latents of an autoencoder.

Where it is an orthogonal map, latents are pictures in other coordinates, and a loop in them is the loop in pixels. Where its
decoder bends, so that the encoder does not undo it, the loops are the originals', written down here in their own terms.
"""

import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch

from benchmark import operators
from benchmark.context import Context
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.prior import Calls
from benchmark.priors.schedule import linear
from tests.benchmark.priors import made_up
from tests.methods.images.gaussian import ALPHAS, CPU, Gaussian, OwnDraws, centre, draw, pose, run, shrinkage
from tests.methods.images.test_solvers import SOLVERS

SHAPE, LATENT = (3, 8, 8), (12, 4, 4)
N = 192


class Bent:
    """Enc(x) = Q^T x, Dec(z) = Q (z + bend sin z); a latent is `scale` times what the two hold between them."""

    def __init__(self, Q, bend, scale=0.5):
        self.Q, self.bend, self.scale = Q, bend, scale
        self.config = SimpleNamespace(scaling_factor=scale)

    def encode(self, x):
        return SimpleNamespace(latents=(x.flatten(1) @ self.Q / self.scale).view(-1, *LATENT))

    def decode(self, latents):
        z = latents * self.scale
        return SimpleNamespace(sample=((z + self.bend * z.sin()).flatten(1) @ self.Q.T).view(-1, *SHAPE))


class Turned(LatentPrior):
    """The latents of a Gaussian's pictures under Q."""

    def __init__(self, Q, bend=0.0, deviation=0.1):
        self.Q, self.inner, self.autoencoder = Q, Gaussian(0.55, deviation, SHAPE), Bent(Q, bend)
        self.shape, self.picture_shape, self.value_range = LATENT, SHAPE, (-1.0, 1.0)
        self.schedule, self.calls = linear(), Calls()

    def _denoise(self, x, sigma, condition):
        found = self.inner._denoise((x.flatten(1) @ self.Q.T).view(-1, *SHAPE), sigma, None)
        return (found.flatten(1) @ self.Q).view(-1, *LATENT)


class TurnedDraws(Context):
    """Of latents those numbers that make a picture's noise."""

    def __init__(self, Q):
        super().__init__(CPU, 0)
        self.Q = Q

    def randn(self, *shape, dtype=torch.float32):
        if shape[1:] == SHAPE:
            return super().randn(*shape, dtype=dtype)
        return (super().randn(shape[0], *SHAPE, dtype=dtype).flatten(1) @ self.Q).view(shape)


def rotation():
    return torch.linalg.qr(torch.randn(N, N, generator=draw(7))).Q


def reordering():
    """Pixels in another order, some with the other sign: Adam does the same in both coordinates."""
    signs = torch.where(torch.rand(N, generator=draw(8)) < 0.5, -1.0, 1.0)
    return torch.eye(N)[torch.randperm(N, generator=draw(9))] * signs


HALF = operators.Mask(torch.rand(8, 8, generator=draw(2)) < 0.5)


def problem_of(prior, noise=0.0, A=None, seed=3, deviation=0.1):
    """A picture, by default from the prior. Its range is the task's, [0, 1]."""
    A = A or operators.Blur(operators.gaussian_kernel(3, 0.7), SHAPE)
    x = 0.55 + deviation * torch.randn(SHAPE, generator=draw(seed))
    y = A(x) + noise * A.noise(draw(seed + 1))
    return dataclasses.replace(pose(A, y, noise, prior), value_range=(0.0, 1.0))


def both(name, noise, Q, latent, pixel, A=None):
    """The answers in latents and in pixels, and the calls of both priors."""
    problems = [problem_of(prior, noise, A) for prior in (Turned(Q), Gaussian(0.55, 0.1, SHAPE))]
    found = [run(name, one, ctx=TurnedDraws(Q), **given)[0] for one, given in zip(problems, (latent, pixel), strict=True)]
    return found, [one.prior.calls for one in problems]


# --- an orthogonal autoencoder ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_dcdp_with_its_data_phase_in_pixels_is_dcdp(noise):
    given = {"rounds": 4, "inner": 6, "step": 0.9, "start": 200, "end": 20, "version": "tweedie"}
    found, calls = both("dcdp", noise, rotation(), given | {"space": "encoded"}, given)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)
    assert calls[0] == calls[1]


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_resample_is_resample(noise):
    given = {"steps": 40, "gamma": 20.0, "middle_steps": 60, "late_steps": 30}
    found, calls = both("resample", noise, reordering(), given | {"space": "latent"}, given, HALF)
    torch.testing.assert_close(*found, rtol=1e-3, atol=2e-3)
    assert calls[0] == calls[1]


@pytest.mark.parametrize("A", [HALF, operators.Downsample(2, SHAPE)])
def test_psld_is_its_control(A):
    given = {"steps": 40, "fit": 0.3, "glue": 0.2}
    found, calls = both("psld", 0.05, rotation(), given | {"space": "latent"}, given | {"space": "pixel"}, A)
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-3)
    assert calls[0] == calls[1] == Calls(40, 40)


def test_psld_without_glue_is_dps_without_fresh_noise_and_clipping():
    """eta 0: the gradient of one norm, at each step."""
    problem = problem_of(Gaussian(0.55, 0.1, SHAPE), 0.05)
    found, _ = run("psld", problem, steps=40, fit=0.3, glue=0.0, space="pixel")
    given = {"steps": 40, "fit": 0.3, "glue": 0.2, "space": "pixel"}
    assert not torch.allclose(run("psld", problem, **given)[0], found, atol=1e-3)
    o = Original(problem, [i * 25 for i in reversed(range(40))], encode=torch.clone, decode=torch.clone)
    x = o.draw(SHAPE)
    for k in range(40):
        z = x.clone().requires_grad_()
        x0 = o.clean(z, k)
        (0.3 * (o.A(x0) - o.y).norm()).backward()
        x = o.ddim(x, x0.detach(), k) - z.grad
    torch.testing.assert_close(centre(found), x, rtol=1e-3, atol=1e-3)


# --- the originals ------------------------------------------------------------------------------------------------------


class Original:
    """What the loops see: y on [-1, 1], alpha-bar, a network that gives epsilon, first stage, and random numbers in turn."""

    def __init__(self, problem, indices, encode=None, decode=None):
        self.problem, self.A, self.noise = problem, problem.A, 2 * problem.noise
        self.y = 2 * problem.y - problem.A(torch.ones(SHAPE))
        self.bars = [*(ALPHAS[i].item() for i in indices), 1.0]
        self.encode = encode or (lambda x: problem.prior.encode(x[None])[0])
        self.decode = decode or (lambda z: problem.prior.decode(z[None])[0])
        self.ctx = Context(CPU, 0)

    def draw(self, shape=LATENT):
        return self.ctx.randn(1, *shape)[0]

    def epsilon(self, z, a):
        sigma = torch.tensor([((1 - a) / a) ** 0.5])
        prior = self.problem.prior
        if z.shape == SHAPE:
            m, s = centre(prior.mean), 2 * prior.deviation
            x0 = m + shrinkage(s, sigma.item()) * (z / a**0.5 - m)
        else:
            x0 = prior._denoise(z[None] / a**0.5, sigma, None)[0]
        return (z - a**0.5 * x0) / (1 - a) ** 0.5

    def clean(self, z, k):
        a = self.bars[k]
        return (z - (1 - a) ** 0.5 * self.epsilon(z, a)) / a**0.5

    def ddim(self, z, x0, k):
        a, b = self.bars[k], self.bars[k + 1]
        return b**0.5 * x0 + (1 - b) ** 0.5 * (z - a**0.5 * x0) / (1 - a) ** 0.5

    def fit(self, start, forward, optimiser, steps, patience=0):
        """Torch's optimiser on the mean square error of A(forward(x)); with patience it ends early, as in ReSample."""
        x = start.detach().clone().requires_grad_()
        optimiser, losses = optimiser([x]), []
        for n in range(steps):
            optimiser.zero_grad()
            loss = torch.nn.functional.mse_loss(self.A(forward(x)), self.y)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            if patience and (loss < max(self.noise, 1e-3) ** 2 or (n >= patience and losses[n - patience] < losses[n])):
                break
        return x.detach()


def dcdp(o, times, inner, alpha, ddim_steps, space):
    """The repository's loop, `full_ddim` where ddim_steps is not 1: pictures before and after the last purification."""
    z = o.draw() if space == "latent" else None
    x = torch.zeros(SHAPE)
    rate = alpha * o.y.numel() / 2

    def sgd(given):
        return torch.optim.SGD(given, lr=rate, momentum=0.9)

    for t in times:
        if space == "latent":
            z = o.fit(z, o.decode, sgd, inner)
            before = o.decode(z)
            z = o.encode(o.decode(z))
        else:
            before = o.fit(x, torch.clone, sgd, inner)
            z = o.encode(before)
        a = ALPHAS[t - 1].item()
        z = a**0.5 * z + (1 - a) ** 0.5 * o.draw()
        indices = [t - 1]
        if ddim_steps > 1:
            count = min(t, ddim_steps)  # linspace over 1 .. t - 1, the same step twice where there are not so many
            indices = sorted({round(i / max(1, count - 1) * (t - 2)) + 1 for i in range(count)} if t > 1 else {1}, reverse=True)
        for i, after in zip(indices, [*indices[1:], None], strict=True):
            a, b = ALPHAS[i].item(), 1.0 if after is None else ALPHAS[after].item()
            e = o.epsilon(z, a)
            z = b**0.5 * (z - (1 - a) ** 0.5 * e) / a**0.5 + (1 - b) ** 0.5 * e
        x = o.decode(z)
    return before, x


@pytest.mark.parametrize("space", ["latent", "encoded"])
@pytest.mark.parametrize(("ddim_steps", "times"), [(1, [150, 75, 1]), (6, [150, 75, 1]), (6, [9, 5, 1])])
@pytest.mark.parametrize("output", ["data", "prior"])
def test_dcdp_is_the_original_loop_of_latents(space, ddim_steps, times, output):
    """It encodes anew, starts at noise in latents and grey in pixels, ends at index 1 and clips nothing: the prior is wide."""
    problem = problem_of(Turned(rotation(), bend=0.4, deviation=0.8), deviation=0.5)
    given = {"rounds": 3, "inner": 7, "step": 0.3, "start": times[0], "end": 0, "ddim_steps": ddim_steps}
    before, after = dcdp(Original(problem, []), times, 7, 0.3, ddim_steps, space)
    version = "tweedie" if ddim_steps == 1 else "ddim"
    found, points = run("dcdp", problem, version=version, output=output, space=space, **given)
    torch.testing.assert_close(centre(found), before if output == "data" else after, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(centre(points[-1]["data"]), before, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(centre(points[-1]["prior"]), after, rtol=1e-3, atol=1e-3)
    assert after.abs().max() > 1.5


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_resample_is_the_original_loop_of_latents(noise):
    """The picture is fitted in the middle third, the latent in the last and at the end."""
    problem, steps, gamma = problem_of(Turned(rotation(), bend=0.4), noise, HALF), 40, 20.0
    o = Original(problem, [i * 25 for i in reversed(range(steps))])

    def adam(rate):
        return lambda given: torch.optim.AdamW(given, lr=rate)

    z, travels = o.draw(), []
    for k in range(steps):
        index = steps - 1 - k
        v = z.clone().requires_grad_()
        x0 = o.clean(v, k)
        (o.A(o.decode(x0)) - o.y).norm().backward()
        z = o.ddim(z, x0.detach(), k) - o.bars[k] / 2 * v.grad
        if index % 10 == 0 and 0 < index <= steps - steps // 3:
            w = z
            for j in range(k + 1, k + 6):
                x0 = o.clean(w, j)
                w = o.ddim(w, x0, j)
            if index >= steps // 3:
                travels.append("picture")
                star = o.encode(o.fit(o.decode(x0), torch.clone, adam(1e-2), 60, 60))
            else:
                travels.append("latent")
                star = o.fit(x0, o.decode, adam(5e-3), 30, 200)
            a, b = o.bars[k], o.bars[k + 1]
            s2 = gamma * (1 - b) / (1 - a) * (1 - a / b)
            z = (s2 * b**0.5 * star + (1 - b) * z) / (s2 + 1 - b) + (1 / (1 / s2 + 1 / (1 - b))) ** 0.5 * o.draw()
    assert travels == ["picture", "latent"]
    expected = o.decode(o.fit(z, o.decode, adam(5e-3), 30, 200))
    found, _ = run("resample", problem, steps=steps, gamma=gamma, middle_steps=60, late_steps=30, space="latent")
    torch.testing.assert_close(centre(found), expected, rtol=1e-3, atol=2e-3)


def test_psld_is_the_original_loop_with_a_projector():
    """For super-resolution, where A^T A does not project: A^+ A does. No noise is added to A x."""
    problem, steps, fit, glue = problem_of(Turned(rotation(), bend=0.4), 0.05, operators.Downsample(2, SHAPE)), 30, 0.3, 0.2
    matrix = problem.A(torch.eye(N).view(N, *SHAPE)).flatten(1).T
    U, s, Vt = torch.linalg.svd(matrix, full_matrices=False)
    plus = Vt.T @ torch.where(s > 0.03, 1 / s, 0.0).diag() @ U.T
    assert not torch.allclose(matrix.T @ matrix @ matrix.T @ matrix, matrix.T @ matrix, atol=1e-3)
    o = Original(problem, [i * 1000 // steps for i in reversed(range(steps))])
    z = o.draw()
    for k in range(steps):
        v = z.clone().requires_grad_()
        z0 = o.clean(v, k)
        x = o.decode(z0)
        agreeing = plus @ o.y.flatten() + x.flatten() - plus @ (matrix @ x.flatten())
        (fit * (o.A(x) - o.y).norm() + glue * (o.encode(agreeing.view(SHAPE)) - z0).norm()).backward()
        z = o.ddim(z, z0.detach(), k) - v.grad
    found, _ = run("psld", problem, steps=steps, fit=fit, glue=glue)
    torch.testing.assert_close(centre(found), o.decode(z), rtol=1e-3, atol=1e-3)


# --- what they promise --------------------------------------------------------------------------------------------------

LATENTS = {
    "dcdp": ({"space": "latent", "rounds": 3, "inner": 4, "step": 0.3, "start": 200}, 20 + 20 + 1),
    "dcdp encoded": ({"space": "encoded", "rounds": 3, "inner": 4, "step": 1.0, "start": 200}, 20 + 20 + 1),
    "resample": ({"space": "latent", "steps": 30, "middle_steps": 8, "late_steps": 8}, 30 + 5 * 2),
    "psld": ({"steps": 20}, 20),
}
CASES = [pytest.param(name.split()[0], given, calls, id=name) for name, (given, calls) in LATENTS.items()]


@pytest.mark.parametrize(("name", "given", "calls"), CASES)
def test_a_picture_of_a_batch_is_solved_as_if_it_were_alone(name, given, calls):
    """Norms are of one picture; the second is farther from the prior."""
    problems = [problem_of(Turned(rotation(), bend=0.2), 0.02, seed=seed) for seed in (3, 5)]
    problems[1] = dataclasses.replace(problems[1], y=3 * problems[1].y - 1.2)
    alone = [run(name, problem, ctx=OwnDraws([seed]), **given)[0] for seed, problem in enumerate(problems)]
    both = dataclasses.replace(problems[0], y=torch.stack([problem.y for problem in problems]))
    found, points = run(name, both, ctx=OwnDraws([0, 1]), **given)
    torch.testing.assert_close(found, torch.stack(alone), rtol=1e-3, atol=1e-3)
    assert torch.equal(points[-1]["estimate"], found)
    assert problems[0].prior.calls.forward == calls + 2 * calls


@pytest.mark.parametrize(("name", "given", "calls"), CASES)
def test_the_scale_of_the_task_does_not_matter(name, given, calls):
    """Latents keep theirs."""
    problem = problem_of(Turned(rotation(), bend=0.2), 0.02)
    wide = dataclasses.replace(problem, y=2 * problem.y - problem.A(torch.ones(SHAPE)), noise=0.04, value_range=(-1.0, 1.0))
    torch.testing.assert_close(2 * run(name, problem, **given)[0] - 1, run(name, wide, **given)[0], rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(("name", "given", "calls"), CASES)
def test_a_pipeline_of_diffusers_will_do(tmp_path, name, given, calls):
    prior = load(made_up.latent(tmp_path))
    A = operators.Mask(torch.rand(16, 16, generator=draw()) < 0.5)
    y = A(torch.rand(3, 16, 16, generator=draw(1)))
    problem = dataclasses.replace(pose(A, y, 0.02, prior), value_range=(0.0, 1.0))
    given = {key: min(value, 4) if key == "steps" else value for key, value in given.items()}
    found, points = run(name, problem, **given | {"start": 50} if name == "dcdp" else given)
    assert torch.isfinite(problem.check(found)).all()
    assert points
    assert prior.calls.forward > 0


@pytest.mark.parametrize(("name", "given", "calls"), CASES)
def test_a_prior_of_pictures_or_none_is_refused(name, given, calls):
    problem = problem_of(Gaussian(0.55, 0.1, SHAPE))
    with pytest.raises(ValueError, match="needs a prior of an autoencoder's latents; this one is of pictures themselves"):
        run(name, problem, **given)
    with pytest.raises(ValueError, match="needs a diffusion prior, and this problem holds none"):
        run(name, dataclasses.replace(problem, prior=None), **given)


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_in_pixels_refuse_a_prior_of_latents(name):
    given = {"space": "pixel"} if name in ("dcdp", "resample", "psld") else {}
    with pytest.raises(ValueError, match="needs a prior of pictures themselves; this one is of an autoencoder's latents"):
        run(name, problem_of(Turned(rotation())), **given)


def test_latents_of_other_pictures_are_refused():
    prior = Turned(rotation())
    prior.picture_shape = (3, 16, 16)
    with pytest.raises(ValueError, match=r"for pictures of \(3, 16, 16\), and these are \(3, 8, 8\)"):
        run("dcdp", problem_of(prior), space="latent")


def test_a_jump_in_latents_is_refused():
    with pytest.raises(ValueError, match="needs a prior that gives a clean picture at one jump"):
        run("dcdp", problem_of(Turned(rotation())), space="latent", version="consistency")


def test_steps_in_pixels_are_checked_and_steps_in_latents_are_not():
    problem = problem_of(Turned(rotation()))
    with pytest.raises(ValueError, match="step 4 is too large"):
        run("dcdp", problem, space="encoded", step=4.0)
    run("dcdp", problem, space="latent", step=4.0, rounds=1, inner=1)


def test_phase_retrieval_in_latents_makes_four_tries():
    from benchmark import NonlinearInverse

    A = operators.FourierMagnitude(SHAPE, 4)
    y = A(0.55 + 0.1 * torch.randn(SHAPE, generator=draw()))
    problem = NonlinearInverse(A=A, y=y, noise=0.02, value_range=(0.0, 1.0), prior=Turned(rotation(), bend=0.2))
    for space in ("latent", "encoded"):
        found, _ = run("dcdp", problem, space=space, rounds=2, inner=3, step=0.3, start=100)
        assert found.shape == (4, *SHAPE)
        assert math.isfinite(found.abs().max())
