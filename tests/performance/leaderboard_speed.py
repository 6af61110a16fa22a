"""How long a visitor waits for the leaderboard, in a real browser, on made-up databases of two sizes.

    python tests/performance/leaderboard_speed.py [--repeats 5] [--sizes 100000 2000000] [--keep FOLDER] [--plain]

Prints, for each size: seconds from the command until the server answers, until the first page of this server is usable for a
visitor who comes at that moment, until it is for the next one, until the overview is (and until that one sees the heat map),
until the page of a task is, and until a change of a filter has changed the heat map; each beside the seconds of the processor
that the server alone took meanwhile, which other work on the machine changes less, and the seconds of a fixed piece of
arithmetic, before and after, which say how busy it was.
--plain: `streamlit run leaderboard/app.py` instead of `python -m leaderboard`, so that the first visitor waits for all imports.
Usable: the landmark of a page and the footer, which is drawn last, are there, and the server has nothing left to run.
"""

import argparse
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for the made-up databases of the tests

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import insert
from sqlalchemy.orm import Session

from benchmark.store.database import open_database
from benchmark.store.models import Curve, Instance, Score
from tests.browser.conftest import CHROMIUM, QUIET, ROOT
from tests.leaderboard.synthetic import Writer, imaging

TASKS, PRESETS, METRICS, CURVES = 12, ("tiny", "small", "full"), ("psnr", "nmse", "ssim"), 50_000
# scores -> methods, seeds and instances of each board
SIZES = {100_000: (20, 3, 15), 2_000_000: (60, 10, 31)}


def make(path: Path, size: int) -> tuple[int, int]:
    """A database of about `size` scores and 50 000 points of curves; returns how many there are of both."""
    methods, seeds, instances = SIZES[size]
    engine = open_database(str(path))
    scores = points = 0
    with Session(engine) as session:
        writer = Writer(session, path.parent)
        for at in range(TASKS):
            spec = imaging() | {"name": f"task_{at:02d}", "title": f"Task {at} (made up)"}
            spec["metrics"].append({"name": "ssim", "better": "higher", "description": "made up", "unit": "", "primary": False})
            for preset in PRESETS:
                spec["presets"][preset]["instances"] = instances
            for preset in PRESETS:
                rows: dict[type, list[dict[str, object]]] = {Score: [], Instance: [], Curve: []}
                for number in range(methods):
                    name = "base_fill" if number == 0 else f"method_{number:02d}"
                    for seed in range(seeds):
                        run = writer.run(spec, preset, name, seed)
                        values = writer.random.normal(25 + 0.2 * ((number * 7) % methods), 2.0, instances)
                        fill(rows, run.id, seed, values)
                        if preset == "small" and number < 14 and seed == 0:
                            curves(rows[Curve], run.id, values, CURVES // (TASKS * 14 * instances))
                for table, lines in rows.items():
                    if lines:
                        session.execute(insert(table), lines)
                scores, points = scores + len(rows[Score]), points + len(rows[Curve])
                session.commit()
    engine.dispose()
    return scores, points


def fill(rows: dict[type, list[dict[str, object]]], run: int, seed: int, values: np.ndarray) -> None:
    ended = {"run_id": run, "status": "done", "label": "", "steps": 1, "error": None, "seconds": 0.1}
    for number, value in enumerate(values):
        rows[Instance].append({**ended, "number": number, "observation": f"{seed}/{number}"})
        for metric, scale in zip(METRICS, (1.0, 0.01, 0.02), strict=True):
            rows[Score].append({"run_id": run, "instance": number, "metric": metric, "value": float(value * scale)})


def curves(rows: list[dict[str, object]], run: int, values: np.ndarray, steps: int) -> None:
    for number, value in enumerate(values):
        for step in range(1, steps + 1):
            height = float(value - 9 * math.exp(-6 * step / steps))
            place = {"run_id": run, "instance": number, "series": "estimate", "step": step}
            rows.append({**place, "seconds": 0.1 * step, "value": height})


@contextmanager
def served(database: Path, plain: bool = False) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of an app on the database that has answered nobody yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    ready = ["leaderboard", "--db", str(database), *options]
    late = ["streamlit", "run", str(ROOT / "leaderboard/app.py"), *options, "--", "--db", str(database)]
    command = [sys.executable, "-m", *(late if plain else ready)]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})
    try:
        for _ in range(2400):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", psutil.Process(app.pid)
    finally:
        app.terminate()
        app.wait(timeout=20)


