"""Symmetric matrix completion with ReLU sampling, arXiv:2406.05822."""

from benchmark.claims.figure import Figure, grid, over
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, of_curve, score

LOW = (2, 3, 5)  # ranks at which the claims look, with n = 200


def of(method: str, **parameters: object) -> Runs:
    """Runs of `small`."""
    return Runs("mc", "small", method, parameters=parameters)


MANY = Runs("mc", "small", "gd_random", 12)  # of rank 10 four matrices a run: 48


def succeeds(
    runs: Runs,
    rank: int | tuple[int, ...] = LOW,
    least: float | None = None,
    most: float | None = None,
    n: int = 200,
    under: str = "",
) -> Part:
    """The share of matrices of n x n recovered to 1e-4."""
    seen = score(runs, "success", n=n, rank=rank)
    return Part("share", (seen,), least, most, under=under or runs.method, options={"each": 4})


def at_threshold(method: str, above: tuple[float, ...], least: float | None = None, most: float | None = None) -> Part:
    """The share of matrices recovered of which the entries above a threshold are seen, n = 200, rank 10."""
    seen = score(Runs("mc", "small_threshold", method), "success", threshold=above)
    return Part("share", (seen,), least, most, under=f"{method}, above {' and '.join(map(str, above))}", options={"each": 4})


def in_cities(method: str, least: float | None = None, most: float | None = None) -> Part:
    """The share of matrices of cities recovered."""
    return Part("share", (score(Runs("mc", "small_cities", method), "success"),), least, most, under=method)


def noisy(noise: float, method: str = "relu_gd") -> Quantity:
    """Relative error at a level of noise, n = 200, rank 5."""
    return score(Runs("mc", "small_noise", method), "relative_error", noise=noise)


def decades(rank: int | tuple[int, ...]) -> Part:
    """Every run's log10 error falls by two in 100 steps, between 1e-2 and 1e-8."""
    slopes = of_curve("slopes", of("relu_gd"), {"n": 200, "rank": rank}, between=(-8.0, -2.0))
    return Part("bound", (slopes,), at_most=-2.0, unit="decades in 100 steps", options={"which": "largest"})


PAPER = Paper(
    id="2406.05822",
    title="Symmetric Matrix Completion with ReLU Sampling",
    authors=("Huikang Liu", "Peng Wang", "Longxiu Huang", "Qing Qu", "Laura Balzano"),
    venue="ICML 2024",
    year=2024,
    tasks=("mc",),
    methods=("relu_gd",),
    about="Of a positive semidefinite matrix the positive entries are seen. Gradient descent fails from the usual starts and "
    "succeeds from one that is made for this sampling.",
    scale="The start is a reconstruction, because the paper's own is not public; 12 matrices of n = 200 for each rank.",
    claims=(
        Claim(
            "1",
            "Descent from the tailored start recovers nine in ten matrices of rank 2, 3, 5 at n = 200.",
            (succeeds(of("relu_gd"), least=0.9),),
            where="abstract",
            published="always, empirically",
            caveat="The start is a reconstruction, chosen among four.",
        ),
        Claim(
            "1b",
            "Descent from a random start recovers at most 30 %, from the usual spectral start at most 40 %.",
            (succeeds(of("gd_random"), most=0.3), succeeds(of("gd_spectral"), most=0.4)),
            where="abstract",
            published="generally fails",
        ),
        Claim(
            "2",
            "At n = 100 and 200 the failure vanishes with rank: at rank 10 a random start recovers 90 %.",
            tuple(succeeds(MANY, 10, 0.9, n=n, under=f"n = {n}") for n in (200, 100)),
            caveat="It needs n: at n = 50 the failure stays (2b).",
        ),
        Claim(
            "2b",
            "... and at n = 50 it does not: at rank 10 it recovers at most 30 %.",
            (succeeds(MANY, 10, most=0.3, n=50),),
            kind="ours",
        ),
        Claim(
            "2c",
            "Where few entries are seen, above 0.5, rank 10 does not help the random start: at most 30 % at n = 200.",
            (at_threshold("gd_random", (0.5, 1.0), most=0.3), at_threshold("relu_gd", (0.0, 0.5), least=0.9)),
            kind="ours",
        ),
        Claim(
            "2d",
            "On distances of real cities the usual starts fail too: a random start recovers at most 30 %, the tailored 90 %.",
            (in_cities("gd_random", most=0.3), in_cities("gd_spectral", most=0.4), in_cities("relu_gd", least=0.9)),
            kind="ours",
        ),
        Claim("3", "Convergence is linear: two decades in 100 steps at rank 2, 3, 5.", (decades(LOW),)),
        Claim("3b", "... also at rank 10.", (decades(10),), kind="ours"),
        Claim(
            "5",
            "The error under noise is linear in it: 0.12 to 0.16 times the noise from 1e-4 to 0.1.",
            tuple(
                Part("bound", (noisy(at),), 0.12 * at, 0.16 * at, f"noise {at:g}, {which}", options={"which": which})
                for at in (1e-4, 1e-2, 0.1)
                for which in ("least", "largest")
            ),
        ),
        Claim(
            "6",
            "Not the solver but the start: trust regions from a random start fail too.",
            (succeeds(of("riemannian"), most=0.3),),
        ),
        Claim("6b", "... and from the tailored start recover.", (succeeds(of("riemannian", start="tailored"), least=0.9),)),
        Claim(
            "7",
            "Methods that use the sign of what is not seen recover from random starts.",
            (succeeds(of("bcd_nmd"), least=0.9), succeeds(of("sign_gd"), least=0.9)),
            kind="ours",
        ),
        Claim(
            "8",
            "Soft-Impute is biased: its error is never below 0.01.",
            (
                Part(
                    "bound",
                    (score(of("soft_impute"), "relative_error", n=200),),
                    at_least=0.01,
                    options={"which": "least"},
                ),
            ),
            kind="ours",
        ),
        Claim(
            "8b",
            "Nuclear-norm minimisation over positive semidefinite matrices says nothing: it recovers at most 30 %.",
            (succeeds(of("nuclear_norm"), most=0.3),),
            kind="ours",
            caveat="At n = 200 few positive semidefinite matrices agree with what is seen.",
        ),
        Claim(
            "8c",
            "... at n = 50.",
            (succeeds(of("nuclear_norm"), most=0.3, n=50),),
            kind="ours",
        ),
    ),
    figures=(
        Figure(
            "success",
            "Which matrices are recovered, by size and rank, from three starts.",
            "map",
            tuple(
                mark
                for name, method in (
                    ("tailored start", "relu_gd"),
                    ("random start", "gd_random"),
                    ("spectral start", "gd_spectral"),
                )
                for mark in grid(name, score(of(method), "success"), ("rank", (2, 3, 5, 10)), ("n", (50, 100, 200)))
            ),
            x="rank",
            y="n",
            z="share recovered to 1e-4",
        ),
        Figure(
            "rank",
            "At n = 200, the share recovered against the rank.",
            "lines",
            tuple(
                mark
                for method in ("relu_gd", "gd_random", "gd_spectral", "riemannian", "bcd_nmd", "nuclear_norm")
                for mark in over(method, score(of(method), "success", n=200), "rank", (2, 3, 5, 10))
            ),
            x="rank",
            y="share recovered to 1e-4",
            each=4,
        ),
    ),
)
