"""The prior that a preset offers: the shipped one that it names, or the user's in its place (--source prior=FOLDER)."""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from benchmark.datasets.sources import SOURCES, Asset, prior_folder
from benchmark.errors import UserError
from benchmark.priors.exact import Mixture
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior
from benchmark.priors.prior import Prior


def prior(name: str, shape: tuple[int, ...], data_dir: Path | None) -> Prior:
    """The prior that SOURCES calls `name`, for pictures of `shape` with values in [0, 1]; its calls are counted from 0.

    An exact one, an asset, is never replaced. Raises UserError where it is missing, damaged or no model, or is made for
    pictures of another shape.
    """
    if isinstance(SOURCES[name], Asset):
        return mixture(name, shape)
    folder = prior_folder(name, data_dir)
    found = _loaded(folder, folder.stat().st_mtime_ns).again()
    made_for = found.picture_shape if isinstance(found, LatentPrior) else found.shape
    if tuple(made_for) != tuple(shape):
        raise UserError(f"the prior in {folder} is of pictures {tuple(made_for)}; this preset's are {tuple(shape)}")
    return found


def mixture(name: str, shape: tuple[int, ...]) -> Mixture:
    """The exact prior that SOURCES calls `name`, counted from 0. Raises UserError where it is missing or damaged, or of
    pictures of another shape.
    """
    asset = SOURCES[name]
    assert isinstance(asset, Asset)
    found = _mixture(asset.path()).again()
    if found.shape != tuple(shape):
        raise UserError(f"the prior {asset.file} is of pictures {found.shape}; this preset's are {tuple(shape)}")
    return found


@lru_cache(maxsize=2)
def _mixture(file: Path) -> Mixture:
    with np.load(file) as parts:
        means, bases, scales, weights = (torch.from_numpy(parts[x]).double() for x in ("means", "bases", "scales", "weights"))
        rest = float(parts["rest"])
    one = torch.eye(bases.shape[2], dtype=bases.dtype)
    for _ in range(3):  # float16 left them orthonormal to three digits; each round squares the error
        bases = bases @ (1.5 * one - 0.5 * bases.mT @ bases)
    side = math.isqrt(means.shape[1] // 3)
    return Mixture((3, side, side), means, bases, scales, weights, rest)


@lru_cache(maxsize=2)
def _loaded(folder: Path, changed: int) -> Prior:
    return load(folder)