SEEN = "landmark => document.querySelector(landmark)?.getBoundingClientRect().height > 0"
WHOLE = """() => !document.querySelector("[data-testid=stStatusWidget]") &&
    [...document.querySelectorAll("[data-testid=stCaptionContainer]")].at(-1)?.textContent.includes("every number is")"""


def usable(page: Page, url: str, landmark: str) -> tuple[float, float]:
    """Seconds from asking for an address until its first screen is there, and until all of the page can be used.

    Looked at in every frame: what expects something looks again after 0.1, 0.25, 0.5 and 1 s, which would add to the wait.
    """
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(SEEN, arg=landmark, timeout=120_000)
    seen = time.perf_counter() - began
    page.wait_for_function(WHOLE, timeout=120_000)
    return seen, time.perf_counter() - began


def filtered(page: Page, task: str) -> float:
    """Seconds from the choice of a task until the heat map has its boards alone, from the choice already made till then."""
    page.get_by_role("combobox", name="Task").click()
    option = page.get_by_role("option", name=task, exact=True)
    option.wait_for()
    began = time.perf_counter()
    option.click()
    page.wait_for_function("document.querySelectorAll('table.ldb thead th').length === 4", timeout=60_000)
    waited = time.perf_counter() - began
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show everything").click()
    page.wait_for_function("document.querySelectorAll('table.ldb thead th').length > 4", timeout=60_000)
    page.wait_for_timeout(300)
    return waited


def arithmetic() -> float:
    """Seconds of a fixed piece of work on one core."""
    began = time.perf_counter()
    sum(math.sqrt(number) for number in range(2_000_000))
    return time.perf_counter() - began


def spent(server: psutil.Process) -> float:
    """Seconds of the processor that the server has taken."""
    times = server.cpu_times()
    return float(times.user + times.system)


def shown(name: str, found: Sequence[tuple[float, float]]) -> None:
    for what, seconds in zip((name, "  processor, server alone"), zip(*found, strict=True), strict=True):
        spread = f"from {min(seconds):.2f} to {max(seconds):.2f} s, n {len(seconds)}"
        print(f"  {what:<30} median {statistics.median(seconds):6.2f} s, {spread}")


def measure(database: Path, repeats: int, executable: str, plain: bool) -> None:
    """Print the seven times on one database."""
    found: tuple[list[tuple[float, float]], ...] = ([], [], [], [], [], [], [])
    started, cold, warm, change, task, first, overview = found
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET)
        for _ in range(repeats):
            began = time.perf_counter()
            with served(database, plain) as (address, server):
                started.append((time.perf_counter() - began, spent(server)))
                for times in (cold, warm):
                    page, before = browser.new_page(viewport={"width": 1400, "height": 1000}), spent(server)
                    times.append((usable(page, address, ".ldb-papers")[1], spent(server) - before))
                before = spent(server)
                seen, whole = usable(page, f"{address}/overview", "table.ldb")
                overview.append((whole, spent(server) - before))
                first.append((seen, 0.0))
                for at in (2, 5):
                    before = spent(server)
                    waited = filtered(page, f"task_{at:02d}")
                    change.append((waited, spent(server) - before))
                place, before = f"{address}/task?task=task_03&preset=small", spent(server)
                task.append((usable(page, place, ".ldb-board")[1], spent(server) - before))
        browser.close()
    shown("server answers", started)
    shown("papers, server just started", cold)
    shown("papers, another visitor", warm)
    shown("overview", overview)
    shown("... its heat map alone", first)
    shown("change of a filter", change)  # of the processor: and back
    shown("task page, first visit", task)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(SIZES), default=[100_000])
    parser.add_argument("--keep", type=Path, help="folder in which the databases stay, to be used again")
    parser.add_argument("--plain", action="store_true", help="start the app with streamlit run")
    options = parser.parse_args()
    executable = next(path for name in CHROMIUM if (path := shutil.which(name)))
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for size in options.sizes:
            path = folder / f"{size}.db"
            if not path.exists():
                print(f"{path.name}: {make(path, size)} scores and points of curves")
            before = arithmetic()
            print(f"{size} scores, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}:")
            measure(path, options.repeats, executable, options.plain)
            print(f"  arithmetic of about 0.1 s: {before:.2f} s before, {arithmetic():.2f} s after")


if __name__ == "__main__":
    main()
