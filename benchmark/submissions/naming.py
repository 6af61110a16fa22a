"""Which names a method that is handed in may have. Imports no torch."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store.models import Method, Run, Submission
from benchmark.submissions.text import shown, skeleton
from benchmark.submissions.tokens import belongs

_RESERVED = frozenset({"all", "none", "truth", "baseline", "mean"})


def check_name(session: Session, name: str, contact: str, token: str = "", *, code: bool, installed: bool = False) -> None:
    """Raises UserError for a name that is taken or looks like one that is.

    Taken are the names of methods that come with the suite or a plug-in, those of another's submission (another token; of one
    without a token, another contact), and for predictions those of methods whose code ran here. Who handed in a method may hand
    in more under its name.
    installed: the method of an installed package itself is handed in, which is why its name is here.
    """
    here, place = registry.methods(), f"method name {shown(name)}"
    if (name in here and not (installed and here[name].module)) or name in _RESERVED:
        raise UserError(f"{place}: it is taken by a method of the suite or of an installed package; choose another")
    used = set(session.scalars(select(Method.name)))
    handed_in = session.scalars(select(Submission).where(Submission.state != "refused")).all()
    _check_owner(place, [row for row in handed_in if row.method == name], contact, token)
    for known in sorted({*here, *_RESERVED, *used, *(row.method for row in handed_in)} - {name, ""}):
        if skeleton(known) == skeleton(name):
            raise UserError(f"{place}: it imitates {shown(known)}; choose one that cannot be mistaken for it")
    others = select(Run.origin).join(Method, Run.method_id == Method.id).where(Method.name == name, Run.submission_id.is_(None))
    origins = set(session.scalars(others))
    if origins and not (code and origins == {"here"}):
        raise UserError(f"{place}: there are results of a method with this name; choose another")


def _check_owner(place: str, earlier: Sequence[Submission], contact: str, token: str) -> None:
    """Once a submission of a name has a token, a token alone tells who owns it; before, the contact does."""
    if with_token := [row for row in earlier if row.token]:
        if not any(belongs(row, token) for row in with_token):
            raise UserError(
                f"{place}: it is taken by an earlier submission; choose another, or show the token that was given for that"
            )
    elif any(row.contact != contact for row in earlier):
        raise UserError(f"{place}: it is taken by a submission with another contact; choose another")
