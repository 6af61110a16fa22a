"""Optimal Eye Surgeon, arXiv:2406.05288."""

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, curve, of_curve, score
from benchmark.claims.rules import Measured, Values, ahead, bound, share

DENSE = Runs("denoising", "small", "dip")
OES = Runs("denoising", "small", "oes", training=("mask_steps",))
KERNELS = Runs("denoising", "small", "oes_kernels", training=("mask_steps",))
TICKET = Runs("denoising", "small", "lottery_ticket", training=("rounds", "round_steps"))
AT_ONCE = tuple(Runs("denoising", "small", name) for name in ("random_pruning", "magnitude_pruning", "snip", "grasp"))
SYNFLOW = Runs("denoising", "small", "synflow")
DECODER = Runs("denoising", "small", "deep_decoder")
ONE_OES = Runs("denoising", "small", "oes", seeds=1, training=("mask_steps",))
ONE_KERNELS = Runs("denoising", "small", "oes_kernels", seeds=1, training=("mask_steps",))
SHARES = (0.05, 0.02, 0.2, 0.5, 0.8)
# A twentieth of the truth's spread over the pixels: such an output is at most 0.45 dB better than the best constant one.
FLAT = 0.05
CODE = "figure psnr_comb0 of the code"
VARIANT = "oes_kernels is not the paper's: norms are always kept, and the rate of the mask decays."
# 128 x 128, one seed: too few photographs for an interval, so that what is said holds on each of them.
LARGE_DENSE = Runs("denoising", "small_128", "dip", 1)
LARGE_OES = Runs("denoising", "small_128", "oes", 1, training=("mask_steps",))
LARGE_KERNELS = Runs("denoising", "small_128", "oes_kernels", 1, training=("mask_steps",))
LARGE_RIVALS = (
    Runs("denoising", "small_128", "deep_decoder", 1),
    Runs("denoising", "small_128", "lottery_ticket", 1, training=("rounds", "round_steps")),
    Runs("denoising", "small_128", "synflow", 1),
)


def ends(runs: Runs) -> Quantity:
    """The mean of the last 5 % of the curve, after as many steps of training as the sub-network's at most."""
    return of_curve("end", runs, as_long_as=OES)


def ends_above(ours: Runs, theirs: Runs, least: float = 0.0, under: str = "") -> Part:
    """The end is above the other's by `least`."""
    return Part("ahead", (ends(ours), ends(theirs)), at_least=least, under=under)


def ends_above_on_each(ours: Runs, theirs: Runs, least: float = 0.0) -> Part:
    """The last 5 % of equally long trainings are above the other's by `least`, on each photograph."""
    both = of_curve("end", ours), of_curve("end", theirs)
    return Part("bound_of_difference", both, at_least=least, under=theirs.method, options={"which": "least"})


def ahead_where_it_trains(ours: Values, theirs: Values, spreads: Values) -> Measured:
    """By how much the first is ahead, of the (seed, instance) pairs on which no channel of its output is constant."""
    return ahead({key: value for key, value in ours.items() if spreads.get(key, 0.0) >= FLAT}, theirs)


def above_where_it_trains(what: str, theirs: Runs, least: float = 0.0) -> Part:
    """The end, or the peak, of `oes` without the runs that end in a constant output."""
    both = (ends(OES), ends(theirs)) if what == "end" else (of_curve(what, OES), of_curve(what, theirs, as_long_as=OES))
    return Part(ahead_where_it_trains, (*both, score(OES, "spread")), at_least=least, under=theirs.method)


def constant_outputs(spreads: Values) -> Measured:
    """How many (seed, instance) pairs end in an output of which a channel is constant."""
    count = float(sum(value < FLAT for value in spreads.values()))
    return Measured(count, count, count, len(spreads), "pairs of photograph and seed")


def constant_share(spreads: Values) -> Measured:
    """The share of them."""
    return share({key: float(value < FLAT) for key, value in spreads.items()})


def decoder_over_encoder(runs: Runs, least: float = 4.0) -> Part:
    """The decoder's kernels keep `least` times the share of the encoder's: 13 % over 3 %, the nearest of the paper's masks."""
    return Part("ratio", (score(runs, "kept_decoder"), score(runs, "kept_encoder")), at_least=least, under=runs.method)


def least_ratio(over: Values, under: Values) -> Measured:
    """The least quotient of any (seed, instance) that both have."""
    return bound({key: value / max(under[key], 1e-9) for key, value in over.items() if key in under}, which="least")


def best_of_shares(runs: Runs) -> Part:
    """Of all shares kept, 0.05 ends best."""
    every = (ends(runs if one == 0.05 else runs.set(keep=one)) for one in SHARES)
    return Part("rank", (*every, ends(Runs("denoising", "small", "dip", 1))), at_most=1.0, under=runs.method)


