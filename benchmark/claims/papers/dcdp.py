"""Decoupled data consistency with diffusion purification, arXiv:2403.06054."""

from dataclasses import replace

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, score

LPIPS = "lpips_squeeze_caffe"
SR, BOX, BLUR, MOTION = (
    ("super_resolution", "small_faces_noiseless"),
    ("inpainting", "small_box_faces_noiseless"),
    ("deblurring", "small_faces_noiseless"),
    ("deblurring", "small_motion_faces_noiseless"),
)
PHASE = ("phase_retrieval", "small_faces")


UNTUNED = (
    "DPS has one seed and the scale of its code, which is for 256 pixels; DCDP has its paper's setting. Neither was tuned here."
)


def of(place: tuple[str, str], method: str = "dcdp", **parameters: object) -> Runs:
    """Runs of a method on a (task, preset)."""
    return Runs(*place, method, parameters=parameters)


def tweedie(place: tuple[str, str]) -> Runs:
    """Purification in one step."""
    return of(place, version="tweedie")


def slow(place: tuple[str, str], method: str = "dps") -> Runs:
    """Runs of a rival that takes most of a minute a picture: one seed, whose pictures are paired with those of the other's."""
    return Runs(*place, method, seeds=1)


def psnr(ours: Runs, theirs: Runs, least: float | None = None, most: float | None = None) -> Part:
    """PSNR less the other's."""
    return Part("ahead", (score(ours, "psnr"), score(theirs, "psnr")), least, most, f"{ours.task}, {theirs.method}")


