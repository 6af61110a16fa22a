"""Sim2Real in reconstructive spectroscopy, arXiv:2403.12354."""

import numpy as np

from benchmark import statistics
from benchmark.claims.figure import Figure, Mark
from benchmark.claims.paper import Claim, Paper, Part, Quantity, Runs, score
from benchmark.claims.rules import Measured, Values
from benchmark.statistics import LEVEL

GROUPS = ("simulated", "lamps", "drifted")


def of(method: str, preset: str = "small", **parameters: object) -> Runs:
    """Runs of a method."""
    return Runs("spectral", preset, method, parameters=parameters)


NET, SMOOTH = of("sim2real"), of("stopped_smoother")
SLOW = {"solver": "admm", "penalty": 1e-4, "steps": 2000, "gap": 1e-9}
SMOOTHER = "It is stopped after 20 steps: what it smooths by is no total variation."
SEEN = "Over 400 to 645 nm, where the device sees."
FACTORS = "On 10 stacks of tuning lamps the factors are 1.64, 1.26 and 1.23; they were chosen by these."
SOURCES = ("filtered", "mixed", "filtered_drifted", "mixed_drifted")
NOISES = ("two_sided", "relative", "lamps_two_sided", "lamps_relative")


def tv(preset: str = "small") -> Runs:
    """Total variation at its exact minimum, with the weight that is best on tuning data."""
    return of("nnls_tv", preset)


def constant(preset: str = "small") -> Runs:
    """The mean of spectra known beforehand, the measurement ignored."""
    return of("prior_mean", preset)


def rmse(runs: Runs, group: str, metric: str = "rmse") -> Quantity:
    """RMSE on a group of spectra."""
    return score(runs, metric, group=group)


def beats_the_constant(runs: Runs, group: str, factor: float, metric: str = "seen_rmse") -> Part:
    """RMSE of the constant over that of a method."""
    given = (rmse(constant(runs.preset), group, metric), rmse(runs, group, metric))
    return Part("ratio", given, at_least=factor, under=f"{group}, {runs.method}")


def seen_on_par(group: str) -> Part:
    """As on_par, where the device sees."""
    solver = tv("small_sources" if group in SOURCES else "small")
    given = (rmse(of("sim2real", solver.preset), group, "seen_rmse"), rmse(solver, group, "seen_rmse"))
    return Part("ratio", given, 0.8, 1.2, group)


def below(first: Runs, second: Runs, group: str, most: float = 0.0, least: float | None = None, under: str = "") -> Part:
    """RMSE of the first less that of the second."""
    return Part("ahead", (rmse(first, group), rmse(second, group)), least, most, under or group)


def on_par(group: str, solver: Runs) -> Part:
    """RMSE of the network within 20 % of the solver's."""
    return Part("ratio", (rmse(of("sim2real", solver.preset), group), rmse(solver, group)), 0.8, 1.2, group)


