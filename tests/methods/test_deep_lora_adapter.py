"""Deep LoRA's layers: their start, gradients, compression, merging, storage, and what a mistake is answered with."""

import json
from functools import reduce

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import Linear as LoraLinear
from torch import nn
from transformers import BertForSequenceClassification

from benchmark.errors import UserError
from methods.texts.adapters import (
    DeepLoraConfig,
    DeepLoraLinear,
    adapted,
    compress,
    deltas,
    get_deep_lora_model,
    load,
    merge,
    parameter_groups,
    save_pretrained,
)
from methods.texts.adapters.compress import _leading
from methods.texts.adapters.deep_lora import targets
from methods.texts.adapters.layer import orthogonal
from tests.methods import tiny_encoder

IDS = torch.randint(5, 20, (4, 9), generator=torch.Generator().manual_seed(0))


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def answer(model):
    return model(input_ids=IDS, attention_mask=torch.ones_like(IDS))[0]


def loss_of(model, weight=1.0):
    return lambda: weight * (answer(model) * torch.linspace(-1, 1, answer(model).shape[-1])).square().mean()


def made(form="narrow", rank=8, model=None, **more):
    model = tiny_encoder.model() if model is None else model
    config = DeepLoraConfig(form=form, rank=None if form == "wide" else rank, **more)
    return get_deep_lora_model(model, config, draw(), loss_of(model))


def trained(model, steps=3, lr=1e-2):
    model.eval()
    optimiser = torch.optim.AdamW(parameter_groups(model, lr), weight_decay=0.0)
    for _ in range(steps):
        optimiser.zero_grad()
        loss_of(model)().backward()
        optimiser.step()
    return model


@pytest.mark.parametrize(("form", "numbers"), [("narrow", 12352), ("compressed", 12480), ("wide", 3 * 768**2)])
def test_an_update_has_the_papers_number_of_parameters(form, numbers):
    net = nn.Sequential(nn.Linear(768, 768))
    x = torch.randn(32, 768, generator=draw())
    config = DeepLoraConfig(form=form, rank=None if form == "wide" else 8)
    get_deep_lora_model(net, config, draw(), lambda: net(x).square().mean())
    assert sum(p.numel() for p in net.parameters() if p.requires_grad) == numbers
    lora = nn.Sequential(nn.Linear(768, 768))
    inject_adapter_in_model(LoraConfig(r=8, target_modules=["0"]), lora)
    assert sum(p.numel() for p in lora.parameters() if p.requires_grad) == 12288


@pytest.mark.parametrize("form", ["narrow", "wide", "compressed"])
def test_an_update_begins_at_almost_nothing_and_learns(form):
    plain = answer(tiny_encoder.model().eval())
    model = made(form).eval()
    assert len(adapted(model)) == 13  # of two layers six each, and the pooler
    for delta in deltas(model).values():
        assert 0 < torch.linalg.matrix_norm(delta, 2) < 1.01e-9
    assert torch.allclose(answer(model), plain, atol=1e-6)
    loss_of(model)().backward()
    for name, p in model.named_parameters():
        if "pooler" in name:
            continue
        assert p.requires_grad == ("factors" in name)
        assert (p.grad is not None and p.grad.abs().max() > 0) == p.requires_grad, name
    model.zero_grad()
    before = loss_of(model)().item()
    assert loss_of(trained(model, 10))().item() < before


def test_factors_are_semi_orthogonal_times_the_scale():
    for layer in adapted(made("narrow", depth=4)).values():
        assert [tuple(f.shape) for f in layer.factors] == [(8, layer.in_features), (8, 8), (8, 8), (layer.out_features, 8)]
        for factor in layer.factors:
            short = factor if factor.shape[0] <= factor.shape[1] else factor.T
            assert torch.allclose(short @ short.T / 1e-6, torch.eye(len(short)), atol=1e-5)


