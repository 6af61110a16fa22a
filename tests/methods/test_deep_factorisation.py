"""Deep matrix factorisation: start, subspaces, rates, scale and end, against the formulas of arXiv:2406.04112."""

from functools import reduce
from itertools import pairwise

import pytest
import torch

from benchmark import Completion, Context, registry
from benchmark.metrics import matrix
from methods.matrices import deep_mf, deep_mf_compressed
from methods.matrices.deep_mf import orthogonal, unit

CPU = torch.device("cpu")
LEARNED = ["deep_mf", "shallow_mf", "narrow_mf", "deep_mf_compressed", "compressed_mf_surrogate"]


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def context(seed=1, **more):
    found = Context(CPU, seed, **more)
    found.clock.start()
    return found


def posed(m=12, n=16, rank=2, B=1, seen=0.6, sizes=(1.0,)):
    """A stack of matrices of this rank; sizes: of each, in turn."""
    mask = torch.rand(B, m, n, generator=draw()) < seen
    mask[:, torch.arange(max(m, n)) % m, torch.arange(max(m, n)) % n] = True  # no row or column is empty
    where = mask.nonzero().T.contiguous()
    M = torch.stack([torch.randn(m, rank, dtype=torch.float64, generator=draw(b)) for b in range(B)])
    M = M @ torch.randn(B, rank, n, dtype=torch.float64, generator=draw(9))
    M = M * torch.tensor(sizes, dtype=torch.float64).repeat(B)[:B, None, None]
    return Completion(y=M[mask], where=where, shape=(B, m, n), rank=rank)


@pytest.fixture
def chains(monkeypatch):
    """The chains that methods hand to the descent, as they were at the start, with steps and tolerance."""
    seen = []

    def fit(problem, ctx, chain, steps, tolerance):
        seen.append(chain)
        return chain.estimate()

    monkeypatch.setattr(deep_mf, "fit", fit)
    monkeypatch.setattr(deep_mf_compressed, "fit", fit)
    return seen


def start(name, problem, chains, **given):
    method = registry.get_method(name).load()
    method(problem, context(), method.spec.parameters.model_validate(given).model_dump())
    return chains.pop()


def span(x):
    """The projection on the span of columns."""
    Q = torch.linalg.qr(x).Q
    return Q @ Q.mT


def largest(problem):
    """c: sigma_1 of the observations over their share, the largest of a stack."""
    return torch.linalg.matrix_norm(problem.dense()[0], 2).max().item() / problem.fraction


# --- the wide network and its controls --------------------------------------------------------------------------------------


def test_the_published_settings_are_the_defaults():
    """Three factors; for a target of norm 1 the published start and outer rate are 2.5e-4 to 3e-3 and 0.15."""
    deep, compressed = (registry.get_method(name).spec.parameters() for name in ("deep_mf", "deep_mf_compressed"))
    assert (deep.depth, deep.eps) == (3, 3e-3)
    assert (compressed.depth, compressed.eps, compressed.lr, compressed.outer) == (3, deep.eps, deep.lr, 0.15)


@pytest.mark.parametrize(
    ("name", "sides"),
    [("deep_mf", [16, 16, 16, 12]), ("shallow_mf", [16, 16, 12]), ("narrow_mf", [16, 4, 4, 12])],
)
def test_a_chain_begins_at_eps_times_parts_of_orthogonal_matrices(name, sides, chains):
    problem = posed()
    found = start(name, problem, chains, eps=0.25, lr=0.3)
    assert [tuple(W.shape) for W in found.factors] == [(1, out, inner) for inner, out in pairwise(sides)]
    for (W,) in found.factors:
        short = W if len(W) <= W.shape[1] else W.T
        torch.testing.assert_close(short @ short.T, 0.25**2 * torch.eye(len(short), dtype=torch.float64))
    assert found.rates == pytest.approx([0.3 / problem.fraction] * len(found.factors))
    assert found.scale == pytest.approx(largest(problem))


def test_every_matrix_of_a_stack_has_a_start_of_its_own(chains):
    first, second = start("deep_mf", posed(B=2), chains).factors[0]
    assert (first - second).norm() > 0.1 * first.norm()


def test_the_orthogonal_factors_prefer_no_sign():
    """Householder's Q without R's signs is not Haar-distributed: its first entry is never positive."""
    corners = torch.stack([orthogonal(6, 6, context(seed)).diagonal() for seed in range(40)])
    assert (corners > 0).any(0).all()
    assert (corners < 0).any(0).all()


def test_a_cropped_factor_is_the_upper_left_part():
    whole, part = orthogonal(7, 7, context()), orthogonal(3, 7, context())
    assert torch.equal(part, whole[:3])


def test_the_unit_is_the_largest_singular_value_over_the_share_seen():
    problem = posed(B=3, sizes=(1.0, 5.0, 2.0))
    assert unit(problem, context()) == pytest.approx(largest(problem))


def test_the_end_is_where_the_residual_is_the_tolerance_of_the_observations():
    """||R||_F < tolerance ||Y||_F for every matrix: true at the last step's start, not at the one before."""
    problem, points = posed(m=12, n=12, seen=0.8, B=2), []
    ctx = context(on_record=lambda step, seconds, found: points.append(found["estimate"].clone()))
    method = registry.get_method("deep_mf").load()
    found = method(problem, ctx, method.spec.parameters(eps=0.3, lr=0.3, steps=239, tolerance=0.05).model_dump())
    assert torch.equal(found, points[-1])
    assert 5 < len(points) < 239
    Y, mask = problem.dense()
    gaps = [torch.linalg.matrix_norm(mask * matrix.whole(problem, one) - Y) / torch.linalg.matrix_norm(Y) for one in points]
    assert (gaps[-2] < 0.05).all()  # the last step measured it before it moved
    assert not (gaps[-3] < 0.05).all()


