"""Where kept tensors lie in the folder of artifacts: under their own hash, so that equal ones share a file."""

import os
from pathlib import Path


def path_of(digest: str) -> str:
    """The place in the folder."""
    return f"{digest[:2]}/{digest}.npy"


def write(folder: Path, digest: str, content: bytes) -> None:
    """Write a file whole or not at all; one that is there stays."""
    path = folder / path_of(digest)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.part")
        scratch.write_bytes(content)
        scratch.replace(path)
