"""What the command prints before it runs anything: what the plan holds."""

import math
from collections.abc import Sequence

from rich.console import Console

from benchmark.environment import cores
from benchmark.store.queries import difference
from runners import expect
from runners.expect import Seconds, spell
from runners.listing import say
from runners.load import reference_digests
from runners.plan import Job, Plan
from runners.start import How


def print_plan(console: Console, plan: Plan, times: Seconds, how: How, nodes: int | None = None) -> None:
    """Prints what will run and how long that took before, what is done already, and everything that was left out or added.

    nodes: the time is that of so many, with their part of how.jobs each, else as many jobs as this machine has cores for.
    """
    for note in plan.notes:
        say(console, note)
    jobs = [job for job in plan.jobs if job.todo]
    say(console, f"{len(plan.jobs)} jobs: {len(plan.jobs) - len(jobs)} done already, {len(jobs)} to run")
    for job in jobs:
        seconds = expect.expected(job, times)
        time = "run time unknown" if seconds is None else f"about {spell(seconds)}"
        changed = difference(job.key.method, job.key.task, job.key.preset, job.key.parameters)
        limit = f"time limit {spell(job.timeout)}" if job.timeout < math.inf else "no time limit"
        mark = ", a study on test data: its rows are marked" if job.on_test else ""
        say(
            console,
            f"  {job.name}{changed}: {len(job.todo)} of {job.preset.instances} instances, {time}, {limit}{mark}",
        )
    if jobs:
        at_once, threads = how.jobs or 1, how.threads or 1
        many = "as many jobs" if how.afar and not how.jobs else f"{at_once} {'jobs' if at_once > 1 else 'job'}"
        where = f" as {how.engine} has room for" if how.afar and not how.jobs else f" on {how.engine}" if how.afar else ""
        say(
            console,
            f"{many} at a time{where}, {threads} {'threads' if threads > 1 else 'thread'} each",
        )
        say(console, f"expected time{_expected(jobs, times, how, nodes)}")


def _expected(jobs: Sequence[Job], times: Seconds, how: How, nodes: int | None) -> str:
    """': about 12 min by earlier runs', with the nodes that it holds for. No plan is shorter than its longest job."""
    at_once, on, more = how.jobs or 1, "", ""
    if nodes is not None:
        each = math.ceil(how.jobs / nodes) if how.jobs else max(1, cores() // (how.threads or 1))
        at_once = how.jobs or nodes * each
        on = f" on {_count(nodes, 'node')} {'' if how.jobs else 'like this machine '}of {_count(each, 'job')}"
    elif how.afar and not how.jobs:
        more = " for one job after the other; --dry-run --nodes N says it for N nodes"
    elif at_once > 1:
        more = f", {at_once} jobs at a time"
    seconds, unknown = expect.total(jobs, times, at_once)
    if unknown == len(jobs):
        return f"{on}: not known: no earlier runs"
    if nodes is not None and len(jobs) > 1 and seconds == expect.total(jobs, times, len(jobs))[0]:
        more = ", as long as the longest job"
    rest = f", and {_count(unknown, 'job')} without an earlier run" if unknown else ""
    return f"{on}: about {spell(seconds)} by earlier runs{more}{rest}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def print_reference(console: Console, plan: Plan) -> None:
    """Prints how many jobs came with the suite as results of just this code, data and parameters. It prints nothing where none
    could have.
    """
    known = reference_digests((task.spec.name, preset) for task, preset in plan.presets)
    if known:
        current = sum(job.key.digest in set().union(*known.values()) for job in plan.jobs)
        say(console, f"{current} of {len(plan.jobs)} jobs have a reference result of the present code")
