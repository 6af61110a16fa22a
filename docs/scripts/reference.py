"""The reference as Markdown, from what the registry, the commands, the data sources and the database say of themselves."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import columns
import typer

from benchmark import registry
from benchmark.registry import MethodEntry, TaskEntry
from benchmark.report import data_sources
from benchmark.spec import Interface, Metric, Preset
from benchmark.store import schema
from runners import main

_DOI = "https://doi.org/"
# The parts of the library that somebody who writes a method or a task meets: page, heading, modules.
PYTHON = {
    "index": ("Python", "What `import lowdimbench` gives.", ("lowdimbench", "benchmark.evaluation", "benchmark.bridge")),
    "problems": ("Problems", "What a method is given, one class for each interface.", ("benchmark.problems.*",)),
    "context": (
        "Context and decorators",
        "What a method may use besides its problem.",
        ("benchmark.context", "benchmark.decorators"),
    ),
    "spec": ("Specifications", "What a task, a preset, a metric and a method say of themselves.", ("benchmark.spec",)),
    "operators": ("Operators", "The linear operators A of problems.", ("benchmark.operators.*",)),
    "statistics": ("Statistics", "Intervals, tests and ranks.", ("benchmark.statistics.*",)),
    "models": ("Models", "Mixtures and coding rates.", ("benchmark.models.*",)),
    "claims": ("Claims", "What a paper claims, as data.", ("benchmark.claims.paper", "benchmark.claims.rules")),
}


def pages() -> dict[str, str]:
    """Every page of the reference by its path below docs/."""
    tasks, methods = registry.tasks(), registry.methods()
    found = {
        "index.md": index(),
        "commands.md": commands(),
        "metrics.md": metrics(tasks),
        "data.md": data(),
        "database.md": database(),
        "tasks/index.md": task_table(tasks),
        "methods/index.md": method_table(methods),
    }
    found |= {f"tasks/{name}.md": task(entry, methods) for name, entry in tasks.items()}
    for interface in get_args(Interface):
        those = [entry for entry in methods.values() if entry.spec.solves == interface]
        found[f"methods/{interface.lower()}.md"] = method_page(interface, those, tasks)
    found |= {f"python/{name}.md": python(*about) for name, about in PYTHON.items()}
    return {f"reference/{name}": text for name, text in found.items()}


def index() -> str:
    """The first page."""
    return """# Reference

These pages are made from the code each time the site is built.

- [Commands](commands.md): each with its options, as `--help` prints them.
- [Tasks](tasks/index.md): presets, metrics, data, methods that fit.
- [Methods](methods/index.md): hyperparameters, and the values recommended for each preset.
- [Metrics](metrics.md): unit, direction, tolerance.
- [Data and licences](data.md): what each source is, what it is not, and where it comes from.
- [Database](database.md): tables and columns.
- [Python](python/index.md): functions and classes, with shapes and units.
"""


# --- commands -----------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its arguments and options."""
    group = typer.main.get_command(main.app)
    parts = [
        "# Commands",
        "`lowdimbench NAME` is the same as `python -m runners.NAME`. `--help` after each prints what stands here. Exit codes: "
        "0 all done, 1 a job, a check or a reproduction failed, 2 bad input, 130 stopped by Ctrl-C.",
        *_commands(group, "lowdimbench"),
    ]
    return "\n\n".join(parts) + "\n"


def _commands(group: Any, path: str) -> Iterator[str]:
    for name, one in group.commands.items():
        words = f"{path} {name}"
        yield f"## `{words}`"
        yield _plain(one.help or "")
        if hasattr(one, "commands"):
            yield from _commands(one, words)
            continue
        arguments = [each for each in one.params if each.param_type_name == "argument"]
        usage = [words, "[OPTIONS]", *(each.metavar or each.name.upper() for each in arguments)]
        yield f"```console\n{' '.join(usage)}\n```"
        if arguments:
            yield _table(("argument", "meaning"), ((f"`{a.metavar or a.name.upper()}`", _help(a)) for a in arguments))
        options = [each for each in one.params if each.param_type_name == "option" and not getattr(each, "hidden", False)]
        panels = dict.fromkeys(getattr(each, "rich_help_panel", None) or "Options" for each in options)
        for panel in panels:
            those = [each for each in options if (getattr(each, "rich_help_panel", None) or "Options") == panel]
            lines = [(_option(each), _help(each)) for each in those]
            yield _table((panel.lower() if panel == "Options" else panel, "meaning"), lines)
        if one.epilog:
            examples = [line for line in one.epilog.splitlines() if line.startswith(("python", "lowdimbench"))]
            yield "```\n" + "\n".join(examples) + "\n```"


