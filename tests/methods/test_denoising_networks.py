"""What learns to denoise on a union of subspaces: preconditioning, loss, schedules, sampler, against plain formulas."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from benchmark import Context, Distribution, mixtures, registry
from methods.subspaces import _diffusion, low_rank_dae, mlp_diffusion, unet_diffusion
from methods.subspaces._diffusion import Edm, generate, noise_levels, weight
from methods.subspaces._song_unet import Attention, Block, SongUNet
from methods.subspaces.mlp_diffusion import Stack

CPU = torch.device("cpu")


def context(seed=1, **more):
    found = Context(CPU, seed, **more)
    found.clock.start()
    return found


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=draw(seed))


def posed(K=2, n=12, d=2, N=10, B=2, G=3, noise=0.0):
    generator = draw()
    U = torch.stack([mixtures.subspaces(K, n, d, 90.0, generator) for _ in range(B)])
    X = mixtures.draw(U, N, generator) + noise * normal(B, N, n)
    none = torch.empty(0, dtype=torch.float64)
    return Distribution(samples=X, K=K, d=d, generate=G, probes=X[:, :0], sigmas=none)


def run(name, problem, ctx=None, **given):
    method = registry.get_method(name).load()
    return problem.check(method(problem, ctx or context(), method.spec.parameters.model_validate(given).model_dump()))


# --- EDM --------------------------------------------------------------------------------------------------------------------


def test_the_denoiser_is_preconditioned_as_in_edm():
    """c_skip x + c_out F(c_in x; ln(sigma) / 4) for data of size 1/2: Table 1 of arXiv:2206.00364."""
    x, sigma = normal(2, 3, 5), torch.tensor([[0.1, 1.0, 20.0], [2.0, 0.5, 80.0]], dtype=torch.float64)

    class Odd(nn.Module):
        def forward(self, x, c):
            return 3 * x.square() + c[..., None]

    s = sigma[..., None]
    root = (s**2 + 0.25).sqrt()
    wanted = 0.25 / (s**2 + 0.25) * x + s * 0.5 / root * (3 * (x / root).square() + s.log() / 4)
    torch.testing.assert_close(Edm(Odd())(x, sigma), wanted)


def test_noise_and_weight_of_the_loss_are_edms():
    """ln sigma ~ N(-1.2, 1.2^2) and (sigma^2 + 1/4) / (sigma / 2)^2, the inverse square of c_out."""
    torch.testing.assert_close(noise_levels(context(), 4, 5), (1.2 * context().randn(4, 5) - 1.2).exp())
    sigma = torch.tensor([0.1, 0.5, 3.0])
    torch.testing.assert_close(weight(sigma), 1 / (sigma * 0.5 / (sigma**2 + 0.25).sqrt()) ** 2)
    assert weight(torch.tensor(0.5)).item() == pytest.approx(8)


def test_the_sampler_is_heuns_over_the_levels_of_edm():
    """dx / dsigma = (x - D) / sigma from 80 over 18 levels with rho 7 to 0.002, then to 0; no noise is added."""
    levels = [(80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(18)] + [0.0]
    assert (levels[0], levels[17]) == (pytest.approx(80), pytest.approx(0.002))
    asked = []

    def denoiser(x, sigma):
        asked.append(sigma[0, 0].item())
        return x.sin() / (1 + sigma[..., None])

    latents = normal(1, 2, 3)
    found = generate(denoiser, latents)
    x = 80 * latents
    for now, then in pairwise(levels):
        first = (x - x.sin() / (1 + now)) / now
        ahead = x + (then - now) * first
        second = (ahead - ahead.sin() / (1 + then)) / then if then else first
        x = x + (then - now) * (first + second) / 2
    torch.testing.assert_close(found, x)
    assert asked == pytest.approx([level for level in levels[:-1] for _ in range(2)][1:])


def test_training_is_adam_on_the_weighted_error_of_clean_samples(monkeypatch):
    """Two steps by hand of a network with one number for each draw, and the average of its weights that answers."""

    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.theta = nn.Parameter(torch.tensor([[[0.3]], [[-0.2]]]))

        def forward(self, x, c):
            return self.theta * x + c[..., None]

    seen = []
    monkeypatch.setattr(_diffusion, "answer", lambda problem, denoiser, latents: seen.append(denoiser.network.theta.clone()))
    problem, rates, kept = posed(), [0.1, 0.05], [0.0, 0.75]
    ctx = context()
    monkeypatch.setattr(ctx, "record", lambda step, estimate: None)
    _diffusion.train(problem, ctx, One(), steps=2, batch=6, rate=rates.__getitem__, memory=kept.__getitem__)

    X, ctx = problem.samples.float(), context()
    ctx.randn(2, 3, 12)  # the latents
    theta = average = One().theta.detach()
    m = v = torch.zeros_like(theta)
    for t in range(2):
        which = (ctx.rand(2, 6) * 10).long()
        x0 = torch.stack([X[b, which[b]] for b in range(2)])
        s = (1.2 * ctx.randn(2, 6) - 1.2).exp()[..., None]
        x = x0 + s * ctx.randn(2, 6, 12)
        root = (s**2 + 0.25).sqrt()
        leaf = theta.clone().requires_grad_()
        D = 0.25 / root**2 * x + 0.5 * s / root * (leaf * x / root + s.log() / 4)
        error = ((s**2 + 0.25) / (0.5 * s) ** 2 * (D - x0) ** 2).mean((1, 2))  # of each network
        [g] = torch.autograd.grad(error.sum(), leaf)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - rates[t] * (m / (1 - 0.9 ** (t + 1))) / ((v / (1 - 0.999 ** (t + 1))).sqrt() + 1e-8)
        average = kept[t] * average + (1 - kept[t]) * theta
    torch.testing.assert_close(seen[-1], average, rtol=1e-4, atol=1e-6)


def test_every_sample_is_drawn_and_no_other():
    """Uniform with replacement: of few samples each is met soon."""
    problem, met = posed(N=3), set()

    class Seeing(nn.Module):
        def __init__(self):
            super().__init__()
            self.theta = nn.Parameter(torch.zeros(()))

        def forward(self, x, c):
            return self.theta * x

    real = _diffusion.noise_levels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_diffusion, "noise_levels", lambda ctx, *shape: 1e-4 + 0 * real(ctx, *shape))
        patch.setattr(Edm, "forward", lambda self, x, sigma: met.add(nearest(x)) or x + self.network(x, sigma))
        patch.setattr(_diffusion, "answer", lambda *given: torch.zeros(()))

        def nearest(x):
            apart = torch.cdist(x[0], problem.samples[0].float())
            assert apart.amin(1).max() < 1e-2
            return int(apart[0].argmin())

        ctx = context()
        patch.setattr(ctx, "record", lambda step, estimate: None)
        _diffusion.train(problem, ctx, Seeing(), steps=30, batch=4, rate=lambda step: 1e-9)
    assert met == {0, 1, 2}


# --- the networks -----------------------------------------------------------------------------------------------------------


def handed(monkeypatch, module, name, problem, **given):
    """What a method hands to the training."""
    seen = {}

    def take(problem, ctx, network, **more):
        seen.update(network=network, **more)
        return torch.zeros(len(problem.samples), problem.generate, problem.samples.shape[-1], dtype=torch.float64)

    monkeypatch.setattr(module, "train", take)
    run(name, problem, **given)
    return seen


def test_the_small_networks_rate_warms_up_and_falls_over_the_last_third(monkeypatch):
    """Over 200 steps to lr; over the last 30 % to 2 % of it."""
    rate = handed(monkeypatch, mlp_diffusion, "mlp_diffusion", posed(), steps=10000, lr=0.5, width=8)["rate"]
    found = [rate(step) for step in (0, 99, 199, 5000, 7000, 8500, 10000)]
    assert found == pytest.approx([0.5 / 200, 0.25, 0.5, 0.5, 0.5, 0.5 * (0.02 + 0.98 / 2), 0.01])


def test_the_small_network_is_silu_layers_on_waves_of_the_noise():
    """2^(j / 4 - 2) ln(sigma) / 4, j = 0 .. 15, in sines and cosines; first weights of variance 1 / inputs; last ones 0."""
    network = Stack(2, [3 + 32, 64, 5], draw())
    assert (network.weights[1] == 0).all()
    bound = math.sqrt(3 / 35)
    assert 0.95 * bound < network.weights[0].abs().max() <= bound
    with torch.no_grad():
        network.weights[1].normal_(generator=draw())
        network.biases[0].normal_(generator=draw())
    x, c = torch.randn(2, 4, 3, generator=draw()), torch.randn(2, 4, generator=draw())
    angles = torch.stack([c * 2 ** (j / 4 - 2) for j in range(16)], -1)
    h = torch.cat([x, angles.sin(), angles.cos()], -1) @ network.weights[0] + network.biases[0]
    torch.testing.assert_close(network(x, c), (h / (1 + (-h).exp())) @ network.weights[1], rtol=1e-4, atol=1e-5)


def test_the_published_networks_schedule_is_that_of_its_code(monkeypatch):
    """6 million images in batches of 512, a ramp of 10 million, half-life 0.5 million images or 5 % of those seen."""
    seen = handed(monkeypatch, unet_diffusion, "unet_diffusion", posed(B=1), width=8, depth=1)
    rate, memory = seen["rate"], seen["memory"]
    assert (seen["steps"], seen["batch"]) == (11719, 512)
    assert seen["steps"] * seen["batch"] == pytest.approx(6e6, rel=1e-4)
    assert rate(0) == pytest.approx(1e-3 * 512 / 1e7)
    assert rate(11718) == pytest.approx(0.6e-3, rel=1e-4)  # the ramp does not end
    assert rate(10**6) == 1e-3
    assert memory(99) == pytest.approx(0.5 ** (1 / (0.05 * 100)))
    assert memory(10**6) == pytest.approx(0.5 ** (512 / 0.5e6))
    assert {block.dropout for block in seen["network"].modules() if isinstance(block, Block)} == {0.13}


def test_blocks_add_to_what_they_skip_and_keep_the_variance():
    """(skip(x) + h) / sqrt(2), h = conv(silu(norm(conv(silu(norm(x))) + W e)))."""
    torch.manual_seed(0)
    block, x, e = Block(4, 4, 6, 0.0), torch.randn(2, 4, 3, 3), torch.randn(2, 6)
    nn.init.normal_(block.conv1.weight)
    h = block.conv0(nn.functional.silu(block.norm0(x))) + block.affine(e)[..., None, None]
    h = block.conv1(nn.functional.silu(block.norm1(h)))
    torch.testing.assert_close(block(x, e), (x + h) / 2**0.5)
    attend = Attention(4)
    nn.init.normal_(attend.out.weight)
    q, k, v = attend.qkv(attend.norm(x)).flatten(2).transpose(1, 2).chunk(3, -1)
    mixed = ((q @ k.transpose(1, 2) / 4**0.5).softmax(-1) @ v).transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(attend(x), (x + attend.out(mixed)) / 2**0.5, rtol=1e-4, atol=1e-5)


def test_the_published_network_begins_at_nearly_nothing_and_knows_the_noise():
    torch.manual_seed(0)
    network = SongUNet(3, 4, 16, 1, 0.0)
    x = torch.randn(4, 3, 4, 4)
    assert network(x, torch.zeros(4)).abs().max() < 1e-2
    for module in network.modules():
        if isinstance(module, Block):
            nn.init.normal_(module.conv1.weight, std=0.1)
    nn.init.normal_(network.last[2].weight)
    first, second = network(x, torch.zeros(4)), network(x, torch.full((4,), 1.0))
    assert (first - second).abs().max() > 1e-3


# --- the low-rank denoiser --------------------------------------------------------------------------------------------------


@pytest.fixture
def losses(monkeypatch):
    """Replaces the loss by told values, one list of starts a step, without a slope; keeps what it was given."""
    seen = []

    def told(values):
        def loss(theta, X, xt, sigma, size, hard):
            seen.append({"theta": theta.detach().clone(), "X": X, "xt": xt, "sigma": sigma, "size": size, "hard": hard})
            step = min(len(seen), len(values)) - 1
            return 0 * theta.square().sum((2, 3, 4)) + torch.tensor(values[step]).expand(theta.shape[:2])

        monkeypatch.setattr(low_rank_dae, "loss", loss)
        return seen

    return told


def same_spans(found, theta):
    Q = torch.linalg.qr(theta.double()).Q
    return torch.allclose(found @ found.mT, Q @ Q.mT, atol=1e-5)


def test_the_start_with_the_lowest_loss_answers(losses):
    problem, seen = posed(), losses([[3.0, 1.0, 2.0]])
    found = run("low_rank_dae", problem, starts=3, steps=4)
    assert seen[0]["theta"].shape == (2, 3, 2, 12, 2)
    assert same_spans(found, seen[0]["theta"][:, 1])
    assert not same_spans(found, seen[0]["theta"][:, 0])


def test_the_loss_is_averaged_over_the_last_tenth(losses):
    """One start is best all along but for the last step: it answers. One that was best only early does not."""
    calm, last = [1.0, 2.0], [2.5, 2.0]
    problem, seen = posed(), losses([*[calm] * 99, last])
    found = run("low_rank_dae", problem, starts=2, steps=100)
    assert same_spans(found, seen[0]["theta"][:, 0])
    seen.clear()
    seen = losses([*[[1.0, 2.0]] * 60, *[[2.0, 1.5]] * 40])
    found = run("low_rank_dae", problem, starts=2, steps=100)
    assert same_spans(found, seen[-1]["theta"][:, 1])


def test_each_sample_gets_noise_of_its_own_several_times_a_step(losses):
    problem, seen = posed(noise=0.1), losses([[1.0]])
    run("low_rank_dae", problem, starts=1, steps=3, repeats=40, mode="soft")
    one, other = seen[:2]
    assert torch.equal(one["X"], problem.samples.float())
    assert not one["hard"]
    assert one["sigma"].shape == (2, 400)
    assert one["sigma"].log().mean().item() == pytest.approx(-1.2, abs=0.3)
    assert one["sigma"].log().std().item() == pytest.approx(1.2, rel=0.2)
    e = (one["xt"] - one["X"].repeat(1, 40, 1)) / one["sigma"][..., None]
    assert (e.mean().item(), e.std().item()) == (pytest.approx(0, abs=0.1), pytest.approx(1, rel=0.1))
    assert (e[:, :10] - e[:, 10:20]).abs().mean() > 0.5
    assert not torch.equal(one["sigma"], other["sigma"])
    torch.testing.assert_close(one["size"], one["X"].square().sum(-1).repeat(1, 40))


def test_the_bases_learn_by_adam_at_a_rate_that_falls_to_zero(monkeypatch):
    rates, kinds = [], []

    class Seen(torch.optim.Adam):
        def step(self):
            rates.append(self.param_groups[0]["lr"])
            kinds.append(self.defaults["betas"])
            super().step()

    monkeypatch.setattr(torch.optim, "Adam", Seen)
    run("low_rank_dae", posed(), starts=1, steps=5, lr=0.5)
    assert rates == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1])
    assert set(kinds) == {(0.9, 0.999)}


def test_one_subspace_needs_one_start_and_clustering_may_give_it(losses):
    seen = losses([[1.0]])
    run("low_rank_dae", posed(K=1), starts=7, steps=1)
    assert seen[0]["theta"].shape[:2] == (2, 1)
    assert torch.allclose(seen[0]["theta"].mT @ seen[0]["theta"], torch.eye(2), atol=1e-5)  # orthonormal
    problem = posed(N=16)
    seen.clear()
    found = run("low_rank_dae", problem, start="k_subspaces", steps=1)
    assert torch.allclose(mixtures.energies(problem.samples, found).amax(-2), problem.samples.square().sum(-1), atol=1e-4)


# --- expectation maximisation -----------------------------------------------------------------------------------------------


def reference(X, U, v, s, rounds):
    """Bases and log-likelihood (but for constants) of EM for (1/K) sum_k N(0, v U_k U_k^T + s I), by densities in whole."""
    (N, n), d = X.shape, U.shape[-1]
    for _ in range(rounds):
        C = v * U @ U.mT + s * torch.eye(n, dtype=X.dtype)
        log = torch.stack([torch.distributions.MultivariateNormal(X.new_zeros(n), one).log_prob(X) for one in C])
        likelihood, r = log.logsumexp(0).sum(), log.softmax(0)
        U = torch.linalg.eigh(torch.einsum("kp,pi,pj->kij", r, X, X)).eigenvectors[..., -d:]
        on = (r * (X @ U).square().sum(-1)).sum()
        s = (X.square().sum() - on) / (N * (n - d))
        v = on / (N * d) - s
    return U, likelihood


@pytest.mark.parametrize("rounds", [1, 3])
def test_expectation_maximisation_is_that_of_the_densities(rounds):
    """From as much noise as signal; the start with the highest likelihood answers."""
    problem = posed(noise=0.3, N=30, B=1)
    X, n, d, starts = problem.samples[0], 12, 2, 5
    space = mixtures.compressed(problem.samples, d)
    assert space.Z.shape == (1, 30, n)  # noise fills the space
    first = torch.randn(1, starts, 2, n, d, dtype=torch.float64, generator=context().generator)
    first = space.lift(torch.linalg.qr(first).Q)[0]
    energy = X.square().sum() / len(X)
    ends = [reference(X, U, energy / (2 * d), energy / n / 2, rounds) for U in first]
    best = max(ends, key=lambda end: end[1].item())[0]
    found = run("em_molrg", problem, starts=starts, rounds=rounds)[0]
    torch.testing.assert_close(found @ found.mT, best @ best.mT, rtol=0, atol=1e-7)
