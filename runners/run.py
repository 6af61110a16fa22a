"""Run methods on tasks:  python -m runners.run --task mri --method self_guided_dip

Names are checked and jobs planned in this process. Each job runs in a process of its own. Results are committed after each
instance. `--help` and `--list` import no database and no torch: what a run needs is imported in `main`.
"""

import sys

import typer

from runners import options
from runners.cli import run_app, terminal

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = terminal()

EXAMPLES = (
    "python -m runners.run --task mri --method self_guided_dip",
    "python -m runners.run --task mri --method all --seeds 3 --jobs 2",
    "python -m runners.run --task 'm*' --method kind:classical --method paper:2402.04097 --dry-run",
    "python -m runners.run --task mri --method dip --grid lr=1e-3,3e-3 --seeds 2",
)
EPILOG = "\n\n".join(["Examples (each can be pasted):", *EXAMPLES])


@app.command(epilog=EPILOG)
def main(
    task: options.Tasks = None,
    method: options.Methods = None,
    preset: options.Presets = None,
    seeds: options.Seeds = None,
    set_: options.Settings = None,
    grid: options.Grid = None,
    on_test: options.OnTest = False,
    no_baseline: options.NoBaseline = False,
    plan_file: options.PlanFile = None,
    device: options.Device = "auto",
    jobs: options.Jobs = 0,
    threads: options.Threads = 0,
    timeout: options.Timeout = None,
    memory_limit: options.Memory = None,
    apart: options.Apart = False,
    engine: options.Engine = "local",
    address: options.Address = None,
    gpus: options.Gpus = None,
    ship: options.Ship = False,
    partition: options.Partition = None,
    slurm: options.Slurm = None,
    nodes: options.Nodes = None,
    force: options.Force = False,
    keep_going: options.KeepGoing = True,
    count_truncated: options.CountTruncated = False,
    db: options.Database = None,
    data_dir: options.DataDir = None,
    source: options.Sources = None,
    backbone: options.Backbone = None,
    include: options.Include = None,
    dry_run: options.DryRun = False,
    list_: options.List = False,
) -> None:
    """Run methods on tasks and store every score."""
    from benchmark import registry

    registry.include(include or ())
    if list_:
        from runners.listing import print_list

        print_list(console, task, method)
        return
    from runners import running
    from runners.parse import parse_slurm, parse_sources
    from runners.start import How

    if plan_file is not None:
        mixed = {"task": task, "method": method, "set": set_, "grid": grid, "seeds": seeds, "preset": preset}
        flags = {"on-test": on_test, "no-baseline": no_baseline}
        requests = running.requests_of_file(plan_file, timeout, mixed | {name: name for name, given in flags.items() if given})
    else:
        given = {
            "preset": preset or "small",
            "seeds": seeds,
            "on_test": on_test,
            "baseline": not no_baseline,
            "timeout": timeout,
        }
        requests = [running.request_of_options(task, method, set_, grid, given)]
    sources = parse_sources([*(source or ()), *([f"backbone={backbone}"] if backbone is not None else ())])
    cores = (jobs or None, threads or None)
    of_ray = {"address": address, "gpus": gpus, "ship": ship}
    of_slurm = {"partition": partition, "slurm": parse_slurm(slurm or ()), "gpus": gpus}
    afar = running.engine_options(engine, {"ray": of_ray, "slurm": of_slurm})
    if engine == "slurm":
        afar["command"] = tuple(sys.argv[1:])
    how = How(device, *cores, memory_limit, data_dir, sources, force, not keep_going, apart, engine, afar)
    running.carry_out(console, requests, how, db, dry_run, count_truncated, nodes)


if __name__ == "__main__":
    run_app(app)
