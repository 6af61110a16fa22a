"""How many CPU threads PyTorch, BLAS and OpenMP use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def few_threads(most: int | None) -> Iterator[None]:
    """At most this many inside; None for as many as there are."""
    if most is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(min(most, before))
    try:
        with threadpool_limits(most):
            yield
    finally:
        torch.set_num_threads(before)
