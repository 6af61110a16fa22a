"""Renders the faces that the prior faces64 learns from:  python -m benchmark.datasets.scripts.make_faces OUT.npz [--count N]

OUT holds `learn` and `held_out`, uint8 (N, 3, size, size), of the parts `learn` and `tune`, and what is drawn in them,
`learn_told` and `held_out_told`, float32 (N, 37). About 0.04 CPU seconds a face.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from benchmark.datasets import faces


def main(
    out: Path,
    count: Annotated[int, typer.Option(min=1)] = 16_000,
    held_out: Annotated[int, typer.Option(min=1)] = 640,
    size: Annotated[int, typer.Option(min=8)] = 64,
) -> None:
    """Render and write."""
    torch.set_num_threads(1)
    found = {}
    for name, part, number in (("learn", "learn", count), ("held_out", "tune", held_out)):
        pictures, told = [], []
        for first in range(0, number, 160):
            some = faces.drawn(part, first, min(160, number - first), size)
            pictures.append((some.pictures * 255).round().byte().numpy())
            told.append(some.parameters.numpy())
            if first % 1600 == 0:
                print(f"{name}: {first} of {number}", flush=True)
        found[name], found[f"{name}_told"] = np.concatenate(pictures), np.concatenate(told)
    np.savez(out, **found)


if __name__ == "__main__":
    typer.run(main)
