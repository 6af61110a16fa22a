"""fastMRI multi-coil files: HDF5 with `kspace`, complex64 (slices, C, H, W), centred and orthonormal.

The slices come from DATA_DIR/fastmri/*.h5, which the user gets from NYU under its data sharing agreement. Coil maps are made
here by ESPIRiT (sigpy) from the 24 central lines of the full k-space. NumPy only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.seeds import Split

CALIBRATION = 24  # lines
_AXES = (-2, -1)


@dataclass(frozen=True)
class Slice:
    """kspace and maps complex64 (C, H, W), image complex64 (H, W) with maximum magnitude 1, in the same units."""

    kspace: NDArray[Any]
    maps: NDArray[Any]
    image: NDArray[Any]
    label: str


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise UserError("fastMRI files need h5py: pip install 'lowdimbench[fastmri]'") from None
    return h5py


def check(path: Path) -> None:
    """Raises UserError unless `path` is a readable, fully sampled multi-coil fastMRI file."""
    try:
        with _h5py().File(path) as file:
            found = file.get("kspace")
            if found is None:
                raise UserError(f"{path} has no dataset 'kspace'; it is not a fastMRI file")
            if not isinstance(found, _h5py().Dataset):
                raise UserError(f"{path}: its 'kspace' is a group, not a dataset; it is not a fastMRI file")
            if found.dtype.kind != "c":
                raise UserError(f"{path}: its k-space has the type {found.dtype}; it is to be complex")
            if found.ndim != 4:
                raise UserError(f"{path} holds {found.ndim}-D k-space; a multi-coil file has 4-D (slices, coils, H, W)")
            if "mask" in file:
                raise UserError(f"{path} is undersampled already (it has a 'mask'); use a training or validation file")
    except OSError as error:
        raise UserError(f"{path} is truncated or not an HDF5 file ({str(error).splitlines()[0]})") from None


def pick(files: list[Path], split: Split, index: int) -> tuple[Path, int]:
    """Which file and which slice is instance `index`: the files in turn, and in each the middle slice, then 4 further.

    With two files or more, the last fifth of them (at least one) is kept for tuning. Raises UserError when too few slices
    are there.
    """
    held = max(1, len(files) // 5) if len(files) > 1 else 0
    mine = files[len(files) - held :] if split == "tuning" else files[: len(files) - held]
    if not mine:
        raise UserError(f"tuning instances need a second fastMRI file beside {files[0].name}")
    path = mine[index % len(mine)]
    with _h5py().File(path) as file:
        slices = file["kspace"].shape[0]
    number = slices // 2 + 4 * (index // len(mine))
    if number >= slices:
        raise UserError(f"{path.name} has too few slices for instance {index}; put more files into {path.parent}")
    return path, number


def read(path: Path, number: int, size: int | None) -> Slice:
    """One slice; with `size`, the central size x size pixels of the image, otherwise the whole grid.

    Raises UserError where the image is smaller than `size` or the file cannot be read.
    """
    import sigpy
    from sigpy.mri.app import EspiritCalib

    try:
        with _h5py().File(path) as file:
            kspace = file["kspace"][number]
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: slice {number} cannot be read ({str(error).splitlines()[0]})") from None
    coils = sigpy.ifft(kspace, axes=_AXES)  # centred and orthonormal
    if size is not None:
        if min(coils.shape[-2:]) < size:
            raise UserError(f"{path.name} is {coils.shape[-2]} x {coils.shape[-1]}, smaller than {size} x {size}")
        coils = sigpy.resize(coils, (*coils.shape[:-2], size, size))
    kspace = sigpy.fft(coils, axes=_AXES)
    maps = EspiritCalib(kspace, calib_width=min(CALIBRATION, *kspace.shape[-2:]), show_pbar=False).run()
    image = (maps.conj() * coils).sum(0)
    peak = np.abs(image).max()
    if not peak > 0:
        raise UserError(f"{path}: slice {number} is empty")
    return Slice(
        (kspace / peak).astype(np.complex64),
        maps.astype(np.complex64),
        (image / peak).astype(np.complex64),
        f"{path.stem} slice {number}",
    )
