"""How rows and files are written: a commit that meets another writer is tried again, and no file is ever half there."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

T = TypeVar("T")

_PATIENCE = 60.0  # seconds
_BUSY = ("database is locked", "database table is locked", "deadlock detected", "could not serialize")


def persist(session: Session, work: Callable[[], T]) -> T:
    """Do the work and commit; do it again where another writer was faster, for up to a minute."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            result = work()
            session.commit()
            return result
        except DBAPIError as error:
            session.rollback()
            busy = isinstance(error, IntegrityError) or any(word in str(error.orig) for word in _BUSY)
            if not busy or time.monotonic() > end:
                raise
            time.sleep(random.uniform(0.02, 0.2))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whose name is the hash of its content, unless it is there; never half of it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}.part")
    scratch.write_bytes(content)
    scratch.replace(path)
