"""Diffusion models learn low-dimensional distributions via subspace clustering, arXiv:2409.02426."""

from itertools import pairwise
from typing import Any

from benchmark.claims.figure import Figure, Mark, Published, over
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, score
from benchmark.claims.rules import Measured, Values

POINTS = (2, 3, 4, 5, 6, 7, 8, 24)
DIMENSIONS = (2, 3, 4, 6)


def of(method: str, preset: str = "small", seeds: int = 3, **parameters: object) -> Runs:
    """Runs of a method."""
    return Runs("subspace_clustering", preset, method, seeds, parameters)


LONG: dict[str, Any] = {"steps": 4000, "lr": 0.005}
SEARCH = "From 20 random starts, where K-subspaces has 150."
REVIEWS = "reviews of a submitted version"
HALVES = of("mlp_halves", "small_generalisation", 1)
KMEANS, DENOISER, NETWORK = of("k_subspaces"), of("low_rank_dae", **LONG), of("mlp_diffusion", "small_generalisation")


def begins(runs: Runs, d: int, first: int | None, last: int) -> Part:
    """Four in five draws succeed from `first` to `last` samples of each subspace on."""
    cells = tuple(score(runs, "success", d=d, points=points) for points in POINTS)
    return Part("onset", cells, first, last, f"d = {d}", "samples", {"at": POINTS, "each": 10})


def cells(runs: Runs, d: int) -> tuple[Quantity, ...]:
    """The share of draws that succeed, a cell each, from d + 2 samples of each subspace on."""
    return tuple(score(runs, "success", d=d, points=points) for points in POINTS if points >= d + 2)


def falls_behind(*both: Values) -> Measured:
    """The least difference of shares over cells, the first half of a method, the second of another; each cell has all its draws
    behind it, and the least of several has no interval.
    """
    half = len(both) // 2
    shares = [sum(values.values()) / len(values) for values in both]
    least = min(a - b for a, b in zip(shares[:half], shares[half:], strict=True))
    return Measured(least, least, least, half, "cells")


def recovers(runs: Runs, d: int, points: int, least: float | None = None, most: float | None = None, under: str = "") -> Part:
    """The share of draws that succeed in one cell."""
    return Part("share", (score(runs, "success", d=d, points=points),), least, most, under or f"d = {d}", options={"each": 10})


def every(quantity: Quantity, which: str, least: float | None = None, most: float | None = None, under: str = "") -> Part:
    """A bound of all runs."""
    return Part("bound", (quantity,), least, most, under, options={"which": which})


def mean(quantity: Quantity, least: float | None = None, most: float | None = None, under: str = "") -> Part:
    """The mean over all runs, each of data of its own."""
    return Part("level", (quantity,), least, most, under, options={"drawn": True})


def gl(runs: Runs, **cells: Any) -> Quantity:
    """Share of generated samples that are new."""
    return score(runs, "gl", **cells)


def begins_noisy(method: str, angle: float) -> Part:
    """Four in five draws succeed from 8 samples of each subspace on or before, noise 0.05."""
    at = (3, 4, 5, 6, 8, 12)
    runs = of(method, "small_onset", **(LONG if method == "low_rank_dae" else {}))
    seen = tuple(score(runs, "success", points=points, angle=angle) for points in at)
    return Part("onset", seen, None, 8, method, "samples", {"at": at, "each": 10})


def farthest(values: Values, *, to: float) -> Measured:
    """How far any run is from a value."""
    found = max(abs(value - to) for value in values.values())
    return Measured(found, found, found, len(values), "runs of instances")


def is_rank(side: str, d: int, rank: int) -> Part:
    """The Jacobian of the closed-form denoiser has this rank at every draw; its subspaces are those that K-subspaces finds."""
    ranks = score(of("k_subspaces", "small_generalisation", 1), f"rank_{side}", d=d)
    under = f"closed form off {rank}, d = {d}, {side} noise"
    return Part(farthest, (ranks,), at_most=0.0, under=under, options={"to": rank})


def falls_between(side: str, d: int) -> Part:
    """The rank of the network's Jacobian at little or much noise, less that in between."""
    ranks = score(NETWORK, f"rank_{side}", d=d), score(NETWORK, "rank_middle", d=d)
    under = f"network, d = {d}, {side} noise"
    return Part("ahead", ranks, at_least=0.0, under=under, options={"drawn": True})


