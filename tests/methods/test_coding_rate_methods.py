"""Coding rate reduction: objective, ascent, network and schedule, against the formulas of arXiv:2406.01909 and 2006.08558."""

from math import cos, pi

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import Context, Representation, registry
from benchmark.models.coding_rates import largest_weight
from methods.features import cross_entropy, mcr2
from methods.features._losses import nuclear_gap
from methods.features._training import Recipe, network, train

CPU = torch.device("cpu")
SIZES = (5, 9, 4)
LABELS = torch.tensor([2, 1, 0, 1, 1, 0, 2, 1, 0, 1, 1, 0, 2, 1, 1, 0, 1, 2])  # in no order


def context(seed=1, **more):
    found = Context(CPU, seed, **more)
    found.clock.start()
    return found


def posed(samples=False, ratio=0.4, dim=4, eps2=0.3):
    draw = torch.Generator().manual_seed(0)
    own = {"train": torch.randn(18, 7, generator=draw), "test": torch.randn(3, 7, generator=draw)} if samples else {}
    return Representation(labels=LABELS, dim=dim, eps2=eps2, weight=ratio * largest_weight(SIZES, dim, eps2), **own)


def run(name, problem, ctx=None, **given):
    method = registry.get_method(name).load()
    return problem.check(method(problem, ctx or context(), method.spec.parameters.model_validate(given).model_dump()))


def reduction(Z, eps2=0.3, labels=LABELS):
    """R - R_c as it is written, of rows in any order."""
    (N, d), eye = Z.shape, torch.eye(Z.shape[1], dtype=Z.dtype)
    found = torch.logdet(eye + d / (N * eps2) * Z.T @ Z) / 2
    for k in labels.unique():
        block = Z[labels == k]
        found = found - len(block) / (2 * N) * torch.logdet(eye + d / (len(block) * eps2) * block.T @ block)
    return found


def slope(Z, weight):
    """Of R - R_c - lambda / 2 ||Z||^2, by autograd."""
    leaf = Z.clone().requires_grad_()
    (reduction(leaf) - weight / 2 * leaf.square().sum()).backward()
    return leaf.grad


def rows(ctx, problem, size=1.0):
    """What free features begin at: normal numbers, sample by sample."""
    return size * ctx.randn(problem.count, problem.dim, dtype=torch.float64)


# --- free features ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1.0, 0.5])
def test_free_features_ascend_the_objective_with_the_cards_step(times):
    """Z <- Z + grad / (alpha + lambda),  lambda = times the problem's,  from start * N(0, 1)."""
    problem = posed()
    weight = times * problem.weight
    Z = rows(context(), problem, size=0.8)
    for _ in range(3):
        Z = Z + slope(Z, weight) / (problem.dim / (18 * 0.3) + weight)
    torch.testing.assert_close(run("mcr2", problem, steps=3, start=0.8, times=times), Z)


def test_constrained_features_ascend_on_the_sphere():
    """Rows of norm 1 at the start and after each step of 1 / alpha, without a penalty."""
    problem = posed()
    Z = F.normalize(rows(context(), problem), dim=1)
    for _ in range(3):
        Z = F.normalize(Z + slope(Z, 0.0) * (18 * 0.3 / problem.dim), dim=1)
    torch.testing.assert_close(run("mcr2_constrained", problem, steps=3), Z)


@pytest.mark.parametrize("name", ["mcr2", "mcr2_constrained"])
def test_ascent_ends_where_the_gradient_is_still(name, monkeypatch):
    """||grad||_F < 1e-9; on the sphere where a step of 1 / alpha moves less than 1e-9 / alpha. Begun so near that every step
    is a point of the curve.
    """
    problem, points = posed(), []
    near = run(name, problem, steps=3600) + 1e-6 * rows(context(2), problem)
    ctx = context(on_record=lambda step, seconds, found: points.append(found["estimate"].clone()))
    monkeypatch.setattr(ctx, "randn", lambda *shape, dtype: near)
    run(name, problem, ctx, steps=239)

    def gap(Z):
        if name == "mcr2":
            return slope(Z, problem.weight).norm().item()
        step = 18 * 0.3 / problem.dim
        return (F.normalize(Z + step * slope(Z, 0.0), dim=1) - Z).norm().item() / step

    assert 5 < len(points) < 239
    assert gap(points[-2]) < 1e-9  # the last step measured it before it moved
    assert gap(points[-3]) >= 1e-9


# --- the network ------------------------------------------------------------------------------------------------------------


def handed(monkeypatch, module, name, problem, **given):
    """What a method hands to the training: loss, recipe and the rest."""
    seen = {}

    def take(problem, ctx, loss, recipe, **more):
        seen.update(loss=loss, recipe=recipe, **more)
        return torch.zeros(problem.count, problem.dim)

    monkeypatch.setattr(module, "train", take)
    run(name, problem, **given)
    return seen


def sorted_by_class(Z):
    return Z[LABELS.argsort(stable=True)]


