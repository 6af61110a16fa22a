"""Carry stored results over a change of code that changes no number:  python -m runners.rekey --from COMMIT

A restructuring changes the hash of the code that results depend on. This command takes the reference results that are of the
code of COMMIT, proves for each that the present code computes the same, and writes the present hash into it. The proof is that
the definitions are equal, or that both trees compute the same bits with the run's own preset and parameters: instance 0, what
the method learns and solves in a few steps, and its scores. A run without proof stays as it is and counts as older.

It also writes benchmark/store/migrations/sources_REVISION.json, by which the newest migration carries over users' databases and
fits. A revision carries once: the next change needs a migration of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark import source
from benchmark.errors import UserError
from benchmark.registry import ROOT
from benchmark.store.database import REVISION
from benchmark.store.lines import RunLine, header
from runners.cli import run_app
from runners.load import REFERENCE, read_file

MIGRATIONS = ROOT / "benchmark" / "store" / "migrations"
SOURCES = MIGRATIONS / f"sources_{REVISION}.json"
EXAMPLES = ("python -m runners.rekey --from HEAD~1 --dry-run", "python -m runners.rekey --from v0.1.0")
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
Pair = tuple[str, str]  # names of a task and a method

# This runs in either tree and prints what the tree knows of its own code. The first version of the hash took files.
_KNOWN = """
import inspect, json, sys
from benchmark import registry
by_file = "files" in inspect.signature(registry.source_hash).parameters
found = {}
for task in registry.tasks().values():
    for method in registry.methods().values():
        if method.spec.misfit(task.spec):
            continue
        if by_file:
            one = registry.source_hash(task.file, method.file)
            hashes = {preset: one for preset in task.spec.presets}
        else:
            hashes = {preset: registry.source_hash(task, method, preset) for preset in task.spec.presets}
        learning = {} if by_file else {p: registry.source_hash(task, method, p, learning=True) for p in task.spec.presets}
        found[f"{task.spec.name}/{method.spec.name}"] = {
            "task": str(task.file), "method": str(method.file), "sources": hashes, "learning": learning or hashes,
            "learns": method.spec.learns and list(method.spec.learns),
            "presets": {name: size.model_dump(mode="json") for name, size in task.spec.presets.items()},
        }
json.dump(found, sys.stdout)
"""
# This runs in either tree and prints digests of what a few steps of each listed run compute.
_COMPUTED = """
import hashlib, json, sys
import numpy as np, torch
from benchmark import fits, registry, seeds
from benchmark.context import Context
torch.set_num_threads(1)
class Short(Context):
    def steps(self, total, points=5):
        yield from super().steps(min(total, 3), points)
def digest(x):
    x = torch.view_as_real(x) if x.is_complex() else x
    return hashlib.sha256(np.ascontiguousarray(x.detach().cpu().numpy()).tobytes()).hexdigest()
