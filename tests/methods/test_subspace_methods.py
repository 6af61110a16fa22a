"""Methods of subspace clustering: what each finds where it is known what it must find."""

import pytest
import torch

from benchmark import Context, Distribution, UserError, mixtures, registry
from benchmark.metrics import subspace
from benchmark.solving import CPU, answer
from methods.subspaces import empirical_denoiser, low_rank_dae, mlp_halves, unet_diffusion
from methods.subspaces._diffusion import Edm, generate, jacobians
from methods.subspaces._song_unet import SongUNet
from methods.subspaces.mlp_diffusion import Stack


def posed(K=2, n=24, d=3, each=24, B=2, G=60, levels=0, seed=0, noise=0.0):
    generator = torch.Generator().manual_seed(seed)
    U = torch.stack([mixtures.subspaces(K, n, d, 90.0, generator) for _ in range(B)])
    X = mixtures.draw(U, K * each, generator)
    X = X + noise * torch.randn(X.shape, dtype=X.dtype, generator=generator)
    sigmas = torch.tensor([0.05, 0.5, 5.0][:levels], dtype=torch.float64)
    probes = X[:, :levels] + sigmas[:, None] * torch.randn(B, levels, n, dtype=X.dtype, generator=generator)
    return Distribution(samples=X, K=K, d=d, generate=G, probes=probes, sigmas=sigmas), U


def solve(name, problem, **given):
    method = registry.get_method(name).load()
    return answer(method, problem, Context(CPU, 0), method.spec.resolve("subspace_clustering", "tiny", given))


def error(problem, U, estimate):
    return subspace.matched(subspace.bases_of(problem, estimate), U)[0].max().item()


@pytest.mark.parametrize("name", ["k_subspaces", "em_molrg", "ssc", "ensc"])
@pytest.mark.parametrize("K", [1, 2, 3])
def test_clusterings_find_the_subspaces_of_clean_samples(name, K):
    problem, U = posed(K=K)
    assert error(problem, U, solve(name, problem)) < 1e-5


@pytest.mark.parametrize("name", ["k_subspaces", "em_molrg"])
def test_they_are_near_the_subspaces_of_noisy_samples(name):
    problem, U = posed(noise=0.05)
    assert error(problem, U, solve(name, problem)) < 0.5


def test_pca_finds_one_subspace_and_cannot_tell_two():
    problem, U = posed(K=1, each=3)
    assert error(problem, U, solve("pca", problem)) < 1e-6
    problem, U = posed(K=1, each=2)
    assert error(problem, U, solve("pca", problem)) > 1
    problem, U = posed(K=2)
    estimate = solve("pca", problem)
    assert error(problem, U, estimate) > 1
    both = estimate.transpose(1, 2).flatten(2)  # but all of both is in what it finds
    assert torch.allclose(mixtures.energies(problem.samples, both[:, None])[:, 0], problem.samples.square().sum(-1))


def test_pca_answers_where_the_blocks_do_not_fit():
    problem, _ = posed(K=1, n=4, d=3)
    problem = Distribution(samples=problem.samples, K=2, d=3, generate=1, probes=problem.probes, sigmas=problem.sigmas)
    assert solve("pca", problem).shape == (2, 2, 4, 3)


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_the_low_rank_denoiser_learns_the_pca_of_one_subspace(mode):
    """Claim 2 of arXiv:2409.02426: at N = 4 d within 0.05 of what PCA finds."""
    problem, _ = posed(K=1, each=12, n=16)
    learnt = solve("low_rank_dae", problem, steps=400, mode=mode)
    assert subspace.matched(learnt, mixtures.orthonormal(solve("pca", problem)))[0].max() < 0.05


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_it_stays_at_the_subspaces_that_clustering_found(mode):
    problem, U = posed(each=12)
    assert error(problem, U, solve("low_rank_dae", problem, start="k_subspaces", steps=100, mode=mode)) < 0.2


