"""Leading right singular vectors of a Jacobian, of which only products are known: subspace iteration.

    U = M J V          by central differences of f at z, k at once            M: what of f counts, a mask
    W = J^T M U        by k gradients of <M U, f(z)>
    V <- right singular vectors of W;   the singular values of M J are the square roots of those of W

It ends where each vector has |<v, v_before>| > 1 - tolerance, after at least `least` rounds: comparing entries never ends where
a sign flips. Vectors whose singular values are nearly equal turn within their span; then it ends after `most`.
Source: arXiv:2409.02374, appendix E.1, with differences in place of forward-mode products
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark import Context

_STEP = 0.1  # of the differences, along vectors of norm 1: f is all but linear there
_BATCH = 64  # pictures that go through the network at once


def leading(
    f: Callable[[Tensor], Tensor],
    z: Tensor,
    masks: Tensor,
    count: int,
    ctx: Context,
    least: int = 12,
    most: int = 50,
    tolerance: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """(G, count, C, H, W), orthonormal, and (G, count), falling: of M_g J for each of G masks.

    f: (B, C, H, W) to (B, ...), each picture by itself; z (C, H, W): where. masks: (G, H, W) where f gives pictures like z,
    else of what it gives, (G, ...). Raises ValueError for more vectors than a mask has entries, for they do not exist.
    """
    shape = tuple(z.shape)
    masks = (masks[:, None].expand(len(masks), *shape) if masks.ndim == 3 else masks).to(z)
    if count > (least_size := int(masks.flatten(1).count_nonzero(1).min())):
        raise ValueError(f"{count} directions are asked for, and a region has {least_size} entries")
    V = torch.linalg.qr(ctx.randn(len(masks), z.numel(), count, dtype=z.dtype))[0].mT  # (G, k, n)
    S = z.new_zeros(len(masks), count)
    open_ = torch.arange(len(masks), device=z.device)
    for round_ in range(most):
        ours = V[open_]
        M = masks[open_].repeat_interleave(count, 0)
        U = M * _differences(f, z, ours.reshape(-1, *shape))
        W = _gradients(f, z, M * U).reshape(ours.shape)
        _, squared, new = torch.linalg.svd(W, full_matrices=False)
        near = (new * ours).sum(2).abs().min(1).values
        V[open_], S[open_] = new, squared.sqrt()
        if round_ + 1 >= least:
            open_ = open_[near <= 1 - tolerance]
        if not len(open_):
            break
    return V.reshape(*V.shape[:2], *shape), S


def _differences(f: Callable[[Tensor], Tensor], z: Tensor, V: Tensor) -> Tensor:
    """J v (B, C, H, W) for each v of V."""
    with torch.no_grad():
        both = [f(z + _STEP * v) - f(z - _STEP * v) for v in torch.split(V, _BATCH)]
    return torch.cat(both) / (2 * _STEP)


def _gradients(f: Callable[[Tensor], Tensor], z: Tensor, U: Tensor) -> Tensor:
    """J^T u (B, C, H, W) for each u of U."""
    found = []
    for part in torch.split(U, _BATCH):
        at = z.expand(len(part), *z.shape).detach().requires_grad_()
        with torch.enable_grad():
            found.append(torch.autograd.grad((f(at) * part).sum(), at)[0])
    return torch.cat(found)