def test_the_update_is_added_to_the_weight():
    layer = DeepLoraLinear(nn.Linear(6, 5), [torch.randn(3, 6), torch.randn(3, 3), torch.randn(5, 3)], "narrow")
    whole = layer.weight + layer.factors[2] @ layer.factors[1] @ layer.factors[0]
    for shape in ((6,), (4, 6), (2, 4, 6)):
        x = torch.randn(shape)
        assert torch.allclose(layer(x), nn.functional.linear(x, whole, layer.bias), atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(2, 6)).dtype == torch.bfloat16
    half = DeepLoraLinear(nn.Linear(6, 5).bfloat16(), [torch.randn(3, 6), torch.randn(5, 3)], "narrow")
    assert half(torch.randn(2, 6).bfloat16()).dtype == torch.bfloat16


# --- compression --------------------------------------------------------------------------------------------------------


def literal(factors, G, k, eps):
    """V by the paper's rule, from the wide network's own factors: full decompositions of G_1 and G_1^T W_1."""
    later = reduce(lambda product, factor: factor @ product, factors[1:])
    G1 = later.T @ G
    tops = [torch.linalg.svd(M.double()).Vh[:k].T for M in (G1, G1.T @ factors[0])]
    return torch.linalg.qr(torch.cat(tops, 1)).Q


@pytest.mark.parametrize(("out", "into"), [(32, 32), (48, 32), (32, 48)])
def test_a_compressed_update_is_the_wide_one_in_the_subspace_of_its_gradient(out, into):
    net = nn.Sequential(nn.Linear(into, out, bias=False), nn.Tanh(), nn.Linear(out, 3))
    x = torch.randn(64, into, generator=draw(1))
    low = torch.randn(64, 2, generator=draw(2)) @ torch.randn(2, 3, generator=draw(3))
    loss = lambda: (net(x) - 3 * low).square().mean()  # noqa: E731
    get_deep_lora_model(net, DeepLoraConfig(form="wide", rank=None, target_modules=("0",)), draw())
    factors = [f.detach().clone() for f in net[0].factors]
    wide = net[0].delta().detach() / 1e-9
    weight = (net[0].weight + net[0].delta()).detach().requires_grad_()
    hidden = nn.functional.linear(x, weight)
    [G] = torch.autograd.grad((net[2](net[1](hidden)) - 3 * low).square().mean(), weight)
    if out >= into:
        V = literal([f.double() for f in factors], G.double(), 2, 1e-3)
        projected = wide.double() @ V @ V.T
    else:
        V = literal([f.T.double() for f in reversed(factors)], G.T.double(), 2, 1e-3)
        projected = V @ V.T @ wide.double()
    compress(net, loss, 4, draw())
    assert torch.allclose(net[0].delta().double() / 1e-9, projected, atol=2e-4)
    right, *inner, left = net[0].factors
    assert torch.allclose(right @ right.T, torch.eye(4), atol=1e-5)
    assert torch.allclose(left.T @ left, torch.eye(4), atol=1e-5)
    assert len(inner) == 3
    assert all(torch.equal(factor, 1e-3 * torch.eye(4)) for factor in inner)


def test_a_compressed_network_tracks_the_wide_one_under_descent():
    """Plain descent on a target of rank 2: wide and compressed updates stay together; a narrow random one starts later."""
    goal = torch.linalg.qr(torch.randn(32, 2, generator=draw(5), dtype=torch.float64)).Q
    target = 2 * goal @ torch.diag(torch.tensor([1.0, 0.8], dtype=torch.float64)) @ goal.flip(0).T

    def net(form):
        model = nn.Sequential(nn.Linear(32, 32, bias=False)).double()
        nn.init.zeros_(model[0].weight)
        config = DeepLoraConfig(form=form, rank=None if form == "wide" else 4, scale=0.05)
        return get_deep_lora_model(model, config, draw(7)).double()

    def loss(model):
        return (model(torch.eye(32, dtype=torch.float64)).T - target).square().sum() / 2

    wide, narrow = net("wide"), net("narrow")
    compressed = net("wide")
    compress(compressed, lambda: loss(compressed), 4, draw())
    compressed.double()
    paths = {}
    for name, model, gamma in (("wide", wide, 1.0), ("compressed", compressed, 0.0), ("narrow", narrow, 1.0)):
        optimiser = torch.optim.SGD(parameter_groups(model, 0.1, gamma))
        paths[name] = []
        for _ in range(400):
            optimiser.zero_grad()
            loss(model).backward()
            optimiser.step()
            paths[name].append(deltas(model)["0"])
    apart = max((a - b).norm().item() for a, b in zip(paths["wide"], paths["compressed"], strict=True))
    assert apart < 1.1 * 0.05**3 * 28**0.5 + 1e-4  # the paper's bound: eps^L sqrt(d - 2 r)
    assert (paths["wide"][-1] - target).norm() < 0.05 * target.norm()
    assert (paths["narrow"][-1] - target).norm() > 0.5 * target.norm()


