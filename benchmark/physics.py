"""A linear operator of this suite with the names that deepinv's solvers read from a `LinearPhysics`.

x (B, C, H, W) real            our (C, H, W)
x (B, 2, H, W) real            our complex (H, W): real part, imaginary part
y (B, 2, C, H, W) real         our complex (C, H, W)
x (B, 1, n, m) real            our (n, m), such as n spectra of m samples

    A_dagger(y)             the x of smallest norm that minimises |A x - y|
    prox_l2(z, y, gamma)    argmin_x  gamma/2 |A x - y|^2 + 1/2 |x - z|^2
    compute_sqnorm()        |A|^2, the largest eigenvalue of A^T A

Where deepinv is imported, a `Physics` made by `of` is one of its `LinearPhysics` too, and its noise one of its `GaussianNoise`:
some solvers ask for that, and it has the rest of their methods.
"""

import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from benchmark.operators.linear import LinearOperator

# deepinv's own, to which its solvers are tuned. Where A is ill conditioned, an early end keeps the noise small.
_TOLERANCE = 1e-4  # of the residual of the normal equations, relative to their right side
_ITERATIONS = 50
_STARTS = {"init", "x_init"}  # where their solvers begin; ours has the same answer from anywhere


class Noise(nn.Module):
    """Gaussian noise. sigma: its standard deviation, a tensor () or (B,), for each real number of y."""

    sigma: Tensor

    def __init__(self, sigma: float | Tensor) -> None:
        super().__init__()
        self.register_buffer("sigma", torch.as_tensor(sigma, dtype=torch.float32))

    def forward(self, y: Tensor, sigma: float | Tensor | None = None, **_: Any) -> Tensor:
        """y (B, ...) with noise. A sigma that is given stays."""
        self.update_parameters(sigma=sigma)
        return y + _each(self.sigma, y) * torch.randn_like(y)

    def update_parameters(self, sigma: float | Tensor | None = None, **_: Any) -> None:
        """Sets sigma, unless it is None."""
        if sigma is not None:
            self.sigma = torch.as_tensor(sigma, dtype=self.sigma.dtype, device=self.sigma.device)


class Physics(nn.Module):
    """A linear operator with its noise. Calling it gives A x with noise where A measures.

    noise_model.sigma is that of the problem; where y is complex, over the square root of two, as each part has half the power.
    img_size is the shape of x without B. The operator is fixed: a tensor by keyword, with which deepinv changes an operator,
    raises ValueError. So does a tensor of another shape.
    """

    noise_model: nn.Module

    def __init__(self, operator: LinearOperator, noise: float, device: torch.device) -> None:
        super().__init__()
        sigma = noise / 2**0.5 if operator.dtype.is_complex else float(noise)
        kind: Callable[..., nn.Module] = _theirs("GaussianNoise") or Noise
        self.operator = operator
        self.noise_model = kind(torch.tensor(sigma)).to(device)
        self.img_size = wanted(operator.shape, operator.dtype)

    def A(self, x: Tensor, **given: Any) -> Tensor:
        """A x of x (B, *img_size)."""
        _refuse(given)
        return batched(self.operator(plain(x, self.operator.shape, self.operator.dtype)), len(self.operator.data_shape))

    def A_adjoint(self, y: Tensor, **given: Any) -> Tensor:
        """A^T y: the adjoint for real inner products, which is that of the complex ones."""
        _refuse(given)
        return batched(self.operator.H(plain(y, self.operator.data_shape, self.operator.dtype)), len(self.operator.shape))

    def A_vjp(self, x: Tensor, v: Tensor) -> Tensor:
        """The gradient of <A x, v> in x, which is A^T v for every x."""
        return self.A_adjoint(v)

    def A_adjoint_A(self, x: Tensor, **given: Any) -> Tensor:
        """A^T A x."""
        return self.A_adjoint(self.A(x, **given))

    def A_A_adjoint(self, y: Tensor, **given: Any) -> Tensor:
        """A A^T y."""
        return self.A(self.A_adjoint(y, **given))

    def A_dagger(
        self, y: Tensor, solver: str = "CG", max_iter: int | None = None, tol: float | None = None, **given: Any
    ) -> Tensor:
        """The least-squares solution of smallest norm, by conjugate gradients on A^T A x = A^T y from 0, whatever the solver.

        They end after max_iter steps (50), or where the residual is below tol (1e-4) of the right side.
        """
        _refuse(given)
        right = self.A_adjoint(y)
        return _solved(self.A_adjoint_A, right, torch.zeros_like(right), max_iter, tol)

    def prox_l2(
        self,
        z: Tensor | float | None,
        y: Tensor,
        gamma: float | Tensor,
        solver: str = "CG",
        max_iter: int | None = None,
        tol: float | None = None,
        **given: Any,
    ) -> Tensor:
        """argmin_x gamma/2 |A x - y|^2 + 1/2 |x - z|^2, solved from z as in `A_dagger`.

        z (B, *img_size), or a number for all entries, None for 0; gamma > 0, a number or (B,).
        """
        _refuse(given)
        back = self.A_adjoint(y)
        near = z if isinstance(z, Tensor) else torch.full_like(back, z or 0.0)
        weight = 1 / _each(torch.as_tensor(gamma, dtype=back.dtype, device=back.device), back)
        return _solved(lambda x: self.A_adjoint_A(x) + weight * x, back + weight * near, near, max_iter, tol)

    def compute_sqnorm(self, x0: Tensor | None = None, *, max_iter: int = 100, tol: float = 1e-3, **_: Any) -> Tensor:
        """|A|^2, a tensor (), by power iterations from a start of our own until it changes by less than tol, relative.

        x0 says where to compute; its values are not used.
        """
        start = torch.randn(1, *self.img_size, generator=torch.Generator().manual_seed(0))
        x = start if x0 is None else start.to(x0)
        norm = x.new_zeros(())
        for _step in range(max_iter):
            x = self.A_adjoint_A(x / x.norm().clamp_min(1e-30))
            before, norm = norm, x.norm()
            if bool((norm - before).abs() <= tol * norm):
                break
        return norm

    def compute_norm(self, x0: Tensor | None = None, *, squared: bool = True, **how: Any) -> Tensor:
        """|A|^2, as deepinv has it by default; with squared=False |A|. The rest as for `compute_sqnorm`."""
        found = self.compute_sqnorm(x0, **how)
        return found if squared else found.sqrt()

    @cached_property
    def _measured(self) -> Tensor:
        """bool (1, ...), true where A measures: elsewhere an operator has no noise."""
        drawn = self.operator.to("cpu").noise(torch.Generator().manual_seed(0))
        return batched(drawn, len(self.operator.data_shape)) != 0

    def noise(self, y: Tensor, **given: Any) -> Tensor:
        """y with noise of the noise model where A measures."""
        noisy: Tensor = self.noise_model(y, **given)
        return torch.where(self._measured.to(y.device), noisy, y)

    def sensor(self, y: Tensor) -> Tensor:
        """y itself."""
        return y

    def forward(self, x: Tensor, **given: Any) -> Tensor:
        """A x with noise. A sigma that is given stays."""
        self.update(**given)
        return self.noise(self.A(x))

    def set_noise_model(self, noise_model: nn.Module, **_: Any) -> None:
        """Sets what adds noise to y."""
        self.noise_model = noise_model

    def update(self, **given: Any) -> None:
        """Sets sigma of the noise; no other tensor can be set."""
        self.update_parameters(**{name: value for name, value in given.items() if name != "sigma"})
        if given.get("sigma") is not None:
            cast("Noise", self.noise_model).update_parameters(sigma=given["sigma"])

    def update_parameters(self, **given: Any) -> None:
        """Raises ValueError for a tensor: the operator is fixed."""
        _refuse(given)

    def clone(self) -> Self:
        """A copy that shares nothing."""
        return deepcopy(self)


