"""The takes behind the videos of motions and how each is shown. Imports nothing: the script that renders them has no torch."""

CLASSES = (
    "backflip",
    "cartwheel",
    "crawl",
    "dance_a",
    "dance_b",
    "getup_facedown",
    "getup_faceup",
    "jump",
    "kick",
    "punch",
    "roll",
    "run",
    "spin",
    "spinkick",
    "walk",
)
SIZE, FRAMES, RATE = 64, 24, 10.0  # pixels a side; frames of a video, and of a second
VIEW = ("yaw", "pitch", "field", "speed", "start", "right", "up", "mirrored")  # degrees, degrees, m, 1, s, m, m, 0 or 1
