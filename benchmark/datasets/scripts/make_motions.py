"""Make assets/motions.npz: human actions, motion capture rendered by the software renderer of the PyPI package pybullet.

    python -m venv v && v/bin/pip install pybullet==3.2.7 numpy
    PYTHONPATH=. v/bin/python benchmark/datasets/scripts/make_motions.py

Measured: the joints' angles and the root's path of 15 takes, one for each class, each by one performer (so classes are takes,
and nothing says how a method would do on another performer). Simulated: everything that is seen. The body is one of capsules,
spheres and boxes for all classes, lit from above and from the camera's side, without shadow or ground. Each view draws its own
yaw, height of the camera, distance, speed, phase, colours of skin, shirt and trousers, place in the picture, and whether it is
mirrored, all from a generator that is seeded with (part, class, number) and in one way for all classes.

The root stays in one place horizontally, and so does the middle of its path vertically; where that place is in the picture is
drawn like all else, so a body's place says nothing of its class. Takes that are played once and are longer than a video
(getting up) begin anywhere so that they do not end in it; all others begin anywhere and go on from their beginning, turned to
where they ended: cycles at once, takes that are played once (kick, punch) after 0.4 s that lead there.

The file holds the body alone, a byte a pixel: 0 where it is not, else 1 + part * LEVELS + level, where the part is skin, shirt
or trousers and the level is brightness. Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import hashlib
import json
import lzma
import sys
from pathlib import Path

import numpy as np
import pybullet as bullet
import pybullet_data

from benchmark.datasets.motion_takes import CLASSES, FRAMES, RATE, SIZE

PARTS = {"train": 40, "test": 20, "tuning train": 16, "tuning test": 8}  # views of each class
LEVELS, DARKEST = 12, 0.4  # of brightness, in equal steps from DARKEST to 1
PAUSE = 0.4  # seconds between two rounds of a take that is not a cycle
LENS = 30.0  # degrees
SPHERICAL = {1: 8, 2: 12, 9: 16, 11: 21, 3: 25, 12: 30, 14: 35, 6: 39}  # joint of humanoid.urdf: place in a frame
HINGES = {10: 20, 4: 29, 13: 34, 7: 43}
SKIN, SHIRT = {2, 4, 5, 7, 8}, {1, 3, 6}  # head, lower arms and hands; chest and upper arms: links of humanoid.urdf


def times(p, q):
    """Product of two quaternions (w, x, y, z)."""
    w, x, y, z = p
    W, X, Y, Z = q
    return np.array(
        [
            w * W - x * X - y * Y - z * Z,
            w * X + x * W + y * Z - z * Y,
            w * Y - x * Z + y * W + z * X,
            w * Z + x * Y - y * X + z * W,
        ]
    )


class Take:
    """A motion file: `at(seconds)` is its frame there, with the root's rotation and height, whatever the round."""

    def __init__(self, name):
        file = json.loads((Path(pybullet_data.getDataPath()) / f"data/motions/humanoid3d_{name}.txt").read_text())
        self.frames = np.array(file["Frames"])
        self.cycle = file["Loop"] == "wrap"
        self.clock = np.concatenate([[0], np.cumsum(self.frames[:-1, 0])])
        self.length = self.clock[-1]
        first, last = self.frames[0, 4:8], self.frames[-1, 4:8]
        turned = times(last, first * [1, -1, -1, -1])
        self.turn = 2 * np.arctan2(turned[2], turned[0])  # of the heading, in one round

    def between(self, a, b, share):
        """Between two frames; quaternions along the shorter arc."""
        found = (1 - share) * a + share * b
        for i in (4, *SPHERICAL.values()):
            other = b[i : i + 4] * (1 if a[i : i + 4] @ b[i : i + 4] >= 0 else -1)
            mean = (1 - share) * a[i : i + 4] + share * other
            found[i : i + 4] = mean / np.linalg.norm(mean)
        return found

    def heading(self, frame, angle):
        """The frame with its root turned about the vertical."""
        found = frame.copy()
        found[4:8] = times([np.cos(angle / 2), 0, np.sin(angle / 2), 0], frame[4:8])
        return found

    def at(self, seconds):
        rounds, rest = divmod(seconds, self.length + (0 if self.cycle else PAUSE))
        if rest > self.length:
            following = self.heading(self.frames[0], self.turn)
            found = self.between(self.frames[-1], following, (rest - self.length) / PAUSE)
        else:
            i = min(int(np.searchsorted(self.clock, rest, side="right")) - 1, len(self.frames) - 2)
            found = self.between(self.frames[i], self.frames[i + 1], (rest - self.clock[i]) / self.frames[i, 0])
        return self.heading(found, rounds * self.turn)


