import pytest
import torch
from torch import Tensor

from benchmark.context import Context
from benchmark.problems import Editing
from methods.editing._edit import chosen, unit, without
from methods.editing._flow import Flow
from methods.editing.loco_edit import loco_edit
from methods.editing.masked import masked
from methods.editing.noise_jacobian import noise_jacobian
from methods.editing.random_direction import random_direction
from methods.editing.unmasked import unmasked
from tests.methods.editing.parts import boxes, problem

CPU = torch.device("cpu")
QUICK = {"t": 0.4, "steps": 20}


def run(method, posed: Editing, **given) -> tuple[Tensor, Tensor]:
    ctx = Context(CPU, 0)
    found = posed.check(method(posed, ctx, {**QUICK, **given}))
    return found, ctx.kept["directions"]


def leak(posed: Editing, found: Tensor) -> Tensor:
    """(R,): change outside over change inside at the largest strength."""
    change = found[:, 0, -1] - found[:, 0, 2]
    region = posed.regions[0][:, None]
    return (change * ~region).flatten(1).norm(dim=1) / (change * region).flatten(1).norm(dim=1)


def test_the_projection_keeps_the_edit_within_the_region() -> None:
    posed = problem()
    ours, _ = run(loco_edit, posed, count=1, outside=2)
    bare, _ = run(masked, posed, count=1)
    assert (leak(posed, ours) < 0.1).all()
    assert (leak(posed, bare) > 3 * leak(posed, ours)).all()


def test_the_other_directions_leak() -> None:
    posed = problem()
    ours, _ = run(loco_edit, posed, count=1, outside=2)
    for other, given in ((unmasked, {"count": 2}), (random_direction, {"count": 2}), (noise_jacobian, {"count": 2})):
        found, _ = run(other, posed, **given)
        assert (leak(posed, found) > 3 * leak(posed, ours)).all(), other.spec.name


def test_an_edit_is_a_step_along_the_direction_and_transfers() -> None:
    posed = problem(pictures=2)
    found, v = run(loco_edit, posed, count=1, outside=2)
    assert torch.allclose(v.flatten(1).norm(dim=1), torch.ones(2), atol=1e-5)
    flow = Flow(posed, **QUICK)
    expected = flow.back(flow.down(flow.z[1:] + 2.0 * v[:1] / flow.root, None))
    assert torch.allclose(found[0, 1, -1], expected[0], atol=1e-5)
    again = flow.back(flow.down(flow.z, None))
    assert torch.allclose(found[1, :, 2], again, atol=1e-6)  # strength 0 is no edit
    change = found[:, :, -1] - found[:, :, 2]
    alike = torch.nn.functional.cosine_similarity(change[:, 0].flatten(1), change[:, 1].flatten(1))
    assert (alike > 0.5).all()


def test_the_rule_takes_effect_over_leak_and_brightens() -> None:
    posed = problem()
    flow = Flow(posed, **QUICK)
    region, other = boxes().float().expand(3, 2, 8, 8).transpose(0, 1)
    good, bad = -region, region + 3 * other
    candidates = unit(torch.stack([torch.stack([bad, good]), torch.stack([bad, good])]))
    taken = chosen(posed, flow, candidates)
    assert torch.allclose(taken[0], unit(region[None])[0], atol=1e-6)  # the second, turned
    assert torch.allclose(taken[1], unit(bad[None])[0], atol=1e-6)  # for the other region the first suits better


def test_without_leaves_what_is_orthogonal() -> None:
    draw = torch.Generator().manual_seed(0)
    span = torch.linalg.qr(torch.randn(1, 12, 2, generator=draw))[0].mT.reshape(1, 2, 3, 2, 2)
    v = torch.randn(1, 3, 3, 2, 2, generator=draw)
    found = without(v, span)
    assert (found.flatten(2) @ span.flatten(2).mT).abs().max() < 1e-6
    lost = (v - found).flatten(2)
    assert torch.linalg.matrix_rank(torch.cat([lost[0], span.flatten(2)[0]])) == 2
    with pytest.raises(ValueError, match="nothing is left"):
        unit(without(span, span) * 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regions": torch.zeros(1, 2, 8, 8, dtype=torch.bool)}, "region 0 is empty"),
        ({"regions": torch.ones(1, 1, 8, 8, dtype=torch.bool)}, "region 0 is the whole picture"),
        ({"regions": torch.ones(1, 2, 4, 4, dtype=torch.bool)}, r"not \(1, regions, 8, 8\)"),
        ({"regions": torch.ones(1, 2, 8, 8)}, "not torch.bool"),
        ({"strengths": (1.0, 2.0)}, "with 0 among them"),
        ({"strengths": (1.0, 0.0)}, "have to rise"),
        ({"pictures": torch.zeros(1, 3, 4, 4)}, r"not \(pictures, 3, 8, 8\)"),
        ({"told": torch.zeros(1, 3)}, "told has shape"),
    ],
)
def test_bad_input_is_one_line(change, message) -> None:
    good = problem()
    given = {"prior": good.prior, "pictures": good.pictures, "regions": good.regions, "strengths": good.strengths}
    with pytest.raises(ValueError, match=message) as found:
        Editing(**{**given, **change})
    assert "\n" not in str(found.value)