def apart(first: Values, second: Values) -> Measured:
    """The mean of one less that of other draws, with Welch's interval over all draws."""
    a, b = list(first.values()), list(second.values())
    if min(len(a), len(b)) < 3:
        return Measured(sum(a) / len(a) - sum(b) / len(b), float("nan"), float("nan"), len(a) + len(b), "draws")
    from scipy import stats

    found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return Measured(sum(a) / len(a) - sum(b) / len(b), float(found.low), float(found.high), len(a) + len(b), "draws")


def noisier(angle: float) -> tuple[Part, ...]:
    """Errors at each level of noise are all above those at the one before."""
    runs = of("k_subspaces", "small_noise")
    levels = [score(runs, "subspace_error", angle=angle, noise=noise) for noise in (0.0, 0.05, 0.1, 0.2)]
    under = f"{angle:g} degrees"
    return tuple(Part("separation", (b, a), at_least=0.0, under=under) for a, b in pairwise(levels))


PAPER = Paper(
    id="2409.02426",
    title="Diffusion Models Learn Low-Dimensional Distributions via Subspace Clustering",
    authors=("Peng Wang", "Huijie Zhang", "Zekai Zhang", "Siyi Chen", "Yi Ma", "Qing Qu"),
    venue="arXiv",
    year=2024,
    tasks=("subspace_clustering",),
    methods=("low_rank_dae", "mlp_diffusion"),
    about="For a mixture of low-rank Gaussians, learning to denoise with low-rank weights is principal component "
    "analysis or subspace "
    "clustering. So as many samples suffice as the subspaces have dimensions, whatever the dimension around them.",
    scale="Two orthogonal subspaces in 48 dimensions, d of 2 to 6, as in the paper; the network is a small perceptron "
    "of 20,000 steps, "
    "the paper's a U-Net.",
    claims=(
        Claim(
            "1",
            "One subspace, d = 4: PCA succeeds from N = d on, whatever n.",
            tuple(
                Part(
                    "onset",
                    tuple(score(of("pca", "small_single"), "success", n=n, points=points) for points in (2, 3, 4, 5, 8, 12)),
                    4,
                    4,
                    f"n = {n}",
                    "samples",
                    {"at": (2, 3, 4, 5, 8, 12), "each": 20},
                )
                for n in (24, 48, 96)
            ),
            where=REVIEWS,
            published="a step at N = d",
        ),
        Claim(
            "2",
            "The low-rank denoiser reaches PCA's subspace, to an error of 0.05, from N = 2 d on.",
            tuple(
                mean(score(of("low_rank_dae", "small_single", **LONG), "subspace_error", points=points), None, 0.05, under)
                for points, under in ((8, "at 2 d"), (12, "at 3 d"))
            ),
            where=REVIEWS,
            published="the same step",
        ),
        Claim(
            "3",
            "Two subspaces: K-subspaces begins at d + 1.",
            tuple(begins(KMEANS, d, d + 1, d + 1) for d in DIMENSIONS),
            where=REVIEWS,
            published="a step at about d",
        ),
        Claim(
            "3b",
            "d samples of each are too few, because they leave many splits without residual: at most half of the draws "
            "succeed.",
            (
                *(recovers(KMEANS, d, d, most=0.5, under=f"K-subspaces, d = {d}") for d in (3, 4, 6)),
                *(recovers(of("ssc"), d, d, most=0.5, under=f"sparse self-expression, d = {d}") for d in (3, 4, 6)),
            ),
            caveat="It is true of that objective and not of the data: orthogonal subspaces without noise have inner products "
            "of zero between them.",
        ),
        Claim(
            "3c",
            "The low-rank denoiser follows within two samples, from random starts.",
            tuple(begins(DENOISER, d, None, d + 2) for d in DIMENSIONS),
            kind="ours",
            caveat=SEARCH,
        ),
        Claim(
            "3d",
            "... from K-subspaces.",
            tuple(begins(DENOISER.set(start="k_subspaces"), d, None, d + 2) for d in DIMENSIONS),
            kind="ours",
        ),
        Claim(
            "3e",
            "... with the paper's own, soft weights, from random starts.",
            tuple(begins(DENOISER.set(mode="soft"), d, None, d + 2) for d in DIMENSIONS),
            kind="ours",
            caveat=SEARCH,
        ),
        Claim(
            "3h",
            "... with soft weights, from K-subspaces.",
            tuple(begins(DENOISER.set(mode="soft", start="k_subspaces"), d, None, d + 2) for d in DIMENSIONS),
            kind="ours",
        ),
        Claim(
            "3i",
            "From two samples above d on, the denoiser from K-subspaces recovers at most 0.2 fewer draws than K-subspaces, in "
            "every cell.",
            tuple(
                Part(
                    falls_behind,
                    (*cells(DENOISER.set(start="k_subspaces", mode=mode), d), *cells(KMEANS, d)),
                    at_least=-0.2,
                    under=f"{mode}, d = {d}",
                    unit="of the draws",
                )
                for mode in ("hard", "soft")
                for d in DIMENSIONS
            ),
            kind="ours",
        ),
        Claim(
            "3f",
            "Ten random starts of K-subspaces do as well as 150.",
            tuple(begins(of("k_subspaces", starts=10), d, None, d + 1) for d in DIMENSIONS),
            kind="ours",
        ),
        Claim(
            "3g",
            "Soft expectation maximisation begins at d + 1 as well.",
            tuple(begins(of("em_molrg"), d, None, d + 1) for d in DIMENSIONS),
            kind="ours",
        ),
        Claim(
            "4",
            "How many of a network's samples are new depends on N_k / d: within 0.15 for d = 3 and 6.",
            tuple(
                Part(apart, (gl(NETWORK, d=3, ratio=ratio), gl(NETWORK, d=6, ratio=ratio)), -0.15, 0.15, f"N_k / d = {ratio}")
                for ratio in (2, 8, 30, 60)
            ),
            where=REVIEWS,
            published="curves of a U-Net for d = 3 to 6 agree",
        ),
        Claim(
            "5",
            "The rank of the Jacobian is d at little noise and K d at much in closed form; a network's is least in between.",
            (
                *(is_rank(side, d, rank) for d in (3, 6) for side, rank in (("small", d), ("large", 2 * d))),
                *(falls_between(side, d) for d in (3, 6) for side in ("small", "large")),
            ),
            where="figure jacobian-MoLRG of the code",
            published="d = 6: 6 and 12; a U-Net 47, 6, 32",
        ),
        Claim(
            "6",
            "A network needs N_k / d of 20 to 60 until more than 95 % of its samples are new, a low-rank model about 1.",
            (
                *(mean(gl(NETWORK, ratio=ratio), None, 0.95, f"network at {ratio}") for ratio in (2, 8)),
                mean(gl(NETWORK, ratio=60), 0.95, None, "network at 60"),
                *(
                    every(gl(of("k_subspaces", "small_generalisation", 1), d=d, ratio=2), "least", 0.95, None, f"{name} at 2")
                    for d, name in ((3, "K-subspaces, d = 3,"), (6, "K-subspaces, d = 6,"))
                ),
            ),
            where=REVIEWS,
            published="about 60, in later versions 50",
            caveat="Garbage counts as new, and of fresh true samples 0.90 (d = 3) and 0.98 (d = 6) do.",
        ),
        Claim(
            "7",
            "With few samples, N_k / d = 2, a network repeats them, as the best denoiser of the samples does.",
            (
                every(gl(NETWORK, ratio=2), "largest", None, 0.1, "network"),
                every(gl(of("empirical_denoiser", "small_generalisation", 1), ratio=2), "largest", None, 0.1, "best denoiser"),
            ),
        ),
        Claim(
            "7b",
            "Networks that learnt from disjoint samples generate the same from the same noise once they have enough: a mean "
            "cosine of 0.9 at 60, at most 0.5 at 2.",
            (
                mean(score(HALVES, "agreement", ratio=60), 0.9, None, "30 samples a dimension for each"),
                mean(score(HALVES, "agreement", ratio=2), None, 0.5, "one sample a dimension for each"),
            ),
            where="reviews of a submitted version, and arXiv:2310.05264",
            published="of real images: 0.6 to 0.85 of pairs alike from 32,768 samples on",
            caveat="Halves of the samples, cosine instead of a perceptual distance.",
        ),
        Claim(
            "8",
            "Noise degrades recovery step by step, and 0.05 of it not beyond success (an error of 0.5).",
            (
                *noisier(90.0),
                *noisier(30.0),
                every(
                    score(of("k_subspaces", "small_noise"), "subspace_error", noise=0.05), "largest", None, 0.5, "noise 0.05"
                ),
            ),
            kind="ours",
        ),
        Claim(
            "8b",
            "Under noise of 0.05 recovery of subspaces of dimension 3 begins at 8 samples of each or before, at right angles.",
            tuple(begins_noisy(method, 90.0) for method in ("k_subspaces", "low_rank_dae")),
            kind="ours",
        ),
        Claim(
            "8c",
            "... and at angles of 30 degrees.",
            tuple(begins_noisy(method, 30.0) for method in ("k_subspaces", "low_rank_dae")),
            kind="ours",
        ),
        Claim(
            "9",
            "On digits the denoiser clusters at least as well as K-subspaces.",
            (
                Part(
                    "ahead",
                    (
                        score(of("low_rank_dae", "small_digits"), "accuracy"),
                        score(of("k_subspaces", "small_digits"), "accuracy"),
                    ),
                    at_least=0.0,
                ),
            ),
            kind="ours",
            caveat="Searches are short on digits: 5 starts of the denoiser, 20 of K-subspaces instead of 150.",
        ),
        Claim(
            "9a",
            "... because its objective is no better: at most 0.01 more of the samples' energy in its subspaces.",
            (
                Part(
                    "ahead",
                    (
                        score(of("low_rank_dae", "small_digits"), "captured"),
                        score(of("k_subspaces", "small_digits"), "captured"),
                    ),
                    at_most=0.01,
                ),
            ),
            kind="ours",
            caveat="Accuracy and objective part ways on digits: classes are no subspaces.",
        ),
        Claim(
            "9b",
            "... and as sparse self-expression.",
            (
                Part(
                    "ahead",
                    (score(of("low_rank_dae", "small_digits"), "accuracy"), score(of("ssc", "small_digits"), "accuracy")),
                    at_least=0.0,
                ),
            ),
            kind="ours",
        ),
    ),
    notes=(
        "Search effort is part of a result: K-subspaces takes 150 random starts of 30 rounds, expectation maximisation 150 of "
        "60, the denoiser 20 of 4,000 steps.",
        "The share of new samples counts garbage as new. The score `new_and_on` also asks that a sample lies on a subspace.",
    ),
    figures=(
        Figure(
            "recovery",
            "Two subspaces of dimension d in 48 dimensions: how often K-subspaces recovers them.",
            "lines",
            tuple(mark for d in DIMENSIONS for mark in over(f"d = {d}", score(KMEANS, "success", d=d), "points", POINTS)),
            x="samples of each subspace",
            y="share of draws recovered",
            log="x",
            each=10,
        ),
        Figure(
            "denoiser",
            "The low-rank denoiser from random starts, the same draws.",
            "lines",
            tuple(mark for d in DIMENSIONS for mark in over(f"d = {d}", score(DENOISER, "success", d=d), "points", POINTS)),
            x="samples of each subspace",
            y="share of draws recovered",
            log="x",
            each=10,
        ),
        Figure(
            "jacobian",
            "The rank of a network's Jacobian against the noise, d = 6.",
            "lines",
            tuple(
                Mark("network", score(NETWORK, f"rank_{name}", d=6, ratio=60), noise)
                for name, noise in (("small", 0.01), ("middle", 0.32), ("large", 10.0))
            ),
            x="sigma of the noise",
            y="rank of the Jacobian",
            log="x",
            published=tuple(
                Published("network", round(48 * share, 1), sigma)
                for sigma, share in (
                    (0.002, 0.98),
                    (0.02, 0.94),
                    (0.1, 0.22),
                    (0.6, 0.125),
                    (1.1, 0.19),
                    (3.3, 0.48),
                    (8.3, 0.67),
                )
            ),
            source="a U-Net on the same mixture of two subspaces of d = 6 in 48 dimensions, read off the authors' figure",
            drawn=True,
        ),
    ),
)
