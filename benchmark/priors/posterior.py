"""What a linear measurement leaves of a mixture of low-rank Gaussians: the exact posterior.

    x = m_k + U_k diag(s_k) a + r b,    a, b ~ N(0, I)    y = A x + n,    A = W diag(g) V^T,    n ~ N(0, noise^2 I)
    R = diag(r^2 g^2 + noise^2),    F_k = V^T U_k diag(s_k),    e_k = W^T y - g V^T m_k
    a | y, k  ~ N(P_k^-1 F_k^T g R^-1 e_k, P_k^-1)        P_k = I + F_k^T g R^-1 g F_k       (d, d)
    V^T x | a, y, k  ~ N(T V^T (m_k + U_k diag(s_k) a) + r^2 g R^-1 W^T y, r^2 T)            T = noise^2 R^-1
    log q_k = log w_k - (e_k^T R^-1 e_k - |L_k^-1 F_k^T g R^-1 e_k|^2) / 2 - log |L_k| + const        P_k = L_k L_k^T

In the coordinates of V all components share R, so that nothing larger than d x d is solved. On the network's scale.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmark.operators.linear import LinearOperator

if TYPE_CHECKING:
    from benchmark.priors.exact import Mixture


class Posterior:
    """Of x given y, for y = A x + n on the task's scale. Raises ValueError for a noise that is not above 0.

    shares   (K,): the probability of each component
    mean     E[x | y], *shape, on the task's scale: no estimate has a smaller mean squared error
    least    that error: the posterior variance of an entry, mean over all entries, on the task's scale
    """

    def __init__(self, mixture: "Mixture", A: LinearOperator, y: Tensor, noise: float) -> None:
        if noise <= 0:
            raise ValueError("the exact posterior needs noise above 0")
        self._mixture, self._svd, r = mixture, _Flat(A, mixture.shape, y.device), mixture.rest
        m, s = mixture.means.double(), mixture.scales.double()  # (K, n), (K, d)
        self._B = self._turned(mixture.bases)  # (K, n, d): V^T U
        n, d = self._B.shape[1:]
        low, high = mixture.value_range
        grey = torch.full(mixture.shape, (low + high) / 2, dtype=A.dtype, device=y.device)
        g = mixture.half * self._svd.values  # (n,)
        seen = torch.where(g > 0, self._svd.Ut(y - A(grey)), 0)  # the part of y outside A's range is noise
        R = r**2 * g.square() + noise**2
        T, c, F = noise**2 / R, self._svd.Vt(m), self._B * s[:, None]
        e = seen - g * c
        L = torch.linalg.cholesky(torch.eye(d).to(F) + F.mT @ (F * (g.square() / R)[:, None]))
        h = torch.linalg.solve_triangular(L, F.mT @ (g / R * e)[..., None], upper=False)  # (K, d, 1)
        logs = h.square().sum((1, 2)) / 2 - (e.square() / R).sum(1) / 2 - L.diagonal(dim1=1, dim2=2).log().sum(1)
        self.shares = (mixture.weights.double().log() + logs).softmax(0)
        # Of V^T x in component k: covariance G G^T + diag(around^2), mean T c + r^2 g R^-1 W^T y + G h
        self._G, self._around = torch.linalg.solve_triangular(L, (T[:, None] * F).mT, upper=False).mT, r * T.sqrt()
        means = T * c + r**2 * g / R * seen + (self._G @ h)[..., 0]  # (K, n)
        mean = self.shares @ means
        within = self._G.square().sum((1, 2)) + self._around.square().sum()
        between = (means - mean).square().sum(1)
        self.least = mixture.half**2 * float(self.shares @ (within + between)) / n
        self._means = self._svd.V(means)
        self.mean = mixture.outside(self._svd.V(mean))[0]

    def _turned(self, bases: Tensor) -> Tensor:
        K, n, d = bases.shape
        return self._svd.Vt(bases.mT.reshape(K * d, n)).view(K, d, n).mT

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Samples (count, *shape) of x given y, on the task's scale."""
        which = torch.multinomial(self.shares, count, replacement=True, generator=generator)
        a = torch.randn(count, self._G.shape[2], generator=generator, dtype=torch.float64)
        b = torch.randn(count, self._G.shape[1], generator=generator, dtype=torch.float64)
        inside = torch.stack([self._G[k] @ one for k, one in zip(which.tolist(), a, strict=True)])
        return self._mixture.outside(self._means[which] + self._svd.V(inside + self._around * b))

    def spread(self, x: Tensor) -> float:
        """How far x, *shape, lies from its component's posterior mean along that one's d directions, in posterior deviations
        squared, mean over the directions: 1 on average for samples of the posterior, 0 for its mean where one component is
        left. Each component counts by its probability given x, to which y has nothing to add.
        """
        flat = self._mixture.inside(x[None]).double()  # (1, n)
        apart = (flat - self._means)[:, None] @ self._mixture.bases.double()  # (K, 1, d)
        root = self._B.mT @ self._G  # (K, d, d)
        L = torch.linalg.cholesky(root @ root.mT + self._B.mT @ (self._B * self._around.square()[:, None]))
        squares = torch.linalg.solve_triangular(L, apart.mT, upper=False).square().mean((1, 2))  # (K,)
        return float(self._mixture.membership(x[None])[0].double() @ squares)


class _Flat:
    """The singular value decomposition of A for vectors (..., n) in float64."""

    def __init__(self, A: LinearOperator, shape: tuple[int, ...], device: torch.device) -> None:
        if (known := A.svd()) is None:
            raise ValueError(
                f"the exact posterior needs the singular values of A, which are not known for this {type(A).__name__}"
            )
        self._known, self._dtype, self._shape = known, A.dtype, shape
        self.values = known.values.to(device, torch.float64)

    def Vt(self, x: Tensor) -> Tensor:
        return self._known.Vt(x.to(self._dtype).view(*x.shape[:-1], *self._shape)).double()

    def V(self, c: Tensor) -> Tensor:
        return self._known.V(c.to(self._dtype)).flatten(-len(self._shape)).double()

    def Ut(self, y: Tensor) -> Tensor:
        return self._known.Ut(y).double()
