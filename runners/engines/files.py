"""Kept tensors lie in the folder of artifacts under their own hash, so that equal ones share a file."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from runners.engines.messages import Kept

if TYPE_CHECKING:
    from torch import Tensor


def path_of(digest: str) -> str:
    """The place of a tensor in the folder. digest is the SHA-256 of its file."""
    return f"{digest[:2]}/{digest}.npy"


def packed(things: "Mapping[str, Tensor]", folder: Path | None) -> tuple[tuple[Kept, ...], dict[Path, bytes]]:
    """Tensors by kind as a message names them, and the files to write first; without a folder the message holds the bytes."""
    contents = [(kind, content, sha256(content).hexdigest()) for kind, content in ((k, _npy(x)) for k, x in things.items())]
    files = {folder / path_of(digest): content for _, content, digest in contents} if folder else {}
    return tuple(Kept(kind=kind, sha256=d, content=None if folder else content) for kind, content, d in contents), files


def _npy(thing: "Tensor") -> bytes:
    """The content of the .npy file of a tensor."""
    import numpy as np

    buffer = BytesIO()
    np.save(buffer, thing.cpu().resolve_conj().resolve_neg().numpy())
    return buffer.getvalue()
