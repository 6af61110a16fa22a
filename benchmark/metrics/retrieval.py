"""Retrieval by cosine: what the nearest of a gallery have in common with a query.

    R@k = share of queries with one of their label among the k nearest of the gallery
Source: the evaluation of arXiv:2409.02371
"""

import warnings
from collections.abc import Iterable

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

_AT_ONCE = 1024  # queries


def nearest(gallery: Tensor, queries: Tensor, count: int) -> Tensor:
    """Places in the gallery (G, d) of the `count` nearest of each query (Q, d) by cosine, nearest first: int64 (Q, count).

    Of equal ones the first comes first. Raises ValueError where the gallery has fewer.
    """
    if not 1 <= count <= len(gallery):
        raise ValueError(f"{count} nearest of a gallery of {len(gallery)}")
    known = F.normalize(gallery, dim=1).T
    parts = torch.split(F.normalize(queries, dim=1), _AT_ONCE)
    return torch.cat([(part @ known).sort(dim=1, descending=True, stable=True).indices[:, :count] for part in parts])


def recall(found: Tensor, gallery_labels: Tensor, query_labels: Tensor, ks: Iterable[int]) -> dict[int, float]:
    """R@k, from 0 to 1, for each k, of places `found` (Q, n) as `nearest` gives them; k beyond n counts as n."""
    right = gallery_labels[found] == query_labels[:, None]
    return {k: right[:, :k].any(1).double().mean().item() for k in ks}


def probe(gallery: Tensor, queries: Tensor, gallery_labels: Tensor, query_labels: Tensor) -> float:
    """Accuracy on the queries, from 0 to 1, of logistic regression (C = 1) on the gallery's standardised embeddings."""
    scaler = StandardScaler().fit(gallery.double().numpy())
    train, test = (scaler.transform(part.double().numpy()) for part in (gallery, queries))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(max_iter=1000).fit(train, gallery_labels.numpy())
    return float(fitted.score(test, query_labels.numpy()))
