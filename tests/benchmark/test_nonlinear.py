"""The Fourier magnitude as an operator, and what NonlinearInverse takes for an estimate."""

import numpy as np
import pytest
import torch

from benchmark import NonlinearInverse, operators, registry
from benchmark.spec import related, solved
from benchmark.submissions.observations import answers_to, shown_by


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def problem(pad=2, dtype=torch.float32, noise=0.1):
    A = operators.FourierMagnitude((3, 6, 5), pad, dtype)
    return NonlinearInverse(A=A, y=A(draw(3, 6, 5, dtype=dtype)), noise=noise, value_range=(0.0, 1.0))


@pytest.mark.parametrize("pad", [0, 1, 4])
def test_it_is_numpys_transform_of_the_padded_picture(pad):
    A, x = operators.FourierMagnitude((3, 6, 5), pad, torch.float64), draw(2, 3, 6, 5)
    wide = np.pad(x.numpy(), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    np.testing.assert_allclose(A(x).numpy(), abs(np.fft.fft2(wide, norm="ortho")), atol=1e-12)
    assert A(x).shape == (2, *A.data_shape)
    torch.testing.assert_close(A(x).flatten(1).norm(dim=1), x.flatten(1).norm(dim=1))
    assert torch.equal(A.narrow(A.wide(x)), x)


def test_a_negative_pad_is_refused():
    with pytest.raises(ValueError, match="pad is -1"):
        operators.FourierMagnitude((3, 6, 5), -1)


def test_gradients_are_those_of_differences():
    A = operators.FourierMagnitude((1, 4, 3), 1, torch.float64)
    assert torch.autograd.gradcheck(A, draw(1, 4, 3).requires_grad_())


def test_a_picture_of_zeros_has_a_finite_gradient():
    A = operators.FourierMagnitude((1, 4, 3), 1)
    x = torch.zeros(A.shape, requires_grad=True)
    A(x).sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("shape", [(3, 6, 5), (1, 3, 6, 5), (4, 3, 6, 5)])
def test_one_to_four_tries_are_an_estimate(shape):
    posed, estimate = problem(), draw(*shape, dtype=torch.float32)
    assert posed.check(estimate) is estimate
    assert posed.tries(estimate).shape == (estimate.numel() // 90, 3, 6, 5)


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (torch.zeros(5, 3, 6, 5), r"shape \(5, 3, 6, 5\), not \(3, 6, 5\), nor up to 4 of these"),
        (torch.zeros(0, 3, 6, 5), "shape"),
        (torch.zeros(2, 2, 3, 6, 5), "shape"),
        (torch.zeros(6, 5), "shape"),
        (torch.zeros(3, 6, 5, dtype=torch.float64), "type torch.float64, not torch.float32"),
        (torch.full((2, 3, 6, 5), torch.nan), "not finite"),
        (None, "a NoneType, not a tensor"),
    ],
)
def test_other_estimates_are_refused(estimate, message):
    with pytest.raises(ValueError, match=message):
        problem().check(estimate)


def test_the_try_with_the_least_residual_is_chosen():
    posed = problem()
    truth = draw(3, 6, 5, dtype=torch.float32)
    tries = torch.stack([truth.square(), truth.flip(-2, -1), 1 - truth])
    assert torch.equal(posed.chosen(tries), tries[1])
    assert torch.equal(posed.chosen(tries[0]), tries[0])


def test_it_moves_with_its_prior():
    class Prior:
        def to(self, device):
            return ("moved", device)

    posed = NonlinearInverse(A=problem().A, y=problem().y, noise=0.0, prior=Prior())
    assert posed.to("cpu").prior == ("moved", "cpu")
    assert problem().to("cpu").prior is None


def test_it_can_be_handed_out_and_answered_in_files():
    posed = problem()
    shown = shown_by(posed)
    assert shown.tensors.keys() == {"y"}
    assert shown.values["A"] == "FourierMagnitude"
    assert shown.values["A.pad"] == 2
    assert [form["shape"] for form in answers_to(posed)] == [[3, 6, 5], ["k", 3, 6, 5]]


def test_what_solves_nonlinear_problems_solves_linear_ones_and_not_the_other_way():
    assert solved("NonlinearInverse") == ("NonlinearInverse", "LinearInverse")
    assert solved("LinearInverse") == ("LinearInverse",)
    assert related("LinearInverse", "NonlinearInverse")
    assert not related("LinearInverse", "Completion")
    dip, tv = (registry.get_method(name).spec for name in ("dip", "tv"))
    linear, nonlinear = (registry.get_task(name).spec for name in ("inpainting", "phase_retrieval"))
    assert not dip.misfit(linear)
    assert not dip.misfit(nonlinear)
    assert tv.misfit(nonlinear) == "tv solves LinearInverse, but phase_retrieval poses NonlinearInverse"
    assert "needs magnitude" in registry.get_method("hio").spec.misfit(linear)