PAPER = Paper(
    id="2403.06054",
    title="Decoupled Data Consistency with Diffusion Purification for Image Restoration",
    authors=("Xiang Li", "Soo Min Kwon", "Shijun Liang", "Ismail R. Alkhouri", "Saiprasad Ravishankar", "Qing Qu"),
    venue="arXiv",
    year=2024,
    tasks=("super_resolution", "deblurring", "inpainting", "phase_retrieval"),
    methods=("dcdp",),
    about="Gradient steps towards the data and purification by a diffusion model take turns, so that neither needs a "
    "gradient through "
    "the network.",
    scale="Rendered faces of 64 x 64 and a prior that learnt 480,000 of them; the paper has FFHQ at 256 x 256.",
    claims=(
        Claim(
            "1",
            "It is below data consistency alone by 0.05 or more in perceptual distance, at equal gradient steps.",
            (Part("ahead", (score(of(SR, "data_only"), LPIPS), score(of(SR), LPIPS)), at_least=0.05),),
            published="0.05 to 0.11 in LPIPS, super-resolution",
            where="figure 5 of the poster",
            caveat="The perceptual distance is not the published LPIPS.",
        ),
        Claim(
            "1b",
            "A start of purification that falls linearly beats a constant one.",
            (Part("ahead", (score(of(SR, schedule="constant"), LPIPS), score(of(SR), LPIPS)), at_least=0.0),),
            where="figure 5 of the poster",
        ),
        Claim(
            "2",
            "One step of purification is above 20 in PSNR by 0.6 dB or more without noise.",
            tuple(psnr(tweedie(place), of(place), 0.6) for place in (SR, BOX, BLUR)),
            published="0.6 to 2.6 dB",
            where="example pictures of the code",
        ),
        Claim(
            "2b",
            "... with a tenth of the calls of the network or fewer.",
            (Part("ratio", (score(tweedie(SR), "network_calls"), score(of(SR), "network_calls")), at_most=0.1),),
            published="a 18th",
        ),
        Claim(
            "3",
            "Gaussian deblurring without noise: 2.5 dB or more above DPS.",
            (psnr(tweedie(BLUR), slow(BLUR), 2.5),),
            where="example pictures of the code",
            caveat=UNTUNED,
        ),
        Claim(
            "3b",
            "Motion deblurring without noise: 10 dB or more above DPS.",
            (psnr(tweedie(MOTION), slow(MOTION), 10.0),),
            where="example pictures of the code",
            caveat=UNTUNED,
        ),
        Claim(
            "4",
            "Super-resolution and a box without noise: 1 dB or more above DPS.",
            tuple(psnr(tweedie(place), slow(place), 1.0) for place in (SR, BOX)),
            published="1.0 to 4.6 dB",
            where="example pictures of the code",
            caveat=UNTUNED,
        ),
        Claim(
            "5",
            "The last purification helps under noise.",
            (
                psnr(
                    of(("super_resolution", "small_faces"), output="prior"),
                    of(("super_resolution", "small_faces"), output="data"),
                    0.0,
                ),
            ),
        ),
        Claim(
            "5b",
            "... and hurts or is neutral without.",
            (psnr(of(SR, output="prior"), of(SR, output="data"), most=0.0),),
            caveat="The paper says no size for neutral, and the threshold leaves it none.",
        ),
        Claim(
            "6",
            "Under noise, Gaussian deblurring falls below DAPS and DDNM.",
            tuple(
                psnr(of(("deblurring", "small_faces")), rival, most=0.0)
                for rival in (slow(("deblurring", "small_faces"), "daps"), of(("deblurring", "small_faces"), "ddnm"))
            ),
            published="1.7 and 0.7 dB",
            where="arXiv:2511.20705, tables 1 and 3, of others",
            caveat="DAPS has one seed and its paper's setting; DCDP and DDNM the best of twelve trials each.",
        ),
        Claim(
            "7",
            "Phase retrieval: far above DPS.",
            (psnr(slow(PHASE, "dcdp"), slow(PHASE), 5.0),),
            published="11 dB",
            where="arXiv:2511.20705, tables 1 and 3, of others",
            caveat="16,000 calls of the network for a picture of DCDP, so one seed. Of four tries that which fits y best.",
        ),
        Claim(
            "7b",
            "... by one step too, with a twentieth of the calls.",
            (psnr(replace(tweedie(PHASE), seeds=1), slow(PHASE), 5.0),),
            kind="ours",
            caveat="One seed of both: a picture takes minutes.",
        ),
        Claim(
            "8",
            "An image takes a sixth of the time of DAPS or less.",
            (
                Part(
                    "ratio",
                    (Quantity(slow(SR, "daps"), "seconds"), Quantity(tweedie(SR), "seconds")),
                    at_least=6.0,
                ),
            ),
            published="about 6 times as fast",
            where="arXiv:2605.27990, table 1, of others",
        ),
    ),
    notes=(
        "Of super-resolved faces with noise, DDNM, DPIR, DiffPIR, PiGDM and DDRM lie between 29.1 and 29.6 dB, each with the "
        "best of twelve trials on two tuning faces. DCDP by DDIM is at 28.2 dB with its best trial, by one step at 29.7 dB "
        "with the same hyperparameters, which were chosen for DDIM. By DDIM it is last of the six for "
        "Gaussian blur and missing pixels too. Without noise each has the settings of its paper or code.",
    ),
    figures=(
        Figure(
            "calls",
            "Super-resolution of faces without noise: quality against calls of the network.",
            "scatter",
            tuple(
                Mark(name, score(runs, "psnr"), against=score(runs, "network_calls"))
                for name, runs in (
                    ("DCDP, one step", tweedie(SR)),
                    ("DCDP, DDIM", of(SR)),
                    ("DPS", slow(SR)),
                    ("DDRM", of(SR, "ddrm")),
                    ("DDNM", of(SR, "ddnm")),
                    ("DPIR", of(SR, "dpir")),
                    ("bicubic", of(SR, "bicubic")),
                )
            ),
            x="calls of the network for a picture",
            log="x",
            y="PSNR (dB)",
        ),
        Figure(
            "noiseless",
            "Without noise, by task.",
            "dots",
            tuple(
                Mark(name, score(made, "psnr"), task)
                for task, place in (("super-resolution", SR), ("box", BOX), ("Gaussian blur", BLUR), ("motion blur", MOTION))
                for name, made in (("DCDP, one step", tweedie(place)), ("DCDP, DDIM", of(place)), ("DPS", slow(place)))
            ),
            x="",
            y="PSNR (dB)",
            published=tuple(
                Published(name, value, task)
                for task, values in (
                    ("super-resolution", (28.01, 26.96, 26.63)),
                    ("box", (29.12, 27.49, 28.14)),
                    ("Gaussian blur", (33.58, 32.73, 30.25)),
                    ("motion blur", (40.87, 39.73, 28.33)),
                )
                for name, value in zip(("DCDP, one step", "DCDP, DDIM", "DPS"), values, strict=True)
            ),
            source="one face of 256 x 256 each, the authors' repository",
        ),
    ),
)