@pytest.mark.parametrize("times", [1.0, 0.5])
def test_the_networks_loss_is_the_objective(times, monkeypatch):
    problem = posed(samples=True)
    seen = handed(monkeypatch, mcr2, "mcr2", problem, times=times)
    Z = torch.randn(18, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = seen["loss"](sorted_by_class(Z), LABELS.sort().values)
    assert found.item() == pytest.approx(times * problem.weight / 2 * Z.square().sum().item() - reduction(Z).item())
    assert "finish" not in seen  # features are not normalised: lambda would mean nothing


def test_the_constrained_loss_is_of_rows_of_norm_one_without_penalty(monkeypatch):
    seen = handed(monkeypatch, mcr2, "mcr2_constrained", posed(samples=True))
    Z = torch.randn(18, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = seen["loss"](sorted_by_class(Z), LABELS.sort().values)
    assert found.item() == pytest.approx(-reduction(Z).item())
    torch.testing.assert_close(seen["finish"](Z), Z / Z.norm(dim=1, keepdim=True))


def test_the_embedding_adds_to_the_cross_entropy_of_a_head_that_learns(monkeypatch):
    problem = posed(samples=True)
    Z = torch.randn(18, 4, generator=torch.Generator().manual_seed(3))
    labels = LABELS.sort().values
    for name, weight in (("cross_entropy", 0.0), ("cross_entropy_ole", 0.25)):
        seen = handed(monkeypatch, cross_entropy, name, problem)
        wanted = F.cross_entropy(seen["head"](Z), labels) + weight * nuclear_gap(Z, SIZES)
        assert seen["loss"](Z, labels).item() == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("name", ["mcr2", "mcr2_constrained", "cross_entropy", "cross_entropy_ole", "supervised_contrastive"])
def test_all_networks_have_the_authors_recipe(name, monkeypatch):
    """AdamW 0.005 with decay 5e-4 and a warm-up over an eighth of the steps: the authors' epochs 200 of 805, made shorter."""
    recipe = registry.get_method(name).spec.parameters()
    assert (recipe.lr, recipe.weight_decay, recipe.warmup, recipe.steps, recipe.hidden) == (0.005, 5e-4, 0.125, 800, 512)


def test_the_network_is_linear_norm_relu_linear():
    """f(x) = W_2 relu(norm(W_1 x)) + b_2; norm: mean 0 and variance 1 over the hidden numbers of a sample."""
    f = network(context(), 7, 9, 4)
    (W1,), (W2, b2) = f[0].parameters(), f[3].parameters()
    x = torch.randn(5, 7, generator=torch.Generator().manual_seed(2))
    h = x @ W1.T
    h = (h - h.mean(1, keepdim=True)) / (h.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(f(x), h.clamp_min(0) @ W2.T + b2)


def test_first_weights_are_uniform_within_the_inverse_root_of_the_inputs():
    f = network(context(), 100, 400, 300)
    for layer, inputs in ((f[0], 100), (f[3], 400)):
        for x in layer.parameters():
            assert x.abs().max() <= inputs**-0.5
            assert x.abs().max() > 0.95 * inputs**-0.5
            assert abs(x.mean()) < 0.2 * inputs**-0.5


@pytest.mark.parametrize(("warmup", "rise"), [(0.25, 4), (0.0, 1)])
def test_rates_rise_linearly_on_a_cosine_that_falls_to_zero(warmup, rise, monkeypatch):
    rates, made = [], []

    class Seen(torch.optim.AdamW):
        def __init__(self, parameters, **given):
            super().__init__(parameters, **given)
            made.append(self)

        def step(self):
            rates.append([group["lr"] for group in self.param_groups])
            super().step()

    monkeypatch.setattr(torch.optim, "AdamW", Seen)
    train(posed(samples=True), context(), lambda Z, labels: Z.square().mean(), Recipe(16, 0.02, 0.03, warmup, 6))
    wanted = [0.02 * min(1, (t + 1) / rise) * (1 + cos(pi * t / 16)) / 2 for t in range(16)]
    assert [rate for (rate,) in rates] == pytest.approx(wanted)
    assert rates[0] == [pytest.approx(0.02 / rise)]
    assert (made[0].defaults["betas"], made[0].defaults["weight_decay"]) == ((0.9, 0.999), 0.03)


def test_training_is_adamw_on_whole_batches_of_finished_features():
    """Two steps by hand, with a head; what is finished is what the loss sees and what is answered."""
    problem, (lr, decay) = posed(samples=True), (0.02, 0.1)

    def loss(Z, labels, head):
        return F.cross_entropy(head(Z), labels) + Z.square().mean()

    head, own = nn.Linear(4, 3), nn.Linear(4, 3)
    own.load_state_dict(head.state_dict())
    found = train(
        problem, context(), lambda Z, labels: loss(Z, labels, head), Recipe(2, lr, decay, 0.0, 6),
        head=head, finish=lambda Z: Z.tanh(),
    )  # fmt: skip
    f = network(context(), 7, 6, 4)
    learning = [*f.parameters(), *own.parameters()]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in learning]
    for t, rate in ((1, lr), (2, lr / 2)):
        slopes = torch.autograd.grad(loss(f(problem.train).tanh(), LABELS, own), learning)
        with torch.no_grad():
            for p, g, (m, v) in zip(learning, slopes, moments, strict=True):
                m.lerp_(g, 0.1)
                v.lerp_(g * g, 0.001)
                p.sub_(rate * decay * p + rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8))
    with torch.no_grad():
        wanted = f(problem.samples).tanh()
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(head.weight, own.weight, rtol=1e-3, atol=1e-4)
