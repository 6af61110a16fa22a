"""What runs kept, as values of hyperparameters: --set mask_from=RUN:INSTANCE becomes the SHA-256 of the artifact."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.spec import CALLS, KEPT
from benchmark.store.database import location, open_database
from benchmark.store.lines import is_drawn
from benchmark.store.models import Artifact
from benchmark.store.queries import pick_run
from runners.request import Request
from runners.select import method_tags
from runners.select import select as select_entries


def with_kept(request: Request, db: str | None) -> Request:
    """The request in which each RUN or RUN:INSTANCE of a parameter of type Kept is replaced by the tensor that the instance
    kept.

    Raises UserError where there is no such run, or where it kept nothing.
    """
    methods = select_entries("method", request.methods, registry.methods(), method_tags)
    changed = dict(request.set)
    for name, value in request.set.items():
        fields = [field for method in methods if (field := method.spec.parameters.model_fields.get(name))]
        if not any(_takes_kept(field) for field in fields):
            continue
        others = sorted({str(other) for field in fields for other in _literals(field.annotation)} - {""})
        if value and value not in others and not re.match(KEPT, str(value)):
            with Session(open_database(location(db), create=False)) as session:
                changed[name] = _digest(session, f"--set {name}={value}", str(value), others)
    return request.model_copy(update={"set": changed})


def _digest(session: Session, what: str, text: str, others: list[str]) -> str:
    run, _, number = text.partition(":")
    try:
        found = pick_run(session, run)
    except UserError as error:
        raise UserError(f"{what}: {error}; besides a run: {', '.join(others) or 'nothing'}") from None
    query = select(Artifact).where(Artifact.run_id == found.id).order_by(Artifact.instance)
    kept = {artifact.instance: artifact.sha256 for artifact in session.scalars(query) if _is_kept(artifact.kind)}
    if not kept:
        raise UserError(f"{what}: run {found.id} kept nothing")
    instance = number or str(min(kept))
    if instance not in map(str, kept):
        raise UserError(f"{what}: run {found.id} kept something of the instances {', '.join(map(str, kept))}")
    return kept[int(instance)]


def _is_kept(kind: str) -> bool:
    """By the method itself, and neither drawn nor counted for it."""
    return not is_drawn(kind) and kind != CALLS


def _takes_kept(field: FieldInfo) -> bool:
    return KEPT in {getattr(part, "pattern", None) for one in (field, *_annotated(field.annotation)) for part in one.metadata}


def _annotated(annotation: Any) -> Iterator[FieldInfo]:
    for one in get_args(annotation):
        if isinstance(one, FieldInfo):
            yield one
        else:
            yield from _annotated(one)


def _literals(annotation: Any) -> Iterator[Any]:
    for one in get_args(annotation):
        if isinstance(one, str | int | float):
            yield one
        else:
            yield from _literals(one)
