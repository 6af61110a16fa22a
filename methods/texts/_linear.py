"""Scores from fixed features: logistic regression, of a graded task ridge regression."""

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from benchmark import Context, FewShot


def fitted(problem: FewShot, ctx: Context, train: Any, test: Any, strength: float) -> Tensor:
    """Scores (N, outputs) of the rows of `test`, learned on those of `train`; 1 / strength weighs the squared weights. Keeps
    `learned`, how many numbers did.
    """
    y = problem.y.cpu().numpy()
    if not problem.classes:
        model = Ridge(alpha=1 / strength).fit(train, y)
        found = model.predict(test)
    else:
        model = LogisticRegression(C=strength, max_iter=2000).fit(train, y)
        found = model.decision_function(test)
        if problem.classes == 2:  # one column: the difference of two scores
            found = np.stack([-found / 2, found / 2], 1)
    ctx.keep("learned", torch.tensor(np.size(model.coef_) + np.size(model.intercept_)))
    return torch.from_numpy(np.asarray(found)).reshape(-1, problem.outputs).float().to(problem.y.device)
