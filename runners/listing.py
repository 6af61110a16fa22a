"""What there is: tasks, presets, methods and hyperparameters. `--list` waits for this module, so it imports no database."""

import textwrap
from collections.abc import Sequence

from rich.console import Console

from benchmark import registry
from runners.select import method_tags, select, task_tags


def print_list(console: Console, tasks: Sequence[str] | None = None, methods: Sequence[str] | None = None) -> None:
    """Prints a line for each task and each method, and what was left out; of those that are named also presets and
    hyperparameters.

    Where only tasks or only methods are chosen, it prints of the others those that fit. Raises UserError for unknown names.
    """
    chosen = select("task", tasks or ["all"], registry.tasks(), task_tags)
    found = select("method", methods or ["all"], registry.methods(), method_tags)
    if methods and not tasks:
        chosen = [task for task in chosen if any(not method.spec.misfit(task.spec) for method in found)]
    if tasks and not methods:
        found = [method for method in found if any(not method.spec.misfit(task.spec) for task in chosen)]
    for task in chosen:
        spec = task.spec
        offers = f", offers {', '.join(spec.offers)}" if spec.offers else ""
        say(console, f"task   {spec.name}  v{spec.version}  {spec.title}; poses {spec.poses}{offers}")
        if not tasks:
            say(console, f"         presets {', '.join(spec.presets)}")
        for name, size in spec.presets.items() if tasks else ():
            say(console, f"         {name}: {size.instances} instances, {size.about}")
    for method in found:
        about = method.spec
        needs = f", needs {', '.join(about.needs).replace('|', ' or ')}" if about.needs else ""
        say(console, f"method {about.name}  ({about.kind})  {about.summary}; solves {about.solves}{needs}")
        defaults = (f"{name}={field.default}" for name, field in about.parameters.model_fields.items())
        if methods and (line := ", ".join(defaults)):
            say(console, f"         {line}")
    for line in registry.problems():
        console.print(line, highlight=False, markup=False, soft_wrap=True)  # whole, for who searches the output
    if not tasks and not methods:
        say(console, "--list --task NAME shows its presets and what fits it, --list --method NAME its hyperparameters")


def say(console: Console, text: str) -> None:
    """Prints a line. A terminal that is too narrow for it gets several, with whole words, indented after the first."""
    lines = [text]
    if not console.soft_wrap:
        further = " " * (len(text) - len(text.lstrip()) + 9)
        lines = textwrap.wrap(text, console.width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
