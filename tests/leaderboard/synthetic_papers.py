"""A database in which a paper's claims have runs: made-up scores of real methods on mri/small. Nothing here was measured."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets.sources import fingerprint
from tests.leaderboard.synthetic import Writer, make_empty

PAPER = "2402.04097"
GAINS = {"zero_filled": 0.0, "tv": 2.0, "dip": 4.0, "self_guided_dip": 6.0}  # dB
RIVAL = "![x](http://evil.example/p.png) <b>rival</b>"  # of somebody who would write on the page


def write(writer: Writer) -> None:
    """Three seeds of each on eight slices; networks have curves, and pictures of the first slice are kept. A rival of no known
    code is 8 dB above all.
    """
    task = registry.get_task("mri")
    spec, data = task.spec.model_dump(mode="json"), fingerprint(task.spec.presets["small"].data, None)
    writer.method("tv").kind = "classical"
    for method, gain in {**GAINS, RIVAL: 14.0}.items():
        usual = {"source": "code 1", "data": data, "parameters": {}}
        if method != RIVAL:
            entry = registry.get_method(method)
            usual |= {
                "source": registry.source_hash(task, entry, "small"),
                "parameters": entry.spec.resolve("mri", "small", {}),
            }
        for seed in range(3):
            run = writer.run(spec, "small", method, seed, **usual)
            for number in range(8):
                level = 20 + 2 * number + gain * (1 + 0.05 * ((3 * number + seed) % 4))
                writer.instance(run, number, {"psnr": level, "ssim": 0.5, "nmse": 0.1}, 1.0)
                if method in ("dip", "self_guided_dip"):
                    writer.curve(run, number, level, 1.0, 20)
            if seed == 0:
                writer.pictures(run, 0, noise=0.2)


def make_papers(path: Path) -> Engine:
    """These alone."""
    engine = make_empty(path)
    with Session(engine) as session:
        write(Writer(session, path.parent))
        session.commit()
    return engine
