"""Orders of temporal differentiation, and which pair of orders a batch is fed with.

    D(v)[t] = v[t + 1] - v[t]              no division, no rescaling; T frames become T - 1

A coin differentiates both clips of a batch once, with probability 1/2. Then the phase e mod 4 of epoch e says what follows:
0 differentiate both, 1 the second, 2 the first, 3 none; the clip of the lower order loses its last frame. Over a cycle of four
epochs (0,0) has 1/8 of the batches, (1,1) 1/4, (2,2), (0,1), (1,0), (1,2), (2,1) 1/8 each.
Source: arXiv:2409.02371
"""

from typing import Literal

from torch import Tensor

# schedule   the paper's
# random     the phase is drawn for each batch
# same       always phase 0: both clips at one order
# mixed      phases 1 and 2 in turn
# frames     always phase 3
Orders = Literal["schedule", "random", "same", "mixed", "frames"]
_PHASES = {"schedule": (0, 1, 2, 3), "same": (0, 0, 0, 0), "mixed": (1, 2, 1, 2), "frames": (3, 3, 3, 3)}


def differentiate(v: Tensor) -> Tensor:
    """(..., T, H, W) -> (..., T - 1, H, W)."""
    return v[..., 1:, :, :] - v[..., :-1, :, :]


def phase_of(orders: Orders, epoch: int, draw: float) -> int:
    """The phase of a batch; `draw` in [0, 1) decides where it is random."""
    return int(4 * draw) if orders == "random" else _PHASES[orders][epoch % 4]


def paired(a: Tensor, b: Tensor, phase: int, coin: bool) -> tuple[Tensor, Tensor]:
    """The two clips (B, 3, T, H, W) at the orders that phase and coin say, as long as each other."""
    if coin:
        a, b = differentiate(a), differentiate(b)
    if phase == 0:
        return differentiate(a), differentiate(b)
    if phase == 1:
        return a[:, :, :-1], differentiate(b)
    if phase == 2:
        return differentiate(a), b[:, :, :-1]
    return a, b
