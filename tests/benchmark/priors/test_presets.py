from benchmark import registry
from benchmark.datasets.sources import SOURCES, Model
from benchmark.priors.folder import load
from benchmark.priors.latent import LatentPrior


def test_presets_say_what_their_priors_are() -> None:
    """What a preset offers is what it holds, for every prior that is shipped."""
    held = {
        (size.prior, size.prior_of)
        for task in registry.tasks().values()
        for size in task.spec.presets.values()
        if isinstance(SOURCES.get(size.prior), Model)
    }
    assert held
    for name, kind in held:
        model = SOURCES[name]
        assert isinstance(model, Model)
        found = load(model.checked())
        is_of = "latents" if isinstance(found, LatentPrior) else "jumps" if getattr(found, "jumps", False) else "pictures"
        assert is_of == kind, name
