"""The mean of the posterior, where the prior is known exactly: the least mean square error that any method can reach.

x_hat = E[x | y]        x from a mixture of Gaussians, y = A x + n
"""

from torch import Tensor

from benchmark import Context, LinearInverse, method


@method(
    "posterior_mean",
    solves="LinearInverse",
    kind="exact",
    needs=("image", "range", "prior"),
)
def posterior_mean(problem: LinearInverse, ctx: Context) -> Tensor:
    found = getattr(problem.prior, "posterior_mean", None)
    if found is None:
        raise ValueError("posterior_mean needs an exact prior, as the presets `small_exact` offer; this one is a network")
    mean: Tensor = found(problem.A, problem.y, problem.noise)
    return mean
