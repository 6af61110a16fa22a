"""The private seed of a board: instances that submitters cannot draw again. Imports no torch before it draws.

A secret of 128 random bits lies in a file of its own, which only its owner can read, beside the database and never in it. The
inputs of a preset are exported as the secret draws them, and answers to them are scored on instances drawn by it once more.

    commitment    the first 12 digits of a SHA-256 of the secret: public, in inputs, bundles and the board's name; whoever gets
                  to see the secret later can check that it was this one
    randomness    the whole state of the generator comes from the secret (SHAKE-256). A generator that `manual_seed` starts has
                  32 bits of seed, whatever number it is given, and these can be tried out

Only what is drawn is hidden: noise, masks, planted matrices, simulated spectra. Photographs, slices, texts and videos that come
with the suite are public whatever the seed; a board of these needs data of its own too (`--data-dir`).
"""

import hashlib
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError
from benchmark.store.writing import DiskFull, is_full

if TYPE_CHECKING:
    import torch

    from benchmark.decorators import Task
    from benchmark.problems import Instance

VARIABLE = "LOWDIMBENCH_SECRET_FILE"
MAKE = "python -m runners.submit secret"
_BYTES = 16
_WORDS = 624  # of the state of a Mersenne twister, 32 bits each
_FIRST = 3  # word of 64 bits where they begin in the state of torch's generator


class NoSecretError(UserError):
    """The board has no private seed, or it cannot be used as it lies there."""


class Secret:
    """The secret of a board. Neither `repr` nor a message shows it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.commitment = hashlib.sha256(b"lowdimbench private seed\n" + key).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"Secret({self.commitment})"

    def drawn(self, what: str, count: int) -> bytes:
        """`count` bytes for a purpose, always the same."""
        return hashlib.shake_256(self._key + what.encode()).digest(count)


# --- the file ---------------------------------------------------------------------------------------------------------


def place(target: str, given: Path | None = None) -> Path:
    """Where the secret of a database lies: as given, as the environment says, or beside it."""
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path("results", "board.secret") if "://" in target else Path(f"{target}.secret")


def read(file: Path | None) -> Secret:
    """The secret in a file. Raises NoSecretError, which says nothing of what it holds, where it is missing, others may read it,
    or it holds none.
    """
    if file is None:
        raise NoSecretError("this board has no private seed")
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = opened.read(100)
    except FileNotFoundError:
        raise NoSecretError(
            f"this board has no private seed ({file.name} is missing); its owner makes one with: {MAKE}"
        ) from None
    except OSError as error:
        raise NoSecretError(f"the private seed {file.name} cannot be read ({error.strerror})") from None
    if os.name == "posix" and mode & 0o077:
        raise NoSecretError(f"others may read the private seed {file.name} (its mode is {mode:o}); chmod 600 it, or replace it")
    if not re.fullmatch(rb"[0-9a-f]{32}\n?", content):
        raise NoSecretError(f"{file.name} holds no private seed; move it away and make one with: {MAKE}")
    return Secret(bytes.fromhex(content.decode()))


def make(file: Path) -> Secret:
    """A new secret in a new file. Raises DiskFull, and UserError where something is there already or cannot be written."""
    key = secrets.token_bytes(_BYTES)
    _write(file, key)
    return Secret(key)


def rotate(file: Path) -> tuple[Secret, Secret, Path]:
    """Put a new secret in place of the old one: new, old, and the file that keeps the old one. Raises UserError as `read`."""
    old = read(file)
    kept, scratch = file.with_name(f"{file.name}.{old.commitment}"), file.with_name(f".{file.name}.{os.getpid()}.part")
    key = secrets.token_bytes(_BYTES)
    try:
        _write(scratch, key)
        file.replace(kept)
        scratch.replace(file)
    except OSError as error:
        raise UserError(f"the private seed {file.name} cannot be replaced ({error.strerror})") from None
    finally:
        scratch.unlink(missing_ok=True)
    return Secret(key), old, kept


def _write(file: Path, key: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(f"{key.hex()}\n")
    except FileExistsError:
        raise UserError(f"{file.name} is there already") from None
    except OSError as error:
        if is_full(error):
            file.unlink(missing_ok=True)
            raise DiskFull(f"the disk of {file.parent} is full ({error.strerror})") from None
        raise UserError(f"the private seed {file.name} cannot be written ({error.strerror})") from None


# --- what is drawn ----------------------------------------------------------------------------------------------------


def check(secret: Secret, commitment: str, where: str) -> None:
    """Raises UserError for answers to inputs of another secret, such as one that was replaced."""
    if commitment != secret.commitment:
        raise UserError(
            f"{where}: it answers inputs of the private seed {commitment}; that of this board is {secret.commitment} now: "
            "answer the inputs that its owner gives out for it"
        )


def make_instance(task: "Task", preset: str, number: int, repeat: int, secret: Secret) -> "Instance":
    """Instance `number` of a preset as the secret draws it. Imports torch."""
    spec = task.spec
    text = f"{spec.name}/{spec.version}/{preset}/{number}/{repeat}/data"
    return task.make(spec.presets[preset], "test", number, _generator(secret, text))


def _generator(secret: Secret, text: str) -> "torch.Generator":
    import numpy as np
    import torch

    seed = int.from_bytes(secret.drawn(f"seed of {text}", 8)) >> 1
    generator = torch.Generator().manual_seed(seed)
    state = generator.get_state()
    words = state.view(torch.int64)[_FIRST : _FIRST + _WORDS]
    if int(words[0]) != seed & 0xFFFFFFFF:  # the first word is the seed itself
        raise RuntimeError(
            f"torch {torch.__version__} keeps the state of its generator in another way; no private seed is drawn"
        )
    drawn = np.frombuffer(secret.drawn(f"state of {text}", 4 * _WORDS), "<u4").astype(np.int64)
    words.copy_(torch.from_numpy(drawn))
    return generator.set_state(state)


def is_public(task: "Task", preset: str, number: int, repeat: int, instance: "Instance") -> bool:
    """Whether the truth of a private instance is known to whoever draws the public one, which is as good an answer then.

    Imports torch.
    """
    import torch

    from benchmark.instances import make_instance as public_instance

    def quality(of: "Instance") -> float:
        near = of.problem.near(of.truth, 1e-6, torch.Generator().manual_seed(0))
        value = task.quality(instance, instance.problem.check(near))
        return float(task.score(instance, near)[task.spec.at(preset).primary.name] if value is None else value)

    try:
        own, other = quality(instance), quality(public_instance(task, preset, number, repeat))
    except (ValueError, RuntimeError, IndexError):  # not even of the same shape
        return False
    return abs(own - other) <= 0.1 * abs(own) + 1e-9
