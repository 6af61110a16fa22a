"""Models written for deepinv, `model(y, physics) -> x`, as methods of this suite, and our problems as its `y, physics`.

x (B, C, H, W) real            our (C, H, W)
x (B, 2, H, W) real            our complex (H, W): real part, imaginary part
y (B, 2, C, H, W) real         our complex (C, H, W)
x (B, 1, n, m) real            our (n, m), such as n spectra of m samples
"""

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.context import Context
from benchmark.decorators import Method
from benchmark.errors import UserError
from benchmark.isolation import isolated
from benchmark.operators.linear import LinearOperator
from benchmark.problems.linear_inverse import LinearInverse
from benchmark.spec import Feature, Interface, MethodSpec, first_line, parameter_model

_TOLERANCE = 1e-6  # of the residual of the normal equations, relative
_ITERATIONS = 200


class Noise:
    """Gaussian noise. sigma: its standard deviation, a 0-d tensor, for each real number of y."""

    def __init__(self, sigma: float, device: torch.device) -> None:
        self.sigma = torch.tensor(float(sigma), device=device)

    def __call__(self, y: Tensor) -> Tensor:
        return y + self.sigma * torch.randn_like(y)


class Physics:
    """A linear operator with its noise as deepinv writes them: batches, and a channel each for real and imaginary part.

    noise_model.sigma is that of the problem; where y is complex, over the square root of two, as each part has half the power.
    Calling it gives A x with noise.
    """

    def __init__(self, operator: LinearOperator, noise: float, device: torch.device) -> None:
        self.operator = operator
        self.noise_model = Noise(noise / 2**0.5 if operator.dtype.is_complex else noise, device)

    def A(self, x: Tensor, **_: Any) -> Tensor:
        return batched(self.operator(plain(x, self.operator.shape, self.operator.dtype)), len(self.operator.data_shape))

    def A_adjoint(self, y: Tensor, **_: Any) -> Tensor:
        return batched(self.operator.H(plain(y, self.operator.data_shape, self.operator.dtype)), len(self.operator.shape))

    def A_dagger(self, y: Tensor, **_: Any) -> Tensor:
        """The least-squares solution of smallest norm, by conjugate gradients on the normal equations."""
        r = self.A_adjoint(y)
        x, p, size = torch.zeros_like(r), r, _squares(r)
        first = size
        for _step in range(_ITERATIONS):
            if bool((size <= _TOLERANCE**2 * first).all()):
                break
            q = self.A_adjoint(self.A(p))
            step = torch.where(size > 0, size / (p * q).flatten(1).sum(1).clamp_min(1e-30), 0.0)
            x, r = x + _each(step, p) * p, r - _each(step, q) * q
            before, size = size, _squares(r)
            p = r + _each(torch.where(before > 0, size / before.clamp_min(1e-30), 0.0), p) * p
        return x

    def __call__(self, x: Tensor, **_: Any) -> Tensor:
        return self.noise_model(self.A(x))


def _squares(x: Tensor) -> Tensor:
    return x.square().flatten(1).sum(1)


def _each(factors: Tensor, like: Tensor) -> Tensor:
    return factors.reshape(-1, *[1] * (like.ndim - 1))


def batched(x: Tensor, dims: int) -> Tensor:
    """Ours (*shape) or (B, *shape), of `dims` dimensions without B, as deepinv's (B, C, ...), real."""
    x = x[None] if x.ndim == dims else x
    if x.is_complex():
        return torch.view_as_real(x).movedim(-1, 1)
    return x[:, None] if dims < 3 else x