def _option(one: Any) -> str:
    names = " / ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    return names if one.is_flag or not one.metavar else f"{names} `{one.metavar}`"


def _help(one: Any) -> str:
    text = _plain(one.help or "")
    shown = one.show_default if isinstance(one.show_default, str) else one.default
    if one.required:
        return f"{text} Required."
    if callable(shown) or shown in (None, False, "", (), []) or (getattr(one, "is_flag", False) and not one.secondary_opts):
        return text
    if one.secondary_opts:
        shown = (one.opts if one.default else one.secondary_opts)[0]
    return f"{text} Default: `{shown}`."


def _plain(text: str) -> str:
    """Help without the marks of Rich."""
    return re.sub(r"(?<!\\)\[/?(?:bold|dim|italic|b|i)\]", "", text).replace("\\[", "[").strip()


# --- tasks --------------------------------------------------------------------------------------------------------------


def task_table(tasks: Mapping[str, TaskEntry]) -> str:
    """The page of all tasks."""
    lines = [
        (
            f"[`{name}`]({name}.md)",
            e.spec.title,
            e.spec.poses,
            str(len(e.spec.presets)),
            e.spec.primary.name,
            f"`{e.spec.baseline}`",
        )
        for name, e in tasks.items()
    ]
    head = ("task", "title", "poses", "presets", "ranked by", "baseline")
    return f"# Tasks\n\nWhat each one is about: [The tasks](../../explanation/tasks.md).\n\n{_table(head, lines)}\n"