def hurt_more(shifted: Values, usual: Values, its_shifted: Values, its_usual: Values) -> Measured:
    """By how much more the first method's RMSE grows under a shift, as a multiple of its usual one, than the second's.

    Instances of the two groups are resampled apart, those of the two methods together; seeds, which are trainings, as well.
    """
    tables = [statistics.table([values])[0] for values in (shifted, usual, its_shifted, its_usual)]

    def difference(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
        return float(a.mean() / b.mean() - c.mean() / d.mean())

    draw = np.random.default_rng(0)
    found = []
    for _ in range(statistics.DRAWS):
        there, usually = (draw.integers(0, len(table), len(table)) for table in tables[:2])
        seeds = draw.integers(0, tables[0].shape[1], tables[0].shape[1])
        rows = (there, usually, there, usually)
        found.append(difference(*(table[np.ix_(row, seeds)] for table, row in zip(tables, rows, strict=True))))
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(difference(*tables), float(low), float(high), len(tables[0]))


def hurts(group: str, solver: Runs) -> Part:
    """The network's error grows more than the solver's."""
    net = of("sim2real", "small_shifts")
    given = (rmse(net, group), rmse(net, "simulated"), rmse(solver, group), rmse(solver, "simulated"))
    return Part(hurt_more, given, at_least=0.0, under=group, unit="times its usual error")


def faster(solver: Runs, under: str) -> Part:
    """Seconds of the solver over those of the network, a stack of ten spectra at once."""
    time = (Quantity(solver, "seconds"), Quantity(NET, "seconds"))
    return Part("ratio", time, at_least=100.0, under=under)


PAPER = Paper(
    id="2403.12354",
    title="Sim2Real in Reconstructive Spectroscopy: Deep Learning with Augmented Device-Informed Data Simulation",
    authors=("Jiyi Chen", "Pengyu Li", "Yutong Wang", "Pei-Cheng Ku", "Qing Qu"),
    venue="APL Machine Learning 2, 036106",
    year=2024,
    tasks=("spectral",),
    methods=("sim2real",),
    about="A network that reconstructs spectra from the currents of few broad detectors learns from simulated "
    "measurements alone. "
    "Noise on signals and on the device's matrix closes the gap to real measurements.",
    scale="The device is a stand-in for the paper's and its measurements are simulated, of commercial lamps; the "
    "network's layers are "
    "not published.",
    claims=(
        Claim(
            "0",
            "On narrow sources measuring helps: the constant's error is 1.5 times that of Tikhonov's penalty.",
            (beats_the_constant(of("nnls_tikhonov", "small_sources"), "filtered", 1.5),),
            kind="ours",
            caveat=f"{SEEN} {FACTORS}",
        ),
        Claim(
            "0a",
            "... and 1.2 times the network's, also where the device drifted.",
            tuple(
                beats_the_constant(of("sim2real", "small_sources"), group, 1.2) for group in ("filtered", "filtered_drifted")
            ),
            kind="ours",
            caveat=f"{SEEN} {FACTORS}",
        ),
        Claim(
            "0b",
            "On commercial lamps, alone or with lines beside them, and on drifted devices, it is no less than theirs.",
            tuple(
                beats_the_constant(of(method, preset), group, 1.0)
                for method in ("sim2real", "nnls_tikhonov")
                for preset, groups in (("small", ("lamps", "drifted")), ("small_sources", ("mixed", "mixed_drifted")))
                for group in groups
            ),
            kind="ours",
            caveat=SEEN,
        ),
        Claim(
            "1",
            "Augmentation lowers the error under noise and drift, and not without noise.",
            (
                *(below(NET, of("sim2real", augmentation="none"), group) for group in GROUPS),
                Part(
                    "ahead",
                    (
                        rmse(of("sim2real", "small_shifts"), "clean"),
                        rmse(of("sim2real", "small_shifts", augmentation="none"), "clean"),
                    ),
                    at_least=0.0,
                    under="without noise",
                ),
            ),
            caveat="The noise of the tests has the law of the augmentation.",
        ),
        Claim(
            "1b",
            "... also under noise of both signs, and of 2 % of each photocurrent.",
            tuple(
                Part(
                    "ahead",
                    (
                        rmse(of("sim2real", "small_noise"), group),
                        rmse(of("sim2real", "small_noise", augmentation="none"), group),
                    ),
                    at_most=0.0,
                    under=group,
                )
                for group in NOISES
            ),
            kind="ours",
            caveat="Where a current is not positive, its logarithm is that of 1e-15.",
        ),
        Claim(
            "1c",
            "... on narrow and mixed sources.",
            tuple(
                Part(
                    "ahead",
                    (
                        rmse(of("sim2real", "small_sources"), group, "seen_rmse"),
                        rmse(of("sim2real", "small_sources", augmentation="none"), group, "seen_rmse"),
                    ),
                    at_most=0.0,
                    under=group,
                )
                for group in SOURCES
            ),
            kind="ours",
            caveat=SEEN,
        ),
        Claim(
            "2",
            "The signal's noise does nearly all of it, the matrix's little: at most 0.01 more.",
            (
                below(
                    of("sim2real", augmentation="signal"),
                    of("sim2real", augmentation="matrix"),
                    "simulated",
                    under="signal less matrix",
                ),
                below(NET, of("sim2real", augmentation="signal"), "simulated", 0.01, -0.01, "both less signal"),
            ),
            kind="ours",
        ),
        Claim(
            "3",
            "The network is on a par with total variation: within 20 %.",
            tuple(on_par(group, tv()) for group in ("lamps", "drifted")),
            where="abstract",
            published="on par",
            caveat="On lamps and drifted devices a constant, the mean of other spectra, is nearer than the network: claim 0b.",
        ),
        Claim(
            "3a",
            "... where the device sees, on lamps as on narrow and mixed sources.",
            tuple(seen_on_par(group) for group in ("lamps", "drifted", *SOURCES)),
            kind="ours",
            caveat=SEEN,
        ),
        Claim(
            "3b",
            "... also on simulated spectra, and on lines at the paper's wavelengths seen by drifted devices.",
            (on_par("simulated", tv()), on_par("lines", tv("small_lines"))),
            kind="ours",
        ),
        Claim(
            "3c",
            "It is on a par with smoothing that stops early.",
            (*(on_par(group, SMOOTH) for group in GROUPS), on_par("lines", of("stopped_smoother", "small_lines"))),
            kind="ours",
            caveat=SMOOTHER,
        ),
        Claim(
            "4",
            "One pass of the network is a hundred times as fast as the solver.",
            (
                faster(tv(), "the exact minimum, by an active set over intervals"),
                faster(of("nnls_tikhonov"), "Tikhonov's penalty, at its minimum"),
                faster(SMOOTH, "20 steps of smoothing"),
            ),
            where="abstract",
            published="significant",
            caveat="Ten spectra at once; one at a time is timed by tests/performance/spectral_time.py.",
        ),
        Claim(
            "4b",
            "... as a solver in use takes them, by 2,000 steps of ADMM.",
            (faster(tv().set(**SLOW), "2,000 steps of ADMM for total variation"),),
            kind="ours",
        ),
        Claim(
            "5",
            "Plain least squares are spikes: cosine below 0.3, and yet peaks within 5 %.",
            (
                *(
                    Part("level", (score(of("nnls"), "cosine", group=group),), at_most=0.3, under=f"cosine, {group}")
                    for group in ("simulated", "lamps")
                ),
                *(
                    Part("level", (score(of("nnls"), "peak_error", group=group),), at_most=5.0, under=f"peaks, {group}")
                    for group in ("simulated", "lamps")
                ),
            ),
        ),
        Claim(
            "6",
            "Logarithms beat shares of the maximum as input.",
            (
                *(below(NET, of("sim2real", input="maximum"), group) for group in GROUPS),
                below(of("sim2real", "small_lines"), of("sim2real", "small_lines", input="maximum"), "lines"),
            ),
            kind="ours",
        ),
        Claim(
            "7",
            "Another shape of line hurts the network more than total variation.",
            (hurts("gaussian", tv("small_shifts")), hurts("asymmetric", tv("small_shifts"))),
            kind="ours",
        ),
        Claim(
            "7b",
            "... and more than smoothing that stops early.",
            (
                hurts("gaussian", of("stopped_smoother", "small_shifts")),
                hurts("asymmetric", of("stopped_smoother", "small_shifts")),
            ),
            kind="ours",
            caveat=SMOOTHER,
        ),
        Claim(
            "8",
            "Lines beyond 604 nm, never seen in training, hurt the network more than total variation.",
            (hurts("beyond_604", tv("small_shifts")),),
            kind="ours",
        ),
        Claim(
            "8b",
            "... and more than smoothing that stops early.",
            (hurts("beyond_604", of("stopped_smoother", "small_shifts")),),
            kind="ours",
            caveat=SMOOTHER,
        ),
    ),
    notes=(
        "Every method misses a part of a lamp: beyond 645 nm no detector of this device sees anything.",
        "The comparator of a claim on total variation is the exact minimum of non-negative least squares with total variation, "
        "`nnls_tv`; the trait `duality_gap` of its runs bounds how far from it they ended. `stopped_smoother` is what 20 steps "
        "of ADMM give before total variation enters; it smooths, and is named apart.",
        "The baseline of every preset is `prior_mean`: the mean of spectra known beforehand, whatever is measured.",
    ),
    figures=(
        Figure(
            "methods",
            "Error by group of spectra: the network, what it learnt from, and solvers.",
            "dots",
            tuple(
                Mark(name, rmse(runs, group), group)
                for group in GROUPS
                for name, runs in (
                    ("network", NET),
                    ("network, no augmentation", of("sim2real", augmentation="none")),
                    ("total variation", tv()),
                    ("smoothing, stopped early", SMOOTH),
                    ("constant", constant()),
                    ("Tikhonov", of("nnls_tikhonov")),
                    ("least squares", of("nnls")),
                )
            ),
            x="",
            y="RMSE of the spectrum, its maximum 1",
        ),
        Figure(
            "shifts",
            "Error where measurements differ from those of the training.",
            "dots",
            tuple(
                Mark(name, rmse(runs, group), group.replace("_", " "))
                for group in ("clean", "simulated", "gaussian", "asymmetric", "drift_10", "drift_30", "beyond_604")
                for name, runs in (
                    ("network", of("sim2real", "small_shifts")),
                    ("total variation", tv("small_shifts")),
                    ("smoothing, stopped early", of("stopped_smoother", "small_shifts")),
                )
            ),
            x="",
            y="RMSE of the spectrum, its maximum 1",
        ),
        Figure(
            "sources",
            "Error on narrow and mixed sources, also seen by drifted devices, over 400 to 645 nm.",
            "dots",
            tuple(
                Mark(name, rmse(runs, group, "seen_rmse"), group.replace("_", ", "))
                for group in SOURCES
                for name, runs in (
                    ("constant", constant("small_sources")),
                    ("network", of("sim2real", "small_sources")),
                    ("total variation", tv("small_sources")),
                    ("Tikhonov", of("nnls_tikhonov", "small_sources")),
                    ("smoothing, stopped early", of("stopped_smoother", "small_sources")),
                )
            ),
            x="",
            y="RMSE of the spectrum where the device sees",
        ),
    ),
)
