"""Maximal coding rate reduction, arXiv:2406.01909."""

from typing import Any

from benchmark.claims.figure import Figure, Mark
from benchmark.claims.paper import Claim, Paper, Part, Runs, score

FREE = Runs("representation", "small_free", "mcr2")
UNBALANCED = Runs("representation", "small_free_unbalanced", "mcr2")
SWEEP = Runs("representation", "small_free_sweep", "mcr2")
LARGE = Runs("representation", "small_free_large", "mcr2", 1)
WEIGHTS = (0.1, 0.3, 0.5)
SWEPT = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8)
LEARNED = ("mcr2", "mcr2_constrained", "cross_entropy", "cross_entropy_ole", "supervised_contrastive")
SCRIPT = "python tests/performance/mcr2_landscape.py"
BOOK = "the authors' book, chapter 3"
BY_DEFINITION = (
    "In part by definition: mean |cos| is 0 at the optimum of rate reduction, and cross-entropy and contrast tend to a "
    "simplex, 1 / (K - 1): 0.5 of 3 classes, 0.11 of 10."
)


def of(method: str) -> Runs:
    """Runs of `small`."""
    return Runs("representation", "small", method)


def most(runs: Runs, metric: str, largest: float, under: str = "", **cells: Any) -> Part:
    """No run has more."""
    return Part("bound", (score(runs, metric, **cells),), at_most=largest, under=under or metric, options={"which": "largest"})


def least(runs: Runs, metric: str, smallest: float, under: str = "", **cells: Any) -> Part:
    """No run has less."""
    return Part("bound", (score(runs, metric, **cells),), at_least=smallest, under=under or metric, options={"which": "least"})


