"""Where data comes from: files of this repository under checksum, and folders that the user brings.

Imports no torch: the plan needs each source's fingerprint for its key. SOURCES.md says what each one is and is not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmark.datasets import fastmri
from benchmark.errors import UserError

ASSETS = Path(__file__).parent / "assets"
_HEAD = 1 << 16  # bytes of a large file that enter its fingerprint, besides its name and size


@dataclass(frozen=True)
class Asset:
    """A file in benchmark/datasets/assets/."""

    file: str
    sha256: str

    def path(self) -> Path:
        """Where it lies. Raises UserError if it is missing or not the file that was tested."""
        path = ASSETS / self.file
        if not path.is_file():
            raise UserError(f"{self.file} is missing from benchmark/datasets/assets; check the repository out again")
        if sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise UserError(f"benchmark/datasets/assets/{self.file} is damaged (wrong SHA-256); check it out again")
        return path


@dataclass(frozen=True)
class Folder:
    """Files that the user puts under --data-dir. `how` says in one line what to get and where to put it; `check` raises
    UserError for a file that is not what it should be.
    """

    subfolder: str
    pattern: str
    how: str
    check: Callable[[Path], None]

    def files(self, data_dir: Path | None) -> list[Path]:
        """The files, sorted by name. Raises UserError that says what to get where there are none."""
        if data_dir is None:
            raise UserError(f"this preset needs --data-dir: {self.how}")
        found = sorted((data_dir / self.subfolder).glob(self.pattern))
        if not found:
            raise UserError(f"no {self.subfolder}/{self.pattern} in {data_dir}: {self.how}")
        return found


SOURCES: dict[str, Asset | Folder] = {
    "colin27": Asset("colin27_slices.npz", "e4d27b1d1b18512d072a63b39a171cdb918a345d24a0a4e995f3fdbed4e11464"),
    "fastmri": Folder(
        "fastmri",
        "*.h5",
        "ask NYU for the fastMRI data set, get multi-coil validation files (knee or brain) and put them into DATA_DIR/fastmri/",
        fastmri.check,
    ),
}


def fingerprint(names: tuple[str, ...], data_dir: Path | None) -> str:
    """A hash of everything the named sources hold: checksums of assets; name, size and head of a user's files.

    Raises UserError for a missing, damaged or foreign file.
    """
    total = sha256()
    for name in names:
        source = SOURCES[name]
        if isinstance(source, Asset):
            source.path()
            total.update(source.sha256.encode())
            continue
        for path in source.files(data_dir):
            source.check(path)
            with path.open("rb") as file:
                total.update(f"{path.name}/{path.stat().st_size}/".encode() + file.read(_HEAD))
    return total.hexdigest()
