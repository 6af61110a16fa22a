"""LOCO Edit, arXiv:2409.02374."""

from benchmark.claims.figure import Figure, Mark, Published
from benchmark.claims.paper import Claim, Paper, Runs, score

WAITS = "the suite has no task of image editing yet"
SHOWN = ("loco_edit", "masked", "unmasked", "pullback", "noise_jacobian", "blended", "random_direction")  # in figures

PAPER = Paper(
    id="2409.02374",
    title="Exploring Low-Dimensional Subspaces in Diffusion Models for Controllable Image Editing",
    authors=("Siyi Chen", "Huijie Zhang", "Minzhe Guo", "Yifu Lu", "Peng Wang", "Qing Qu"),
    venue="NeurIPS 2024",
    year=2024,
    tasks=(),
    methods=(),
    about="A diffusion model's mean prediction is nearly linear around a noisy picture, with a Jacobian of low rank. "
    "Its singular "
    "vectors, restricted to a region, are directions that edit this region alone.",
    scale="Not run here.",
    claims=(
        Claim("1", "The rank of the Jacobian of the mean prediction is least at noise in between, below a tenth.", needs=WAITS),
        Claim("2", "The mean prediction is nearly linear there: norms within 0.04, cosine 0.97 or more.", needs=WAITS),
        Claim("3", "The projection halves what leaks out of the region, and costs at most 15 % of the effect.", needs=WAITS),
        Claim(
            "4", "A direction of the region beats one of the whole picture and a random one in effect over leak.", needs=WAITS
        ),
        Claim("5", "The effect is linear and odd in the strength.", needs=WAITS),
        Claim("6", "A direction changes another picture alike.", needs=WAITS),
    ),
    figures=(
        Figure(
            "success",
            "Share of regions that a direction changes alone, by method.",
            "dots",
            tuple(Mark("success", score(Runs("image_editing", "small", method), "success"), method) for method in SHOWN),
            x="",
            y="success",
            published=tuple(
                Published("success", value, method)
                for method, value in (("loco_edit", 0.80), ("blended", 0.55), ("noise_jacobian", 0.37), ("pullback", 0.32))
            ),
            source="local edits that people called a success, CelebA-HQ, table 1",
        ),
        Figure(
            "leak",
            "What changes outside the region over what changes inside it.",
            "dots",
            tuple(Mark("leak", score(Runs("image_editing", "small", method), "leak"), method) for method in SHOWN),
            x="",
            y="leak",
        ),
    ),
)
