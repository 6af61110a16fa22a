"""Optimal Eye Surgeon, arXiv:2406.05288."""

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Runs, curve, of_curve, score
from benchmark.claims.rules import Measured, Values, ahead

DENSE = Runs("denoising", "small", "dip")
OES = Runs("denoising", "small", "oes", training=("mask_steps",))
TICKET = Runs("denoising", "small", "lottery_ticket", training=("rounds", "round_steps"))
POOLED = tuple(Runs("denoising", "small", name) for name in ("random_pruning", "magnitude_pruning", "snip", "grasp"))
SYNFLOW = Runs("denoising", "small", "synflow")
DECODER = Runs("denoising", "small", "deep_decoder")
ONE_OES = Runs("denoising", "small", "oes", seeds=1, training=("mask_steps",))
SHARES = (0.05, 0.02, 0.2, 0.5, 0.8)
FLAT = 15.0  # dB; below it the masked network gives a flat picture
CODE = "figure psnr_comb0 of the code"
UNEQUAL = "The dense network trains for 1,500 steps, the sub-network for 1,000."


def ends_above(ours: Runs, theirs: Runs, least: float = 0.0, under: str = "") -> Part:
    """The mean of the last 5 % of the curve is above the other's by `least`."""
    return Part("ahead", (of_curve("end", ours), of_curve("end", theirs)), at_least=least, under=under)


def ahead_where_it_trains(ours: Values, theirs: Values) -> Measured:
    """By how much the first is ahead, of the (seed, instance) pairs on which it gives more than a flat picture."""
    return ahead({key: value for key, value in ours.items() if value >= FLAT}, theirs)


def ends_above_where_it_trains(theirs: Runs, least: float = 0.0) -> Part:
    """The same end, without the runs of ours that end in a flat picture."""
    both = of_curve("end", OES), of_curve("end", theirs)
    return Part(ahead_where_it_trains, both, at_least=least, under=theirs.method)


