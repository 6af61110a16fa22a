"""The loop of a method that may be done before its steps are."""

from collections.abc import Callable, Iterator

from benchmark import Context

POINTS = 120


def until_converged(ctx: Context, steps: int, done: Callable[[], bool]) -> Iterator[int]:
    """ctx.steps(steps), ended early where `done` says so. It is asked at points of the curve alone, after they were recorded,
    so that the last point is the answer; there are 120 of them, or as many as steps.
    """
    every = max(1, steps // POINTS)
    for step in ctx.steps(steps, points=POINTS):
        yield step
        if step % every == 0 and done():
            return
