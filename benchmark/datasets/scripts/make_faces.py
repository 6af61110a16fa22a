"""Renders the faces that the prior faces64 learns from:

    python -m benchmark.datasets.scripts.make_faces OUT.npz [--count N] [--jobs J]

OUT holds `learn` and `held_out`, uint8 (N, 3, size, size), of the parts `learn` and `tune`, and what is drawn in them,
`learn_told` and `held_out_told`, float32 (N, 37). About 0.04 CPU seconds a face.
"""

from multiprocessing import Pool
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmark.datasets import faces

_PIECE = 160  # faces rendered at once


def main(
    out: Path,
    count: Annotated[int, typer.Option(min=1)] = 16_000,
    held_out: Annotated[int, typer.Option(min=1)] = 640,
    size: Annotated[int, typer.Option(min=8)] = 64,
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
) -> None:
    """Render and write. The file is the same for any number of jobs."""
    found = {}
    with Pool(jobs) as pool:
        for name, part, number in (("learn", "learn", count), ("held_out", "tune", held_out)):
            pictures, told = [], []
            pieces = [(part, first, min(_PIECE, number - first), size) for first in range(0, number, _PIECE)]
            for i, (some, parameters) in enumerate(pool.imap(piece, pieces)):
                pictures.append(some)
                told.append(parameters)
                if i % 10 == 0:
                    print(f"{name}: {i * _PIECE} of {number}", flush=True)
            found[name], found[f"{name}_told"] = np.concatenate(pictures), np.concatenate(told)
    np.savez(out, **found)


def piece(given: tuple[faces.Part, int, int, int]) -> tuple[Any, Any]:
    """Pictures, uint8 (n, 3, size, size), and parameters, float32 (n, 37), of so many faces of a part from one on."""
    torch.set_num_threads(1)
    some = faces.drawn(*given)
    return (some.pictures * 255).round().byte().numpy(), some.parameters.numpy()


if __name__ == "__main__":
    typer.run(main)
