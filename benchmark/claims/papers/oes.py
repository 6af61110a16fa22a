"""Optimal Eye Surgeon, arXiv:2406.05288."""

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Runs, curve, of_curve

DENSE = Runs("denoising", "small", "dip")
OES = Runs("denoising", "small", "oes", training=("mask_steps",))
TICKET = Runs("denoising", "small", "lottery_ticket", training=("rounds", "round_steps"))
POOLED = tuple(Runs("denoising", "small", name) for name in ("random_pruning", "magnitude_pruning", "snip", "grasp"))
SYNFLOW = Runs("denoising", "small", "synflow")
DECODER = Runs("denoising", "small", "deep_decoder")
ONE_OES = Runs("denoising", "small", "oes", seeds=1, training=("mask_steps",))
SHARES = (0.05, 0.02, 0.2, 0.5, 0.8)


def ends_above(ours: Runs, theirs: Runs, least: float = 0.0, under: str = "") -> Part:
    """The mean of the last 5 % of the curve is above the other's by `least`."""
    return Part("ahead", (of_curve("end", ours), of_curve("end", theirs)), at_least=least, under=under)


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
        ),
        Claim(
            "1b",
            "... also at the paper's learning rate of 1e-3.",
            (Part("falls", (curve(Runs("denoising", "small", "dip", 1, {"lr": 1e-3})),), at_least=3.0),),
        ),
        Claim("1c", "The sub-network of 5 % falls by 1.5 dB at most.", (Part("falls", (curve(OES),), at_most=1.5),)),
        Claim(
            "1d", "The sub-network ends 3 dB or more above the dense one.", (ends_above(OES, DENSE, 3.0),), published="6.0 dB"
        ),
        Claim(
            "2",
            "The sub-network's peak is within 1 dB of the dense one's.",
            (Part("ahead", (of_curve("peak", OES), of_curve("peak", DENSE)), at_least=-1.0),),
        ),
        Claim("3", "The sub-network ends above deep decoder.", (ends_above(OES, DECODER),), published="0.7 dB"),
        Claim("4", "It ends above the lottery ticket of as many weights.", (ends_above(OES, TICKET),), published="1.2 dB"),
        Claim(
            "5",
            "It ends above random, magnitude, SNIP and GraSP masks in one pool.",
            tuple(ends_above(OES, rival, under=rival.method) for rival in POOLED),
        ),
        Claim("5b", "It ends above SynFlow's mask.", (ends_above(OES, SYNFLOW),)),
        Claim(
            "5c",
            "It ends above the same rivals pruned by layer.",
            tuple(
                ends_above(ONE_OES, Runs("denoising", "small", rival.method, 1, {"scope": "layer"}), under=rival.method)
                for rival in (*POOLED, SYNFLOW)
            ),
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
            published="2 to 3 % and 13 to 18 % kept",
            needs="masks are files beside a database: python tests/performance/pruning_claims.py --db FILE",
        ),
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
