"""Former place of what methods of matrix completion share: files written for an earlier layout import from here."""

from methods._convergence import until_converged
from methods.matrices._misfit import Misfit
from methods.matrices._spectral import top_eigenpairs, top_singular

__all__ = ["Misfit", "top_eigenpairs", "top_singular", "until_converged"]
