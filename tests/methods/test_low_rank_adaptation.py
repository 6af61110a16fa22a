"""Deep LoRA and LoRA: what is handed to the adapters, loss, head, optimiser and schedule, as arXiv:2406.04112 and its code."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import Context, FewShot, registry
from methods.texts import _training
from methods.texts._training import Tuning
from methods.texts.adapters import DeepLoraConfig, compress, deltas, get_deep_lora_model, parameter_groups
from methods.texts.adapters.compress import _gradients
from tests.methods import tiny_encoder

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return tiny_encoder.save(tmp_path_factory.mktemp("encoder") / "tiny")


def context(seed=0):
    found = Context(CPU, seed)
    found.clock.start()
    return found


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def run(name, problem, ctx=None, **given):
    method = registry.get_method(name).load()
    return method(problem, ctx or context(), method.spec.parameters.model_validate(given).model_dump())


def graded(backbone):
    given, _ = tiny_encoder.problem(backbone, n=6, N=5)
    grades = torch.tensor([1.0, 4.0, 2.5, 3.0, 5.0, 0.5])
    return FewShot(train=given.train, y=grades, test=given.test, classes=0, backbone=backbone)


@pytest.fixture
def optimisers(monkeypatch):
    """The optimisers that were made, with the rates of their groups at every step."""
    made = []

    class Seen(torch.optim.AdamW):
        def __init__(self, groups, **given):
            super().__init__(groups, **given)
            self.rates = []
            made.append(self)

        def step(self):
            self.rates.append([group["lr"] for group in self.param_groups])
            super().step()

    monkeypatch.setattr(torch.optim, "AdamW", Seen)
    return made


# --- settings ---------------------------------------------------------------------------------------------------------------


def test_the_published_settings_are_the_defaults():
    """Rank 8, three factors of 1e-3, rate 1e-4 in batches of 16, outer factors of the compressed form at 1e-2 of the rate."""
    deep, lora = (registry.get_method(name).spec.parameters() for name in ("deep_lora", "lora"))
    assert (deep.form, deep.rank, deep.depth, deep.scale, deep.gamma) == ("narrow", 8, 3, 1e-3, 1e-2)
    assert (lora.rank, lora.start) == (8, "published")
    assert [(one.lr, one.batch) for one in (deep, lora)] == [(1e-4, 16)] * 2


@pytest.mark.parametrize(
    ("form", "rank", "learning"),
    [("narrow", 4, 4), ("wide", 4, None), ("compressed", 4, 4)],
)
def test_the_method_hands_its_form_rank_depth_and_scale_on(form, rank, learning, backbone):
    """After one step of almost no length the updates are the first ones: `scale` to the depth, of the told rank."""
    problem, _ = tiny_encoder.problem(backbone)
    ctx = context()
    run("deep_lora", problem, ctx, form=form, rank=rank, depth=4, scale=0.1, lr=1e-12, steps=1)
    values = ctx.kept["update_singular_values"]
    assert values.shape == (12, learning or 32)
    torch.testing.assert_close(values, torch.full_like(values, 0.1**4), rtol=1e-3, atol=0)
    sizes = [(32, 32)] * 8 + [(64, 32), (32, 64)] * 2  # of two layers: query, key, value, output, and the two of the MLP
    numbers = {
        "narrow": sum(4 * (out + into) + 2 * 4 * 4 for out, into in sizes),
        "wide": sum(32 * (out + into) + 2 * 32 * 32 for out, into in sizes),
        "compressed": sum(4 * (out + into) + 4 * 4 * 4 for out, into in sizes),  # four inner factors beside the outer ones
    }
    assert int(ctx.kept["learned"]) == numbers[form] + 66


def test_rates_of_factors_outer_factors_and_head(backbone, optimisers):
    """lr, gamma lr and head_lr, at every step; AdamW 0.9, 0.999, 1e-6 without decay."""
    problem, _ = tiny_encoder.problem(backbone)
    run("deep_lora", problem, form="compressed", rank=4, lr=0.01, gamma=0.3, head_lr=0.02, steps=3)
    run("lora", problem, lr=0.03, head="frozen", steps=3)
    deep, lora = optimisers
    assert deep.rates == [[0.01, pytest.approx(0.003), 0.02]] * 3
    assert lora.rates == [[0.03]] * 3
    for found in optimisers:
        for group in found.param_groups:
            assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-6, 0.0)
    assert {tuple(p.shape) for p in deep.param_groups[0]["params"]} == {(4, 4)}


# --- the training that all share --------------------------------------------------------------------------------------------


def test_the_loss_is_cross_entropy_of_classes(backbone):
    problem, _ = tiny_encoder.problem(backbone, classes=3)
    scores, rows = torch.randn(4, 3, generator=draw()), [5, 0, 7, 1]
    wanted = -sum(scores[i, problem.y[row]] - scores[i].exp().sum().log() for i, row in enumerate(rows)) / 4
    assert Tuning(problem, context())._loss(scores, rows).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_grades_are_brought_to_one_scale_and_back(backbone):
    """Squared error of (y - mean) / deviation; what the head says is an estimate in the units of the grades."""
    problem = graded(backbone)
    mean, deviation = problem.y.mean(), problem.y.std(correction=0)
    tuning = Tuning(problem, context())
    scores, rows = torch.randn(3, 1, generator=draw()), [4, 1, 2]
    wanted = ((problem.y[rows] - mean) / deviation - scores[:, 0]).square().mean()
    assert tuning._loss(scores, rows).item() == pytest.approx(wanted.item(), rel=1e-5)
    with torch.no_grad():
        tuning.head.weight.zero_()
        tuning.head.bias.fill_(0.5)
    torch.testing.assert_close(tuning.predict(), (mean + 0.5 * deviation).expand(5, 1))


def test_the_head_begins_small_without_a_bias(backbone):
    """N(0, 0.02^2), as BERT's, and from the context's seed."""
    problem, _ = tiny_encoder.problem(backbone, classes=3)
    head = Tuning(problem, context(), "random").head
    assert head.weight.std().item() == pytest.approx(0.02, rel=0.4)
    assert (head.bias == 0).all()
    assert not torch.equal(head.weight, Tuning(problem, context(1), "random").head.weight)


def test_training_has_dropout_and_scoring_has_none(backbone):
    problem, _ = tiny_encoder.problem(backbone, n=8)
    tuning, seen = Tuning(problem, context()), []
    scores = tuning._scores
    tuning._scores = lambda tokens, rows: (
        seen.append((tokens is tuning._train, tuning.encoder.training)) or scores(tokens, rows)
    )
    tuning.run([{"params": list(tuning.encoder.parameters()), "lr": 1e-4}], 6, 4, 1e-3)
    assert {learning for learning, _ in seen} == {True, False}
    assert all(learning == training for learning, training in seen)
    assert tuning.encoder.config.hidden_dropout_prob == 0.1


def test_batches_are_of_the_told_size_and_an_epoch_meets_every_example_once(backbone):
    problem, _ = tiny_encoder.problem(backbone, n=10)
    tuning, met = Tuning(problem, context()), []
    scores = tuning._scores
    tuning._scores = lambda tokens, rows: (met.append(rows) if tokens is tuning._train else None) or scores(tokens, rows)
    tuning.run([{"params": list(tuning.encoder.parameters()), "lr": 1e-4}], 6, 4, 1e-3)
    for epoch in (met[:3], met[3:]):
        assert sorted(len(rows) for rows in epoch) == [2, 4, 4]
        assert sorted(row for rows in epoch for row in rows) == list(range(10))
    assert met[:3] != met[3:]
    tuning, met[:] = Tuning(problem, context()), []
    scores = tuning._scores
    tuning._scores = lambda tokens, rows: met.append(rows) or scores(tokens, rows)
    tuning.first_loss(5)()
    assert len(met[0]) == 5


def test_a_step_is_adamw_on_the_batch(backbone):
    """The head alone, without dropout, two steps by hand."""
    given, _ = tiny_encoder.problem(backbone, n=4)
    tuning = Tuning(given, context(), "random")
    for module in tuning.encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    tuning.encoder.requires_grad_(False)
    with torch.no_grad():
        x = torch.cat([_training.pooled(tuning.encoder, tuning._train.batch([row], CPU)) for row in range(4)])
    W, b = tuning.head.weight.detach().clone(), tuning.head.bias.detach().clone()
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in (W, b)]
    for t in (1, 2):
        leaves = [p.clone().requires_grad_() for p in (W, b)]
        slopes = torch.autograd.grad(F.cross_entropy(F.linear(x, *leaves), given.y), leaves)
        for p, g, (m, v) in zip((W, b), slopes, moments, strict=True):
            m.lerp_(g, 0.1)
            v.lerp_(g * g, 0.001)
            p.sub_(0.05 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-6))
    tuning.run([], 2, 4, 0.05)
    torch.testing.assert_close(tuning.head.weight.detach(), W, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(tuning.head.bias.detach(), b, rtol=1e-3, atol=1e-4)


# --- the layers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("out", "into"), [(12, 20), (20, 12)])
@pytest.mark.parametrize("depth", [2, 4])
def test_a_wide_update_is_as_wide_as_the_shorter_side(out, into, depth):
    net = nn.Sequential(nn.Linear(into, out))
    get_deep_lora_model(net, DeepLoraConfig(form="wide", rank=None, depth=depth, scale=0.5), draw())
    factors = list(net[0].factors)
    assert [tuple(W.shape) for W in factors] == [(12, into), *[(12, 12)] * (depth - 2), (out, 12)]
    for W in factors:
        short = W if len(W) <= W.shape[1] else W.T
        torch.testing.assert_close(short @ short.T, 0.25 * torch.eye(12), rtol=0, atol=1e-5)


def test_compression_keeps_depth_scale_and_the_updates_first_size():
    """Delta(0) = U (eps I)^L V^T: r singular values eps^L, with L inner factors between the outer ones."""
    x = torch.randn(30, 20, generator=draw())
    for make in ("at once", "from wide"):
        net = nn.Sequential(nn.Linear(20, 12))
        loss = lambda net=net: net(x).square().mean()  # noqa: E731
        if make == "at once":
            get_deep_lora_model(net, DeepLoraConfig(form="compressed", rank=4, depth=2, scale=0.3), draw(), loss)
        else:
            get_deep_lora_model(net, DeepLoraConfig(form="wide", rank=None, depth=2, scale=0.3), draw())
            compress(net, loss, 4, draw())
        assert len(net[0].factors) == 4
        values = torch.linalg.svdvals(deltas(net)["0"])
        torch.testing.assert_close(values[:4], torch.full((4,), 0.3**2), rtol=1e-4, atol=0)
        assert values[4:].max() < 1e-6


def test_the_gradient_that_compresses_sums_over_tokens_and_uses():
    """A layer used twice, on inputs of several tokens: d loss / d W is that of autograd."""
    layer = nn.Linear(8, 8, bias=False)
    x, y = torch.randn(3, 5, 8, generator=draw()), torch.randn(2, 8, generator=draw(1))
    loss = lambda: layer(x).pow(3).sum() + layer(y).square().sum()  # noqa: E731
    [G] = torch.autograd.grad(loss(), layer.weight)
    torch.testing.assert_close(_gradients({"": layer}, loss)[""](), G, rtol=1e-4, atol=1e-3)


def test_dropout_is_off_while_the_subspace_is_found():
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(20, 12))
    x, seen = torch.randn(30, 20, generator=draw()), []
    loss = lambda: (seen.append([module.training for module in net.modules()]), net(x).square().mean())[1]  # noqa: E731
    net.train()
    get_deep_lora_model(net, DeepLoraConfig(form="compressed", rank=4), draw(), loss)
    assert seen == [[False] * 3]
    assert net.training
    assert net[0].training


def test_what_is_no_outer_factor_learns_at_the_whole_rate():
    x = torch.randn(30, 20, generator=draw())
    for form in ("narrow", "wide", "compressed"):
        net = nn.Sequential(nn.Linear(20, 12), nn.LayerNorm(12))
        loss = lambda net=net: net(x).square().mean()  # noqa: E731
        rank = None if form == "wide" else 4
        get_deep_lora_model(net, DeepLoraConfig(form=form, rank=rank, modules_to_save=("1",)), draw(), loss)
        rates = {id(p): group["lr"] for group in parameter_groups(net, 2.0, 0.5) for p in group["params"]}
        first, *_, last = net[0].factors
        outer = 1.0 if form == "compressed" else 2.0
        for p in net.parameters():
            if p.requires_grad:
                assert rates.pop(id(p)) == (outer if p is first or p is last else 2.0)
        assert not rates
