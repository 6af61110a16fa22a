"""LOCO Edit, arXiv:2409.02374."""

from collections.abc import Mapping, Sequence

from benchmark.claims.figure import Figure, Mark, Published, over
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, score
from benchmark.claims.rules import Measured, Values, level

TIMES = (0.0, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
MIDDLE = (0.2, 0.3, 0.5, 0.7)  # of the times of jacobian_rank those within [0.2, 0.7]
LEAST = (0.5, 0.7)  # and those at which the paper finds the least
FACES, PHOTOGRAPHS, EXACT = (
    Runs("jacobian_rank", preset, "lanczos_jacobian") for preset in ("small", "small_photographs", "small_exact")
)
SHOWN = ("loco_edit", "masked", "unmasked", "pullback", "noise_jacobian", "blended", "random_direction")  # in figures
NETWORKS = {"faces, 64 x 64": FACES, "photographs, 32 x 32": PHOTOGRAPHS}
SMALL = "The networks are small, of 4.3 and 0.5 million weights; of an exact mean the rank is low (1d)."
DRAWS = "Each seed and time has a picture of its own. A picture with noise stands for one on a sampler's way."
TRIED = "Four t were tried for each on four tuning faces: 0.2 for LOCO Edit, pullback, random; 0.1 masked, unmasked; 0.4 noise."
JUDGED = "People judged 15 edits of each method; here a network reads numbers off 6 faces of 64 x 64, one rule for all methods."


def edit(method: str = "loco_edit", preset: str = "small", **parameters: object) -> Runs:
    """Runs of a method of editing."""
    return Runs("image_editing", preset, method, parameters=parameters)


def mean_of_draws(values: Values) -> Measured:
    """The mean: every seed and time has a picture of its own."""
    return level(values, drawn=True)


def over_times(
    metric: str, t: object, least: float | None = None, most: float | None = None, of: Mapping[str, Runs] = NETWORKS
) -> tuple[Part, ...]:
    """A metric of each prior at some times."""
    return tuple(Part(mean_of_draws, (score(runs, metric, t=t),), least, most, under) for under, runs in of.items())


def above(metric: str, high: float, low: float) -> tuple[Part, ...]:
    """A metric of all pictures at one time above that of all at another."""
    return tuple(
        Part(
            "separation",
            (score(runs, metric, t=high), score(runs, metric, t=low)),
            at_least=0.0,
            under=f"{under}, t {high:g} over t {low:g}",
        )
        for under, runs in NETWORKS.items()
    )


def beyond(metric: str, rivals: Sequence[str], preset: str = "small", lower: bool = False) -> tuple[Part, ...]:
    """LOCO Edit less each rival, or turned where lower is better."""
    ours = score(edit(preset=preset), metric)
    theirs = {rival: score(edit(rival, preset), metric) for rival in rivals}
    return tuple(
        Part("ahead", (one, ours) if lower else (ours, one), at_least=0.0, under=rival) for rival, one in theirs.items()
    )


def projected(over: Quantity, under: Quantity, least: float, name: str) -> Part:
    """A quantity as a multiple of another."""
    return Part("ratio", (over, under), at_least=least, under=name, unit="")


AT = 0.4
TABLE = ("pullback", "noise_jacobian", "h_mean", "blended")

PAPER = Paper(
    id="2409.02374",
    title="Exploring Low-Dimensional Subspaces in Diffusion Models for Controllable Image Editing",
    authors=("Siyi Chen", "Huijie Zhang", "Minzhe Guo", "Yifu Lu", "Peng Wang", "Qing Qu"),
    venue="NeurIPS 2024",
    year=2024,
    tasks=("image_editing", "jacobian_rank"),
    methods=("loco_edit", "t_loco", "masked", "unmasked", "random_direction", "pullback", "noise_jacobian"),
    about="A diffusion model's mean prediction is nearly linear around a noisy picture, with a Jacobian of low rank. "
    "Its singular "
    "vectors, restricted to a region, are directions that edit this region alone.",
    scale="Rendered faces of 64 x 64 and a small U-Net; the paper edits photographs of 256 x 256. Fewer pixels tell less at "
    "the same time, so edits are made at earlier times. What people judged there, a network that reads 37 numbers judges here.",
    claims=(
        Claim(
            "1",
            "The rank of the Jacobian of the mean prediction is below a tenth of the pixels' numbers at t from 0.2 to 0.7.",
            over_times("rank_ratio", MIDDLE, most=0.1),
            where="sec. 3.1, fig. 2",
            published="least 0.006 to 0.019, at t 0.5 to 0.8",
            caveat=f"{SMALL} {DRAWS}",
        ),
        Claim(
            "1a",
            "... at t 0.5 and 0.7 alone, where it is least.",
            over_times("rank_ratio", LEAST, most=0.1),
            where="sec. 3.1, fig. 2",
            published="least 0.006 to 0.019, at t 0.5 to 0.8",
            caveat=f"{SMALL} {DRAWS}",
        ),
        Claim(
            "1b",
            "... and higher at both ends: a U.",
            (*above("rank_ratio", 0.0, 0.5), *above("rank_ratio", 1.0, 0.5)),
            where="sec. 3.1, fig. 2",
            published="0.93 at 0, 0.42 to 0.63 at 1",
            caveat=DRAWS,
        ),
        Claim(
            "1c",
            "The Jacobian of the predicted noise has a rank above nine tenths there.",
            over_times("noise_rank_ratio", MIDDLE, least=0.9),
            where="app. D",
            published="high: at least 1 less the other's",
            caveat=DRAWS,
        ),
        Claim(
            "1d",
            "Where the mean of a mixture of low-rank Gaussians is exact, the rank is at most the sum of theirs, up to t 1.",
            over_times("rank_ratio", (*MIDDLE, 0.9, 1.0), most=200 / 3072, of={"a mixture, 5 x 40 of 3072": EXACT}),
            where="sec. 4",
            published="rank at most sum r_k for every t",
            caveat="A little noise around the subspaces, 0.02. " + DRAWS,
        ),
        Claim(
            "2",
            "At t 0.7 the mean prediction is all but linear up to a strength of 40: norms within 0.04, cosine 0.97 or more.",
            tuple(
                Part("bound", (score(runs, metric, t=0.7),), least, most, under, options={"which": which})
                for under, runs in NETWORKS.items()
                for metric, least, most, which in (("norm_gap", None, 0.04, "largest"), ("cosine", 0.97, None, "least"))
            ),
            where="sec. 3.1, fig. 2",
            published="norm ratio 0.96 to 1.00, cosine 0.97 to 1.00",
            caveat=DRAWS,
        ),
        Claim(
            "2b",
            "... and less so at t 0.",
            above("norm_gap", 0.0, 0.7),
            where="app. D, fig. 10",
            caveat=DRAWS,
        ),
        Claim(
            "3",
            "At t 0.4 the projection halves what leaks out of the region, and costs at most 15 % of the effect.",
            (
                projected(score(edit("masked", t=AT), "leak"), score(edit(t=AT), "leak"), 2.0, "leak"),
                projected(score(edit(t=AT), "effect"), score(edit("masked", t=AT), "effect"), 0.85, "effect"),
            ),
            where="app. C.1",
            published="shown in pictures; numbers are of a small check of ours with an exact denoiser",
        ),
        Claim(
            "4",
            "A direction of the region leaks a quarter of its effect at most, one of the whole picture and a random one 1.7 of "
            "it or more.",
            (
                Part("level", (score(edit(), "leak"),), at_most=0.25, under="loco_edit"),
                Part("level", (score(edit("unmasked"), "leak"),), at_least=1.7, under="unmasked"),
                Part("level", (score(edit("random_direction"), "leak"),), at_least=1.7, under="random_direction"),
            ),
            where="app. C.1",
            published="shown in pictures; numbers are of a small check of ours with an exact denoiser",
            kind="ours",
            caveat="The thresholds are those of that check and not the paper's.",
        ),
        Claim(
            "4b",
            "... and has more effect than they have.",
            tuple(
                Part("ahead", (score(edit(), "effect"), score(edit(other), "effect")), at_least=0.0, under=other)
                for other in ("unmasked", "random_direction")
            ),
            where="app. C.1",
            caveat=TRIED,
        ),
        Claim(
            "5",
            "The effect is linear and odd in the strength: cosines above 0.99, twice as large for twice the strength to 5 %.",
            (
                Part("level", (score(edit(), "linearity"),), at_least=0.99, under="cosine of 8 and 4"),
                Part("level", (score(edit(), "oddness"),), at_least=0.99, under="cosine of 8 and -8"),
                Part("level", (score(edit(), "doubling"),), at_most=0.1, under="2 less the ratio"),
            ),
            where="sec. 3.2",
            published="strengths from -15 to 15, in pictures",
            caveat="8 of a picture with noise of norm 111 is more than 15 of one of 443.",
        ),
        Claim(
            "6",
            "A direction changes another picture alike, more so than pullback's, and that more than a random one.",
            (
                *beyond("transfer", ("pullback",), "small_transfer"),
                Part(
                    "ahead",
                    (
                        score(edit("pullback", "small_transfer"), "transfer"),
                        score(edit("random_direction", "small_transfer"), "transfer"),
                    ),
                    at_least=0.0,
                    under="pullback over random_direction",
                ),
            ),
            where="sec. 3.2, tab. 1",
        ),
        Claim(
            "7",
            "With 50 directions outside projected off in place of 5, half of the effect or more is left.",
            (projected(score(edit(outside=50), "effect"), score(edit(), "effect"), 0.5, "50 over 5"),),
            where="app. C.1",
            published="50 still works",
            caveat="A face has 36 degrees of freedom here: 50 may well be too many.",
        ),
        Claim(
            "8",
            "The power method finds the leading singular vectors of the dense Jacobian.",
            needs="a test tells, tests/methods/editing/test_power.py",
            where="app. E.1",
        ),
        Claim(
            "9",
            "More of its edits change one thing alone than of each rival's.",
            beyond("success", TABLE),
            where="tab. 1",
            published="0.80; pullback 0.32, noise 0.37, Asyrp 0.47, blended 0.55",
            caveat=f"{JUDGED} Asyrp and blended have no text here, but the reader itself: an upper bound of theirs.",
        ),
        Claim(
            "9b",
            "It changes the picture less outside than pullback, noise and Asyrp do, and more than blended does.",
            (
                *beyond("lpips_outside", ("pullback", "noise_jacobian", "h_mean"), lower=True),
                Part("ahead", (score(edit(), "lpips_outside"), score(edit("blended"), "lpips_outside")), 0.0, under="blended"),
            ),
            where="tab. 1",
            published="LPIPS 0.08; 0.16, 0.13, 0.22; 0.03",
            caveat="The distance there is of the whole picture, here of what is outside; it is not the published LPIPS.",
        ),
        Claim(
            "9c",
            "More of its directions change another face alike than of pullback's and of the noise's.",
            beyond("transfer_success", ("pullback", "noise_jacobian"), "small_transfer"),
            where="tab. 1",
            published="0.91; 0.14, 0.24",
            caveat=JUDGED,
        ),
        Claim(
            "10",
            "More of its edits succeed than without the projection, without the region, and along random directions.",
            beyond("success", ("masked", "unmasked", "random_direction")),
            kind="ours",
            caveat=TRIED,
        ),
        Claim(
            "11",
            "T-LOCO towards a target moves the number that is named, and none of other regions, in half of its edits or more.",
            (Part("level", (score(edit("t_loco", "small_text"), "named"),), at_least=0.5),),
            where="app. E.3",
            kind="ours",
            caveat="The target is 37 numbers of a face in place of a text.",
        ),
        Claim(
            "11b",
            "... in more of them than LOCO Edit, which is not told what is wanted.",
            (
                Part(
                    "ahead",
                    (score(edit("t_loco", "small_text"), "named"), score(edit(preset="small_text"), "named")),
                    at_least=0.0,
                ),
            ),
            where="app. E.3",
            kind="ours",
        ),
    ),
    figures=(
        Figure(
            "success",
            "Share of regions that a direction changes alone, by method.",
            "dots",
            tuple(Mark("success", score(edit(method), "success"), method) for method in SHOWN),
            x="",
            y="success",
            published=tuple(
                Published("success", value, method)
                for method, value in (("loco_edit", 0.80), ("blended", 0.55), ("noise_jacobian", 0.37), ("pullback", 0.32))
            ),
            source="local edits that people called a success, CelebA-HQ, table 1",
        ),
        Figure(
            "leak",
            "What changes outside the region over what changes inside it.",
            "dots",
            tuple(Mark("leak", score(edit(method), "leak"), method) for method in SHOWN),
            x="",
            y="leak",
        ),
        Figure(
            "rank",
            "The rank of the Jacobian of the mean prediction over its largest, against the time.",
            "lines",
            tuple(
                mark
                for name, runs in (*NETWORKS.items(), ("exact mixture, 32 x 32", EXACT))
                for mark in over(name, score(runs, "rank_ratio"), "t", TIMES)
            ),
            x="time t (0 is the clean picture)",
            y="rank ratio",
            drawn=True,
        ),
    ),
)
