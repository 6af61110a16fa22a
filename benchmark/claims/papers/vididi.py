"""ViDiDi, arXiv:2409.02371."""

import numpy as np

from benchmark import statistics
from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Runs, score
from benchmark.claims.rules import Measured, Values, ahead
from benchmark.statistics import LEVEL

NAMES = ("simclr", "vicreg", "byol")


def of(method: str, **parameters: object) -> Runs:
    """Runs of `small`."""
    return Runs("video_retrieval", "small", method, parameters=parameters)


SCHEDULE = of("vididi_simclr")
EACH = tuple(score(of(prefix + name), "recall_1") for prefix in ("", "vididi_") for name in NAMES)


def raises(name: str, metric: str, least: float = 0.0, falls: bool = False) -> Part:
    """ViDiDi's metric above its base's, or below where it falls."""
    both = score(of(f"vididi_{name}"), metric), score(of(name), metric)
    return Part("ahead", both[::-1] if falls else both, at_least=least, under=name)


def weakest_gains_most(*rows: Values) -> Measured:
    """The gain of the weakest base less the largest of the others; no interval where two bases cannot be told apart.

    rows: recall of the bases, then of their ViDiDi.
    """
    bases, theirs = rows[:3], rows[3:]
    order = np.argsort([statistics.mean(row).mean for row in bases])
    weakest, others = int(order[0]), [int(one) for one in order[1:]]
    gains = [{key: theirs[i][key] - bases[i][key] for key in bases[i].keys() & theirs[i].keys()} for i in range(3)]
    steps = [ahead(gains[weakest], gains[other], learns=True) for other in others]
    worst = min(steps, key=lambda step: step.value)
    apart = [ahead(bases[other], bases[weakest], learns=True) for other in others]
    if all(one.low > 0 for one in apart):
        return worst
    note = "the bases cannot be told apart, so none is the weakest"
    return Measured(worst.value, float("nan"), float("nan"), worst.n, note=note)


def closer(*rows: Values) -> Measured:
    """The spread of the bases' recall less that of their ViDiDi's; instances and seeds are resampled, the same for all."""
    cube = statistics.table(rows)  # (6, n, r)

    def narrowed(table: np.ndarray) -> float:
        means = table.mean((1, 2))
        return float(np.ptp(means[:3]) - np.ptp(means[3:]))

    draw = np.random.default_rng(0)
    n, r = cube.shape[1:]
    picks = [(draw.integers(0, n, n), draw.integers(0, r, r)) for _ in range(statistics.DRAWS)]
    found = [narrowed(cube[:, numbers][:, :, seeds]) for numbers, seeds in picks]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(narrowed(cube), float(low), float(high), n)


