"""Compressible dynamics and Deep LoRA, arXiv:2406.04112."""

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, of_curve, score

WIDE = Runs("deep_mc", "small", "deep_mf")
COMPRESSED = Runs("deep_mc", "small", "deep_mf_compressed")
DEEP, LORA = Runs("few_shot", "small", "deep_lora", 5), Runs("few_shot", "small", "lora", 5)
PROBE = Runs("few_shot", "small", "linear_probe", 5)
STARVED = "In so few steps about half of Deep LoRA's layers hardly move, and the head, with an untuned rate, holds all back."
RESULTS = "stored results of the code"
PUBLISHED = {"lr": 1e-3, "head": "frozen"}


def to(runs: Runs, axis: str = "steps", level: float = -2.5) -> Quantity:
    """Steps or seconds until log10 of the error is at most `level`."""
    return of_curve("reached", runs, to=level, better="lower", axis=axis)


def ranked(method: str, rank: int, **parameters: object) -> Runs:
    """Runs with adapters of a rank, where 8 is the recommended one."""
    return Runs("few_shot", "small_ranks", method, 1, {**({} if rank == 8 else {"rank": rank}), **parameters})


def faster(wide: Runs, narrow: Runs, least: float) -> Part:
    """How many times as long the wide one takes."""
    return Part("ratio", (to(wide, "seconds"), to(narrow, "seconds")), at_least=least, under="seconds")


NORMAL = {"start": "published", "lr": 1e-4}