def test_its_loss_is_that_of_the_denoiser():
    """The expanded square against D itself: soft with the exact denoiser, hard with one subspace a sample."""
    problem, U = posed(B=1, each=4)
    X = problem.samples
    sigma = torch.rand(1, 2 * X.shape[1], dtype=X.dtype) + 0.2
    xt = X.repeat(1, 2, 1) + sigma[..., None] * torch.randn(1, 2 * X.shape[1], 24, dtype=X.dtype)
    size = X.square().sum(-1).repeat(1, 2)
    theta = U[:, None] @ torch.randn(1, 1, 2, 3, 3, dtype=X.dtype)  # not orthonormal
    weight = (sigma**2 + 0.25) / (0.5 * sigma) ** 2
    for hard in (False, True):
        if hard:
            k = mixtures.nearest(X, U)[0].repeat(2)
            P = (U @ U.mT)[0][k]
            D = torch.einsum("pij,pj->pi", P, xt[0]) / (1 + sigma[0, :, None] ** 2)
        else:
            D = mixtures.denoise(xt, sigma[0], U)[0]
        expected = (weight[0] * (D - X[0].repeat(2, 1)).square().mean(-1)).mean()
        assert torch.allclose(low_rank_dae.loss(theta, X, xt, sigma, size, hard)[0, 0], expected)


def test_the_loss_of_the_true_subspace_is_the_closed_form():
    """K = 1, without noise, many samples: d sigma^2 / (1 + sigma^2) at each level, card of arXiv:2409.02426."""
    problem, U = posed(K=1, each=4000, B=1)
    X = problem.samples
    sigma = torch.full(X.shape[:2], 0.7, dtype=X.dtype)
    xt = X + 0.7 * torch.randn(X.shape, dtype=X.dtype, generator=torch.Generator().manual_seed(1))
    found = low_rank_dae.loss(U[:, None], X, xt, sigma, X.square().sum(-1), True) * 24 / ((0.49 + 0.25) / 0.35**2)
    assert found.item() == pytest.approx(3 * 0.49 / 1.49, rel=0.05)


def test_the_empirical_denoiser_gives_training_samples_back():
    problem, U = posed(levels=3)
    estimate = solve("empirical_denoiser", problem)
    made, J = problem.unpack(estimate)
    assert torch.cdist(made, problem.samples).amin(-1).max() < 0.02
    assert subspace.generation(problem, estimate, U)["gl"] == 0
    for q in range(3):

        def one(x, q=q):
            return empirical_denoiser.denoise(x.view(1, 1, -1), problem.sigmas[q].view(1, 1), problem.samples[:1])[0, 0]

        assert torch.allclose(J[0, q], torch.autograd.functional.jacobian(one, problem.probes[0, q]), atol=1e-8)


