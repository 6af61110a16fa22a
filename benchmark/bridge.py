"""Models written for deepinv, `model(y, physics) -> x`, as methods of this suite, and our problems as its `y, physics`.

The shapes are those of benchmark/physics.py. A denoiser D(x, sigma) is no such model; deepinv's `ArtifactRemoval` makes it one.
"""

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from torch import Tensor, nn

from benchmark.context import Context
from benchmark.decorators import Method
from benchmark.errors import UserError
from benchmark.isolation import isolated
from benchmark.physics import Physics, batched, of, plain
from benchmark.problems.linear_inverse import LinearInverse
from benchmark.spec import Interface, MethodSpec, first_line, parameter_model


def as_deepinv(problem: LinearInverse) -> tuple[Tensor, Physics]:
    """`y, physics` of a problem. Raises UserError for a problem without a linear operator."""
    if not isinstance(problem, LinearInverse):
        raise UserError(f"bridge is for LinearInverse, where y = A x + n; this is a {type(problem).__name__}")
    y = batched(problem.y, len(problem.A.data_shape))
    return y, of(problem.A, problem.noise, y.device)


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
    needs: tuple[str, ...] = (),
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
