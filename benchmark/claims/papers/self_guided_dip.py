"""Self-guided deep image prior, arXiv:2402.04097."""

from itertools import pairwise
from typing import Any

from benchmark.claims.figure import Figure, Mark
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, curve, of_curve, score


def mri(method: str, preset: str = "small", seeds: int = 3) -> Runs:
    """Runs on MRI."""
    return Runs("mri", preset, method, seeds)


def above(ours: Runs, theirs: Runs, least: float = 0.0, under: str = "") -> Part:
    """PSNR above the other's by `least` dB."""
    return Part("ahead", (score(ours, "psnr"), score(theirs, "psnr")), at_least=least, under=under)


def at_end(of: Runs) -> Quantity:
    """The mean of the last points of its curves."""
    return of_curve("end", of)


def in_band(of: Runs, band: str, after: int) -> Quantity:
    """The signal over the error in a band of frequencies after so many steps, in dB."""
    return of_curve("before", of, series=f"{band} frequencies", after=after)


OURS = mri("self_guided_dip")
ONE = mri("self_guided_dip", seeds=1)
LONG = mri("self_guided_dip", "small_long", 5)
# DIP with the network, loss, rate, average and steps that self-guided DIP has on photographs: only the input differs.
SAME = {"network": "unet", "average": 0.99, "width": 16, "depth": 3, "lr": 4e-3, "steps": 500}
BANDS = ("low", "middle", "high")
# On all of k-space, as they are fitted and without an average; as many weights at each scale.
FITTED = {"average": 0.0, "width": 16, "widest": 64, "depth": 3, "lr": 3e-3, "steps": 400}
ARCHITECTURES = {
    name: mri("dip", "small_bands_whole", 1).set(network=network, **FITTED)
    for name, network in (("U-Net", "unet"), ("hourglass", "hourglass"))
}


def photographs(task: str, method: str, **parameters: Any) -> Runs:
    """Runs on photographs."""
    return Runs(task, "small", method).set(**parameters)


