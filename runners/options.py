"""The options of `run`, each declared once: what it is called, how it is completed and what its help says."""

from pathlib import Path
from typing import Annotated

import typer

from runners import cli, completion

_WHAT, _HOW, _WHERE, _WHETHER = "What to run", "How to run it", "Where things are", "Only look"

Tasks = Annotated[
    list[str] | None,
    typer.Option(
        "--task",
        metavar="NAME",
        autocompletion=completion.tasks,
        rich_help_panel=_WHAT,
        help="Task: a name, a glob ('m*'), a tag (paper:2402.04097, poses:LinearInverse) or all. Repeatable.",
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        metavar="NAME",
        autocompletion=completion.methods,
        rich_help_panel=_WHAT,
        help="Method: a name, a glob ('*dip'), a tag (kind:baseline, paper:2402.04097) or all. Repeatable.",
    ),
]
Preset = Annotated[
    str,
    typer.Option(
        "--preset", metavar="NAME", autocompletion=completion.presets, rich_help_panel=_WHAT, help="Size of the task."
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="SEEDS",
        rich_help_panel=_WHAT,
        show_default="1",
        help="A count (3) or a list (0,4,7); 1000 and more draw tuning data: 1000,",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        autocompletion=completion.parameters,
        rich_help_panel=_WHAT,
        help="A hyperparameter. Repeatable.",
    ),
]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="NAME=V1,V2",
        autocompletion=completion.parameters,
        rich_help_panel=_WHAT,
        help="A parameter study: every combination, on tuning data. Repeatable.",
    ),
]
OnTest = Annotated[
    bool, typer.Option("--on-test", rich_help_panel=_WHAT, help="Let --grid use test data; its rows are marked.")
]
NoBaseline = Annotated[bool, typer.Option("--no-baseline", rich_help_panel=_WHAT, help="Do not add the task's baseline.")]
PlanFile = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", rich_help_panel=_WHAT, help="Run what a YAML or TOML file lists."),
]

Device = Annotated[str, typer.Option("--device", metavar="DEVICE", rich_help_panel=_HOW, help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, rich_help_panel=_HOW, help="Jobs side by side.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", metavar="N", min=1, rich_help_panel=_HOW, help="CPU threads of a job.", show_default="cores / jobs"
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", rich_help_panel=_HOW, help="Kill a job after this long: 90s, 10m, 2h; never."),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        rich_help_panel=_HOW,
        help="Kill a job that uses more: 4G.",
        show_default="90 % of the machine / jobs",
    ),
]
Force = Annotated[bool, typer.Option("--force", rich_help_panel=_HOW, help="Run again what is done already.")]
KeepGoing = Annotated[
    bool,
    typer.Option("--keep-going/--fail-fast", rich_help_panel=_HOW, help="After a failure: go on, or stop everything."),
]

Database = Annotated[str | None, cli.option(cli.DATABASE, _WHERE)]
DataDir = Annotated[Path | None, cli.option(cli.DATA_DIR, _WHERE)]
Sources = Annotated[list[str] | None, cli.option(cli.SOURCES, _WHERE)]
Backbone = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        metavar="NAME",
        rich_help_panel=_WHERE,
        help="The same as --source backbone=NAME: an encoder of yours, a folder or a name on the hub.",
    ),
]
Include = Annotated[list[Path] | None, cli.option(cli.INCLUDE, _WHERE)]

DryRun = Annotated[
    bool, typer.Option("--dry-run", rich_help_panel=_WHETHER, help="Print the plan, with the time expected, and stop.")
]
List = Annotated[bool, typer.Option("--list", rich_help_panel=_WHETHER, help="List tasks, presets and methods, and stop.")]
