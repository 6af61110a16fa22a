"""The prior that a preset offers: the shipped one that it names, or the user's in its place (--source prior=FOLDER)."""

from functools import lru_cache
from pathlib import Path

from benchmark.datasets.sources import prior_folder
from benchmark.errors import UserError
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.prior import Prior


def prior(name: str, shape: tuple[int, ...], data_dir: Path | None) -> Prior:
    """The prior that SOURCES calls `name`, for pictures of `shape` with values in [0, 1]; its calls are counted from 0.

    Raises UserError where it is missing, damaged or no model, or is made for pictures of another shape.
    """
    folder = prior_folder(name, data_dir)
    found = _loaded(folder, folder.stat().st_mtime_ns).again()
    made_for = found.picture_shape if isinstance(found, LatentPrior) else found.shape
    if tuple(made_for) != tuple(shape):
        raise UserError(f"the prior in {folder} is of pictures {tuple(made_for)}; this preset's are {tuple(shape)}")
    return found


@lru_cache(maxsize=2)
def _loaded(folder: Path, changed: int) -> Prior:
    return load(folder)