def test_leading_singular_vectors():
    M = torch.randn(60, 5, generator=draw()) @ torch.randn(5, 60, generator=draw(1)) + 1e-3 * torch.randn(
        60, 60, generator=draw(2)
    )
    U, s, Vh = torch.linalg.svd(M)
    X, Y = _leading(M, 5, draw())
    assert torch.allclose(X @ X.T, U[:, :5] @ U[:, :5].T, atol=1e-4)
    assert torch.allclose(Y @ Y.T, Vh[:5].T @ Vh[:5], atol=1e-4)
    assert torch.allclose((X * (M @ Y)).sum(0), s[:5], rtol=1e-4)


def test_compression_is_without_dropout_and_leaves_the_model_as_it_was():
    first, again = made("compressed"), made("compressed")
    assert first.training
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert first.embeddings.word_embeddings.weight.grad is None
    assert not any(module._forward_hooks for module in first.modules())


def test_rates_of_the_outer_factors():
    groups = parameter_groups(made("compressed", target_modules=("query",)), lr=1e-2, gamma=1e-2)
    assert [(g["lr"], len(g["params"])) for g in groups] == [(1e-2, 6), (pytest.approx(1e-4), 4)]
    assert {tuple(p.shape) for p in groups[0]["params"]} == {(8, 8)}
    assert [(g["lr"], len(g["params"])) for g in parameter_groups(made("narrow"), 1e-4, 1e-2)] == [(1e-4, 39)]


# --- merging and storage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["narrow", "wide", "compressed"])
def test_a_merged_model_is_a_plain_one_with_the_same_answers(form):
    model = trained(made(form), lr=0.1)
    before, changed = answer(model).detach(), max(delta.abs().max() for delta in deltas(model).values())
    assert changed > 1e-3
    names = [name for name, _ in tiny_encoder.model().named_modules()]
    merge(model)
    assert [name for name, _ in model.named_modules()] == names
    assert type(model.encoder.layer[0].attention.self.query) is nn.Linear
    assert torch.allclose(answer(model), before, atol=1e-5)


@pytest.mark.parametrize("form", ["narrow", "compressed"])
def test_a_saved_adapter_comes_back(form, tmp_path):
    kind = BertForSequenceClassification
    model = tiny_encoder.model(kind=kind)
    trained(made(form, model=model, modules_to_save=("classifier",)))
    save_pretrained(model, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"adapter_config.json", "adapter_model.safetensors"}
    assert json.loads((tmp_path / "adapter_config.json").read_text())["form"] == form
    other = tiny_encoder.model(kind=kind)
    nn.init.zeros_(other.classifier.weight)
    load(other, tmp_path)
    learned = dict(model.named_parameters())
    back = {name: p for name, p in other.named_parameters() if p.requires_grad}
    assert back.keys() == {name for name, p in learned.items() if p.requires_grad}
    assert all(torch.equal(p, learned[name]) for name, p in back.items())
    assert torch.allclose(
        answer(other.eval()), answer(model), atol=1e-5
    )  # where a tensor lies in memory decides on its rounding
    assert other.classifier.weight.requires_grad
    assert not other.bert.embeddings.word_embeddings.weight.requires_grad
    with pytest.raises(UserError, match="has no update of layer"):
        load(tiny_encoder.model(kind=kind, intermediate_size=48), tmp_path)
    with pytest.raises(UserError, match="holds no Deep LoRA adapter"):
        load(tiny_encoder.model(), tmp_path / "nowhere")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(UserError, match="another kind"):
        load(tiny_encoder.model(), tmp_path)


