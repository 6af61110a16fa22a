"""K-subspaces: assign each sample to its nearest subspace, turn each subspace to its samples, from many random starts.

    max over U, k of  sum_i ||U_k(i)^T x_i||^2

Lloyd's rounds for all starts of all draws at once; the start that captured most answers. The search effort is starts times
rounds, since near N_k = d + 1 it decides (arXiv:2409.02426, whose equivalence to denoising this solves directly). It ends when
nothing moves, or when every draw has a start that leaves nothing of its samples.
Source: Bradley and Mangasarian, k-Plane Clustering, 2000
"""

from torch import Tensor

from benchmark import Context, Count, Distribution, method, mixtures


@method(
    "k_subspaces",
    solves="Distribution",
    kind="subspace clustering",
    paper="arXiv:2409.02426",
    settings={"subspace_clustering/small_digits": {"starts": 20}},
)
def k_subspaces(problem: Distribution, ctx: Context, *, starts: Count = 150, rounds: Count = 30) -> Tensor:
    space = mixtures.compressed(problem.samples, problem.d)
    search = mixtures.Search(space, problem.K, problem.d, starts, ctx.generator)
    for number in ctx.steps(rounds):
        search.step()
        ctx.record(number, search.best)
        if search.done():
            break
    return search.best()
