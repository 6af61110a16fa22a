"""Scores from fixed features: logistic regression, of a graded task ridge regression."""

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from torch import Tensor

from benchmark import Context, FewShot

_STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_PARTS = 4  # of cross-validation


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


def weights(problem: FewShot, y: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """W (outputs, width) and b (outputs), learned on `train` (n, width) and y (n), so that `W u + b` are scores.

    Of _STRENGTHS the one with the least cross-entropy (squared error) on left-out quarters of these examples. Where the
    features tell nothing it is a weak one: a strong one would separate the examples all the same, and leave an encoder nothing
    to learn.
    """
    rows = train.double().cpu().numpy()
    model = _model(problem, y, rows, _strength(problem, y, rows))
    W, b = (torch.from_numpy(np.atleast_1d(x)).float() for x in (model.coef_, model.intercept_))
    W = W.reshape(-1, train.shape[1])
    if problem.classes == 2:
        W, b = torch.cat([-W / 2, W / 2]), torch.cat([-b / 2, b / 2])
    return W.to(train.device), b.to(train.device)


def _strength(problem: FewShot, y: Tensor, train: Any) -> float:
    labels = y.cpu().numpy()
    parts = min(_PARTS, int(np.bincount(labels).min()) if problem.classes else len(labels))
    if parts < 2:  # a class with one example: nothing can be left out
        return _STRENGTHS[0]
    folds, scoring = (StratifiedKFold(parts), "neg_log_loss") if problem.classes else (KFold(parts), "neg_mean_squared_error")

    def right(strength: float) -> float:
        model: Any = LogisticRegression(C=strength, max_iter=2000) if problem.classes else Ridge(alpha=1 / strength)
        return float(cross_val_score(model, train, labels, cv=folds, scoring=scoring).mean())

    return max(_STRENGTHS, key=right)


def _model(problem: FewShot, y: Tensor, train: Any, strength: float) -> Any:
    labels = y.cpu().numpy()
    if not problem.classes:
        return Ridge(alpha=1 / strength).fit(train, labels)
    return LogisticRegression(C=strength, max_iter=2000).fit(train, labels)
