"""The options of `run`, each declared once: what it is called, how it is completed and what its help says."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from runners import cli, completion

_WHERE = "Where things are"
_what = partial(typer.Option, rich_help_panel="What to run")
_how = partial(typer.Option, rich_help_panel="How to run it")
_where = partial(typer.Option, rich_help_panel=_WHERE)
_whether = partial(typer.Option, rich_help_panel="Only look")

Tasks = Annotated[
    list[str] | None,
    _what(
        "--task",
        metavar="NAME",
        autocompletion=completion.tasks,
        help="Task: a name, a glob ('m*'), a tag (paper:2402.04097, poses:LinearInverse) or all. Repeatable.",
    ),
]
Methods = Annotated[
    list[str] | None,
    _what(
        "--method",
        metavar="NAME",
        autocompletion=completion.methods,
        help="Method: a name, a glob ('*dip'), a tag (kind:baseline, paper:2402.04097) or all. Repeatable.",
    ),
]
Preset = Annotated[str, _what("--preset", metavar="NAME", autocompletion=completion.presets, help="Size of the task.")]
Presets = Annotated[
    list[str] | None,
    _what(
        "--preset",
        metavar="NAME",
        autocompletion=completion.presets,
        show_default="small",
        help="Size of the task: a name or a glob ('small*'). Repeatable.",
    ),
]
Seeds = Annotated[
    str | None,
    _what(
        "--seeds",
        metavar="SEEDS",
        show_default="1",
        help="A count (3) or a list (0,4,7; of one seed: 0,). Seeds from 1000 on draw tuning data.",
    ),
]
Settings = Annotated[
    list[str] | None,
    _what("--set", metavar="NAME=VALUE", autocompletion=completion.parameters, help="A hyperparameter. Repeatable."),
]
Grid = Annotated[
    list[str] | None,
    _what(
        "--grid",
        metavar="NAME=V1,V2",
        autocompletion=completion.parameters,
        help="A parameter study: every combination, on tuning data. Repeatable.",
    ),
]
OnTest = Annotated[bool, _what("--on-test", help="Let --grid use test data; its rows are marked.")]
NoBaseline = Annotated[bool, _what("--no-baseline", help="Do not add the task's baseline.")]
PlanFile = Annotated[Path | None, _what("--plan", metavar="FILE", help="Run what a YAML or TOML file lists.")]

_cluster = partial(typer.Option, rich_help_panel="On other machines")
Engine = Annotated[
    str,
    _cluster(
        "--engine",
        metavar="NAME",
        autocompletion=completion.engines,
        help="Where jobs run: local, or a cluster by ray or slurm.",
    ),
]
Address = Annotated[
    str | None,
    _cluster(
        "--address",
        metavar="HOST:PORT",
        help="The head of a Ray cluster.",
        show_default="this machine's cluster, else one that is started here",
    ),
]
Gpus = Annotated[
    float | None,
    _cluster(
        "--gpus",
        metavar="N",
        min=0.01,
        help="GPUs of one job on a cluster: 1, or a part such as 0.25.",
        show_default="1 where it uses one",
    ),
]
Partition = Annotated[str | None, _cluster("--partition", metavar="NAME", help="The SLURM partition.")]
Slurm = Annotated[
    list[str] | None,
    _cluster("--slurm", metavar="NAME=VALUE", help="A long option of sbatch, such as time=240 (minutes). Repeatable."),
]
Ship = Annotated[bool, _cluster("--ship", help="Send this tree's code to the nodes of a Ray cluster.")]

Nodes = Annotated[
    int | None,
    _cluster(
        "--nodes",
        metavar="N",
        min=1,
        max=9999,
        help="With --dry-run: the time expected on N nodes, each with its part of --jobs.",
    ),
]

Device = Annotated[str, _how("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")]


def _auto_or_count(text: str | int) -> int:
    """The number that the text means. It is 0 for auto, which is the default."""
    if text in ("auto", 0):
        return 0
    if not re.fullmatch(r"0*[1-9][0-9]{0,3}", str(text), re.ASCII):
        raise typer.BadParameter(f"'{text}' is neither auto nor a number from 1 to 9999")
    return int(text)


_auto = partial(_how, metavar="N", parser=_auto_or_count, show_default="auto")
Jobs = Annotated[int, _auto("--jobs", help="Jobs side by side; auto: by the jobs' length and the cores that are free.")]
Threads = Annotated[int, _auto("--threads", help="CPU threads of a job; auto: the cores, shared by the jobs.")]
Timeout = Annotated[str | None, _how("--timeout", metavar="TIME", help="Time limit of a job: 90s, 10m, 2h or never.")]
Memory = Annotated[
    str | None,
    _how("--memory", metavar="SIZE", help="Memory limit of a job: 4G.", show_default="90 % of the machine / jobs"),
]
Force = Annotated[bool, _how("--force", help="Run again what is done already.")]
Apart = Annotated[bool, _how("--apart", help="Score in a process that never loads the method, as for submitted code.")]
KeepGoing = Annotated[bool, _how("--keep-going/--fail-fast", help="After a failure: go on, or stop everything.")]

Database = Annotated[str | None, cli.option(cli.DATABASE, _WHERE)]
DataDir = Annotated[Path | None, cli.option(cli.DATA_DIR, _WHERE)]
Sources = Annotated[list[str] | None, cli.option(cli.SOURCES, _WHERE)]
Backbone = Annotated[
    str | None,
    _where(
        "--backbone",
        metavar="NAME",
        help="The same as --source backbone=NAME: an encoder of yours, a folder or a name on the hub.",
    ),
]
Include = Annotated[list[Path] | None, cli.option(cli.INCLUDE, _WHERE)]

CountTruncated = Annotated[
    bool, _how("--count-truncated", help="Rank rows whose time budget ended them, by the scores that they have.")
]
DryRun = Annotated[bool, _whether("--dry-run", help="Print the plan, with the time expected, and stop.")]
List = Annotated[bool, _whether("--list", help="List tasks, presets and methods, and stop.")]
