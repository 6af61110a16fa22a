from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmark.context import Context
from methods.editing._edit import elsewhere
from methods.editing._flow import Flow
from methods.editing._power import leading
from methods.editing.t_loco import t_loco, towards
from tests.methods.editing.parts import Told, boxes, problem, told

CPU = torch.device("cpu")
QUICK = {"t": 0.4, "steps": 10, "outside": 2}


def f(known: Told, sigma: float, z: Tensor, c: Tensor | None) -> Tensor:
    """In numbers, from the definition; z (n,)."""
    mean = torch.zeros_like(z) if c is None else known.B @ c.double()
    return mean + known.gain(sigma, c is not None) @ (z - mean)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("pull", [None, 4.0])
def test_it_is_the_gradient_towards_what_is_wanted(guidance: float, pull: float | None) -> None:
    posed = told()
    known, flow = posed.prior, Flow(posed, 0.4, 10, guidance)
    z, sigma = flow.z[0].flatten().double(), flow.sigma
    mask = boxes()[0].expand(3, -1, -1).flatten()
    shown, wanted = posed.told[0], posed.wanted[0]
    free = f(known, sigma, z, None)
    J_free, J_told = known.gain(sigma, False), known.gain(sigma, True)
    f_o = free + guidance * (f(known, sigma, z, shown) - free)
    J_o = J_free + guidance * (J_told - J_free)
    if pull is None:
        f_e, J_e = free + guidance * (f(known, sigma, z, wanted) - free), J_o
    else:
        f_e, J_e = f_o + pull * (f(known, sigma, z, wanted) - free), J_o + pull * (J_told - J_free)
    expected = J_e.T @ (mask * (f_e - f_o))
    found = towards(flow, posed.regions[0, 0], wanted, pull)
    assert torch.allclose(found.flatten().double(), expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()))


def test_it_goes_towards_what_is_wanted_and_not_along_what_moves_outside() -> None:
    posed, ctx = told(), Context(CPU, 0)
    found = posed.check(t_loco(posed, ctx, QUICK))
    v = ctx.kept["directions"]
    flow = Flow(posed, 0.4, 10)
    others, _ = leading(flow.at(), flow.z[0], elsewhere(posed), 2, Context(CPU, 1))
    assert (v.flatten(1)[:, None] @ others.flatten(2).mT).abs().max() < 0.02
    mean = (posed.wanted.double() @ posed.prior.B.T).float().view(2, 3, 8, 8)
    for r, mask in enumerate(boxes()):
        change = (found[r, 0, -1] - found[r, 0, 2]) * mask
        assert (change * (0.5 + 0.5 * mean[r] - posed.pictures[0])).sum() > 0


def test_the_opposite_wish_is_the_opposite_direction() -> None:
    posed = told()
    found = []
    for wanted in (posed.wanted, 2 * posed.told - posed.wanted):
        ctx = Context(CPU, 0)
        t_loco(replace(posed, wanted=wanted), ctx, QUICK)
        found.append(ctx.kept["directions"])
    assert torch.allclose(found[0], -found[1], atol=1e-3)  # +s: towards it, not what is brighter


def test_without_a_wish_it_takes_the_leading_directions_inside() -> None:
    posed, ctx = told(), Context(CPU, 0)
    t_loco(posed, ctx, {**QUICK, "supervised": False, "count": 1})
    flow = Flow(posed, 0.4, 10)
    V, _ = leading(flow.at(), flow.z[0], posed.regions[0], 1, Context(CPU, 1), tolerance=1e-6, most=300)
    others, _ = leading(flow.at(), flow.z[0], elsewhere(posed), 2, Context(CPU, 1), tolerance=1e-6, most=300)
    left = V[:, 0].flatten(1)
    left = left - torch.einsum("rm,rmn->rn", torch.einsum("rn,rmn->rm", left, others.flatten(2)), others.flatten(2))
    alike = torch.nn.functional.cosine_similarity(left, ctx.kept["directions"].flatten(1))
    assert (alike.abs() > 0.98).all()


def test_the_edit_is_told_what_the_picture_shows() -> None:
    posed, ctx = told(), Context(CPU, 0)
    found = t_loco(posed, ctx, {**QUICK, "guidance": 2.0})
    flow = Flow(posed, 0.4, 10, 2.0)
    z = flow.z + 2.0 * ctx.kept["directions"][:1] / flow.root
    assert torch.allclose(found[0, 0, -1], flow.back(flow.down(z, posed.told))[0], atol=1e-5)


def test_what_it_lacks_is_said() -> None:
    with pytest.raises(ValueError, match="numbers that tell it; this problem holds none"):
        t_loco(problem(), Context(CPU, 0), QUICK)
    silent = told()
    object.__setattr__(silent, "wanted", None)
    with pytest.raises(ValueError, match="it needs to know what is wanted"):
        t_loco(silent, Context(CPU, 0), QUICK)
