"""Twenty lines on what a folder of the kit holds."""

import json
from pathlib import Path
from typing import Any

from benchmark.environment import commit_text
from tests.gpu.part import lines

_MOST, _WRONG = 20, 8  # lines, and those of them that say what is wrong


def read(file: Path) -> dict[str, Any]:
    """What a file of the folder holds; nothing where it is missing."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def of(out: Path) -> tuple[str, bool]:
    """The summary, and whether something that ran was wrong: a test or a pair failed, scores differ, a loop waits, or a run
    does not repeat itself.
    """
    place, ended, tests = (read(out / f"{name}.json") for name in ("about", "ended", "tests"))
    driver = f", driver {place['driver']}" if "driver" in place else ""
    torch = place.get("packages", {}).get("torch", "?")
    text = [
        f"device  {place.get('device', '?')}{driver}, torch {torch}, Python {place.get('python', '?')}",
        f"commit  {commit_text(place.get('commit', '?'), place.get('dirty', False), 12)}",
        f"parts   {'; '.join(f'{name} {how}' for name, how in ended.items())}",
    ]
    bad = []
    if tests:
        text.append(f"tests   {tests['last']}")
        bad += [f"test    {line}" for line in tests["failed"]]
    pairs = lines(out / "pairs.jsonl")
    newest = {line["name"]: line for line in pairs}.values()
    ran = [line for line in newest if "scores" in line]
    if newest:
        skipped = sum("skipped" in line for line in newest)
        memory = max((line["memory"] for line in ran if line["memory"] is not None), default=None)
        most = "" if memory is None else f", at most {memory:.0f} MB"
        text.append(f"pairs   {len(ran)} ran, {skipped} without data{most}")
    for line in newest:
        bad += [f"pair    {line['name']}: {what}" for what in _wrong(line)]
    speed = [line for line in lines(out / "speed.jsonl") if "there" in line]
    for line in sorted(speed, key=lambda line: line["cpu"]["step"] / line["there"]["step"]):
        there, cpu = line["there"]["step"], line["cpu"]["step"]
        text.append(f"speed   {line['name']}: a step {there:.3g} s, CPU {cpu:.3g} s, {cpu / there:.1f} times as fast")
    bad += [f"speed   {line['name']}: {line['error']}" for line in lines(out / "speed.jsonl") if "error" in line]
    text += [f"long    {name}: {', '.join(how)}" for name, how in read(out / "long.json").items()]
    if len(bad) > _WRONG:
        bad = [*bad[: _WRONG - 1], f"...     {len(bad) - _WRONG + 1} more things that are wrong, in the folder"]
    room = _MOST - len(bad) - 1
    shown = [*text[:room], *([f"...     {len(text) - room} more lines in the folder"] if len(text) > room else []), *bad]
    return "\n".join(shown[:_MOST]) + "\n", bool(bad)


def _wrong(line: dict[str, Any]) -> list[str]:
    if "error" in line:
        return [line["error"]]
    if "scores" not in line:
        return []
    found = [f"{name} {there:.6g}, on the CPU {here:.6g}" for name, (there, here) in line["differs"].items()]
    found += [] if line["repeats"] else ["two runs of one seed differ"]
    found += [f"{line['synchronisations']:.1f} synchronisations a step"] if line["waits"] else []
    return found
