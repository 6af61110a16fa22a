"""The mean of the posterior, where the prior is known exactly: the least mean square error that any method can reach.

x_hat = E[x | y]        x from a mixture of Gaussians, y = A x + n
"""

from torch import Tensor

from benchmark import Context, LinearInverse, method
from benchmark.priors.exact import Mixture


@method(
    "posterior_mean",
    solves="LinearInverse",
    kind="exact",
    needs=("image", "range", "exact"),
)
def posterior_mean(problem: LinearInverse, ctx: Context) -> Tensor:
    if not isinstance(problem.prior, Mixture):
        raise ValueError("it needs a prior that is known exactly, as presets named `..._exact` offer; this one is none")
    return problem.prior.posterior_mean(problem.A, problem.y, problem.noise).to(problem.A.dtype)
