"""The way from a noisy picture to a clean one without fresh noise: DDIM with eta = 0.

    x' = D(x, sigma) + sigma' / sigma (x - D(x, sigma))        x = x_0 + sigma n, that is x_t / sqrt(alpha-bar_t)

The same step is Euler's for the probability flow dx / dsigma = (x - D) / sigma.
"""

from itertools import pairwise

from torch import Tensor

from methods.images._centred import Centred


def descend(problem: Centred, x: Tensor, sigmas: list[float], clip: bool) -> Tensor:
    """From the first level to 0, which is the last D itself; one call of the network a level.

    clip: D to [-1, 1] at every step, and so the noise that is read from it.
    """
    for sigma, after in pairwise([*sigmas, 0.0]):
        found = problem.D(x, sigma)
        clean = found.clamp(-1, 1) if clip else found
        x = clean + after / sigma * (x - clean)
    return x
