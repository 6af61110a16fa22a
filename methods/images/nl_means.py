"""Non-local means: each pixel is an average of pixels whose surroundings look alike.

    x_i = sum_j w_ij y_j / sum_j w_ij,   w_ij = exp(-max(d_ij^2 - 2 sigma^2, 0) / h^2),   h = strength x sigma

d_ij^2 is the mean squared difference of the patches around i and j, sigma the noise level. scikit-image's fast form, on the
host: it sums over patches of one pixel less, off the centre, and leaves out weights below e^-5.
Source: Buades, Coll, Morel, CVPR 2005; Darbon et al., ISBI 2008 (fast form)
"""

import numpy as np
import torch
from skimage.restoration import denoise_nl_means
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method


@method(
    "nl_means",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1109/CVPR.2005.38",
    needs=("image", "direct"),
    # Best mean PSNR over the tuning instances among strength 0.4, 0.6, 0.8, 1.0 and patch 3, 5.
    settings={"denoising": {"strength": 0.6}},
    search={"*": {"strength": (0.2, 2.0, "log"), "patch": [3, 5, 7], "distance": (3, 11)}},
)
def nl_means(
    problem: LinearInverse, ctx: Context, *, strength: Positive = 0.8, patch: Count = 5, distance: Count = 6
) -> Tensor:
    sigma = problem.noise
    found = denoise_nl_means(
        problem.y.cpu().numpy(),
        patch_size=patch,
        patch_distance=distance,
        h=strength * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=0,
    )
    return torch.from_numpy(np.ascontiguousarray(found, np.float32)).to(ctx.device)
