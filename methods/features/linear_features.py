"""Linear features of samples, without a network: as they are, by principal components, by discriminants.

raw            z = x
pca_features   z = V^T (x - m)     V the leading principal directions of the training samples, m their mean
lda            z = W^T (x - m)     W the K - 1 directions that separate class means best within their spread
"""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from benchmark import Context, Count, Representation, method


@method("raw", solves="Representation", kind="linear", paper="", needs=("samples",))
def raw(problem: Representation, ctx: Context) -> Tensor:
    """The samples themselves"""
    return problem.samples


@method("pca_features", solves="Representation", kind="linear", paper="", needs=("samples",))
def pca_features(problem: Representation, ctx: Context, *, components: Count = 40) -> Tensor:
    """Leading principal components; fewer than asked where there are not so many"""
    train, rows = _arrays(problem)
    fitted = PCA(min(components, *train.shape), svd_solver="full").fit(train)
    return torch.from_numpy(fitted.transform(rows).astype(np.float32)).to(ctx.device)


@method("lda", solves="Representation", kind="linear", paper="", needs=("samples",))
def lda(problem: Representation, ctx: Context) -> Tensor:
    """Linear discriminants: K - 1 directions"""
    train, rows = _arrays(problem)
    fitted = LinearDiscriminantAnalysis().fit(train, problem.labels.cpu().numpy())
    return torch.from_numpy(fitted.transform(rows).astype(np.float32)).to(ctx.device)


def _arrays(problem: Representation) -> tuple[np.ndarray, np.ndarray]:
    rows = problem.samples.double().cpu().numpy()
    return rows[: len(problem.labels)], rows
