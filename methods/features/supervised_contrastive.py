"""Supervised contrastive learning: features of one class near each other on the sphere, of others far.

    min over f   mean_i -1/|P(i)| sum_{p in P(i)} log softmax_{a != i}(<z_i, z_a> / temperature)_p,     z = f(x) / ||f(x)||

One network, whole batches (methods/features/_training.py); no second view of a sample and no projection after the
features, both unlike the paper.
Source  arXiv:2004.11362, temperature as there
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Positive, Representation, method
from methods.features._losses import supervised_contrast
from methods.features._training import OF_SAMPLES, Recipe, train


@dataclass(frozen=True)
class Contrast(Recipe):
    """How to train, and the temperature of the softmax."""

    temperature: Positive = 0.1


@method("supervised_contrastive", kind="contrastive", paper="arXiv:2004.11362", parameters=Contrast, **OF_SAMPLES)
def supervised_contrastive(problem: Representation, ctx: Context, given: Contrast) -> Tensor:
    """Supervised contrastive learning: features of one class near each other on the sphere, of others far"""

    def loss(Z: Tensor, labels: Tensor) -> Tensor:
        return supervised_contrast(Z, labels, given.temperature)

    return train(problem, ctx, loss, given, finish=lambda Z: F.normalize(Z, dim=1))
