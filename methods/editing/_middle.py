"""The middle of a prior's U-Net, h: what comes out of its block of the lowest resolution, looked at and changed.

Source: arXiv:2210.10960 (Asyrp), arXiv:2307.12868 (pullback), which take h after the middle block
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from methods.editing._flow import Flow


class Middle:
    """The middle block of a flow's prior. Raises ValueError for a prior that has none."""

    def __init__(self, flow: Flow) -> None:
        block = getattr(getattr(flow.prior, "network", None), "mid_block", None)
        if not isinstance(block, nn.Module):
            raise ValueError("it needs a prior with a U-Net whose middle block can be looked into; this prior has none")
        self.flow, self.block = flow, block

    def h(self, z: Tensor, sigma: float, told: Tensor | None = None) -> Tensor:
        """(B, c, h, w) of z (B, C, H, W), with its gradient where z has one."""
        return self.seen(z, sigma, told)[1]

    def seen(self, z: Tensor, sigma: float, told: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """f(z), and h on the way there; of the two calls with guidance, that which is told."""
        kept: list[Tensor] = []
        with self._hooked(lambda out: kept.append(out)):
            clean = self.flow.f(z, sigma, told)
        if kept[0].requires_grad:
            kept[0].register_hook(self._came_back)  # type: ignore[no-untyped-call]
        return clean, kept[0]

    def moved(self, z: Tensor, sigma: float, told: Tensor | None, by: Tensor) -> Tensor:
        """f(z) where h + `by`, (B, c, h, w), stands for h."""
        with self._hooked(lambda out: out + by):
            return self.flow.f(z, sigma, told)

    def _came_back(self, gradient: Tensor) -> None:
        self.flow.prior.calls.backward += len(gradient)

    @contextmanager
    def _hooked(self, function: Callable[[Tensor], Any]) -> Iterator[None]:
        handle = self.block.register_forward_hook(lambda _block, _given, out: function(out))
        try:
            yield
        finally:
            handle.remove()


def coarse(regions: Tensor, like: Tensor) -> Tensor:
    """bool (R, c, h, w): where an h like (c, h, w) belongs to regions (R, H, W), a place of it where any pixel of it does."""
    small = nn.functional.adaptive_max_pool2d(regions[:, None].float(), tuple(like.shape[1:]))
    return small.bool().expand(-1, len(like), -1, -1)


def at(middle: Middle) -> Callable[[Tensor], Tensor]:
    """h at the flow's t as a function of z, told what the first picture is told."""
    flow = middle.flow
    told = None if flow.told is None else flow.told[0]
    return lambda z: middle.h(z, flow.sigma, None if told is None else told.expand(len(z), -1))