# --- which layers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["all-linear", ("query", "value"), ("attention.output.dense",), ("output.dense",)])
def test_layers_are_named_as_peft_names_them(wanted):
    model = tiny_encoder.model()
    theirs = tiny_encoder.model()
    inject_adapter_in_model(LoraConfig(target_modules=wanted if isinstance(wanted, str) else list(wanted)), theirs)
    expected = {name for name, module in theirs.named_modules() if isinstance(module, LoraLinear)}
    assert set(targets(model, DeepLoraConfig(target_modules=wanted))) == expected


def test_the_head_of_a_classifier_is_left_out():
    model = tiny_encoder.model(kind=BertForSequenceClassification)
    theirs = tiny_encoder.model(kind=BertForSequenceClassification)
    inject_adapter_in_model(LoraConfig(target_modules="all-linear", task_type="SEQ_CLS"), theirs)
    expected = {name for name, module in theirs.named_modules() if isinstance(module, LoraLinear)}
    assert set(targets(model, DeepLoraConfig())) == expected
    assert "classifier" not in expected


def two_places():
    shared = nn.Linear(4, 4)
    return nn.ModuleDict({"a": nn.Sequential(shared), "b": nn.Sequential(shared), "c": nn.Sequential(nn.Linear(4, 4))})


@pytest.mark.parametrize("wanted", ["all-linear", ("a.0", "b.0"), ("0",)])
def test_a_layer_in_two_places_stays_one(wanted, tmp_path):
    net = two_places()
    shared = net["a"][0]
    get_deep_lora_model(net, DeepLoraConfig(rank=2, target_modules=wanted), draw())
    assert net["a"][0] is net["b"][0]
    assert list(adapted(net)) == (["a.0"] if "a.0" in wanted else ["a.0", "c.0"])
    with torch.no_grad():
        net["a"][0].factors[0].add_(10)
        net["a"][0].factors[1].add_(10)
        net["a"][0].factors[2].add_(10)
    x = torch.randn(3, 4, generator=draw())
    before = [net[name](x) for name in "abc"]
    save_pretrained(net, tmp_path)
    merge(net)
    assert net["a"][0] is net["b"][0] is shared
    after = [net[name](x) for name in "abc"]
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in zip(before, after, strict=True))
    other = two_places()
    with torch.no_grad():
        other["a"][0].weight.copy_(shared.weight)
    load(other, tmp_path)
    assert other["a"][0] is other["b"][0]


def test_a_layer_of_which_one_place_is_meant_is_refused_by_name():
    for wanted, meant, other in (("a.0", "a", "b"), ("b.0", "b", "a")):
        with pytest.raises(UserError, match=rf"^layer '{meant}\.0' is also '{other}\.0', which is no target; name both"):
            get_deep_lora_model(two_places(), DeepLoraConfig(rank=2, target_modules=(wanted,)), draw())


def tied():
    net = nn.ModuleDict({"words": nn.Embedding(9, 4), "inner": nn.Linear(4, 4), "output": nn.Linear(4, 9)})
    net["output"].weight = net["words"].weight
    return net


def test_a_layer_with_the_weight_of_another_module_is_refused_by_name():
    with pytest.raises(UserError, match=r"^layers 'output' and 'words' share one weight"):
        get_deep_lora_model(tied(), DeepLoraConfig(rank=2), draw())
    net = get_deep_lora_model(tied(), DeepLoraConfig(rank=2, target_modules=("inner",)), draw())
    assert list(adapted(net)) == ["inner"]
    pair = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    pair[1].weight = pair[0].weight
    with pytest.raises(UserError, match=r"^layers '0' and '1' share one weight"):
        get_deep_lora_model(pair, DeepLoraConfig(rank=2), draw())