PAPER = Paper(
    id="2402.04097",
    title="Analysis of Deep Image Prior and Exploiting Self-Guidance for Image Reconstruction",
    authors=("Shijun Liang", "Evan Bell", "Qing Qu", "Rongrong Wang", "Saiprasad Ravishankar"),
    venue="IEEE Transactions on Computational Imaging 11, 435-451",
    year=2025,
    tasks=("mri", "inpainting"),
    methods=("self_guided_dip",),
    about="A deep image prior learns its input together with its weights, pulled towards its own output under noise. "
    "No reference picture is needed, and it overfits less.",
    scale="Eight slices of one head at 96 x 96 with simulated coils, phase and noise, 400 steps (`small_long`: 1,500) of a "
    "network of width 16; the paper has measured k-space of fastMRI. Supervised methods learn here from 46 other slices of the "
    "same head, the paper's from many people.",
    claims=(
        Claim(
            "1",
            "Learning the input gains 1 dB or more over vanilla DIP at 4x, with about the same seconds.",
            (above(OURS, mri("dip"), 1.0),),
            where="public summary",
            caveat="`small` stops it at 400 steps, while its curve still rises.",
        ),
        Claim(
            "1b",
            "It is ahead of total variation, wavelets and regularised least squares.",
            tuple(above(OURS, mri(name), under=name) for name in ("tv", "l1_wavelet", "cg_sense", "zero_filled")),
            kind="ours",
        ),
        Claim(
            "1c",
            "Learning the input gains 1 dB or more over vanilla DIP where both take 1,500 steps.",
            (above(LONG, mri("dip", "small_long", 5), 1.0),),
            where="public summary",
            caveat="A step of it costs three times as much.",
        ),
        Claim(
            "1d",
            "With 1,500 steps it is ahead of total variation and wavelets.",
            tuple(above(LONG, mri(name, "small_long", 5), under=name) for name in ("tv", "l1_wavelet")),
            kind="ours",
        ),
        Claim(
            "2",
            "It is within 1 dB of a deep image prior that is guided by a good reference.",
            (above(OURS, mri("reference_guided_dip"), -1.0),),
            where="public summary",
            published="ahead of it",
            caveat="The reference is the slice 6 mm further on, which the other methods do not get.",
        ),
        Claim(
            "2b",
            "With 1,500 steps each it is ahead of a deep image prior that is guided by a good reference.",
            (above(LONG, mri("reference_guided_dip", "small_long", 5)),),
            where="public summary",
            published="ahead of it",
            caveat="The reference is the slice 6 mm further on, which the other methods do not get.",
        ),
        Claim(
            "3",
            "Noise on the input and the pull to the output both matter: either left out is worse.",
            (
                above(ONE, ONE.set(noise="none"), under="without noise"),
                above(ONE, ONE.set(pull=0.0), under="without the pull"),
            ),
        ),
        Claim(
            "4",
            "It hardly overfits: its curve falls by less than 0.5 dB in three times the steps.",
            (Part("falls", (curve(ONE.set(steps=1200)),), at_most=0.5),),
            where="public summary",
            published="negligible overfitting",
        ),
        Claim(
            "4b",
            "... nor within the steps of the preset.",
            (Part("falls", (curve(OURS),), at_most=0.5),),
            kind="ours",
        ),
        Claim(
            "4c",
            "... nor within 1,500 steps.",
            (Part("falls", (curve(LONG),), at_most=0.5),),
            where="public summary",
            published="negligible overfitting",
        ),
        Claim(
            "6",
            "The gain over vanilla DIP is there at 8x too.",
            (above(mri("self_guided_dip", "small_8x"), mri("dip", "small_8x"), 1.0),),
        ),
        Claim(
            "7",
            "It recovers high frequencies better than vanilla DIP does at the same step.",
            (
                Part(
                    "ahead",
                    tuple(in_band(mri(name, "small_bands", 1), "high", 400) for name in ("self_guided_dip", "dip")),
                    at_least=0.0,
                ),
            ),
            where="public summary",
            published="reduced spectral bias",
            caveat="High: beyond two thirds of the way from the centre of k-space to its edge.",
        ),
        Claim(
            "7b",
            "An untrained network fits low frequencies first, whatever its architecture: after 100 steps the error of each "
            "third of the frequencies, relative to what is there, is 3 dB above that of the third below.",
            tuple(
                Part("ahead", (in_band(of, a, 100), in_band(of, b, 100)), at_least=3.0, under=f"{name}, {a} and {b}")
                for name, of in ARCHITECTURES.items()
                for a, b in pairwise(BANDS)
            ),
            where="public summary",
            published="low frequencies first",
            caveat="All of k-space is measured, without noise, so that the order is the network's and not the mask's.",
        ),
        Claim(
            "8",
            "Without training data it is ahead of a supervised U-Net that learnt from other slices of the same head, at the "
            "same acceleration.",
            (above(OURS, mri("unet_supervised")),),
            where="public summary",
            published="ahead of several",
            caveat="46 slices of the same head, those parallel to a test slice 6 mm from it: more alike than other people's, "
            "and far fewer than fastMRI has.",
        ),
        Claim(
            "8b",
            "It is ahead of that network where what is seen differs from what was learnt from: at 8x, with more noise, and on "
            "another brain.",
            tuple(
                above(mri("self_guided_dip", preset), mri("unet_supervised", preset), under=under)
                for preset, under in (("small_8x", "8x"), ("small_noisy", "3 % noise"), ("small_macaque", "a macaque's brain"))
            ),
            where="public summary",
            published="ahead, and robust to such shifts",
        ),
        Claim(
            "9",
            "Learning the input gains over DIP with the same network, loss and average on inpainting.",
            (above(photographs("inpainting", "self_guided_dip"), photographs("inpainting", "dip", **SAME)),),
            where="public summary",
            published="ahead on CBSD68",
            caveat="Noise on the input and the pull to the output come with the learnt input.",
        ),
        Claim(
            "9b",
            "It ends above that DIP's end on denoising.",
            (
                Part(
                    "ahead",
                    (at_end(photographs("denoising", "self_guided_dip")), at_end(photographs("denoising", "dip", **SAME))),
                    at_least=0.0,
                ),
            ),
            kind="ours",
        ),
        Claim(
            "9c",
            "It is ahead of an hourglass with a fixed input, the DIP of arXiv:2406.05288, on inpainting.",
            (above(photographs("inpainting", "self_guided_dip"), photographs("inpainting", "dip")),),
            where="public summary",
            published="ahead on CBSD68",
            caveat="Networks, losses and averaging of the two differ, so that more than the learnt input is compared.",
        ),
        Claim(
            "9d",
            "It ends above that hourglass's end on denoising, where the hourglass overfits.",
            (
                Part(
                    "ahead",
                    (at_end(photographs("denoising", "self_guided_dip")), at_end(photographs("denoising", "dip"))),
                    at_least=0.0,
                ),
            ),
            kind="ours",
            caveat="As in 9c.",
        ),
        Claim(
            "9e",
            "It is ahead of itself with an input that stays and without the pull, on inpainting.",
            (
                above(
                    photographs("inpainting", "self_guided_dip"),
                    photographs("inpainting", "self_guided_dip", lr_input=0.0, pull=0.0),
                ),
            ),
            kind="ours",
            caveat="Noise on the input is all that is left of it then.",
        ),
        Claim(
            "10",
            "It is ahead of vanilla DIP on the paper's data.",
            (above(mri("self_guided_dip", "full"), mri("dip", "full"), 1.0),),
            where="public summary",
        ),
    ),
    notes=(
        "**Dark pictures.** On inpainting the input is learnt through the seen pixels alone. Where pixels are missing it stays "
        "near its start, uniform from 0 to 1, so that the mask can be read off the input, and unseen pixels of a dark picture "
        "come out too bright. The star field among the photographs shows it. The faster the input learns, the worse: on a "
        "synthetic star field the rate 1e-2 is about 6 dB below 1e-3, which the settings have, while the two differ by less "
        "than half a decibel on two tuning photographs (`tests/performance/star_field.py`). The paper's rate, 0.1, is for "
        "pictures on the scale of the network's first output, as on MRI here. Claim 9e asks whether learning the input gains "
        "at all on inpainting.",
        "**Supervised.** The network learns once, for all presets `small*` of a seed, and is told neither the acceleration nor "
        "the noise that it is judged at.",
    ),
    figures=(
        Figure(
            "curves",
            "MRI at fourfold acceleration: quality while the networks are trained.",
            "curves",
            tuple(
                Mark(name, curve(mri(method)))
                for name, method in (
                    ("self-guided", "self_guided_dip"),
                    ("guided by a reference", "reference_guided_dip"),
                    ("vanilla", "dip"),
                )
            ),
            x="steps",
            y="PSNR (dB)",
        ),
        Figure(
            "methods",
            "Quality of the answer at fourfold and eightfold acceleration.",
            "dots",
            tuple(
                Mark(name, score(mri(method, preset), "psnr"), title)
                for preset, title in (("small", "4x"), ("small_8x", "8x"))
                for name, method in (
                    ("self-guided", "self_guided_dip"),
                    ("guided by a reference", "reference_guided_dip"),
                    ("vanilla", "dip"),
                    ("total variation", "tv"),
                    ("wavelets", "l1_wavelet"),
                )
            ),
            x="",
            y="PSNR (dB)",
        ),
        Figure(
            "shifts",
            "A network that learnt from a human head at 4x, and methods that learn from nothing but the slice itself.",
            "dots",
            tuple(
                Mark(name, score(mri(method, preset), "psnr"), title)
                for preset, title in (
                    ("small", "as learnt"),
                    ("small_8x", "8x"),
                    ("small_noisy", "3 % noise"),
                    ("small_macaque", "macaque"),
                )
                for name, method in (
                    ("self-guided", "self_guided_dip"),
                    ("supervised U-Net", "unet_supervised"),
                    ("total variation", "tv"),
                    ("zero-filled", "zero_filled"),
                )
            ),
            x="",
            y="PSNR (dB)",
        ),
        Figure(
            "order",
            "All of k-space measured without noise: signal over error by third of the frequencies while networks are fitted.",
            "curves",
            tuple(
                Mark(f"{name}, {band}", curve(of, series=f"{band} frequencies"))
                for name, of in ARCHITECTURES.items()
                for band in BANDS
            ),
            x="steps",
            y="signal over error (dB)",
        ),
        Figure(
            "bands",
            "Fourfold acceleration: signal over error by third of the frequencies.",
            "curves",
            tuple(
                Mark(f"{name}, {band}", curve(mri(method, "small_bands", 1), series=f"{band} frequencies"))
                for name, method in (("self-guided", "self_guided_dip"), ("vanilla", "dip"))
                for band in BANDS
            ),
            x="steps",
            y="signal over error (dB)",
        ),
    ),
)
