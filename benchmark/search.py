"""The search space of a method: where its hyperparameters are sought, and at which points, the same for everybody.

    (low, high)          evenly between them
    (low, high, "log")   evenly in the logarithm
    [a, b, ...]          one of these

Numbers are rounded to three digits, whole ones to whole ones. The first point is what the method has now. The others are a
scrambled Sobol sequence from a fixed seed (SciPy's), without those that came before, so that a longer search contains a shorter
one. Imports neither torch nor SciPy until points are asked for.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from benchmark.errors import unknown

_SEED = 28
_BATCH = 64  # a power of two, as the sequence wants it
_STALE = 16  # batches in a row that bring nothing new, after which a space counts as exhausted


def check(parameters: type[BaseModel], spans: Mapping[str, Any]) -> None:
    """Raises ValueError, one line, for a name that is no field of the model, a span that is none, or a value that the model
    refuses.
    """
    for name, span in spans.items():
        if name not in parameters.model_fields:
            raise ValueError(str(unknown("hyperparameter", name, parameters.model_fields)))
        if isinstance(span, list):
            if len(span) < 2:
                raise ValueError(f"{name}: a choice is between two values or more")
            _accept(parameters, name, span)
        else:
            _check_range(name, span, parameters.model_fields[name].annotation)
            _accept(parameters, name, span[:2])


def _check_range(name: str, span: Any, kind: Any) -> None:
    if (
        not isinstance(span, tuple)
        or len(span) not in (2, 3)
        or not all(map(_is_number, span[:2]))
        or span[2:] not in ((), ("log",))
    ):
        raise ValueError(f'{name}: write a range as (low, high) or (low, high, "log"), a choice as [a, b, ...]')
    if kind not in (int, float):
        raise ValueError(f"{name} is no number; write a choice, [a, b, ...]")
    if not span[0] < span[1]:
        raise ValueError(f"{name}: low {span[0]} is not below high {span[1]}")
    if span[2:] and span[0] <= 0:
        raise ValueError(f"{name}: a logarithm needs a low end above 0, not {span[0]}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # so no NaN either


def _accept(parameters: type[BaseModel], name: str, values: Sequence[Any]) -> None:
    for value in values:
        try:
            parameters.model_validate({name: value})
        except ValidationError as error:
            raise ValueError(f"{name}={value!r}: {error.errors()[0]['msg'].lower()}") from None


def points(
    parameters: type[BaseModel], spans: Mapping[str, Any], present: Mapping[str, Any], count: int
) -> list[dict[str, Any]]:
    """What to change of the values `present`, all of the model's, in each trial: nothing in the first, then all of the names in
    `spans`. `count` points, all different; fewer where the space holds no more.
    """
    found: list[dict[str, Any]] = [{}]
    seen = {_text(parameters, present, {})}
    if spans:
        for shares in _sobol(len(spans), seen):
            if len(found) >= count:
                break
            point = {
                name: _at(spans[name], share, parameters.model_fields[name].annotation is int)
                for name, share in zip(sorted(spans), shares, strict=True)
            }
            if (text := _text(parameters, present, point)) not in seen:
                seen.add(text)
                found.append(point)
    return found[:count]


def _text(parameters: type[BaseModel], present: Mapping[str, Any], point: Mapping[str, Any]) -> str:
    return json.dumps(parameters.model_validate({**present, **point}).model_dump(), sort_keys=True)


def _sobol(dimensions: int, seen: set[str]) -> Iterator[list[float]]:
    """Points in [0, 1)^d, until `seen` has not grown for long."""
    import numpy as np
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(_SEED))
    stale, before = 0, len(seen)
    while stale < _STALE:
        yield from sequence.random(_BATCH).tolist()
        stale, before = (stale + 1 if len(seen) == before else 0), len(seen)


def _at(span: Any, share: float, whole: bool) -> Any:
    """The value a share of the way through a span."""
    if isinstance(span, list):
        return span[min(int(share * len(span)), len(span) - 1)]
    low, high = span[:2]
    value = math.exp(math.log(low) + share * math.log(high / low)) if span[2:] else low + share * (high - low)
    return min(max(round(value) if whole else float(f"{value:.3g}"), low), high)