def plain(x: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """The inverse of `batched`: (B, *shape). Raises ValueError for another shape."""
    wanted = (2, *shape) if dtype.is_complex else (1, *shape) if len(shape) < 3 else shape
    if tuple(x.shape[1:]) != wanted:
        raise ValueError(f"the tensor has shape {tuple(x.shape)}, not (B, {', '.join(map(str, wanted))})")
    if dtype.is_complex:
        return torch.view_as_complex(x.movedim(1, -1).contiguous()).to(dtype)
    return (x[:, 0] if len(shape) < 3 else x).to(dtype)


def as_deepinv(problem: LinearInverse) -> tuple[Tensor, Physics]:
    """`y, physics` of a problem. Raises UserError for a problem without a linear operator."""
    if not isinstance(problem, LinearInverse):
        raise UserError(f"bridge is for LinearInverse, where y = A x + n; this is a {type(problem).__name__}")
    y = batched(problem.y, len(problem.A.data_shape))
    return y, Physics(problem.A, problem.noise, y.device)


def bridge(model: Callable[..., Any]) -> Callable[[LinearInverse, Context], Tensor]:
    """A method `f(problem, ctx)` of a model `(y, physics) -> x`: a module, a function, or a module's class without arguments.

    The global generators of PyTorch, NumPy and Python are set from the context and put back. A module is copied for each
    instance, in evaluation mode; a class is made anew for each. Raises ValueError for an answer of another shape.
    """

    def bridged(problem: LinearInverse, ctx: Context) -> Tensor:
        y, physics = as_deepinv(problem)
        with isolated(ctx):
            own = model() if isinstance(model, type) else deepcopy(model) if isinstance(model, nn.Module) else model
            if isinstance(own, nn.Module):
                own = own.to(ctx.device).eval()
            found = own(y, physics)
        if not isinstance(found, Tensor):
            raise ValueError(f"the model gave a {type(found).__name__}, not a tensor")
        return plain(found.detach(), problem.A.shape, problem.A.dtype)[0]

    bridged.__name__ = getattr(model, "__name__", type(model).__name__)
    bridged.__doc__ = model.__doc__
    return bridged


def method_from(
    model: Callable[..., Any],
    *,
    name: str,
    solves: Interface = "LinearInverse",
    kind: str = "network",
    paper: str = "",
    summary: str = "",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    needs: tuple[Feature, ...] = (),
    presets: tuple[str, ...] = (),
) -> Method:
    """A registered method of a model `(y, physics) -> x`, in one line of a file for --include:

        Mine = method_from(MyNet, name="my_net")

    It takes no hyperparameters. The arguments after the first are literals, which the registry reads without running the file.
    A result's key knows the code of the file, and not the weights that it loads.
    """
    spec = MethodSpec(
        name=name,
        solves=solves,
        kind=kind,
        paper=paper,
        summary=summary or first_line(model.__doc__) or name,
        parameters=parameter_model(name, {}),
        settings={key: dict(value) for key, value in (settings or {}).items()},
        needs=needs,
        presets=presets,
    )
    return Method(spec, bridge(model))


def method_of(thing: Any, name: str = "") -> Method:
    """A method, never registered, of a function of (problem) or (problem, ctx), or of a module of (y, physics).

    Raises UserError for what cannot be called.
    """
    if isinstance(thing, Method):
        return thing
    if isinstance(thing, nn.Module) or (isinstance(thing, type) and issubclass(thing, nn.Module)):
        thing = bridge(thing)
    if not callable(thing):
        raise UserError(
            f"a {type(thing).__name__} is no method: give a name, a function of (problem) or (problem, ctx), a module"
        )
    given = getattr(thing, "__name__", type(thing).__name__)
    letters = "".join(c if c.isascii() and c.isalnum() else "_" for c in name or given.strip("<>")).lower().strip("_")
    label = letters if letters[:1].isalpha() else f"f_{letters}"
    function = thing if _takes_ctx(thing) else lambda problem, ctx: thing(problem)
    spec = MethodSpec(
        name=label,
        solves="LinearInverse",
        kind="function",
        paper="",
        summary=first_line(thing.__doc__),
        parameters=parameter_model(label, {}),
    )
    return Method(spec, function)


def _takes_ctx(function: Callable[..., Any]) -> bool:
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return any(p.name == "ctx" for p in positional) or sum(p.default is p.empty for p in positional) > 1
