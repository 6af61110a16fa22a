"""Biharmonic inpainting: the smoothest surface through what is seen.

    x = y where the mask is 1;   Laplacian^2 x = 0 where it is 0

scikit-image's, on the host. It trusts what is seen: noise stays.
Source: Damelin, Hoang, Advances in Computational Mathematics 44 (2018)
"""

import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from benchmark import Context, LinearInverse, method
from benchmark.operators import Mask


@method("biharmonic", solves="LinearInverse", kind="classical", paper="arXiv:1707.05208", needs=("image", "mask"))
def biharmonic(problem: LinearInverse, ctx: Context) -> Tensor:
    A = problem.A
    assert isinstance(A, Mask)
    found = inpaint_biharmonic(problem.y.cpu().numpy(), ~A.mask.cpu().numpy(), channel_axis=0)
    return torch.from_numpy(np.ascontiguousarray(found, np.float32)).to(ctx.device)