def task(entry: TaskEntry, methods: Mapping[str, MethodEntry]) -> str:
    """The page of one task."""
    spec = entry.spec
    parts = [
        f"# `{spec.name}`",
        f"{spec.title}, version {spec.version}. It poses `{spec.poses}`. Source: {_source(spec.source)}."
        f" Baseline: `{spec.baseline}`."
        + (f" Its problems offer {', '.join(f'`{one}`' for one in spec.offers)}." if spec.offers else ""),
        _docstring(entry),
        "## Presets",
        "The budget is the method's own time for one instance.",
        _table(
            ("preset", "instances", "budget", "what is special", "data"),
            (
                (f"`{name}`", str(one.instances), _seconds(one.budget), _cell(one.about), _data(one))
                for name, one in spec.presets.items()
            ),
        ),
        "Fields of this task's presets, beside those that every preset has:" if _own(spec.presets) else "",
        _fields(spec.presets),
        "## Metrics",
        "The first ranks, unless a preset says otherwise. Tolerance is how far the same run may differ on another machine.",
        _table(
            ("metric", "better", "unit", "range", "tolerance", "meaning"),
            (
                (f"`{m.name}`", m.better, m.unit, _range(m), f"{m.tolerance:g}", _cell(m.description))
                for m in _primary_first(spec.metrics)
            ),
        ),
        *(
            [
                "## Traits",
                "Traits describe an answer. They rank nothing.",
                _table(("trait", "unit", "meaning"), ((f"`{t.name}`", t.unit, _cell(t.description)) for t in spec.traits)),
            ]
            if spec.traits
            else []
        ),
        "## Methods that fit",
        ", ".join(
            f"[`{one.spec.name}`](../methods/{one.spec.solves.lower()}.md#{one.spec.name})"
            for one in methods.values()
            if not one.spec.misfit(spec)
        )
        + ". A preset may lack what a method needs; `--list` and the plan say so.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _range(metric: Metric) -> str:
    """The values that there are, as '0 to 1' or 'from 0'; empty where there is no end."""
    if metric.least is None:
        return "" if metric.most is None else f"to {metric.most:g}"
    return f"from {metric.least:g}" if metric.most is None else f"{metric.least:g} to {metric.most:g}"


def _primary_first(metrics: Sequence[Any]) -> list[Any]:
    return sorted(metrics, key=lambda metric: not metric.primary)


def _own(presets: Mapping[str, Preset]) -> list[str]:
    usual = set(Preset.model_fields)
    return list(dict.fromkeys(name for one in presets.values() for name in type(one).model_fields if name not in usual))


def _fields(presets: Mapping[str, Preset]) -> str:
    """What the presets differ in, a line for each field and a value for each preset; a field with one value says it once."""
    lines = []
    for name in _own(presets):
        values: dict[str, list[str]] = {}
        for preset, one in presets.items():
            if hasattr(one, name):
                values.setdefault(f"`{_value(getattr(one, name))}`", []).append(f"`{preset}`")
        said = "all" if len(values) == 1 else ""
        lines.append((f"`{name}`", "<br>".join(f"{value}: {said or ', '.join(those)}" for value, those in values.items())))
    return _table(("field", "values"), lines) if lines else ""


def _data(preset: Preset) -> str:
    names = (*preset.data, *((preset.prior,) if preset.prior else ()))
    return ", ".join(f"[`{name}`](../data.md#{name})" for name in dict.fromkeys(names)) or "from the seed alone"


def metrics(tasks: Mapping[str, TaskEntry]) -> str:
    """The page of all metrics."""
    lines = [
        (
            f"`{m.name}`",
            f"[`{name}`](tasks/{name}.md)",
            m.better,
            m.unit,
            _range(m),
            f"{m.tolerance:g}",
            _cell(m.description),
        )
        for name, entry in tasks.items()
        for m in entry.spec.metrics
    ]
    about = (
        "`better` says which direction is good; `range`, which values there are; intervals of means do not leave it. "
        "`tolerance` is how far the same run may differ on another machine or with other threads, on one instance, in the "
        "metric's unit; `runners.reproduce` judges by it. Every run also stores `seconds`, `steps` and `memory`."
    )
    head = ("metric", "task", "better", "unit", "range", "tolerance", "meaning")
    return f"# Metrics\n\n{about}\n\n{_table(head, sorted(lines))}\n"


# --- methods ------------------------------------------------------------------------------------------------------------


def method_table(methods: Mapping[str, MethodEntry]) -> str:
    """The page of all methods."""
    lines = [
        (f"[`{name}`]({e.spec.solves.lower()}.md#{name})", _cell(e.spec.summary), e.spec.kind, _source(e.spec.paper))
        for name, e in methods.items()
    ]
    about = "Which one is whose control or rival: [The methods](../../explanation/methods.md)."
    return f"# Methods\n\n{about}\n\n{_table(('method', 'what it is', 'kind', 'source'), lines)}\n"


def method_page(interface: str, methods: Sequence[MethodEntry], tasks: Mapping[str, TaskEntry]) -> str:
    """The methods that solve an interface."""
    parts = [f"# {interface}", f"Methods for problems of the interface [`{interface}`](../python/problems.md)."]
    for entry in sorted(methods, key=lambda each: each.spec.name):
        parts += _method(entry, tasks)
    return "\n\n".join(part for part in parts if part) + "\n"


def _method(entry: MethodEntry, tasks: Mapping[str, TaskEntry]) -> Iterator[str]:
    spec = entry.spec
    fits = [f"[`{name}`](../tasks/{name}.md)" for name, one in tasks.items() if not spec.misfit(one.spec)]
    facts = [f"Kind: {spec.kind}."] + ([f"Source: {_source(spec.paper)}."] if spec.paper else [])
    facts += [f"Needs {', '.join(f'`{need}`' for need in spec.needs)}."] if spec.needs else []
    facts += ["It learns once for all instances of a preset and seed."] if spec.learns is not None else []
    facts += [f"`all` takes it on the presets {', '.join(f'`{one}`' for one in spec.presets)}."] if spec.presets else []
    facts += [f"Fits {', '.join(fits)}."] if fits else []
    yield f"## `{spec.name}` {{ #{spec.name} }}"
    yield " ".join([f"{spec.summary}.", *facts])
    rows = [
        (f"`{name}`", f"`{_kind(field)}`", f"`{_value(field.default)}`") for name, field in spec.parameters.model_fields.items()
    ]
    if rows:
        yield _table(("hyperparameter", "type", "default"), rows)
    places = [
        (f"`{place}`", ", ".join(f"`{key}={_value(value)}`" for key, value in chosen.items()))
        for place, chosen in spec.settings.items()
    ]
    if places:
        yield _table(("on", "recommended"), places)
    spans = [
        (f"`{place}`", ", ".join(f"`{key}={_value(value)}`" for key, value in those.items()))
        for place, those in spec.search.items()
    ]
    if spans:
        yield _table(("on", "sought by runners.tune"), spans)


def _kind(field: Any) -> str:
    names = _names(field.annotation)
    limits = [re.sub(r"\w+\((\w+)=(.+)\)", r"\1 \2", str(one)) for one in field.metadata]
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    words = [f"{signs[name]} {value}" for name, _, value in (limit.partition(" ") for limit in limits) if name in signs]
    return ", ".join([names, *words])


def _names(kind: Any) -> str:
    """A type in the words of its annotation: int, "a" | "b", float | None."""
    if kind is type(None):
        return "None"
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return " | ".join(_names(one) if not isinstance(one, str | int) else json.dumps(one) for one in get_args(kind)) or str(kind)


# --- data, database, Python ---------------------------------------------------------------------------------------------


def data() -> str:
    """What SOURCES.md says of each source, and which presets read it."""
    parts = [
        "# Data and licences",
        "What the suite cannot ship you bring: [Data of your own](../how-to/own-data.md). The Data page of the leaderboard "
        "also has every checksum and every licence in full.",
    ]
    for one in data_sources.known().values():
        parts.append(f"## `{one.name}` {{ #{one.name} }}")
        said = [(name, text) for name, text in one.about.items() if text and name not in ("name", "SHA-256")]
        said += [("how to bring it", one.how)] if one.how else []
        said.append(("where", one.kind))
        tasks = dict.fromkeys(task for task, _ in one.used)
        uses = [f"[`{task}`](tasks/{task}.md): {', '.join(f'`{p}`' for t, p in one.used if t == task)}" for task in tasks]
        said += [("read by", "; ".join(uses))] if uses else []
        parts += ["\n".join(f"- **{name}**: {text}" for name, text in said)]
    return "\n\n".join(parts) + "\n"


def own_sources() -> str:
    """What the user can bring: a heading for each source, with what to get, where to put it, and which presets read it."""
    parts = []
    for one in data_sources.known().values():
        if not one.how:
            continue
        uses: dict[str, list[str]] = {}
        for name, preset in dict.fromkeys(one.used):
            uses.setdefault(name, []).append(f"`{preset}`")
        read = "; ".join(f"[`{name}`](../reference/tasks/{name}.md): {', '.join(those)}" for name, those in uses.items())
        parts.append(f"### `{one.name}`\n\n{one.how[0].upper()}{one.how[1:]}.\n\nRead by {read}.")
    return "\n\n".join(parts)


def database() -> str:
    """The tables as their classes say it."""
    parts = [
        "# Database",
        "How to read it with any tool: [Read the database](../how-to/database.md).",
        f"```sql\n{schema.EXAMPLE}\n```",
    ]
    for one in schema.tables():
        parts += [
            f"## `{one.name}`",
            columns.markdown(one.about),
            _table(("column", "type", "meaning"), ((f"`{n}`", t, _cell(w)) for n, t, w in one.columns)),
        ]
    return "\n\n".join(parts) + "\n"


def python(title: str, about: str, modules: Iterable[str]) -> str:
    """A page that mkdocstrings fills from docstrings."""
    parts = [f"# {title}", about]
    for name in _modules(modules):
        heading = "## " + f"`{name}`"
        names = _public(name)
        if names:
            parts += [heading, *(f"::: {name}.{each}\n    options:\n      heading_level: 3" for each in names)]
    return "\n\n".join(parts) + "\n"


def _modules(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        if not pattern.endswith(".*"):
            yield pattern
            continue
        folder = registry.ROOT / pattern.removesuffix(".*").replace(".", "/")
        yield from (pattern.removesuffix("*") + file.stem for file in sorted(folder.glob("[!_]*.py")))


def _public(module: str) -> list[str]:
    """The functions and classes that a module defines, with a docstring and without _."""
    tree = ast.parse((registry.ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_") and ast.get_docstring(n)]


# --- words --------------------------------------------------------------------------------------------------------------


def _docstring(entry: TaskEntry | MethodEntry) -> str:
    """The docstring of a file, which has formulas in columns: as it is."""
    text = ast.get_docstring(ast.parse(entry.file.read_text(encoding="utf-8"))) or ""
    return f"```text\n{text}\n```" if text else ""


def _source(text: str) -> str:
    kind, _, number = text.partition(":")
    if kind == "arXiv" or re.fullmatch(r"\d{4}\.\d{4,5}", text):
        number = number or text
        return f"[arXiv:{number}](https://arxiv.org/abs/{number})"
    return f"[doi:{number}]({_DOI}{number})" if kind == "doi" else _cell(text)


def _seconds(value: float) -> str:
    return f"{value:g} s"


def _value(value: Any) -> str:
    return str(value) if isinstance(value, str) and value else json.dumps(value, default=str)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells may hold code; a bar in code would end the cell."""
    lines = [head, ["---"] * len(head), *([re.sub(r"(?<!\\)\|", r"\|", cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PARTS = {"sources": own_sources}  # of pages that are otherwise written by hand
