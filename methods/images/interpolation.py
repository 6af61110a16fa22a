"""Interpolation: enlarge the small picture, each channel alone.

    x(u) = sum_i y_i h(u - i)          h: Keys' cubic kernel (bicubic), or a sinc under a sinc of 3 pixels (lanczos)

Pillow's, on the host. Neither asks that D x = y.
Source: Keys, IEEE Transactions on Acoustics, Speech and Signal Processing 29 (1981);
        Duchon, Journal of Applied Meteorology 18 (1979)
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmark import Context, LinearInverse, method


@method("bicubic", solves="LinearInverse", kind="classical", paper="doi:10.1109/TASSP.1981.1163711", needs=("image", "scale"))
def bicubic(problem: LinearInverse, ctx: Context) -> Tensor:
    """Bicubic interpolation of the small picture."""
    return _enlarged(problem, ctx, Image.Resampling.BICUBIC)


@method("lanczos", solves="LinearInverse", kind="classical", paper="doi:10.1175/1520-0450(1979)018", needs=("image", "scale"))
def lanczos(problem: LinearInverse, ctx: Context) -> Tensor:
    """Lanczos interpolation of the small picture."""
    return _enlarged(problem, ctx, Image.Resampling.LANCZOS)


def _enlarged(problem: LinearInverse, ctx: Context, kernel: Image.Resampling) -> Tensor:
    height, width = problem.A.shape[-2:]
    channels = [np.asarray(Image.fromarray(one).resize((width, height), kernel)) for one in problem.y.cpu().numpy()]
    return torch.from_numpy(np.stack(channels)).to(ctx.device)