cpu = torch.device("cpu")
for text in sys.stdin:
    key = json.loads(text)
    task, method = registry.get_task(key["task"]).load(), registry.get_method(key["method"]).load()
    spec, preset, seed = task.spec, key["preset"], key["seed"]
    def stream(name):
        return seeds.seed(spec.name, spec.version, preset, 0, seed, name)
    try:
        made = torch.Generator().manual_seed(stream("data"))
        instance = task.make(spec.presets[preset], seeds.split(seed), 0, made)
        learnt, found = None, {}
        if method.fit is not None:
            place = spec.presets[preset].learns_as or preset
            ctx = Short(cpu, fits.method_seed(task, place, seed))
            learnt = fits.learn(method, task, place, seed, key["parameters"], ctx).learnt
            found = {name: digest(x) for name, x in learnt.items()}
        ctx = Short(cpu, stream("method"))
        estimate = instance.problem.check(method(instance.problem, ctx, key["parameters"], learnt))
        found |= {"estimate": digest(estimate), "truth": digest(instance.truth), "scores": repr(task.score(instance, estimate))}
        found |= {f"kept {name}": digest(x) for name, x in ctx.kept.items()}
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found), flush=True)
"""


@app.command(epilog="\n\n".join(["Examples:", *EXAMPLES]))
def main(
    commit: Annotated[str, typer.Option("--from", metavar="COMMIT", help="The commit whose code made the stored results.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be carried over, and write nothing.")] = False,
) -> None:
    """Carry stored results over a change of code that changes no number."""
    if not dry_run and (SOURCES.exists() or not _carries()):
        raise UserError("the newest migration is to carry nothing more; add one like 0007 and raise database.REVISION first")
    with tempfile.TemporaryDirectory(prefix="lowdimbench-") as scratch:
        tree = Path(scratch) / "tree"
        _checkout(commit, tree)
        before: dict[str, Any] = json.loads(_run(tree, _KNOWN))
        now: dict[str, Any] = json.loads(_run(ROOT, _KNOWN))
        lines = {file: read_file(file)[0] for file in sorted(REFERENCE.glob("*.jsonl"))}
        every = [line for found in lines.values() for line in found]
        of_commit = [line for line in every if _source(before, line) == line.key.source]
        changed = _changed(before, now, of_commit, tree)
        unlike = _unlike(tree, changed) if changed else set()
    carried = {line.digest for line in of_commit} - {line.digest for line in changed if _place(line) in unlike}
    for place in sorted(unlike):
        print(f"not the same numbers: {' '.join(place[:3])}")
    print(f"{len(every)} runs: {len(of_commit)} of {commit}, {len(changed)} of changed code, {len(carried)} carried over")
    if not dry_run:
        for file, found in lines.items():
            _write(file, [_carried(line, now) if line.digest in carried else line for line in found])
        _write_sources(before, now, {(task, method) for task, _, method, _ in unlike})


def _carries() -> bool:
    """Whether the newest migration reads the table that is written here."""
    [file] = (MIGRATIONS / "versions").glob(f"{REVISION}_*.py")
    return "carry(revision" in file.read_text(encoding="utf-8")


def _checkout(commit: str, tree: Path) -> None:
    made = subprocess.run(["git", "-C", str(ROOT), "archive", "--format=tar", commit], capture_output=True, check=False)
    if made.returncode:
        raise UserError(f"--from {commit}: {made.stderr.decode(errors='replace').splitlines()[0]}")
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=made.stdout, check=True)


def _run(tree: Path, script: str, words: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], input=words, text=True, capture_output=True, cwd=tree, env=environment, check=False
    )
    if done.returncode:
        raise UserError(f"the code of {tree.name} cannot be asked: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def _source(known: dict[str, Any], line: RunLine) -> str | None:
    pair: dict[str, Any] = known.get(f"{line.key.task}/{line.key.method}", {})
    found: str | None = pair.get("sources", {}).get(line.key.preset)
    return found


def _place(line: RunLine) -> tuple[str, str, str, str]:
    key = line.key
    return key.task, key.preset, key.method, json.dumps(key.parameters, sort_keys=True)


def _changed(before: dict[str, Any], now: dict[str, Any], lines: Iterable[RunLine], tree: Path) -> list[RunLine]:
    """The runs whose reached definitions or preset are others now. Both trees are read by the present rules."""
    found = []
    for line in lines:
        pair = f"{line.key.task}/{line.key.method}"
        if pair not in now or line.key.preset not in now[pair]["presets"]:
            continue
        then, present = before[pair], now[pair]
        hashes = [
            source.source_hash(Path(one["task"]), Path(one["method"]), line.key.method, "", root=root)
            for one, root in ((then, tree), (present, ROOT))
        ]
        if hashes[0] != hashes[1] or then["presets"][line.key.preset] != present["presets"][line.key.preset]:
            found.append(line)
    return found


def _unlike(tree: Path, lines: Iterable[RunLine]) -> set[tuple[str, str, str, str]]:
    """The runs, one for each preset, method and parameter set, that the two trees compute differently."""
    chosen = {_place(line): line for line in sorted(lines, key=lambda line: -line.key.seed)}
    words = "".join(line.key.model_dump_json() + "\n" for line in chosen.values())
    print(f"computing {len(chosen)} runs in part, in both trees", flush=True)
    answers = [_run(one, _COMPUTED, words).splitlines() for one in (tree, ROOT)]
    return {
        place
        for place, then, now in zip(chosen, *answers, strict=True)
        if json.loads(then) != json.loads(now) or "error" in json.loads(then)
    }


def _carried(line: RunLine, now: dict[str, Any]) -> RunLine:
    key = line.key.model_copy(update={"source": _source(now, line)})
    return line.model_copy(update={"key": key, "digest": key.digest})


def _write(file: Path, lines: list[RunLine]) -> None:
    """Writes the same file with other keys. Every other byte stays."""
    first, *rest = file.read_text(encoding="utf-8").splitlines()
    head = json.loads(first) | {"runs": header(lines).model_dump(mode="json")["runs"]}
    texts = [json.dumps(head, separators=(",", ":"))]
    for text, line in zip(rest, lines, strict=True):
        known = json.loads(text)
        changed = text.replace(known["digest"], line.digest).replace(known["key"]["source"], line.key.source)
        texts.append(changed)
    scratch = file.with_suffix(".part")
    scratch.write_text("\n".join(texts) + "\n", encoding="utf-8")
    scratch.replace(file)


def _write_sources(before: dict[str, Any], now: dict[str, Any], unlike: set[Pair]) -> None:
    """Writes the hashes before and now, by task, method and preset, for the migration of users' databases.

    run holds those of a run. fit holds those of what its method learns, on the preset whose training data it shares, where both
    read the same data.
    """
    table: dict[str, dict[str, Any]] = defaultdict(dict)
    for pair, then in before.items():
        task, method = pair.split("/")
        if pair not in now or (task, method) in unlike:
            continue
        present, presets = now[pair], {}
        for preset in then["presets"].keys() & present["presets"].keys():
            presets[preset] = {"run": [then["sources"][preset], present["sources"][preset]]}
            place = present["presets"][preset]["learns_as"] or preset
            if present["learns"] and present["presets"][place]["data"] == present["presets"][preset]["data"]:
                presets[preset] |= {"fit": [then["learning"][place], present["learning"][place]], "at": place}
        table[task][method] = {"learns": present["learns"] or [], "presets": presets}
    SOURCES.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_app(app)