def test_merging_leaves_a_weight_that_was_shared_later_to_its_other_owner():
    net = nn.ModuleDict({"words": nn.Embedding(9, 4), "output": nn.Linear(4, 9)})
    get_deep_lora_model(net, DeepLoraConfig(rank=2, scale=1.0), draw())
    net["words"].weight = net["output"].base.weight
    rows, before = net["words"].weight.clone(), net["output"](torch.eye(4))
    merge(net)
    assert torch.equal(net["words"].weight, rows)
    assert torch.allclose(net["output"](torch.eye(4)), before, atol=1e-5)
    assert not torch.allclose(net["output"].weight, rows)


def test_a_balanced_pace_lowers_the_rate_with_the_rank():
    """From rank 8 to rank 32, of three factors: (1/4)^(2/3), and the saturated steps of both move the product alike."""
    net = nn.Sequential(nn.Linear(32, 32))
    rates = {}
    for rank in (8, 32):
        one = get_deep_lora_model(nn.Sequential(nn.Linear(32, 32)), DeepLoraConfig(rank=rank), draw())
        assert parameter_groups(one, 0.01)[0]["lr"] == 0.01
        [group] = parameter_groups(one, 0.01, pace="balanced")
        rates[rank] = group["lr"]
    assert rates == {8: pytest.approx(0.01), 32: pytest.approx(0.01 * 4 ** (-2 / 3))}
    moved = []
    for rank, rate in rates.items():
        sides = [torch.full(shape, rate) for shape in ((32, rank), (rank, rank), (rank, 32))]
        moved.append(torch.linalg.matrix_norm(sides[0] @ sides[1] @ sides[2], 2).item())
    assert moved[0] == pytest.approx(moved[1], rel=1e-4)
    get_deep_lora_model(net, DeepLoraConfig(rank=None, form="wide", modules_to_save=()), draw())
    assert [group["lr"] for group in parameter_groups(net, 0.01, pace="balanced")] == [pytest.approx(rates[32])]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: made(target_modules=("querry",)), "no linear layer's name ends in 'querry'; nearest: .*query"),
        (lambda: made(target_modules=("LayerNorm",)), "is a LayerNorm, not a torch.nn.Linear"),
        (lambda: made(model=nn.Sequential(nn.ReLU())), "no linear layer"),
        (lambda: made(rank=33), r"rank 33 is above the smaller side of layer '.*' \(32x32\)"),
        (lambda: made("compressed", rank=7), "even rank, not 7"),
        (lambda: DeepLoraConfig(rank=None), "needs a rank"),
        (lambda: made(modules_to_save=("clasifier",), model=tiny_encoder.model(kind=BertForSequenceClassification)), "nearest"),
        (lambda: get_deep_lora_model(tiny_encoder.model(), DeepLoraConfig(form="compressed"), draw()), "needs `loss`"),
        (lambda: made(model=made()), "already"),
        (lambda: compress(made(), lambda: torch.zeros(()), 4, draw()), "wide"),
        (lambda: save_pretrained(tiny_encoder.model(), "."), "no Deep LoRA layers"),
    ],
)
def test_mistakes_are_answered_in_one_line(make, message):
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_everything_random_comes_from_the_generator():
    state = torch.random.get_rng_state()
    for form in ("narrow", "wide", "compressed"):
        model = tiny_encoder.model().eval()
        first = made(form, model=model)
        again = made(form)
        assert all(torch.equal(a, b) for a, b in zip(deltas(first).values(), deltas(again).values(), strict=True))
    assert torch.equal(torch.random.get_rng_state(), state)
    Q = orthogonal(5, 3, draw())
    assert torch.allclose(Q.T @ Q, torch.eye(3), atol=1e-6)
    assert torch.equal(orthogonal(3, 5, draw()), Q.T)
