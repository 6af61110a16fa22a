"""How far subspaces are from the true ones, what generated samples are worth, and the rank of Jacobians.

    error     min over permutations p of max_k ||P_p(k) - P*_k||_F,  P = U U^T, in [0, sqrt(2 d)]
    new       a generated sample at more than half the median distance from a fresh true sample to its nearest training sample
    on        at most a tenth of its energy lies off the nearest true subspace
    rank      smallest r with sqrt(s_1^2 + ... + s_r^2) > 0.99 sqrt(s_1^2 + ... + s_n^2), s the singular values

Source: arXiv:2409.02426. The rank is that of its code, 98 % of the energy (its text is reported to say 99 %); the paper does
not tell its threshold of novelty
"""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from benchmark.models import mixtures
from benchmark.problems.distribution import Distribution

SUCCESS, NEW, OFF, ENERGY = 0.5, 0.5, 0.1, 0.99
_FRESH = 500
_STARTS, _ROUNDS = 40, 30  # of K-subspaces on generated samples


def bases_of(problem: Distribution, estimate: Tensor) -> Tensor:
    """Orthonormal bases (B, K, n, d) of an estimate in either form: of generated samples, those that K-subspaces finds."""
    told = problem.unpack(estimate)
    if told is None:
        return mixtures.orthonormal(estimate)
    return mixtures.k_subspaces(told[0], problem.K, problem.d, _STARTS, _ROUNDS, _seeded(0))


def samples_of(problem: Distribution, estimate: Tensor) -> Tensor:
    """Generated samples (B, G, n) of an estimate in either form: of bases, draws of the mixture that they mean."""
    told = problem.unpack(estimate)
    return told[0] if told else mixtures.draw(mixtures.orthonormal(estimate), problem.generate, _seeded(1))


def jacobians(problem: Distribution, estimate: Tensor) -> Tensor:
    """dD/dx (B, Q, n, n) at the probes, of an estimate in either form."""
    told = problem.unpack(estimate)
    return told[1] if told else mixtures.jacobian(problem.probes, problem.sigmas, mixtures.orthonormal(estimate))


def recovery(problem: Distribution, estimate: Tensor, bases: Tensor, labels: Tensor) -> dict[str, float]:
    """Means over the stack of error, success and accuracy, against true bases (B, K, n, d) and labels (B, N)."""
    U = bases_of(problem, estimate)
    error, _ = matched(U, bases)
    return {
        "subspace_error": error.mean().item(),
        "success": (error < SUCCESS).double().mean().item(),
        "accuracy": accuracy(mixtures.nearest(problem.samples, U), labels, problem.K).mean().item(),
    }


def generation(problem: Distribution, estimate: Tensor, bases: Tensor) -> dict[str, float]:
    """Means over the stack of what the generated samples are worth, against true bases (B, K, n, d)."""
    made = samples_of(problem, estimate)
    off, new = off_energy(made, bases), novel(made, problem.samples, bases, _seeded(2))
    return {
        "new_and_on": (new & (off <= OFF)).double().mean().item(),
        "gl": new.double().mean().item(),
        "off_energy": off.median(-1).values.mean().item(),
    }


def _seeded(number: int) -> torch.Generator:
    """The scorer's own generator. It draws the same for every estimate."""
    return torch.Generator().manual_seed(number)


def distances(U: Tensor, V: Tensor) -> Tensor:
    """||U_k U_k^T - V_l V_l^T||_F, (B, K, K), of orthonormal bases (B, K, n, d)."""
    common = torch.einsum("bkni,blnj->bklij", U, V).square().sum((-2, -1))
    return (2 * (U.shape[-1] - common)).clamp_min(0).sqrt()


def matching(cost: Tensor) -> list[int]:
    """Of a matrix of distances (K, K), which row goes to column 0, 1, ...: so that the largest is least, and of such the sum.

    Exact for any K: the least t for which the entries up to t hold a perfect matching (bisection over the entries, each by the
    Hungarian method).
    """
    c = cost.numpy()
    values = np.unique(c)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        above = c > values[middle]
        rows, columns = linear_sum_assignment(above)
        low, high = (low, middle) if not above[rows, columns].any() else (middle + 1, high)
    rows, columns = linear_sum_assignment(np.where(c > values[low], c.sum() + 1, c))
    found: list[int] = rows[np.argsort(columns)].tolist()
    return found


def matched(U: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
    """Errors (B,), and U with its subspaces in the order of those of V."""
    cost = distances(U, V)
    order = torch.tensor([matching(one) for one in cost])  # (B, K)
    K = torch.arange(cost.shape[-1])
    worst = torch.stack([one[p, K].max() for one, p in zip(cost, order, strict=True)])
    return worst, torch.stack([one[p] for one, p in zip(U, order, strict=True)])


def accuracy(found: Tensor, true: Tensor, K: int) -> Tensor:
    """Share of samples in their class, (B,), by labels (B, N), under the best one-to-one naming of the clusters (Hungarian)."""
    shares = []
    for mine, right in zip(found, true, strict=True):
        table = torch.bincount(mine * K + right, minlength=K * K).view(K, K).numpy()
        rows, columns = linear_sum_assignment(-table)
        shares.append(table[rows, columns].sum() / len(mine))
    return torch.tensor(shares, dtype=torch.float64)


def off_energy(x: Tensor, U: Tensor) -> Tensor:
    """Share of the energy of samples (B, G, n) that lies off the nearest subspace, (B, G)."""
    total = x.square().sum(-1).clamp_min(1e-30)
    return (1 - mixtures.energies(x, U).amax(-2) / total).clamp_min(0)


def novel(x: Tensor, train: Tensor, U: Tensor, generator: torch.Generator) -> Tensor:
    """Which of the generated samples (B, G, n) are new against `train` (B, N, n), by fresh samples of the bases U: (B, G)."""
    fresh = mixtures.draw(U, _FRESH, generator)
    limit = NEW * torch.cdist(fresh, train).amin(-1).median(-1).values
    return torch.cdist(x, train).amin(-1) > limit[:, None]


def rank(J: Tensor) -> Tensor:
    """Ranks (...) of matrices (..., n, n); 0 for a matrix of zeros."""
    energy = torch.linalg.svdvals(J).square().cumsum(-1)
    below = energy.sqrt() <= ENERGY * energy[..., -1:].sqrt()
    return torch.where(energy[..., -1] > 0, below.sum(-1) + 1, 0)


def coherence(U: Tensor, V: Tensor) -> Tensor:
    """|U^T V|, (K d, K d), of two times K orthonormal bases (K, n, d) in one order; each U_k turned to meet V_k (Procrustes),
    since a basis is known up to a rotation.
    """
    left, _, right = torch.linalg.svd(U.mT @ V)
    turned = U @ (left @ right)
    K, _, d = V.shape
    return torch.einsum("kni,lnj->kilj", turned, V).abs().reshape(K * d, K * d)
