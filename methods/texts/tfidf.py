"""TF-IDF: counts of words and of pieces of words, weighted by rarity, and logistic regression; no pretrained network.

    u = [tf-idf of words and pairs of words, tf-idf of 2 to 5 characters],  rarities from the training texts alone
    regression   as in linear_probe; of a graded task ridge regression
    centroid     score of class c = <u, mean of u over c>
Of pairs of texts u = [|u_1 - u_2|, u_1 * u_2].
Source: doi:10.1016/0306-4573(88)90021-0
"""

from typing import Literal

import numpy as np
import scipy.sparse
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from torch import Tensor

from benchmark import Context, FewShot, Positive, method
from benchmark.errors import UserError
from methods.texts._linear import fitted


@method("tfidf", solves="FewShot", kind="classical", paper="doi:10.1016/0306-4573(88)90021-0")
def tfidf(
    problem: FewShot,
    ctx: Context,
    *,
    classifier: Literal["regression", "centroid"] = "regression",
    strength: Positive = 10.0,
) -> Tensor:
    kinds = (
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
    )
    seen = [part for example in problem.train for part in example]
    found = []
    for kind in kinds:
        try:
            kind.fit(seen)
        except ValueError:  # texts of punctuation alone have no words
            continue
        columns = [kind.transform(column) for column in zip(*problem.train + problem.test, strict=True)]
        if len(columns) == 2:
            columns = [abs(columns[0] - columns[1]), columns[0].multiply(columns[1])]
        found += columns
    u = scipy.sparse.hstack(found).tocsr()
    train, test = u[: len(problem.train)], u[len(problem.train) :]
    if classifier == "regression":
        return fitted(problem, ctx, train, test, strength)
    if not problem.classes:
        raise UserError("classifier=centroid has no meaning on a graded task; classifier=regression has")
    y = problem.y.cpu().numpy()
    means = scipy.sparse.vstack([scipy.sparse.csr_matrix(train[y == c].mean(0)) for c in range(problem.classes)])
    ctx.keep("learned", torch.tensor(problem.classes * u.shape[1]))
    scores = (normalize(test) @ normalize(means).T).toarray()
    return torch.from_numpy(np.asarray(scores)).float().to(ctx.device)
