"""What the shell may offer after an option: names of tasks, methods, presets and hyperparameters.

Every command imports this module for its options, so each function imports what it reads. Nothing here imports torch.
"""

from collections.abc import Iterable, Iterator

import typer

Offer = tuple[str, str]  # the word and its explanation


def tasks(incomplete: str) -> list[Offer]:
    """The tasks, `all`, and tags."""
    from benchmark import registry
    from runners.select import task_tags

    names = [("all", "every task"), *((name, entry.spec.title) for name, entry in registry.tasks().items())]
    tags = {f"{sort}:{value}" for entry in registry.tasks().values() for sort, vs in task_tags(entry).items() for value in vs}
    return _starting(incomplete, [*names, *_tagged(incomplete, tags)])


def methods(incomplete: str) -> list[Offer]:
    """The methods, `all`, and tags."""
    from benchmark import registry
    from runners.select import method_tags

    names = [("all", "every method that fits"), *((name, entry.spec.summary) for name, entry in registry.methods().items())]
    entries = registry.methods().values()
    tags = {f"{sort}:{value}" for entry in entries for sort, values in method_tags(entry).items() for value in values}
    return _starting(incomplete, [*names, *_tagged(incomplete, tags)])


def presets(context: typer.Context, incomplete: str) -> list[Offer]:
    """The presets of the tasks that were named so far, or of all."""
    from benchmark import registry

    named = context.params.get("task") or ()
    chosen = [entry for name, entry in registry.tasks().items() if name in named] or list(registry.tasks().values())
    found = {name: size.about for entry in chosen for name, size in entry.spec.presets.items()}
    return _starting(incomplete, found.items())


def parameters(context: typer.Context, incomplete: str) -> list[Offer]:
    """The hyperparameters of the methods that were named so far, or of all, each with its '='."""
    from benchmark import registry

    named = context.params.get("method") or ()
    chosen = [entry for name, entry in registry.methods().items() if name in named] or list(registry.methods().values())
    found = {
        f"{name}=": f"default {field.default}" for entry in chosen for name, field in entry.spec.parameters.model_fields.items()
    }
    return _starting(incomplete, sorted(found.items()))


def sources(incomplete: str) -> list[Offer]:
    """The sources that a user brings, each with its '='."""
    from benchmark.datasets.sources import user_sources

    return _starting(incomplete, [(f"{name}=", source.how) for name, source in user_sources().items()])


def engines(incomplete: str) -> list[Offer]:
    """The engines, places where jobs run."""
    from runners.engines import ENGINES

    return _starting(incomplete, [(name, "") for name in ENGINES])


def interfaces(incomplete: str) -> list[Offer]:
    """The interfaces that tasks pose."""
    from benchmark import registry

    found = {entry.spec.poses: "" for entry in registry.tasks().values()}
    return _starting(incomplete, found.items())


def _tagged(incomplete: str, tags: Iterable[str]) -> Iterator[Offer]:
    """The tags, but only once their sort is typed: before that they would bury the names."""
    return ((tag, "") for tag in sorted(tags) if ":" in incomplete)


def _starting(incomplete: str, offers: Iterable[Offer]) -> list[Offer]:
    return [(word, about) for word, about in offers if word.startswith(incomplete)]