PAPER = Paper(
    id="2406.05288",
    title="Optimal Eye Surgeon: Finding Image Priors through Sparse Generators at Initialization",
    authors=("Avrajit Ghosh", "Xitong Zhang", "Kenneth K. Sun", "Qing Qu", "Saiprasad Ravishankar", "Rongrong Wang"),
    venue="ICML 2024",
    year=2024,
    tasks=("denoising",),
    methods=("oes",),
    about="A network that generates a picture is pruned before it is trained, by learning a mask on the noisy picture. "
    "What is left has too few weights to fit the noise.",
    scale="Ten photographs of 64 x 64 and a network of 8 to 32 channels; the paper has 512 x 512 and 128 channels.",
    claims=(
        Claim(
            "1",
            "A dense network overfits: its curve falls by 3 dB or more.",
            (Part("falls", (curve(DENSE),), at_least=3.0, under="at learning rate 1e-2"),),
            where=CODE,
            published="6.8 dB, at 1e-3 in 40,000 steps",
        ),
        Claim(
            "1b",
            "... also at the paper's learning rate of 1e-3.",
            (Part("falls", (curve(Runs("denoising", "small", "dip", 1, {"lr": 1e-3})),), at_least=3.0),),
            where=CODE,
            published="6.8 dB in 40,000 steps",
            caveat="1,500 steps.",
        ),
        Claim(
            "1c",
            "The sub-network of 5 % falls by 1.5 dB at most.",
            (Part("falls", (curve(OES),), at_most=1.5),),
            where=CODE,
            published="1.5 dB",
        ),
        Claim(
            "1d",
            "The sub-network ends 3 dB or more above the dense one.",
            (ends_above(OES, DENSE, 3.0),),
            where=CODE,
            published="6.0 dB",
            caveat=UNEQUAL,
        ),
        Claim(
            "1e",
            "... where learning the mask does not end in a flat picture, below 15 dB.",
            (ends_above_where_it_trains(DENSE, 3.0),),
            kind="ours",
            caveat=UNEQUAL,
        ),
        Claim(
            "2",
            "The sub-network's peak is within 1 dB of the dense one's.",
            (Part("ahead", (of_curve("peak", OES), of_curve("peak", DENSE)), at_least=-1.0),),
            where=CODE,
            published="0.7 dB above it",
            caveat="Flat pictures count too; without them it is nearer.",
        ),
        Claim("3", "The sub-network ends above deep decoder.", (ends_above(OES, DECODER),), where=CODE, published="0.7 dB"),
        Claim(
            "4",
            "It ends above the lottery ticket of as many weights.",
            (ends_above(OES, TICKET),),
            where=CODE,
            published="1.2 dB",
            caveat="The ticket's norms keep shifts that train, the original's do not.",
        ),
        Claim(
            "4b",
            "It ends above deep decoder, lottery ticket and SynFlow where it gives more than a flat picture.",
            tuple(ends_above_where_it_trains(rival) for rival in (DECODER, TICKET, SYNFLOW)),
            kind="ours",
        ),
        Claim(
            "5",
            "It ends above random, magnitude, SNIP and GraSP masks in one pool.",
            tuple(ends_above(OES, rival, under=rival.method) for rival in POOLED),
            caveat="Gains and shifts of norms are in the pool; in kernels alone SNIP ends higher.",
        ),
        Claim(
            "5b",
            "It ends above SynFlow's mask.",
            (ends_above(OES, SYNFLOW),),
            where=CODE,
            published="5.3 dB, with one round of SynFlow",
            caveat="SynFlow prunes in 100 rounds, as its own paper says.",
        ),
        Claim(
            "5c",
            "It ends above the same rivals pruned by layer.",
            tuple(
                ends_above(ONE_OES, Runs("denoising", "small", rival.method, 1, {"scope": "layer"}), under=rival.method)
                for rival in (*POOLED, SYNFLOW)
            ),
            caveat="Pruned by layer, the last layer keeps 1 of its 24 weights, which leaves two colours constant.",
        ),
        Claim(
            "6",
            "Of the shares kept, 2, 5, 20, 50, 80 % and all, 5 % ends best.",
            (
                Part(
                    "rank",
                    (
                        *(of_curve("end", ONE_OES if share == 0.05 else ONE_OES.set(keep=share)) for share in SHARES),
                        of_curve("end", Runs("denoising", "small", "dip", 1)),
                    ),
                    at_most=1.0,
                ),
            ),
        ),
        Claim(
            "7",
            "Masked and untrained, the network is above the dense untrained one.",
            (Part("ahead", (of_curve("before", OES), of_curve("start", DENSE)), at_least=0.0),),
        ),
        Claim(
            "8",
            "A mask learnt on another photograph costs less than 0.6 dB.",
            (ends_above(ONE_OES.set(mask_from="camera"), ONE_OES, -0.6),),
        ),
        Claim(
            "9",
            "The encoder is pruned harder than the decoder.",
            where="masks of the code",
            published="2 to 3 % and 13 to 18 % kept",
            needs="masks are files beside the database of who made them, and the results that come with the suite have none: "
            "python tests/performance/kept_weights.py --db FILE",
        ),
        Claim(
            "10",
            "It ends above non-local means and total variation.",
            tuple(
                Part(
                    "ahead",
                    (of_curve("end", OES), score(Runs("denoising", "small", name), "psnr")),
                    at_least=0.0,
                    under=name,
                )
                for name in ("nl_means", "tv")
            ),
            kind="ours",
        ),
    ),
    leads="1d",
    notes=(
        "On 3 of the 30 pairs of photograph and seed, learning the mask ends in a flat picture, of 10 to 13 dB. What is said "
        "of all pairs depends on those three; claims 1e and 4b leave them out.",
        "Learning a mask takes 2,000 steps here and 60,000 in the paper. In so few, most logits follow noise, and the gains "
        "of norms, which have the largest gradients, are cut: that is how a picture becomes flat.",
    ),
    figures=(
        Figure(
            "overfitting",
            "Quality while networks are trained: dense, pruned before, and few weights by design.",
            "curves",
            tuple(
                Mark(name, curve(runs))
                for name, runs in (
                    ("OES", OES),
                    ("dense network", DENSE),
                    ("deep decoder", DECODER),
                    ("lottery ticket", TICKET),
                )
            ),
            x="steps, of the search for a mask too",
            y="PSNR (dB)",
            published=(
                Published("OES", 27.33),
                Published("dense network", 21.29),
                Published("deep decoder", 26.62),
                Published("lottery ticket", 26.15),
            ),
            source="the authors' curves of one photograph of 512 x 512, their mean from 35,000 to 40,000 steps",
        ),
        Figure(
            "ends",
            "Where each mask's curve ends, by the mean of its last 5 %.",
            "dots",
            tuple(Mark("end", of_curve("end", runs), runs.method) for runs in (OES, DECODER, TICKET, SYNFLOW, *POOLED, DENSE)),
            x="",
            y="PSNR at the end (dB)",
        ),
    ),
)
