"""Compressible dynamics and Deep LoRA, arXiv:2406.04112."""

from benchmark.claims.figure import Figure, Mark
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, curve, of_curve, score

WIDE = Runs("deep_mc", "small", "deep_mf")
COMPRESSED = Runs("deep_mc", "small", "deep_mf_compressed")
PROTOCOL = "small_protocol"
PLACES = {"sentiment": "small", "acceptability": "small_acceptability"}
KINDS = ("attention.self.query", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense")
RESULTS = "stored results of the code"


def to(runs: Runs, axis: str = "steps", level: float = -2.5) -> Quantity:
    """Steps or seconds until log10 of the error is at most `level`."""
    return of_curve("reached", runs, to=level, better="lower", axis=axis)


def few(method: str, preset: str = "small", seeds: int = 3, **parameters: object) -> Runs:
    """Runs from few labels."""
    return Runs("few_shot", preset, method, seeds, parameters)


def drawn(rule: str, *of: Quantity, under: str = "", unit: str | None = None, **thresholds: float) -> Part:
    """A rule on draws: every seed draws other labels."""
    return Part(rule, of, under=under, unit=unit, options={"drawn": True}, **thresholds)


def protocol(method: str, rank: int, **parameters: object) -> Runs:
    """Runs at the paper's rate, steps and random head, where 8 is the recommended rank; the ten draws are instances."""
    return few(method, PROTOCOL, 1, **({} if rank == 8 else {"rank": rank}), **parameters)


def faster(wide: Runs, narrow: Runs, least: float) -> Part:
    """How many times as long the wide one takes."""
    return Part("ratio", (to(wide, "seconds"), to(narrow, "seconds")), at_least=least, under="seconds")


USUAL = {"start": "conventional"}

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
    scale="Matrices of 200 x 200, the paper's up to 1,000; MiniLM with 16 to 1,024 labels, the paper's BERT with up to 1,024 "
    "labels.",
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
            (drawn("ahead", *(score(few(name), "accuracy") for name in ("deep_lora", "lora")), at_least=0.0),),
            where=RESULTS,
            published="0.07 with 16 labels, 0.02 with 64, in Pearson's correlation on STS-B",
            caveat="Sentiment. The head of both begins at a linear probe.",
        ),
        Claim(
            "6a",
            "... on acceptability, of which a frozen probe knows nothing, at the rates of sentiment.",
            tuple(
                drawn(
                    "ahead",
                    *(score(few(name, PLACES["acceptability"]), "accuracy", labels=labels) for name in ("deep_lora", "lora")),
                    at_least=0.0,
                    under=f"{labels} labels",
                )
                for labels in (256, 1024)
            ),
            kind="ours",
            caveat="No rate was sought on acceptability. After 300 steps Deep LoRA is at chance, with up to 0.7 of its layers "
            "unmoved where labels are many: it may need more steps or a higher rate.",
        ),
        Claim(
            "6b",
            "... in the published way: wide, one rate for both, LoRA from N(0, 1), a head that stays random.",
            tuple(
                Part(
                    "ahead",
                    tuple(
                        score(runs, "accuracy", labels=labels)
                        for runs in (protocol("deep_lora", 8, form="wide"), protocol("lora", 8))
                    ),
                    at_least=0.0,
                    under=f"{labels} labels",
                )
                for labels in (16, 64, 256)
            ),
            where=RESULTS,
            published="0.07 with 16 labels, 0.02 with 64, 0.01 with 256, in Pearson's correlation on STS-B",
            caveat="Sentiment, not similarity; mean pooling, and no pooler or embedding that learns.",
        ),
        Claim(
            "6c",
            "LoRA loses accuracy from rank 8 to rank 64, Deep LoRA at most 0.05.",
            (
                Part(
                    "ahead",
                    (score(protocol("lora", 8), "accuracy"), score(protocol("lora", 64), "accuracy")),
                    at_least=0.0,
                    under="LoRA from N(0, 1)",
                ),
                Part(
                    "ahead",
                    (score(protocol("lora", 8, **USUAL), "accuracy"), score(protocol("lora", 64, **USUAL), "accuracy")),
                    at_least=0.0,
                    under="LoRA from its usual start",
                ),
                Part(
                    "ahead",
                    (score(protocol("deep_lora", 8), "accuracy"), score(protocol("deep_lora", 64), "accuracy")),
                    at_most=0.05,
                    under="Deep LoRA",
                ),
            ),
            where=RESULTS,
            published="0.54 to 0.18, and 0.64 to 0.67, in Pearson's correlation on STS-B",
        ),
        Claim(
            "7",
            "Deep LoRA's updates keep a low rank where 64 is given, at most 8; LoRA's have at least 10 more.",
            (
                drawn(
                    "level",
                    score(few("deep_lora", seeds=1, rank=64, pace="balanced"), "effective_rank"),
                    at_most=8.0,
                    under="Deep LoRA",
                    unit="effective rank",
                ),
                drawn(
                    "ahead",
                    score(few("lora", seeds=1, rank=64), "effective_rank"),
                    score(few("deep_lora", seeds=1, rank=64, pace="balanced"), "effective_rank"),
                    at_least=10.0,
                    under="LoRA less Deep LoRA",
                    unit="effective rank",
                ),
            ),
            where="figure fewshot_256_ranks of the code",
            published="0 to 6, where LoRA's are 8, given 8",
            caveat="A layer whose update stays below a singular value of 1e-3 counts as one of rank 0, for every method alike. "
            "Deep LoRA's rate follows the width: on one tuning draw its accuracy is .76 then, and .67 at the rate of rank 8.",
        ),
        Claim(
            "7a",
            "About half of Deep LoRA's layers do not move, at the published rate; all of LoRA's do.",
            (
                drawn("level", score(protocol("deep_lora", 8, form="wide"), "moved"), under="Deep LoRA", at_most=0.7),
                drawn("level", score(protocol("lora", 8), "moved"), under="LoRA", at_least=0.99),
            ),
            where="figure fewshot_256_ranks of the code",
            published="about 40 of 74 layers at rank 0, none of LoRA's",
        ),
        Claim(
            "7b",
            "Fine-tuning beats a linear probe on the frozen encoder.",
            tuple(
                drawn(
                    "ahead",
                    *(score(few(name, preset), "accuracy") for name in (method, "linear_probe")),
                    at_least=0.0,
                    under=f"{method}, {under}",
                )
                for under, preset in PLACES.items()
                for method in ("deep_lora", "lora")
            ),
            kind="ours",
            caveat="The encoder was trained to compare sentences: on sentiment the probe leaves little to win, on "
            "acceptability it is at chance.",
        ),
        Claim(
            "7c",
            "... by fewer numbers or by all of them: biases, scales of activations, every weight.",
            tuple(
                drawn(
                    "ahead",
                    *(score(few(name, seeds=1), "accuracy") for name in (method, "linear_probe")),
                    at_least=0.0,
                    under=method,
                )
                for method in ("bitfit", "ia3", "full_fine_tuning")
            ),
            kind="ours",
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
            caveat="Unlike the paper's: mean pooling, no pooler or embedding that learns, a head from a linear probe.",
        ),
    ),
    leads="2",
    notes=(
        "Rates of `lora` and `deep_lora` are the best of 18 draws on tuning texts, those of the other methods of 6; that of "
        "`ia3` is untuned. They were chosen for 48 steps from a random head; after 500 steps from the probe three trials of "
        "each on two draws tell no rate from another.",
        "At the start the gradient of a factor is at most eps^2 = 1e-6 of its layer's, below AdamW's eps of 1e-6, so that an "
        "update grows by ever larger steps. Layers with a strong gradient break out within 125 steps. Queries stay at 1e-9 for "
        "all 500. Outputs of attention cross 1e-3 near the end. The figure of sigma_1 shows it.",
        "The paper's BERT comes in no package: `--preset full_glue --source backbone=bert-base-cased` runs its tasks on files "
        "of yours.",
    ),
    figures=(
        Figure(
            "rank",
            "Accuracy by number of labels at the paper's rate, steps and head, and at ranks 8 and 64.",
            "dots",
            tuple(
                Mark(
                    f"{name}, rank {rank}",
                    score(protocol(method, rank, **given), "accuracy", labels=labels),
                    f"{labels} labels",
                )
                for labels in (16, 64, 256)
                for name, method, given in (
                    ("Deep LoRA", "deep_lora", {}),
                    ("LoRA, usual start", "lora", USUAL),
                    ("LoRA from N(0, 1)", "lora", {}),
                )
                for rank in (8, 64)
            ),
            x="",
            y="accuracy",
        ),
        Figure(
            "moved",
            "The largest singular value of Deep LoRA's updates over the steps, the median of the layers of a kind.",
            "curves",
            tuple(Mark(kind, curve(few("deep_lora", seeds=1), series=f"{kind} (log10 sigma_1)")) for kind in KINDS),
            x="steps",
            y="log10 of sigma_1",
            level=-3.0,
            level_name="counted as moved",
        ),
        Figure(
            "methods",
            "Accuracy by number of labels, each method at its tuned rate.",
            "dots",
            tuple(
                Mark(name, score(few(method, preset, seeds), "accuracy", labels=labels), f"{under}, {labels}")
                for under, preset, counts in (
                    ("sentiment", "small", (16, 64)),
                    ("acceptability", "small_acceptability", (256, 1024)),
                )
                for labels in counts
                for name, method, seeds in (
                    ("Deep LoRA", "deep_lora", 3),
                    ("LoRA", "lora", 3),
                    ("full fine-tuning", "full_fine_tuning", 1),
                    ("linear probe", "linear_probe", 3),
                )
                if under == "sentiment" or method != "full_fine_tuning"
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
