"""What methods of matrix completion share: the misfit of factors and its gradient, starts, chains of factors, the loop."""

from methods.completion.loop import until_converged
from methods.completion.misfit import Misfit
from methods.completion.spectral import top_eigenpairs, top_singular

__all__ = ["Misfit", "top_eigenpairs", "top_singular", "until_converged"]
