"""Self-guided deep image prior, arXiv:2402.04097."""

from benchmark.claims.figure import Figure, Mark
from benchmark.claims.paper import Claim, Paper, Part, Runs, curve, of_curve, score


def mri(method: str, preset: str = "small", seeds: int = 3) -> Runs:
    """Runs on MRI."""
    return Runs("mri", preset, method, seeds)


def above(ours: Runs, theirs: Runs, least: float = 0.0, under: str = "") -> Part:
    """PSNR above the other's by `least` dB."""
    return Part("ahead", (score(ours, "psnr"), score(theirs, "psnr")), at_least=least, under=under)


OURS = mri("self_guided_dip")
ONE = mri("self_guided_dip", seeds=1)

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
    scale="Eight slices of one head at 96 x 96 with simulated coils, phase and noise, 400 steps of a network of width 16; "
    "the paper has measured k-space of fastMRI.",
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
            "2",
            "It is within 1 dB of a deep image prior that is guided by a good reference.",
            (above(OURS, mri("reference_guided_dip"), -1.0),),
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
            "6",
            "The gain over vanilla DIP is there at 8x too.",
            (above(mri("self_guided_dip", "small_8x"), mri("dip", "small_8x"), 1.0),),
        ),
        Claim(
            "9",
            "It is ahead of DIP on inpainting.",
            (above(Runs("inpainting", "small", "self_guided_dip"), Runs("inpainting", "small", "dip")),),
            where="public summary",
            published="ahead on CBSD68",
            caveat="Networks, losses and averaging of the two differ, so that more than the learnt input is compared.",
        ),
        Claim(
            "9b",
            "It ends above DIP's end on denoising, where DIP overfits.",
            (
                Part(
                    "ahead",
                    (
                        of_curve("end", Runs("denoising", "small", "self_guided_dip")),
                        of_curve("end", Runs("denoising", "small", "dip")),
                    ),
                    at_least=0.0,
                ),
            ),
            kind="ours",
        ),
        Claim(
            "10",
            "It is ahead of vanilla DIP on the paper's data.",
            (above(mri("self_guided_dip", "full"), mri("dip", "full"), 1.0),),
            where="public summary",
        ),
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
    ),
)