PAPER = Paper(
    id="2406.05288",
    title="Optimal Eye Surgeon: Finding Image Priors through Sparse Generators at Initialization",
    authors=("Avrajit Ghosh", "Xitong Zhang", "Kenneth K. Sun", "Qing Qu", "Saiprasad Ravishankar", "Rongrong Wang"),
    venue="ICML 2024",
    year=2024,
    tasks=("denoising",),
    methods=("oes", "oes_kernels"),
    about="A network that generates a picture is pruned before it is trained, by learning a mask on the noisy picture. "
    "What is left has too few weights to fit the noise.",
    scale="Ten photographs of 64 x 64 and a network of 8 to 32 channels, in claims 12 to 12d three of 128 x 128 and one of "
    "16 to 64 channels; the paper has 512 x 512 and 128 channels.",
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
            "After equal steps of training, the sub-network ends 3 dB or more above the dense one.",
            (ends_above(OES, DENSE, 3.0),),
            where=CODE,
            published="6.0 dB",
            caveat="1,000 steps of training.",
        ),
        Claim(
            "1e",
            "... where learning the mask does not end in a constant output.",
            (above_where_it_trains("end", DENSE, 3.0),),
            kind="ours",
            caveat="1,000 steps of training.",
        ),
        Claim(
            "1f",
            "... where norms are kept and the mask's rate decays.",
            (ends_above(KERNELS, DENSE, 3.0),),
            kind="ours",
            caveat=VARIANT,
        ),
        Claim(
            "2",
            "The sub-network's peak is within 1 dB of the dense one's.",
            (Part("ahead", (of_curve("peak", OES), of_curve("peak", DENSE, as_long_as=OES)), at_least=-1.0),),
            where=CODE,
            published="0.7 dB above it",
            caveat="Constant outputs count too.",
        ),
        Claim(
            "2b",
            "... where learning the mask does not end in a constant output.",
            (above_where_it_trains("peak", DENSE, -1.0),),
            kind="ours",
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
            "It ends above deep decoder, lottery ticket and SynFlow where it does not end in a constant output.",
            tuple(above_where_it_trains("end", rival) for rival in (DECODER, TICKET, SYNFLOW)),
            kind="ours",
        ),
        Claim(
            "4c",
            "It ends above the same three where norms are kept and the mask's rate decays.",
            tuple(ends_above(KERNELS, rival, under=rival.method) for rival in (DECODER, TICKET, SYNFLOW)),
            kind="ours",
            caveat=VARIANT,
        ),
        Claim(
            "5",
            "It ends above random, magnitude, SNIP and GraSP masks of kernels, as their own papers cut.",
            tuple(ends_above(OES, rival, under=rival.method) for rival in AT_ONCE),
        ),
        Claim(
            "5a",
            "... and of all weights, as the paper's code cuts.",
            tuple(ends_above(OES, rival.set(pool="all"), under=rival.method) for rival in AT_ONCE),
            caveat="They are scored as their own papers say, and not as the code does.",
        ),
        Claim(
            "5b",
            "It ends above SynFlow's mask.",
            (
                ends_above(OES, SYNFLOW, under="of kernels"),
                ends_above(OES, SYNFLOW.set(pool="all"), under="of all weights"),
            ),
            where=CODE,
            published="5.3 dB, with one round of SynFlow",
            caveat="SynFlow prunes in 100 rounds, as its own paper says.",
        ),
        Claim(
            "5c",
            "It ends above the same rivals pruned by layer.",
            tuple(
                ends_above(ONE_OES, Runs("denoising", "small", rival.method, 1, {"scope": "layer"}), under=rival.method)
                for rival in (*AT_ONCE, SYNFLOW)
            ),
            caveat="The last layer, of 24 weights, stays whole.",
        ),
        Claim(
            "5d",
            "Cut out of all weights at once, random, magnitude, SNIP and GraSP masks leave a constant channel on half of the "
            "pairs of photograph and seed, or more.",
            tuple(
                Part(constant_share, (score(rival.set(pool="all"), "spread"),), at_least=0.5, under=rival.method, unit="")
                for rival in AT_ONCE
            ),
            kind="ours",
        ),
        Claim(
            "6",
            "Of the shares kept, 2, 5, 20, 50, 80 % and all, 5 % ends best.",
            (best_of_shares(ONE_OES),),
        ),
        Claim(
            "6b",
            "... where norms are kept and the mask's rate decays.",
            (best_of_shares(ONE_KERNELS),),
            kind="ours",
            caveat=VARIANT,
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
            "8b",
            "... where norms are kept and the mask's rate decays.",
            (ends_above(ONE_KERNELS.set(mask_from="camera"), ONE_KERNELS, -0.6),),
            kind="ours",
            caveat=VARIANT,
        ),
        Claim(
            "9",
            "The encoder is pruned harder than the decoder, which keeps at least four times its share.",
            (decoder_over_encoder(OES),),
            where="masks of the code",
            published="2 to 3 % and 13 to 18 % kept",
        ),
        Claim(
            "9b",
            "... where norms are kept and the mask's rate decays.",
            (decoder_over_encoder(KERNELS),),
            kind="ours",
            published="2 to 3 % and 13 to 18 % kept",
            caveat=VARIANT,
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
        Claim(
            "11",
            "Learning a mask ends in a constant output on no photograph and seed.",
            tuple(
                Part(constant_outputs, (score(runs, "spread"),), at_most=0.0, under=runs.method, unit="")
                for runs in (OES, KERNELS)
            ),
            kind="ours",
            caveat="Constant: the spread of a channel over the pixels is below a twentieth of the truth's. " + VARIANT,
        ),
        Claim(
            "12",
            "At 128 x 128, after equal steps, the sub-network ends 3 dB or more above the dense one on each photograph.",
            (ends_above_on_each(LARGE_OES, LARGE_DENSE, 3.0),),
            where=CODE,
            published="6.0 dB",
            caveat="10,000 steps of the mask, 3,000 of training, 3 % of 757,219 weights.",
        ),
        Claim(
            "12b",
            "... and above deep decoder, lottery ticket and SynFlow.",
            tuple(ends_above_on_each(LARGE_OES, rival) for rival in LARGE_RIVALS),
            where=CODE,
            published="0.7, 1.2 and 5.3 dB",
            caveat="The lottery ticket takes 8 rounds of 500 steps.",
        ),
        Claim(
            "12c",
            "... both where norms are kept and the mask's rate decays.",
            (
                ends_above_on_each(LARGE_KERNELS, LARGE_DENSE, 3.0),
                *(ends_above_on_each(LARGE_KERNELS, rival) for rival in LARGE_RIVALS),
            ),
            kind="ours",
            caveat=VARIANT,
        ),
        Claim(
            "12d",
            "At 128 x 128, the decoder keeps at least four times the encoder's share.",
            tuple(
                Part(
                    least_ratio,
                    (score(runs, "kept_decoder"), score(runs, "kept_encoder")),
                    at_least=4.0,
                    under=runs.method,
                    unit="times",
                )
                for runs in (LARGE_OES, LARGE_KERNELS)
            ),
            where="masks of the code",
            published="2 to 3 % and 13 to 18 % kept",
            caveat=VARIANT,
        ),
    ),
    leads="1d",
    notes=(
        "A mask may end in a constant output, and no later training moves it. `spread`, which runs on photographs tell, is the "
        "standard deviation of an output over the pixels, over that of the truth, the least of the channels. Claims 1e, 2b and "
        "4b leave out what is below a twentieth; claim 11 counts it.",
        "Learning a mask takes 2,000 steps here and 60,000 in the paper. In so few, most logits follow noise, and the gains "
        "of norms, which have the largest gradients, are cut: that is how a picture becomes constant. `oes_kernels` cuts "
        "kernels alone and lets the rate of the mask decay. It is a variant of this suite.",
        "SNIP, GraSP, SynFlow and pruning by magnitude or at random cut kernels here, as their own papers do. With "
        "`--set pool=all` they cut gains, shifts and biases too, as the paper's code does.",
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
                    ("OES, kernels alone", KERNELS),
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
            (
                *(Mark("end", ends(runs), runs.method) for runs in (OES, KERNELS, DECODER, TICKET, DENSE)),
                *(Mark("end", ends(runs), runs.method) for runs in (SYNFLOW, *AT_ONCE)),
                *(Mark("cut out of all weights", ends(runs.set(pool="all")), runs.method) for runs in (SYNFLOW, *AT_ONCE)),
            ),
            x="",
            y="PSNR after 1,000 steps of training (dB)",
        ),
        Figure(
            "shares",
            "What masks keep of the kernels of the encoder and of the decoder.",
            "dots",
            tuple(
                Mark(part, score(runs, f"kept_{part}"), runs.method)
                for part in ("encoder", "decoder")
                for runs in (OES, KERNELS, TICKET, SYNFLOW)
            ),
            x="",
            y="share of the kernels kept",
            published=(Published("encoder", 0.026, "oes"), Published("decoder", 0.156, "oes")),
            source="the mean of the four masks of 5 % that come with the authors' code",
        ),
    ),
)
