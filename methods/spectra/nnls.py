"""Non-negative least squares, alone and with quadratic penalties, each at its exact minimum.

    nnls                x_hat = argmin_{x >= 0} 1/2 ||R x - y||^2
    nnls_tikhonov       ... + weight/2 ||D x||^2                  D: first or second differences
    nnls_elastic_net    ... + lasso sum_j x_j + ridge/2 ||x||^2          R / max R, y / max y

nnls is SciPy's, spectrum by spectrum: with 16 equations for hundreds of unknowns its minimisers are spikes. The other two are
strictly convex: one Cholesky factor for all spectra, then an exchange of blocks where it leaves negative values
(methods/spectra/_nonnegative.py). Detectors are not weighted: the noise is the same for all, and far above the weak ones.
Source: Lawson, Hanson, Solving Least Squares Problems (1974), ch. 23; Zou, Hastie, J. R. Statist. Soc. B 67 (2005)
"""

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonNegative, Positive, method
from methods.spectra import _nonnegative as nonnegative
from methods.spectra._system import System


@method("nnls", solves="LinearInverse", kind="classical", paper="doi:10.1137/1.9781611971217", needs=("spectrum",))
def nnls(problem: LinearInverse, ctx: Context, *, upto: Positive = 650.0) -> Tensor:
    """Non-negative least squares, without a penalty"""
    system = System(problem, upto)
    R = system.R.cpu().numpy()
    found = np.stack([optimize.nnls(R, y, maxiter=100 * R.shape[1])[0] for y in system.y.cpu().numpy()])
    return system.whole(torch.from_numpy(found).to(ctx.device))


@method(
    "nnls_tikhonov",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1137/1.9781611971217",
    needs=("spectrum",),
    search={"*": {"weight": (1e-6, 1e2, "log"), "order": [1, 2]}},
    # Lowest mean RMSE over the tuning instances of small among orders 1 and 2 and weights 1e-6 to 100.
    settings={"spectral": {"weight": 0.1, "order": 2}},
)
def nnls_tikhonov(
    problem: LinearInverse, ctx: Context, *, weight: Positive = 1e-3, order: Count = 1, upto: Positive = 650.0
) -> Tensor:
    """Non-negative least squares with Tikhonov's penalty on differences"""
    system = System(problem, upto)
    R = system.R.cpu().numpy()
    D = np.diff(np.eye(system.width), order, axis=0)
    found = nonnegative.solve_mostly_positive(R.T @ R + weight * D.T @ D, system.y.cpu().numpy() @ R)
    return system.whole(torch.from_numpy(found).to(ctx.device))


@method(
    "nnls_elastic_net",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1111/j.1467-9868.2005.00503.x",
    needs=("spectrum",),
    search={"*": {"lasso": (1e-7, 1e-3, "log"), "ridge": (1e-6, 1.0, "log")}},
    # Lowest mean RMSE over the tuning instances of small among lasso 1e-7 to 1e-3 and ridge 1e-6 to 1; without lasso, ridge
    # 1e-5 is 1 % better.
    settings={"spectral": {"lasso": 1e-7, "ridge": 3e-5}},
)
def nnls_elastic_net(
    problem: LinearInverse, ctx: Context, *, lasso: NonNegative = 1e-5, ridge: Positive = 1e-3, upto: Positive = 650.0
) -> Tensor:
    """Non-negative least squares with the elastic net's penalty"""
    system = System(problem, upto)
    R = system.R.cpu().numpy()
    found = nonnegative.solve(R.T @ R + ridge * np.eye(system.width), system.y.cpu().numpy() @ R - lasso)
    return system.whole(torch.from_numpy(found).to(ctx.device))
