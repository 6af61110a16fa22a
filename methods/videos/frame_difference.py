"""Frame differences: where in the picture, and when, something changes.

    z[k, i, j] = ( mean over times t of bin k and pixels p of cell (i, j) of  |v[t + 1, p] - v[t, p]| ) ^ power

v the luma in [0, 1]; bins cut the time, cells the picture into equal parts. Nothing is learnt; what stands still is not seen.
Source: motion-energy images, as in Bobick and Davis, IEEE TPAMI 2001, of graded differences
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, Positive, Retrieval, method
from methods.videos._classical import luma


# Best mean R@1 on tuning instances of an earlier form of `small` (a window of 40 pixels) among bins 1, 2, 3 and cells 4, 6, 8.
@method("frame_difference", solves="Retrieval", kind="classical", paper="doi:10.1109/34.910878")
def frame_difference(problem: Retrieval, ctx: Context, *, bins: Count = 2, cells: Count = 8, power: Positive = 0.5) -> Tensor:
    found = [
        F.adaptive_avg_pool3d(v.diff(dim=1).abs()[:, None], (bins, cells, cells)).flatten(1)
        for clips in problem.shown()
        for v in luma(clips, ctx)
    ]
    return torch.cat(found) ** power
