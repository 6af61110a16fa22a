"""Supervised contrastive learning: features of one class near each other on the sphere, of others far.

    min over f   mean_i -1/|P(i)| sum_{p in P(i)} log softmax_{a != i}(<z_i, z_a> / temperature)_p,     z = f(x) / ||f(x)||

One network, whole batches (methods/features/_training.py); no second view of a sample and no projection after the
features, both unlike the paper.
Source  arXiv:2004.11362, temperature as there
"""

from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, Fraction, NonNegative, Positive, Representation, method
from methods.features._losses import supervised_contrast
from methods.features._training import Recipe, train


@method(
    "supervised_contrastive",
    solves="Representation",
    kind="contrastive",
    paper="arXiv:2004.11362",
    needs=("samples",),
    settings={"representation/tiny": {"steps": 60, "hidden": 64}, "representation/full": {"hidden": 2048}},
)
def supervised_contrastive(
    problem: Representation,
    ctx: Context,
    *,
    steps: Count = 800,
    lr: Positive = 0.005,
    weight_decay: NonNegative = 5e-4,
    warmup: Fraction = 0.125,
    hidden: Count = 512,
    temperature: Positive = 0.1,
) -> Tensor:
    """Supervised contrastive learning: features of one class near each other on the sphere, of others far"""
    recipe = Recipe(steps, lr, weight_decay, warmup, hidden)

    def loss(Z: Tensor, labels: Tensor) -> Tensor:
        return supervised_contrast(Z, labels, temperature)

    return train(problem, ctx, loss, recipe, finish=lambda Z: F.normalize(Z, dim=1))