def of(operator: LinearOperator, noise: float, device: torch.device) -> Physics:
    """The physics of an operator and its noise, also a `LinearPhysics` of deepinv where that is imported."""
    base = _theirs("LinearPhysics")
    kind: type[Physics] = Physics if base is None else type("Physics", (Physics, base), {})
    return kind(operator, noise, device)


def _theirs(name: str) -> Any:
    """A class of deepinv, if somebody imported it."""
    return getattr(sys.modules.get("deepinv.physics"), name, None)


def _refuse(given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, Tensor) and name not in _STARTS:
            raise ValueError(f"the operator of a problem is fixed: it takes no {name}")


def _solved(
    normal: Callable[[Tensor], Tensor], right: Tensor, start: Tensor, max_iter: int | None, tol: float | None
) -> Tensor:
    """x of normal(x) = right, by conjugate gradients from `start`, for each of the batch."""
    x, r = start, right - normal(start)
    p, size, enough = r, _squares(r), (_TOLERANCE if tol is None else tol) ** 2 * _squares(right)
    for _step in range(_ITERATIONS if max_iter is None else max_iter):
        if bool((size <= enough).all()):
            break
        q = normal(p)
        step = torch.where(size > 0, size / (p * q).flatten(1).sum(1).clamp_min(1e-30), 0.0)
        x, r = x + _each(step, p) * p, r - _each(step, q) * q
        before, size = size, _squares(r)
        p = r + _each(torch.where(before > 0, size / before.clamp_min(1e-30), 0.0), p) * p
    return x


def _squares(x: Tensor) -> Tensor:
    return x.square().flatten(1).sum(1)


def _each(factors: Tensor, like: Tensor) -> Tensor:
    """Factors () or (B,) so that each multiplies its part of `like` (B, ...)."""
    return factors.reshape(-1, *[1] * (like.ndim - 1))


def wanted(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[int, ...]:
    """deepinv's shape, without B, of our `shape`."""
    return (2, *shape) if dtype.is_complex else (1, *shape) if len(shape) < 3 else shape


def batched(x: Tensor, dims: int) -> Tensor:
    """Ours (*shape) or (B, *shape), of `dims` dimensions without B, as deepinv's (B, C, ...), real."""
    x = x[None] if x.ndim == dims else x
    if x.is_complex():
        return torch.view_as_real(x).movedim(-1, 1)
    return x[:, None] if dims < 3 else x


def plain(x: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """The inverse of `batched`: (B, *shape). Raises ValueError for another shape."""
    expected = wanted(shape, dtype)
    if tuple(x.shape[1:]) != expected:
        raise ValueError(f"the tensor has shape {tuple(x.shape)}, not (B, {', '.join(map(str, expected))})")
    if dtype.is_complex:
        return torch.view_as_complex(x.movedim(1, -1).contiguous()).to(dtype)
    return (x[:, 0] if len(shape) < 3 else x).to(dtype)
