"""Every seed is a function of what it is for, never of the method that uses it.

seed = first 63 bits of SHA-256("task/version/preset/instance/repeat/stream"), so that every method meets the same instance,
permuting instances changes nothing, and the same call gives the same numbers on any machine.

Repeats 0-999 draw test instances. Repeats 1000-1999 draw tuning instances: other data, on which hyperparameters are chosen.
"""

from hashlib import sha256
from typing import Literal

Stream = Literal["data", "method"]
Split = Literal["test", "tuning"]

FIRST_TUNING_REPEAT = 1000
REPEATS = 2000


def seed(task: str, version: int, preset: str, instance: int, repeat: int, stream: Stream) -> int:
    """The seed, in [0, 2^63), of one stream of randomness: the making of an instance, or the method that solves it."""
    text = f"{task}/{version}/{preset}/{instance}/{repeat}/{stream}"
    return int.from_bytes(sha256(text.encode()).digest()[:8]) >> 1


def split(repeat: int) -> Split:
    """Which data a repeat draws from. Raises ValueError outside [0, 2000)."""
    if not 0 <= repeat < REPEATS:
        raise ValueError(f"repeat {repeat} is outside 0-{REPEATS - 1}")
    return "test" if repeat < FIRST_TUNING_REPEAT else "tuning"
