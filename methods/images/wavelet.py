"""Wavelet shrinkage: soft-threshold the wavelet coefficients of a noisy picture.

    x_hat = W^-1 S_t(W y),   t = sigma^2 / sqrt(max(E|w|^2 - sigma^2, 0)) in each band (BayesShrink)

In the colour space YCbCr, whose channels are nearly independent. scikit-image's, on the host.
Source: Chang, Yu, Vetterli, IEEE Transactions on Image Processing 9 (2000)
"""

from typing import Literal

import numpy as np
import torch
from skimage.restoration import denoise_wavelet
from torch import Tensor

from benchmark import Context, Count, LinearInverse, method


@method(
    "wavelet",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1109/83.862633",
    needs=("image", "direct", "range"),
    # Best mean PSNR over the tuning instances among haar, db2, db4, sym4 with 3 levels.
    settings={"denoising": {"wave": "sym4"}},
    search={"*": {"wave": ["haar", "db2", "db4", "sym4"], "levels": (1, 4)}},
)
def wavelet(
    problem: LinearInverse, ctx: Context, *, wave: Literal["haar", "db2", "db4", "sym4"] = "db2", levels: Count = 3
) -> Tensor:
    if problem.noise == 0:
        return problem.y
    found = denoise_wavelet(
        problem.y.clamp(0, 1).cpu().numpy().transpose(1, 2, 0),
        sigma=problem.noise,
        wavelet=wave,
        wavelet_levels=levels,
        convert2ycbcr=True,
        rescale_sigma=True,
        channel_axis=-1,
    )
    return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1), np.float32)).to(ctx.device)