def test_the_sampler_with_the_exact_denoiser_generates_the_distribution():
    _, U = posed(B=1)
    latents = torch.randn(1, 400, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    made = generate(lambda x, sigma: mixtures.denoise(x, sigma[0], U), latents)
    assert subspace.off_energy(made, U).max() < 1e-3
    assert made.square().sum(-1).mean().item() == pytest.approx(3, rel=0.15)


def test_a_jacobian_by_backward_passes_is_the_exact_one():
    problem, U = posed(levels=3)
    found = jacobians(lambda x, sigma: mixtures.denoise(x, sigma[0], U), problem.probes, problem.sigmas)
    assert torch.allclose(found, mixtures.jacobian(problem.probes, problem.sigmas, U), atol=1e-9)
    assert jacobians(lambda x, sigma: x, problem.probes[:, :0], problem.sigmas[:0]).shape == (2, 0, 24, 24)


def test_a_network_begins_as_the_preconditioning_alone():
    network = Stack(2, [24 + 32, 8, 8, 24], torch.Generator().manual_seed(0))
    x, sigma = torch.randn(2, 5, 24), torch.full((2, 5), 0.5)
    assert torch.allclose(Edm(network)(x, sigma), x / 2)  # s^2 / (sigma^2 + s^2)


def test_networks_of_a_stack_learn_apart():
    """The first network of two is what it is alone: the loss adds, and Adam works by number."""
    network = Stack(2, [12 + 32, 8, 12], torch.Generator().manual_seed(0))
    x, sigma = torch.randn(2, 5, 12), torch.full((2, 5), 0.5)
    loss = Edm(network)(x, sigma)[0].square().sum()
    loss.backward()
    assert all(bool((p.grad[1] == 0).all()) for p in network.parameters())


def test_a_trained_network_generates_near_the_subspaces():
    problem, U = posed(B=1, each=40, n=12, d=2)
    values = []
    for steps in (20, 2500):
        estimate = solve("mlp_diffusion", problem, steps=steps, width=64)
        values.append(subspace.generation(problem, estimate, U)["off_energy"])
    assert values[1] < 0.3 < 0.5 < values[0]


@pytest.mark.parametrize(("n", "shape"), [(48, (3, 4)), (12, (3, 2)), (64, (1, 8)), (3, (3, 1))])
def test_samples_are_seen_as_pictures(n, shape):
    assert unet_diffusion.as_picture(n) == shape


def test_what_is_no_picture_is_refused_in_one_line():
    problem, _ = posed(n=24)
    with pytest.raises(
        UserError, match=r"^unet_diffusion takes samples as pictures of n = 3 R\^2 or R\^2 numbers; here n = 24$"
    ):
        solve("unet_diffusion", problem)


@pytest.mark.parametrize(("channels", "side"), [(3, 4), (3, 2), (1, 8), (3, 1)])
def test_the_unet_keeps_the_shape_and_reaches_every_weight(channels, side):
    network = SongUNet(channels, side, 8, 1, 0.0)
    x = torch.randn(5, channels, side, side)
    out = network(x, torch.linspace(-1, 1, 5))
    assert out.shape == x.shape
    out.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_published_unet_has_the_published_form():
    """Three levels of 4 blocks with 256 channels: 12 blocks down and 2 that halve, 2 in the middle, 15 up and 2 that double."""
    network = SongUNet(3, 4, 128, 4, 0.13)
    assert (len(network.down), len(network.middle), len(network.up)) == (14, 2, 17)


@pytest.mark.parametrize(("same", "least", "most"), [(True, 0.9999, 1.0), (False, -1.0, 0.99)])
def test_halves_that_hold_the_same_agree_and_those_that_do_not_differ(same, least, most, monkeypatch):
    """Untrained networks of the same weights generate the same from the same latents; of other weights they do not."""
    problem, _ = posed(B=2, levels=2, G=20)
    method = registry.get_method("mlp_halves").load()
    parameters = method.spec.resolve("subspace_clustering", "tiny", {"steps": 3})
    kept = Context(CPU, 0)
    if same:  # the second half of the stack gets the weights and the data of the first
        monkeypatch.setattr(mlp_halves, "Stack", twin)
        monkeypatch.setattr(mlp_halves, "noise_levels", lambda ctx, B, P: torch.full((B, P), 0.3))
        parameters["lr"] = 1e-12
    else:
        parameters |= {"steps": 40, "lr": 1e-2}
    estimate = method(problem, kept, parameters, None)
    assert problem.check(estimate).shape == (2, 20 + 2 * 24, 24)
    found = method.traits(problem, parameters, kept.kept)["agreement"]
    assert least <= found <= most + 1e-6


def twin(B, sides, generator):
    made = Stack(B, sides, generator)
    with torch.no_grad():
        for weight in [*made.weights, *made.biases]:
            if weight.shape[1] > 1 and not weight.any():
                weight.normal_(generator=generator)
            weight[B // 2 :] = weight[: B // 2]
    return made


def test_the_halves_are_disjoint_and_of_one_size(monkeypatch):
    """Each network draws from its own half alone, and all but an odd sample is in one of them."""
    problem, _ = posed(B=1, K=1, n=6, d=2, each=7)
    seen = []
    gathered = torch.Tensor.gather

    def gather(self, dim, index):
        found = gathered(self, dim, index)
        if self.shape[0] == 2:
            seen.append(self)
        return found

    monkeypatch.setattr(torch.Tensor, "gather", gather)
    solve("mlp_halves", problem, steps=2)
    one, other = seen[0].double()
    assert len(one) == len(other) == 3
    assert torch.cdist(one, other).min() > 1e-3
    assert all((torch.cdist(half, problem.samples[0]).min(1).values < 1e-6).all() for half in (one, other))