PAPER = Paper(
    id="2406.04112",
    title="Compressible Dynamics in Deep Overparameterized Low-Rank Learning & Adaptation",
    authors=("Can Yaras", "Peng Wang", "Laura Balzano", "Qing Qu"),
    venue="ICML 2024",
    year=2024,
    tasks=("deep_mc", "few_shot"),
    methods=("deep_mf_compressed", "deep_lora"),
    about="Gradient descent on deep products of matrices stays in subspaces that the first gradient tells, so that a "
    "small network "
    "follows the same path. Deep LoRA is that idea for the fine-tuning of language models.",
    scale="Matrices of 200 x 200, the paper's up to 1,000; MiniLM with 48 steps and 16 or 64 labels, the paper's BERT "
    "with up to "
    "1,024 labels.",
    claims=(
        Claim(
            "1",
            "Fully observed, the compressed network stays within eps^L sqrt(d - 2r) of the wide one in every step.",
            needs="it is a statement on every step of two networks, which a test makes: python -m pytest "
            "tests/methods/test_deep_factorisation.py",
        ),
        Claim(
            "2",
            "Partly observed, the compressed network needs at most 1.5 times the steps and a fifth of the time.",
            (
                Part("ratio", (to(COMPRESSED), to(WIDE)), at_most=1.5, under="steps"),
                faster(WIDE, COMPRESSED, 5.0),
            ),
            where="figure equiv_traj_mc of the code",
            published="as many steps, 7 times as fast, n = 1,000",
        ),
        Claim(
            "2b",
            "... also at the published rate of the outer factors, at least 3 times as fast.",
            (
                Part("ratio", (to(COMPRESSED.set(outer=0.15)), to(WIDE)), at_most=1.5, under="steps"),
                faster(WIDE, COMPRESSED.set(outer=0.15), 3.0),
            ),
            kind="ours",
        ),
        Claim(
            "2c",
            "At n = 1000 a seventh of the wide one's time.",
            (faster(Runs("deep_mc", "full", "deep_mf", 1), Runs("deep_mc", "full", "deep_mf_compressed", 1), 7.0),),
            where="figure equiv_traj_mc of the code",
            published="43 s and 6 s",
        ),
        Claim(
            "3",
            "With frozen outer factors it stalls at an unseen error above 0.3.",
            (
                Part(
                    "bound",
                    (score(COMPRESSED.set(outer=0.0), "log10_unseen_error"),),
                    at_least=-0.52,
                    options={"which": "least"},
                ),
            ),
            where="figure equiv_traj_mc of the code",
        ),
        Claim(
            "4",
            "A narrow network from a random start needs twice the steps of the wide one.",
            (Part("ratio", (to(Runs("deep_mc", "small", "narrow_mf")), to(WIDE)), at_least=2.0),),
            where="figure comp_iter_time of the code",
            published="2.3 to 3.2 times those of the compressed one",
        ),
        Claim(
            "4b",
            "... also where both are built for a rank of 10 or 20 instead of 5: twice the steps of the compressed one.",
            tuple(
                Part(
                    "ratio",
                    (to(Runs("deep_mc", "small", "narrow_mf").set(assumed=rank)), to(COMPRESSED.set(assumed=rank))),
                    at_least=2.0,
                    under=f"rank {rank}",
                )
                for rank in (10, 20)
            ),
            where="figure comp_iter_time of the code",
            published="3.2 times at 5, falling to 2.3 at 20",
        ),
        Claim(
            "5",
            "Depth three fills in better than two, by a factor of ten in the unseen error.",
            (
                Part(
                    "ahead",
                    (score(Runs("deep_mc", "small", "shallow_mf"), "log10_unseen_error"), score(WIDE, "log10_unseen_error")),
                    at_least=1.0,
                    unit="decades",
                ),
            ),
            where="figure depth_2_v_3 of the code",
        ),
        Claim(
            "5b",
            "The compressed network is as fast as alternating least squares, to an error of 1e-4.",
            (
                Part(
                    "ratio",
                    (to(COMPRESSED, "seconds", -4.0), to(Runs("deep_mc", "small", "alternating_ls"), "seconds", -4.0)),
                    at_most=1.0,
                ),
            ),
            kind="ours",
        ),
        Claim(
            "6",
            "Deep LoRA beats LoRA with few labels, both with tuned rates and their usual starts.",
            (Part("ahead", (score(DEEP, "accuracy"), score(LORA, "accuracy")), at_least=0.0),),
            where=RESULTS,
            published="0.07 with 16 labels, 0.02 with 64, in Pearson's correlation on STS-B",
            caveat=STARVED,
        ),
        Claim(
            "6b",
            "... in the published way: one rate for both, LoRA from N(0, 1), a head that stays random.",
            (
                Part(
                    "ahead",
                    (
                        score(Runs("few_shot", "small", "deep_lora", 1, {"form": "wide", **PUBLISHED}), "accuracy"),
                        score(Runs("few_shot", "small", "lora", 1, {"start": "published", **PUBLISHED}), "accuracy"),
                    ),
                    at_least=0.0,
                ),
            ),
            caveat="The rate is 1e-3, because at the paper's 1e-4 wide factors do not move in so few steps.",
        ),
        Claim(
            "6c",
            "LoRA loses accuracy from rank 8 to rank 64, Deep LoRA at most 0.05.",
            (
                Part(
                    "ahead",
                    (score(ranked("lora", 8, **NORMAL), "accuracy"), score(ranked("lora", 64, **NORMAL), "accuracy")),
                    at_least=0.0,
                    under="LoRA from N(0, 1)",
                ),
                Part(
                    "ahead",
                    (score(ranked("lora", 8), "accuracy"), score(ranked("lora", 64), "accuracy")),
                    at_least=0.0,
                    under="LoRA from its usual start",
                ),
                Part(
                    "ahead",
                    (score(ranked("deep_lora", 8), "accuracy"), score(ranked("deep_lora", 64), "accuracy")),
                    at_most=0.05,
                    under="Deep LoRA",
                ),
            ),
            where=RESULTS,
            published="0.54 to 0.18, and 0.64 to 0.67, in Pearson's correlation on STS-B",
            caveat="100 steps and one seed, in which about half of Deep LoRA's layers hardly move.",
        ),
        Claim(
            "7",
            "Deep LoRA's updates keep a low rank where 64 is given, at most 8; LoRA's have at least 10 more.",
            (
                Part(
                    "level",
                    (score(ranked("deep_lora", 64), "effective_rank"),),
                    at_most=8.0,
                    under="Deep LoRA",
                    unit="effective rank",
                ),
                Part(
                    "ahead",
                    (score(ranked("lora", 64), "effective_rank"), score(ranked("deep_lora", 64), "effective_rank")),
                    at_least=10.0,
                    under="LoRA less Deep LoRA",
                    unit="effective rank",
                ),
            ),
            where="figure fewshot_256_ranks of the code",
            published="0 to 6, where LoRA's are 8, given 8",
            caveat="Layers that hardly move count with the rank of their start, about 5, which Deep LoRA alone has.",
        ),
        Claim(
            "7b",
            "Fine-tuning beats a linear probe on the frozen encoder.",
            tuple(
                Part("ahead", (score(runs, "accuracy"), score(PROBE, "accuracy")), at_least=0.0, under=runs.method)
                for runs in (
                    DEEP,
                    LORA,
                    *(Runs("few_shot", "small", name, 5) for name in ("bitfit", "ia3", "full_fine_tuning")),
                )
            ),
            kind="ours",
            caveat="The encoder was trained to compare sentences, so that the probe leaves little to win.",
        ),
        Claim(
            "8",
            "A step costs at most 1.10 times one of LoRA of rank 8, its memory 1.05 times.",
            needs="it times steps and not runs: python tests/performance/lora_step.py",
            kind="ours",
        ),
        Claim(
            "9",
            "Deep LoRA beats LoRA on GLUE with BERT.",
            (
                Part(
                    "ahead",
                    (
                        score(Runs("few_shot", "full_glue", "deep_lora"), "accuracy"),
                        score(Runs("few_shot", "full_glue", "lora"), "accuracy"),
                    ),
                    at_least=0.0,
                ),
            ),
            where=RESULTS,
            published="0.028 over eight tasks, 62 of 80 pairs won",
            caveat="Not the paper's protocol: mean pooling, a head that learns, and 500 steps instead of 1,000.",
        ),
    ),
    leads="2",
    notes=(
        "Rates of `lora` and `deep_lora` are the best of 18 draws on tuning texts, those of the other methods of 6; that of "
        "`ia3` is untuned.",
        "The paper's BERT comes in no package: `--preset full_glue --source backbone=bert-base-cased` runs its tasks on files "
        "of yours.",
    ),
    figures=(
        Figure(
            "rank",
            "Accuracy from 16 labels against the rank of the adapters.",
            "lines",
            tuple(
                Mark(name, score(ranked(method, rank, **given), "accuracy"), rank)
                for name, method, given in (
                    ("Deep LoRA", "deep_lora", {}),
                    ("LoRA, usual start", "lora", {}),
                    ("LoRA from N(0, 1)", "lora", NORMAL),
                )
                for rank in (1, 8, 64)
            ),
            x="rank",
            y="accuracy",
            log="x",
            published=tuple(
                Published(name, value, rank)
                for name, values in (
                    ("Deep LoRA", (0.614, 0.590, 0.642, 0.635, 0.652, 0.660, 0.667)),
                    ("LoRA from N(0, 1)", (0.492, 0.590, 0.568, 0.539, 0.524, 0.456, 0.175)),
                )
                for rank, value in zip((1, 2, 4, 8, 16, 32, 64), values, strict=True)
            ),
            source="Pearson's correlation, not accuracy, on STS-B with 16 labels, from the authors' result files",
        ),
        Figure(
            "methods",
            "Accuracy by number of labels, each method at its tuned rate.",
            "dots",
            tuple(
                Mark(name, score(Runs("few_shot", "small", method, 5), "accuracy", labels=labels), f"{labels} labels")
                for labels in (16, 64)
                for name, method in (
                    ("Deep LoRA", "deep_lora"),
                    ("LoRA", "lora"),
                    ("full fine-tuning", "full_fine_tuning"),
                    ("linear probe", "linear_probe"),
                )
            ),
            x="",
            y="accuracy",
        ),
        Figure(
            "completion",
            "Matrix completion by a wide network, the compressed one, a narrow one from a random start, and one of depth two.",
            "curves",
            tuple(
                Mark(name, Quantity(runs, "curve"))
                for name, runs in (
                    ("wide", WIDE),
                    ("compressed", COMPRESSED),
                    ("narrow", Runs("deep_mc", "small", "narrow_mf")),
                    ("of depth two", Runs("deep_mc", "small", "shallow_mf")),
                )
            ),
            x="steps",
            y="log10 of the error",
        ),
    ),
)
