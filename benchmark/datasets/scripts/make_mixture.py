"""Make assets/mixture32.npz: a mixture of five Gaussians, each on 40 directions, that looks like blurred faces.

    python -m benchmark.datasets.scripts.make_mixture

1200 faces of the part `learn` (benchmark/datasets/faces.py) at 32 x 32, grouped by k-means; of each group the mean, the
principal directions, the deviations along them, and the group's share of all. How well that fits does not matter: what is drawn
from the mixture is the data, so that the mixture is its prior without error. CONTRAST shrinks means and deviations around
mid-grey until values beyond the range of a picture are too rare to matter (1 in 100,000), because many solvers clip. REST
is the deviation in all other directions.

The scale is the network's, [-1, 1]. Directions are kept in float16 and made orthonormal again where they are read. Prints the
SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch.nn.functional import interpolate

from benchmark.datasets import faces

FACES, SIDE, COMPONENTS, DIRECTIONS = 1200, 32, 5, 40
CONTRAST, REST = 0.5, 0.02


def main() -> None:
    """Render, fit and write."""
    torch.set_num_threads(1)
    parts = [faces.drawn("learn", first, 100, 2 * SIDE).pictures for first in range(0, FACES, 100)]
    pictures = interpolate(torch.cat(parts), (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
    x = (2 * pictures - 1).flatten(1).double().numpy()
    groups = KMeans(COMPONENTS, n_init=10, random_state=0).fit(x).labels_
    means, bases, scales, weights = [], [], [], []
    for group in range(COMPONENTS):
        chosen = x[groups == group]
        _, values, vectors = np.linalg.svd(chosen - chosen.mean(0), full_matrices=False)
        means.append(CONTRAST * chosen.mean(0))
        bases.append(vectors[:DIRECTIONS].T)
        scales.append(CONTRAST * values[:DIRECTIONS] / len(chosen) ** 0.5)
        weights.append(len(chosen) / len(x))
        print(group, len(chosen), "left out:", CONTRAST * (values[DIRECTIONS:] ** 2).sum() ** 0.5 / chosen.size**0.5)
    target = Path(__file__).parents[1] / "assets" / "mixture32.npz"
    np.savez_compressed(
        target,
        means=np.stack(means).astype(np.float16),
        bases=np.stack(bases).astype(np.float16),
        scales=np.stack(scales).astype(np.float32),
        weights=np.array(weights),
        rest=np.array(REST),
    )
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
