"""Global random state set from a method's own seed, and put back."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from benchmark.context import Context


@contextmanager
def isolated(ctx: Context) -> Iterator[None]:
    """Inside, the global generators of PyTorch, NumPy and Python draw from a seed of the context. Afterwards, an exception
    included, they are as they were.
    """
    seed = int(torch.randint(2**31, (), generator=ctx.generator))
    devices = [ctx.device] if ctx.device.type == "cuda" else []
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=devices):
            torch.default_generator.manual_seed(seed)
            if devices:
                with torch.cuda.device(ctx.device):
                    torch.cuda.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
