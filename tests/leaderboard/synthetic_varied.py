"""A made-up database in which tasks, families, papers, trust and devices differ, for the filters of the overview."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from benchmark.store.models import Environment
from tests.leaderboard.synthetic import Writer, imaging, make_empty

# name -> (kind, paper, gain, tasks, trust, device)
METHODS: dict[str, tuple[str, str, float, tuple[str, ...], str, str]] = {
    "base_fill": ("baseline", "", 0.0, ("alpha", "beta", "gamma"), "reproduced", "cpu"),
    "old_way": ("classical", "doi:10.1/old", 1.0, ("alpha", "beta"), "reproduced", "cpu"),
    "new_way": ("network", "arXiv:2402.04097", 3.0, ("alpha", "beta"), "scored", "Made-up GPU"),
    "other_way": ("network", "arXiv:2406.05288", 2.0, ("gamma",), "scored", "cpu"),
    "<b>odd</b> & way": ("network", "arXiv:2406.05288", 2.0, ("beta",), "self_reported", "cpu"),
}


def spec(name: str) -> dict[str, Any]:
    """Specification of one of the tasks alpha, beta and gamma."""
    return {**imaging(), "name": name, "title": f"{name.title()} (made up)"}


def make_varied(path: Path) -> Engine:
    """Three tasks at `small`, alpha also at `tiny`, five methods; other_way is incomplete on gamma."""
    engine = make_empty(path)
    with Session(engine) as session:
        writer = Writer(session, path.parent)
        columns = {c.key: getattr(writer.machine, c.key) for c in Environment.__table__.columns if c.key != "id"}
        gpu = Environment(**{**columns, "digest": "gpu machine", "device": "Made-up GPU"})
        session.add(gpu)
        for method, (kind, paper, gain, tasks, trust, device) in METHODS.items():
            writer.method(method).kind = kind
            writer.methods[method].paper = paper
            for task in tasks:
                for preset in ("small", "tiny") if task == "alpha" else ("small",):
                    run = writer.run(spec(task), preset, method, trust=trust)
                    if device != "cpu":
                        session.flush()
                        run.environment_id = gpu.id
                    count = 5 if (method, task) == ("other_way", "gamma") else spec(task)["presets"][preset]["instances"]
                    for number in range(count):
                        value = 20 + number + gain + 0.1 * float(writer.random.standard_normal())
                        writer.instance(run, number, {"psnr": value, "nmse": 10 ** (-value / 10)}, 1.0)
        session.commit()
    return engine