PAPER = Paper(
    id="2406.01909",
    title="A Global Geometric Analysis of Maximal Coding Rate Reduction",
    authors=("Peng Wang", "Huikang Liu", "Druv Pai", "Yaodong Yu", "Zhihui Zhu", "Qing Qu", "Yi Ma"),
    venue="ICML 2024",
    year=2024,
    tasks=("representation",),
    methods=("mcr2",),
    about="Features are sought that fill as much room as they can while those of each class fill little. All maximisers "
    "are known in "
    "closed form: classes lie in orthogonal subspaces, each filled evenly.",
    scale="Free features of 200 and 300 samples in float64; digits of 8 x 8, 100 training samples a class, where the "
    "paper has MNIST "
    "and CIFAR-10.",
    claims=(
        Claim(
            "1",
            "Ascent over free features ends with the singular values, coherence and rank of the closed form.",
            where=BOOK,
            parts=tuple(
                part
                for runs, name in ((FREE, "balanced"), (UNBALANCED, "unbalanced"))
                for part in (
                    most(runs, "sigma_gap", 1e-6, f"singular values, {name}", ratio=WEIGHTS),
                    most(runs, "coherence", 1e-10, f"coherence, {name}", ratio=WEIGHTS),
                    most(runs, "rank_gap", 0.0, f"rank, {name}", ratio=WEIGHTS),
                )
            ),
        ),
        Claim(
            "2",
            "For balanced classes the value reached is that of the closed form.",
            (most(FREE, "value_gap", 1e-6, ratio=WEIGHTS),),
        ),
        Claim(
            "3",
            "... whatever the size of the start.",
            (
                most(FREE.set(start=0.1), "value_gap", 1e-6, "start 0.1", ratio=WEIGHTS),
                most(FREE.set(start=3.0), "value_gap", 1e-6, "start 3", ratio=WEIGHTS),
            ),
        ),
        Claim(
            "3b",
            "For unbalanced classes the global maximum is missed, by 5 % or more of it.",
            (least(UNBALANCED, "value_gap", 0.05, ratio=WEIGHTS),),
            kind="ours",
        ),
        Claim(
            "4",
            "Starts of 0.01 collapse: the value misses its maximum by 5 % or more.",
            (least(FREE.set(start=0.01), "value_gap", 0.05, ratio=WEIGHTS),),
            kind="ours",
        ),
        Claim(
            "5",
            "The Hessian is negative semidefinite at limits and not at the smaller root.",
            where=BOOK,
            needs=f"no run keeps features or their Hessian: {SCRIPT}",
        ),
        Claim(
            "6",
            "The singular values are those of the formula from 0.05 to 0.8 of the largest lambda.",
            where=BOOK,
            caveat="Near its largest, ascent from some starts ends at another local maximiser, and its value is not the best.",
            parts=(
                most(SWEEP, "sigma_gap", 1e-6, "singular values", ratio=SWEPT),
                most(SWEEP, "value_gap", 1e-6, "value", ratio=SWEPT),
            ),
        ),
        Claim(
            "6b",
            "... and for ten classes of 200 in 100 dimensions, a tenth to half of it.",
            (
                most(LARGE, "sigma_gap", 1e-6, "singular values", ratio=WEIGHTS),
                most(LARGE, "coherence", 1e-10, "coherence", ratio=WEIGHTS),
                most(LARGE, "value_gap", 1e-6, "value", ratio=WEIGHTS),
            ),
        ),
        Claim(
            "7",
            "Learned features are orthogonal between classes, below 0.02, where cross-entropy has 0.15 or more.",
            (most(of("mcr2"), "coherence", 0.02, "mcr2"), least(of("cross_entropy"), "coherence", 0.15, "cross-entropy")),
            caveat=BY_DEFINITION,
        ),
        Claim(
            "7b",
            "... and cross-entropy with OLE 0.1 or more.",
            (Part("level", (score(of("cross_entropy_ole"), "coherence"),), at_least=0.1),),
        ),
        Claim("7c", "... and the objective is within 1 % of the closed form.", (most(of("mcr2"), "value_gap", 0.01),)),
        Claim(
            "7d",
            "On leaves, too, it is nearer to orthogonal than cross-entropy and contrast.",
            caveat=BY_DEFINITION,
            parts=tuple(
                Part(
                    "ahead",
                    tuple(score(Runs("representation", "small_tabular", one), "coherence") for one in (rival, "mcr2")),
                    at_least=0.0,
                    under=rival,
                )
                for rival in ("cross_entropy", "supervised_contrastive")
            ),
            kind="ours",
        ),
        Claim(
            "8",
            "Of 3 classes cross-entropy has at most half the directions of rate reduction.",
            (
                Part(
                    "ratio",
                    (score(of("cross_entropy"), "rank95", classes=3), score(of("mcr2"), "rank95", classes=3)),
                    at_most=0.5,
                ),
            ),
        ),
        Claim(
            "8b",
            "... and so have OLE and contrast.",
            tuple(
                Part(
                    "ratio",
                    (score(of(rival), "rank95", classes=3), score(of("mcr2"), "rank95", classes=3)),
                    at_most=0.5,
                    under=rival,
                )
                for rival in ("cross_entropy_ole", "supervised_contrastive")
            ),
            kind="ours",
        ),
        Claim(
            "9",
            "The features separate held-out samples at least as well as cross-entropy's, by a probe on 10 classes.",
            (
                Part(
                    "ahead",
                    (score(of("mcr2"), "probe_accuracy", classes=10), score(of("cross_entropy"), "probe_accuracy", classes=10)),
                    at_least=0.0,
                ),
            ),
            kind="ours",
            caveat="One network, 800 steps and one rate serve all that learn.",
        ),
        Claim(
            "9b",
            "By held-out accuracy of a probe it ranks first of those that learn, of 10 classes.",
            (
                Part(
                    "rank",
                    tuple(score(of(method), "probe_accuracy", classes=10) for method in LEARNED),
                    at_most=1.0,
                ),
            ),
            kind="ours",
            caveat="One network, 800 steps and one rate serve all that learn.",
        ),
        Claim(
            "9c",
            "... and by the nearest subspace of a class.",
            (
                Part(
                    "rank",
                    tuple(score(of(method), "subspace_accuracy", classes=10) for method in LEARNED),
                    at_most=1.0,
                ),
            ),
            kind="ours",
            caveat="One network, 800 steps and one rate serve all that learn.",
        ),
    ),
    notes=(
        "What rate reduction adds to orthogonality is dimension: OLE and contrast leave one direction a class, rate reduction "
        "fills all there are. On held-out samples of 10 digits that does not show as accuracy.",
        "Coherence says how near features are to what rate reduction seeks, and not how good they are: it is 0 at the optimum "
        "of rate reduction by definition, and 1 / (K - 1) at that of cross-entropy and contrast. Held-out accuracy is drawn "
        "beside it.",
        "Claim 5 by its script, which also sweeps lambda further: the Hessian's largest eigenvalue is 2e-10 at limits of "
        "ascent and 0.106 at smaller roots. sigma* falls from 7.39 to 1.01 between 0.05 and 0.95 of the largest lambda, as the "
        "formula says to 7.4e-9. Above 0.867 to 0.887 of it, for 2 to 10 balanced classes, zero is better than every other "
        "maximiser.",
    ),
    figures=(
        Figure(
            "coherence",
            "How much features of different classes share: largest |cos| between classes, learnt from digits.",
            "dots",
            tuple(
                Mark(name, score(of(method), "coherence", classes=classes), f"{classes} classes")
                for classes in (3, 10)
                for name, method in (
                    ("rate reduction", "mcr2"),
                    ("cross-entropy with OLE", "cross_entropy_ole"),
                    ("cross-entropy", "cross_entropy"),
                    ("contrastive", "supervised_contrastive"),
                )
            ),
            x="",
            y="coherence",
            log="y",
        ),
        Figure(
            "accuracy",
            "What the same features are worth on held-out digits: accuracy of a probe.",
            "dots",
            tuple(
                Mark(name, score(of(method), "probe_accuracy", classes=classes), f"{classes} classes")
                for classes in (3, 10)
                for name, method in (
                    ("rate reduction", "mcr2"),
                    ("cross-entropy with OLE", "cross_entropy_ole"),
                    ("cross-entropy", "cross_entropy"),
                    ("contrastive", "supervised_contrastive"),
                    ("pixels", "raw"),
                )
            ),
            x="",
            y="accuracy",
        ),
        Figure(
            "directions",
            "How many directions hold 95 % of the features' energy.",
            "dots",
            tuple(
                Mark(name, score(of(method), "rank95", classes=classes), f"{classes} classes")
                for classes in (3, 10)
                for name, method in (
                    ("rate reduction", "mcr2"),
                    ("cross-entropy with OLE", "cross_entropy_ole"),
                    ("cross-entropy", "cross_entropy"),
                    ("contrastive", "supervised_contrastive"),
                )
            ),
            x="",
            y="directions",
        ),
    ),
)
