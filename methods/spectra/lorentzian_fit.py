"""Lorentzian fit: one to three Lorentzian lines on a constant, by non-linear least squares from several starts.

    x = c + sum_{j <= K} a_j / (1 + ((nm - mu_j) / gamma_j)^2),   a_j, gamma_j > 0
    min over c, a, mu, gamma:   sum_i ((R x - y)_i / sigma_i)^2,   sigma_i = noise + relative y_i

On simulated spectra the model is the true one. Starts come from a grid of lines: for K = 1 the four that fit best and lie 20 nm
or more apart; for K + 1 each solution for K with the line of the grid that then helps most. All are refined at once by
Levenberg and Marquardt's method, and K is chosen by the Bayesian information criterion. The constant may be negative: spectra
are taken from their minimum.
Source: Marquardt, SIAM J. Appl. Math. 11 (1963); Schwarz, Ann. Statist. 6 (1978)
"""

from math import log

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method

_WIDTHS = (8.0, 13.0, 20.0, 30.0)  # nm, of the grid
_SPACING = 5  # nm
_STARTS = 4
_APART = 20.0  # nm
_NARROWEST, _WIDEST = 2.0, 80.0  # nm
_ROUNDS = 60


class Lines:
    """Least squares for S sets of lines at once, each for one of the B spectra. float64.

    R (d, n), nm (n,) and, by spectrum, weights 1 / sigma and targets y / sigma, both (B, d). Parameters (S, 1 + 3 K): the
    constant, then for each line log a, mu in nm and log gamma.
    """

    def __init__(self, R: Tensor, nm: Tensor, y: Tensor, sigma: Tensor) -> None:
        self.R, self.nm, self.weights, self.target = R, nm, 1 / sigma, y / sigma

    def spectra(self, p: Tensor) -> Tensor:
        """(S, n)."""
        t = self._offsets(p)[0]
        return p[:, :1] + (p[:, 1::3].exp()[..., None] / (1 + t.square())).sum(1)

    def _offsets(self, p: Tensor) -> tuple[Tensor, Tensor]:
        gamma = p[:, 3::3].exp()[..., None]  # (S, K, 1)
        return (self.nm - p[:, 2::3, None]) / gamma, gamma

    def residual(self, p: Tensor, of: Tensor) -> Tensor:
        """(S, d) for the spectra `of` (S,)."""
        return (self.spectra(p) @ self.R.T) * self.weights[of] - self.target[of]

    def jacobian(self, p: Tensor, of: Tensor) -> Tensor:
        """(S, d, 1 + 3 K)."""
        t, gamma = self._offsets(p)
        line = p[:, 1::3].exp()[..., None] / (1 + t.square())  # (S, K, n); also its derivative by log a
        slope = 2 * t * line / (1 + t.square())
        columns = torch.stack([line, slope / gamma, slope * t], 2).flatten(1, 2)  # (S, 3 K, n)
        columns = torch.cat([torch.ones_like(columns[:, :1]), columns], 1)
        return (columns @ self.R.T * self.weights[of, None]).mT

    def refine(self, p: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters at a local minimum of each, and the sum of squares there (S,)."""
        r = self.residual(p, of)
        cost = r.square().sum(1)
        damping = torch.full_like(cost, 1e-2)
        for _ in range(_ROUNDS):
            J = self.jacobian(p, of)
            normal = J.mT @ J
            scale = torch.diag_embed(damping[:, None] * (normal.diagonal(dim1=1, dim2=2) + 1e-9))
            step = torch.linalg.solve_ex(normal + scale, -(J.mT @ r[..., None]))[0][..., 0]
            new = p + step.nan_to_num().clamp(-5, 5)
            new[:, 1::3] = new[:, 1::3].clamp(-12, 3)
            new[:, 2::3] = new[:, 2::3].clamp(self.nm[0], self.nm[-1])
            new[:, 3::3] = new[:, 3::3].clamp(log(_NARROWEST), log(_WIDEST))
            r_new = self.residual(new, of)
            cost_new = r_new.square().sum(1)
            better = cost_new < cost
            p, r = torch.where(better[:, None], new, p), torch.where(better[:, None], r_new, r)
            cost = torch.where(better, cost_new, cost)
            damping = torch.where(better, damping / 4, damping * 3).clamp(1e-9, 1e9)
        return p, cost


class Grid:
    """Lines of the grid as starts: seen by the detectors (G, d), with centres and widths (G,)."""

    def __init__(self, lines: Lines) -> None:
        nm = lines.nm[::_SPACING]
        widths = torch.tensor(_WIDTHS, dtype=nm.dtype, device=nm.device)
        self.lines = lines
        self.centres, self.widths = nm.repeat_interleave(len(widths)), widths.repeat(len(nm))
        t = (lines.nm - self.centres[:, None]) / self.widths[:, None]
        self.seen = 1 / (1 + t.square()) @ lines.R.T

    def best(self, residual: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
        """How much each line lowers the sum of squares (S, G), and its height there, for residuals (S, d)."""
        seen = self.seen * self.lines.weights[of, None]  # (S, G, d)
        size = seen.square().sum(-1)
        height = -(seen @ residual[..., None])[..., 0] / size
        return torch.where(height > 0, height.square() * size, 0.0), height.clamp_min(1e-4)

    def add(self, p: Tensor, of: Tensor, chosen: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters with the line `chosen` (S,) of the grid added."""
        line = [height.gather(1, chosen[:, None]).log(), self.centres[chosen, None], self.widths[chosen, None].log()]
        return torch.cat([p, *line], 1), of


@method(
    "lorentzian_fit",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1137/0111030",
    needs=("spectrum",),
    # Lowest mean RMSE over the tuning instances of small among 3e-4 to 0.3.
    settings={"spectral": {"relative": 3e-3}},
)
def lorentzian_fit(problem: LinearInverse, ctx: Context, *, relative: Positive = 0.01, most: Count = 3) -> Tensor:
    A = problem.A
    R = A.matrix  # type: ignore[attr-defined]  # what "spectrum" offers
    top = problem.y.amax(-1, keepdim=True).clamp_min(1e-300)
    y, scale = problem.y / top, R.max()
    sigma = max(problem.noise, 1e-9) / top + relative * y.clamp_min(0)
    lines = Lines(R / scale, A.wavelengths, y, sigma)  # type: ignore[attr-defined]
    grid = Grid(lines)
    B, d = y.shape
    of = torch.arange(B, device=y.device)
    p = torch.zeros(B, 1, dtype=y.dtype, device=y.device)
    gain, height = grid.best(lines.residual(p, of), of)
    starts = []
    for _ in range(_STARTS):
        chosen = gain.argmax(1)
        starts.append(grid.add(p, of, chosen, height))
        near = (grid.centres - grid.centres[chosen, None]).abs() < _APART
        gain = gain.masked_fill(near, -1.0)
    p, of = torch.cat([one for one, _ in starts]), of.repeat(_STARTS)
    found = torch.zeros(A.shape, dtype=A.dtype, device=y.device)
    lowest = torch.full((B,), float("inf"), dtype=y.dtype, device=y.device)
    for number in range(1, most + 1):
        if number > 1:
            gain, height = grid.best(lines.residual(p, of), of)
            p, of = grid.add(p, of, gain.argmax(1), height)
        p, cost = lines.refine(p, of)
        score = d * (cost / d + 1e-12).log() + (1 + 3 * number) * log(d)
        score, which = score.view(_STARTS, B).min(0)
        better = score < lowest
        found[better] = lines.spectra(p.view(_STARTS, B, -1)[which, of[:B]])[better]
        lowest = torch.where(better, score, lowest)
    return found.clamp_min(0)
