"""Picture files of any common kind as arrays. Imports no torch: the plan checks a user's files before anything runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATTERNS = tuple(f"*.{suffix}" for suffix in ("png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "ppm", "pgm"))
_LARGEST = 2.0**16 - 1


def read(file: Path) -> "NDArray[np.float32]":
    """float32 (H, W, 3) in [0, 1]. Grey becomes three equal channels; 16 bits of grey keep their depth, of 16 of colour the
    upper 8 are read; palettes and CMYK are converted; the camera's orientation is applied. Raises UserError that names the
    file for anything else.
    """
    import numpy as np
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = "unknown format" if isinstance(error, UnidentifiedImageError) else str(error).partition("\n")[0]
        raise UserError(f"{file.name} cannot be read as a picture ({why}); save it again as PNG or JPEG") from None
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        if np.asarray(image)[..., 3].min() < 255:
            raise UserError(f"{file.name} has transparent pixels; save it without an alpha channel")
    if image.mode.startswith(("I", "F")):
        grey = np.asarray(image).astype(np.float32)
        if image.mode == "F" or grey.min() < 0 or grey.max() > _LARGEST:
            raise UserError(f"{file.name} has values of type {image.mode}; save it with 8 or 16 bits a channel")
        return np.repeat(grey[..., None] / np.float32(_LARGEST), 3, axis=-1)
    return np.asarray(image.convert("RGB"), np.float32) / np.float32(255)


def check(file: Path) -> None:
    """Raises UserError for a file that is no picture."""
    read(file)
