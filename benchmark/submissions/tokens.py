"""Secrets of those who hand something in: shown once, kept as a hash. Imports no torch.

The token of a submission proves ownership: its owner may withdraw the submission and may submit more under its name.
Submissions from before there were tokens have none: there the contact tells who it was.
"""

import secrets
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.store.models import Submission

VARIABLE = "LOWDIMBENCH_TOKEN"
ONCE = "keep it: it is shown this once, and takes the submission back or hands in more under its name"


def token_for(session: Session, given: str | None) -> str:
    """The token to hand something in with: a new one, or the one that is given. Raises UserError for one of no submission."""
    if not given:
        return secrets.token_urlsafe(24)
    if session.scalar(select(Submission.id).where(Submission.token == hashed(given)).limit(1)) is None:
        raise UserError("the token is of no submission here; without one, a new one is made")
    return given


def hashed(token: str) -> str:
    """What is kept of a token; nothing of none. A token has 192 random bits, so that one round suffices."""
    return sha256(token.encode()).hexdigest() if token else ""


def belongs(submission: Submission, proof: str) -> bool:
    """Whether `proof` is the token of a submission; or the contact of one from before there were tokens."""
    if submission.token:
        return compare_digest(hashed(proof), submission.token)
    return compare_digest(proof.encode(), submission.contact.encode())


def is_new(submission: Submission, token: str, given: str | None) -> bool:
    """Whether the token is to be shown: the submission was taken in with it, and nobody has seen it yet."""
    return not given and submission.token == hashed(token)
