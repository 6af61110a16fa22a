"""Cross-entropy, alone and with orthogonal low-rank embedding (OLE): features before a linear head.

    cross_entropy       min over f, head   mean_i CE(head(f(x_i)), y_i)
    cross_entropy_ole   ... + ole (sum_k max(1, ||Z_k||_*) - ||Z||_*) / N,      Z = f(x)

One network, whole batches (methods/features/_training.py); the features are f's output.
Source  OLE: arXiv:1712.01727 (0.25 is its weight for CIFAR-10; there in batches of 64, by SGD)
"""

from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, Fraction, NonNegative, Positive, Representation, method
from methods.features._losses import nuclear_gap
from methods.features._training import Recipe, linear, train


@method(
    "cross_entropy",
    solves="Representation",
    kind="baseline",
    paper="",
    needs=("samples",),
    settings={"representation/tiny": {"steps": 60, "hidden": 64}, "representation/full": {"hidden": 2048}},
)
def cross_entropy(
    problem: Representation,
    ctx: Context,
    *,
    steps: Count = 800,
    lr: Positive = 0.005,
    weight_decay: NonNegative = 5e-4,
    warmup: Fraction = 0.125,
    hidden: Count = 512,
) -> Tensor:
    """Cross-entropy: what the penultimate layer of a classifier looks like"""
    head = linear(ctx, problem.dim, len(problem.sizes))
    recipe = Recipe(steps, lr, weight_decay, warmup, hidden)
    return train(problem, ctx, lambda Z, labels: F.cross_entropy(head(Z), labels), recipe, head=head)


@method(
    "cross_entropy_ole",
    solves="Representation",
    kind="low-rank embedding",
    paper="arXiv:1712.01727",
    needs=("samples",),
    settings={"representation/tiny": {"steps": 60, "hidden": 64}, "representation/full": {"hidden": 2048}},
)
def cross_entropy_ole(
    problem: Representation,
    ctx: Context,
    *,
    steps: Count = 800,
    lr: Positive = 0.005,
    weight_decay: NonNegative = 5e-4,
    warmup: Fraction = 0.125,
    hidden: Count = 512,
    ole: Positive = 0.25,
) -> Tensor:
    """Cross-entropy and OLE: nuclear norms of classes are made small, that of all large"""
    head = linear(ctx, problem.dim, len(problem.sizes))

    def loss(Z: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(head(Z), labels) + ole * nuclear_gap(Z, problem.sizes)

    return train(problem, ctx, loss, Recipe(steps, lr, weight_decay, warmup, hidden), head=head)