def test_the_estimate_is_in_the_units_of_the_observations(chains):
    problem = posed()
    found = start("deep_mf", problem, chains, eps=0.25)
    product = found.factors[2] @ found.factors[1] @ found.factors[0]
    torch.testing.assert_close(matrix.whole(problem, found.estimate()), largest(problem) * product)


def test_the_singular_values_kept_are_of_points_in_turn():
    problem, ctx = posed(m=12, n=12), context()
    method = registry.get_method("narrow_mf").load()
    found = method(problem, ctx, method.spec.parameters(eps=0.3, steps=5).model_dump())
    kept = ctx.kept["singular_values"]
    assert kept[:, 0].tolist() == [1, 2, 3, 4, 5]
    values = torch.linalg.svdvals(matrix.whole(problem, found)[0])[:4]
    torch.testing.assert_close(kept[-1, 1:].double(), values, rtol=1e-5, atol=1e-6)


# --- the compressed network -------------------------------------------------------------------------------------------------


def chained(factors):
    """W_L ... W_1."""
    return reduce(lambda product, W: W @ product, factors)


def literal(problem, factors, scale, r):
    """V by the paper's words: right singular vectors of the wide network's first gradient G_1, and of G_1^T W_1."""
    Y, mask = problem.dense()
    later = chained(factors[1:])
    G1 = later.T @ (mask[0] * (later @ factors[0]) - Y[0] / scale)
    return torch.cat([torch.linalg.svd(M).Vh[:r].T for M in (G1, G1.T @ factors[0])], 1)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_compressed_network_begins_in_the_subspace_of_the_wide_ones_gradient(depth, chains, monkeypatch):
    turns = []

    class Kept(deep_mf_compressed.Rotation):
        def __init__(self, side, ctx):
            super().__init__(side, ctx)
            turns.append(self)

    monkeypatch.setattr(deep_mf_compressed, "Rotation", Kept)
    problem, eps, r = posed(m=14, n=14), 0.8, 2  # so large that the network's own product counts in R(0)
    found = start("deep_mf_compressed", problem, chains, depth=depth, eps=eps, lr=0.3, outer=0.7)
    Q = turns[0].matrix
    first = [orthogonal(14, 14, context(seed)) for seed in range(depth - 1)]
    last = Q @ chained(first).T  # so that the wide network's product is eps^L Q
    V = literal(problem, [eps * W for W in (*first, last)], largest(problem), r)
    right, *middle, left = (W[0] for W in found.factors)
    torch.testing.assert_close(span(right.T), span(V))
    torch.testing.assert_close(right @ right.T, torch.eye(2 * r, dtype=Q.dtype))
    torch.testing.assert_close(left, Q @ right.T)
    assert len(middle) == depth
    assert all(torch.equal(W, eps * torch.eye(2 * r, dtype=Q.dtype)) for W in middle)
    rate = 0.3 / problem.fraction
    assert found.rates == pytest.approx([0.7 * rate, *[rate] * depth, 0.7 * rate])
    assert found.scale == pytest.approx(largest(problem))


def test_of_each_matrix_of_a_stack_the_own_observations_tell_the_subspace(chains):
    problem = posed(m=14, n=14, B=2)
    found = start("deep_mf_compressed", problem, chains, eps=1e-3)
    X, _ = problem.dense()
    for b in range(2):
        U, _, Vh = torch.linalg.svd(X[b])
        for vectors, basis in ((Vh[:2].T, found.factors[0][b].T), (U[:, :2], found.factors[-1][b])):
            torch.testing.assert_close(span(basis) @ vectors, vectors, rtol=0, atol=1e-5)


def test_the_surrogate_begins_at_the_leading_singular_pairs(chains):
    """Kwon et al.: [eps V^T, eps I, ..., eps U], k = 2 r, depth factors in all; the outer rates are `outer` times."""
    problem, eps = posed(), 0.1
    found = start("compressed_mf_surrogate", problem, chains, depth=4, eps=eps, lr=0.3)
    U, _, Vh = torch.linalg.svd(problem.dense()[0][0], full_matrices=False)
    right, *middle, left = (W[0] for W in found.factors)
    torch.testing.assert_close(span(right.T), span(Vh[:4].T))
    torch.testing.assert_close(span(left), span(U[:, :4]))
    eye = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(right @ right.T, eps**2 * eye)
    torch.testing.assert_close(left @ right, eps**2 * U[:, :4] @ Vh[:4])
    assert len(middle) == 2
    assert all(torch.equal(W, eps * eye) for W in middle)
    rate = 0.3 / problem.fraction
    assert found.rates == pytest.approx([5 * rate, rate, rate, 5 * rate])
    assert found.scale == pytest.approx(largest(problem))


@pytest.mark.parametrize("name", LEARNED)
def test_a_step_descends_the_loss_from_the_start(name, chains):
    """One step of every method is W_l - rate_l dF/dW_l,  F = 1/2 ||P(product) - Y / c||_F^2."""
    problem = posed(m=12, n=12)
    chain = start(name, problem, chains, eps=0.5)
    Y, mask = problem.dense()
    leaves = [W.clone().requires_grad_() for W in chain.factors]
    slopes = torch.autograd.grad((mask * chained(leaves) - Y / largest(problem)).square().sum() / 2, leaves)
    chain.step()
    for W, leaf, slope, rate in zip(chain.factors, leaves, slopes, chain.rates, strict=True):
        torch.testing.assert_close(W, leaf.detach() - rate * slope)
