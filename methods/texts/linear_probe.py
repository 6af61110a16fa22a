"""Linear probe: the encoder stays as it is, and logistic regression learns on its mean-pooled states.

    min_{W, b}  sum_i loss(W u_i + b, y_i) + ||W||^2 / (2 strength)        u = pooled(x) / ||pooled(x)|| * sqrt(width)
    of pairs    u = [|u_1 - u_2|, u_1 * u_2] (apart), or of both texts read as one (joint)
Of a graded task ridge regression. No step of the encoder is trained: seconds, and what adaptation must beat.
Source: the usual probe, as in arXiv:1610.01644
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, FewShot, Positive, method
from methods.texts._encode import embeddings, encoder_of
from methods.texts._linear import fitted


@method("linear_probe", solves="FewShot", kind="frozen features", paper="arXiv:1610.01644")
def linear_probe(
    problem: FewShot, ctx: Context, *, strength: Positive = 0.1, pairs: Literal["apart", "joint"] = "apart"
) -> Tensor:
    texts = (*problem.train, *problem.test)
    parts = [tuple((part,) for part in column) for column in zip(*texts, strict=True)] if pairs == "apart" else [texts]
    encoder = encoder_of(problem, ctx)
    found = [F.normalize(embeddings(problem, ctx, encoder, part), dim=1) for part in parts]
    u = torch.cat([(found[0] - found[1]).abs(), found[0] * found[1]], 1) if len(found) == 2 else found[0]
    u = F.normalize(u, dim=1) * u.shape[1] ** 0.5
    rows = u.cpu().numpy()
    return fitted(problem, ctx, rows[: len(problem.train)], rows[len(problem.train) :], strength)
