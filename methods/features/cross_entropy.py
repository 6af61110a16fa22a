"""Cross-entropy, alone and with orthogonal low-rank embedding (OLE): features before a linear head.

    cross_entropy       min over f, head   mean_i CE(head(f(x_i)), y_i)
    cross_entropy_ole   ... + ole (sum_k max(1, ||Z_k||_*) - ||Z||_*) / N,      Z = f(x)

One network, whole batches (methods/features/_training.py); the features are f's output.
Source  OLE: arXiv:1712.01727 (0.25 is its weight for CIFAR-10; there in batches of 64, by SGD)
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Positive, Representation, method
from methods.features._losses import nuclear_gap
from methods.features._training import OF_SAMPLES, Recipe, linear, train


@method("cross_entropy", kind="baseline", paper="", parameters=Recipe, **OF_SAMPLES)
def cross_entropy(problem: Representation, ctx: Context, given: Recipe) -> Tensor:
    """Cross-entropy: what the penultimate layer of a classifier looks like"""
    head = linear(ctx, problem.dim, len(problem.sizes))
    return train(problem, ctx, lambda Z, labels: F.cross_entropy(head(Z), labels), given, head=head)


@dataclass(frozen=True)
class WithOle(Recipe):
    """How to train, and the weight of OLE."""

    ole: Positive = 0.25


@method("cross_entropy_ole", kind="low-rank embedding", paper="arXiv:1712.01727", parameters=WithOle, **OF_SAMPLES)
def cross_entropy_ole(problem: Representation, ctx: Context, given: WithOle) -> Tensor:
    """Cross-entropy and OLE: nuclear norms of classes are made small, that of all large"""
    head, ole = linear(ctx, problem.dim, len(problem.sizes)), given.ole

    def loss(Z: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(head(Z), labels) + ole * nuclear_gap(Z, problem.sizes)

    return train(problem, ctx, loss, given, head=head)