def drawn(seed, take):
    """What a view is: its numbers in the order of VIEW, and three colours. Only `start` asks for the class."""
    random = np.random.default_rng(seed)
    yaw, pitch, field = random.uniform(0, 360), random.uniform(0, 35), random.uniform(2.9, 3.5)
    speed, phase = random.uniform(0.8, 1.25), random.uniform()
    right, up = random.uniform(-0.3, 0.3, 2)
    mirrored = random.integers(2)
    window = (FRAMES - 1) / RATE * speed
    start = phase * (max(take.length - window, 0) if take.length > window and not take.cycle else take.length)
    skin = np.array([255, 224, 189]) * random.uniform(0.45, 1)
    colours = np.stack([skin, random.uniform(70, 255, 3), random.uniform(70, 255, 3)]).round().astype(np.uint8)
    return np.array([yaw, pitch, field, speed, start, right, up, mirrored]), colours


def rendered(body, take, view):
    """uint8 (FRAMES, SIZE, SIZE): the codes of a view."""
    yaw, pitch, field, speed, start, right, up, mirrored = view
    poses = [take.at(start + speed * t / RATE) for t in range(FRAMES)]
    heights = [pose[2] for pose in poses]
    middle = (min(heights) + max(heights)) / 2
    away = field / 2 / np.tan(np.radians(LENS / 2))
    look = bullet.computeViewMatrixFromYawPitchRoll([-right, 0, -up], away, 0, -pitch, 0, 2)
    lens = bullet.computeProjectionMatrixFOV(LENS, 1, 1, 20)
    half = np.radians(yaw) / 2
    stand = bullet.getQuaternionFromEuler([np.pi / 2, 0, 0])
    found = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    for t, pose in enumerate(poses):
        w, x, y, z = times([np.cos(half), 0, np.sin(half), 0], pose[4:8])
        _, root = bullet.multiplyTransforms([0, 0, 0], stand, [0, 0, 0], [x, y, z, w])
        bullet.resetBasePositionAndOrientation(body, [0, 0, pose[2] - middle], root)
        for joint, i in SPHERICAL.items():
            bullet.resetJointStateMultiDof(body, joint, pose[[i + 1, i + 2, i + 3, i]].tolist())
        for joint, i in HINGES.items():
            bullet.resetJointStateMultiDof(body, joint, [pose[i]])
        _, _, rgb, _, links = bullet.getCameraImage(
            SIZE,
            SIZE,
            look,
            lens,
            lightDirection=[0, -0.6, 1],
            lightAmbientCoeff=0.4,
            lightDiffuseCoeff=0.6,
            lightSpecularCoeff=0,
            shadow=0,
            renderer=bullet.ER_TINY_RENDERER,
            flags=bullet.ER_SEGMENTATION_MASK_OBJECT_AND_LINKINDEX,
        )
        shade = np.reshape(rgb, (SIZE, SIZE, 4))[..., 0] / 255
        links = np.reshape(links, (SIZE, SIZE))
        inside, link = links >= 0, (links >> 24) - 1
        part = np.where(np.isin(link, list(SKIN)), 0, np.where(np.isin(link, list(SHIRT)), 1, 2))
        level = ((shade - DARKEST) / (1 - DARKEST) * (LEVELS - 1)).round().clip(0, LEVELS - 1)
        found[t][inside] = (1 + part * LEVELS + level)[inside]
    return found[:, :, ::-1] if mirrored else found


def loaded():
    """The body, white: its colours come later."""
    bullet.connect(bullet.DIRECT)
    urdf = str(Path(pybullet_data.getDataPath()) / "humanoid/humanoid.urdf")
    body = bullet.loadURDF(urdf, globalScaling=0.25, flags=bullet.URDF_MAINTAIN_LINK_ORDER)
    for link in range(-1, bullet.getNumJoints(body)):
        bullet.changeVisualShape(body, link, rgbaColor=[1, 1, 1, 1])
    return body


def packed(codes):
    """The same as bytes of xz. One byte a pixel: masks and brightness apart are no smaller, nor is time as the last axis."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "pb": 0}]
    return np.frombuffer(lzma.compress(np.ascontiguousarray(codes).tobytes(), filters=filters), np.uint8)


def main() -> None:
    """Render every part and write the file. Stops if a body leaves the picture."""
    body, takes = loaded(), [Take(name) for name in CLASSES]
    content = {"classes": np.array(CLASSES), "brightness": np.linspace(DARKEST, 1, LEVELS).astype(np.float32)}
    for place, (part, count) in enumerate(PARTS.items()):
        codes, views, colours, labels = [], [], [], []
        for label, take in enumerate(takes):
            for number in range(count):
                view, colour = drawn([place, label, number], take)
                codes.append(rendered(body, take, view))
                views.append(view)
                colours.append(colour)
                labels.append(label)
        key, frames = part.replace(" ", "_"), np.stack(codes)
        edges = frames[:, :, [0, -1]].any() or frames[:, :, :, [0, -1]].any()
        if edges or not frames.any((2, 3)).all():
            raise SystemExit(f"a body of '{part}' leaves the picture")
        content |= {f"{key}_frames": packed(frames), f"{key}_views": np.stack(views).astype(np.float32)}
        content |= {f"{key}_colours": np.stack(colours), f"{key}_labels": np.array(labels, np.int64)}
        print(part, frames.shape, content[f"{key}_frames"].nbytes, "bytes", flush=True)
    target = Path(__file__).parents[1] / "assets" / "motions.npz"
    np.savez(target, **content)
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