PAPER = Paper(
    id="2409.02371",
    title="Unfolding Videos Dynamics via Taylor Expansion",
    authors=("Siyi Chen", "Minkyu Choi", "Zesen Zhao", "Kuan Han", "Qing Qu", "Zhongming Liu"),
    venue="arXiv",
    year=2024,
    tasks=("video_retrieval",),
    methods=("vididi_simclr", "vididi_vicreg", "vididi_byol"),
    about="Videos are embedded so that clips of one video agree, taken as frames and as temporal differences by turns. "
    "That draws the features from the still background to the motion.",
    scale="2,400 rendered videos of 15 motions before photographs in haze, 24 frames of 32 x 32; the paper learns from UCF101.",
    claims=(
        Claim(
            "1",
            "ViDiDi raises the recall of motion by 11 points or more at equal steps.",
            tuple(raises(name, "recall_1", 0.11) for name in NAMES),
            where="figure on the author's page",
            published="11 to 16 points on UCF101",
            caveat="Backgrounds are in haze, in which ViDiDi works, and settings were chosen on ViDiDi and not for each base.",
        ),
        Claim(
            "2",
            "It gains most where the base is weakest.",
            (Part(weakest_gains_most, EACH, at_least=0.0),),
            where="figure on the author's page",
            published="15.9, 11.5, 10.7 points over 64.6, 70.7, 72.6 on UCF101",
            caveat="All bases are near chance here, 0.067.",
        ),
        Claim(
            "3",
            "The three frameworks come closer to each other.",
            (Part(closer, EACH, at_least=0.0),),
            where="figure on the author's page",
            published="64.6 to 72.6 without, 80.5 to 83.3 with it",
            caveat="There is nothing to close while all bases are near chance.",
        ),
        Claim(
            "4",
            "Base features find the same background more often, ViDiDi's less.",
            tuple(raises(name, "background_1", falls=True) for name in NAMES),
            where="abstract",
            kind="ours",
        ),
        Claim(
            "5",
            "Features of a video and of its difference agree more than those of two videos, more so than the base's.",
            tuple(raises(name, "consistency") for name in NAMES),
            kind="ours",
        ),
        Claim(
            "6",
            "Pairs of different orders matter: the schedule is above the same orders alone.",
            (Part("ahead", (score(SCHEDULE, "recall_1"), score(SCHEDULE.set(orders="same"), "recall_1")), at_least=0.0),),
            where="abstract",
            kind="ours",
        ),
        Claim(
            "6b",
            "The coin changes little: at most 5 points.",
            (Part("ahead", (score(SCHEDULE, "recall_1"), score(SCHEDULE.set(coin=False), "recall_1")), -0.05, 0.05),),
            kind="ours",
        ),
        Claim(
            "8",
            "On a quarter of the videos, in as many steps, it is above SimCLR on all.",
            where="abstract",
            parts=(
                Part(
                    "ahead",
                    (score(SCHEDULE.set(share=0.25, cycles=48), "recall_1"), score(of("simclr"), "recall_1")),
                    at_least=0.0,
                ),
            ),
            kind="ours",
        ),
        Claim(
            "9",
            "It is above what learns nothing: where in the window something changes.",
            tuple(
                Part(
                    "ahead",
                    (score(of(f"vididi_{name}"), "recall_1"), score(of("frame_difference"), "recall_1")),
                    at_least=0.0,
                    under=name,
                )
                for name in NAMES
            ),
            kind="ours",
            caveat="Each action is one take of one performer, so that the place of a change tells it.",
        ),
        Claim(
            "10",
            "It raises the recall of UCF101 by 11 points or more.",
            where="figure on the author's page",
            published="11 to 16 points, fine-tuned",
            parts=(
                Part(
                    "ahead",
                    (
                        score(Runs("video_retrieval", "full", "vididi_vicreg"), "recall_1"),
                        score(Runs("video_retrieval", "full", "vicreg"), "recall_1"),
                    ),
                    at_least=0.11,
                ),
            ),
        ),
    ),
    notes=(
        "ViDiDi needs backgrounds that leave it the body. `small` has photographs out of focus and in haze, at 30 % of their "
        "contrast; what happens at full contrast is not among the results here. Chance is 0.067.",
        "Two settings depart from the authors' code: the two clips of a video lie anywhere in it, not side by side, and a crop "
        "keeps half of the picture at least instead of 8 %.",
    ),
    figures=(
        Figure(
            "motion",
            "Whether the nearest clip shows the same motion or the same background.",
            "dots",
            tuple(
                Mark(name, score(of(method), metric), method)
                for method in (*NAMES, *(f"vididi_{name}" for name in NAMES), "frame_difference")
                for name, metric in (("motion", "recall_1"), ("background", "background_1"))
            ),
            x="",
            y="recall of the nearest clip",
            level=1 / 15,
            level_name="motion by chance",
        ),
        Figure(
            "gain",
            "What ViDiDi adds to each framework.",
            "dots",
            tuple(
                Mark("gain", score(of(f"vididi_{name}"), "recall_1"), name, less=score(of(name), "recall_1")) for name in NAMES
            ),
            x="",
            y="gain in recall of motion",
            published=tuple(
                Published("gain", gain, name) for name, gain in (("simclr", 0.159), ("vicreg", 0.115), ("byol", 0.107))
            ),
            source="gain in accuracy after fine-tuning on UCF101, read off the authors' chart",
            level=0.0,
        ),
    ),
)
