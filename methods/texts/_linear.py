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
    model = _model(problem, problem.y, train, strength)
    if not problem.classes:
        found = model.predict(test)
    else:
        found = model.decision_function(test)
        if problem.classes == 2:  # one column: the difference of two scores
            found = np.stack([-found / 2, found / 2], 1)
    ctx.keep("learned", torch.tensor(np.size(model.coef_) + np.size(model.intercept_)))
    return torch.from_numpy(np.asarray(found)).reshape(-1, problem.outputs).float().to(problem.y.device)


def weights(problem: FewShot, y: Tensor, train: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """W (outputs, width) and b (outputs), learned on `train` (n, width) and y (n): `W u + b` are the scores of `fitted`."""
    model = _model(problem, y, train.double().cpu().numpy(), strength)
    W, b = (torch.from_numpy(np.atleast_1d(x)).float() for x in (model.coef_, model.intercept_))
    W = W.reshape(-1, train.shape[1])
    if problem.classes == 2:
        W, b = torch.cat([-W / 2, W / 2]), torch.cat([-b / 2, b / 2])
    return W.to(train.device), b.to(train.device)


def _model(problem: FewShot, y: Tensor, train: Any, strength: float) -> Any:
    labels = y.cpu().numpy()
    if not problem.classes:
        return Ridge(alpha=1 / strength).fit(train, labels)
    return LogisticRegression(C=strength, max_iter=2000).fit(train, labels)
