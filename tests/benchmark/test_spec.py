import pytest
from pydantic import ValidationError

from benchmark import registry
from benchmark.spec import Count, MethodSpec, Metric, Preset, RunKey, TaskSpec, Trait, duration, parameter_model


def task_spec(**changes):
    fields = {
        "name": "toy",
        "version": 1,
        "title": "Toy",
        "poses": "LinearInverse",
        "baseline": "zero_filled",
        "source": "none",
        "metrics": (Metric(name="psnr", better="higher", primary=True, description="d"),),
        "presets": {name: Preset(instances=1, budget=1) for name in ("tiny", "small", "full")},
    }
    return TaskSpec(**{**fields, **changes})


def test_specs_are_frozen_strict_and_closed():
    spec = task_spec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "other"
    with pytest.raises(ValidationError, match="extra"):
        task_spec(colour="red")
    with pytest.raises(ValidationError, match="int"):
        Preset(instances="3", budget=1)
    with pytest.raises(ValidationError, match="greater"):
        Preset(instances=0, budget=1)


def test_a_task_has_one_primary_metric_and_three_presets():
    two = tuple(Metric(name=n, better="higher", primary=True, description="d") for n in ("a", "b"))
    with pytest.raises(ValidationError, match="exactly one metric is primary"):
        task_spec(metrics=two)
    with pytest.raises(ValidationError, match="full is missing"):
        task_spec(presets={name: Preset(instances=1, budget=1) for name in ("tiny", "small")})
    with pytest.raises(ValidationError, match="reserved"):
        task_spec(metrics=(Metric(name="seconds", better="lower", primary=True, description="d"),))


METRICS = tuple(Metric(name=n, better="lower", primary=n == "b", levels=(-2.0, -4.0), description=n) for n in ("a", "b", "c"))


def presets(**metrics):
    return {name: Preset(instances=1, budget=1, metrics=metrics.get(name, ())) for name in ("tiny", "small", "full")}


def test_a_preset_has_the_metrics_that_it_names_and_the_first_of_them_ranks():
    spec = task_spec(metrics=METRICS, presets=presets(small=("c", "a"), full=("b",)))
    assert spec.at("tiny") == spec
    small, full = spec.at("small"), spec.at("full")
    assert [(m.name, m.primary, m.levels) for m in small.metrics] == [("c", True, (-2.0, -4.0)), ("a", False, (-2.0, -4.0))]
    assert small.primary.name == "c"
    assert [m.name for m in full.metrics] == ["b"]
    assert small.at("small") == small
    assert (small.name, small.version, small.presets) == (spec.name, spec.version, spec.presets)
    assert spec.primary.name == "b"
    assert Metric(name="a", better="lower", description="a").levels == ()


@pytest.mark.parametrize(
    ("names", "message"),
    [(("a", "d"), "preset small scores d, which is no metric"), (("a", "c", "a"), "preset small .*a")],
)
def test_a_preset_scores_metrics_of_the_task_and_each_once(names, message):
    with pytest.raises(ValidationError, match=message):
        task_spec(metrics=METRICS, presets=presets(small=names))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("45", 45), ("1.5m", 90)])
def test_duration(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3s", "0", "ten", "3d", "inf", "nan"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


def test_parameter_model_is_strict():
    model = parameter_model("toy", {"steps": (Count, 3), "lr": (float, 0.1)})
    assert model().model_dump() == {"steps": 3, "lr": 0.1}
    for bad in ({"steps": "3"}, {"steps": 0}, {"steps": 2.0}, {"lr": "x"}, {"other": 1}):
        with pytest.raises(ValidationError):
            model(**bad)


def test_run_key_depends_on_everything_and_on_nothing_else():
    base = {
        "task": "mri",
        "version": 1,
        "preset": "small",
        "method": "dip",
        "parameters": {"lr": 0.1, "steps": 3},
        "seed": 0,
        "source": "s",
        "data": "d",
    }
    digest = RunKey(**base).digest
    assert RunKey(**{**base, "parameters": {"steps": 3, "lr": 0.1}}).digest == digest
    others = {"task": "mc", "version": 2, "preset": "tiny", "method": "tv", "parameters": {"lr": 0.2, "steps": 3}}
    others |= {"seed": 1, "source": "t", "data": "e"}
    assert others.keys() == base.keys()
    for name, value in others.items():
        assert RunKey(**{**base, name: value}).digest != digest


def method_spec(**changes):
    """A method of three hyperparameters, 0 by default."""
    numbers = parameter_model("toy", dict.fromkeys(("lr", "pull", "steps"), (int, 0)))
    facts = {"name": "toy", "solves": "LinearInverse", "kind": "test", "paper": "", "summary": "", "parameters": numbers}
    return MethodSpec(**{**facts, **changes})


def test_a_method_fits_a_task_that_poses_what_it_solves_and_offers_what_it_needs():
    some, none = task_spec(offers=("image", "training")), task_spec()
    for spec in (method_spec(), method_spec(needs=("image",)), method_spec(learns=("steps",)), method_spec(learns=())):
        assert spec.misfit(some) == ""
    assert method_spec().misfit(none) == ""
    assert method_spec(needs=("image",)).misfit(none) == "toy needs image, which toy does not offer"
    assert method_spec(learns=()).misfit(none, "toy/tiny") == "toy needs training, which toy/tiny does not offer"
    assert method_spec(solves="Completion").misfit(some) == "toy solves Completion, but toy poses LinearInverse"


@pytest.mark.parametrize(("kind", "offered"), [("pictures", "prior"), ("latents", "latents"), ("jumps", "jumps")])
def test_a_preset_offers_the_kind_of_prior_that_it_holds_and_a_method_may_take_several(kind, offered):
    sizes = presets() | {"small": Preset(instances=1, budget=1, prior="some", prior_of=kind)}
    spec = task_spec(presets=sizes, offers=("image", "prior"))
    some, none = spec.at("small"), spec.at("tiny")
    assert (some.offers, none.offers) == (("image", offered), ("image",))
    assert method_spec(needs=("prior|latents|jumps",)).misfit(some) == ""
    assert (method_spec(needs=("prior",)).misfit(some) == "") is (kind == "pictures")
    assert (method_spec(needs=("image", "latents|jumps")).misfit(some) == "") is (kind != "pictures")
    assert (
        method_spec(needs=("latents|jumps", "mask")).misfit(none)
        == "toy needs latents or jumps, and mask, which toy does not offer"
    )
    assert method_spec(needs=("image", "latents|jumps")).takes_priors
    assert not method_spec(needs=("image",)).takes_priors


def test_a_method_needs_what_tasks_can_offer():
    with pytest.raises(ValidationError, match="picture is nothing that a task offers"):
        method_spec(needs=("prior|picture",))


def resolved(settings, place="mri/small", **given):
    """What a method takes at a place."""
    found = method_spec(settings=settings).resolve(*place.split("/"), given)
    return found["lr"], found["pull"], found["steps"]


def test_settings_of_a_preset_win_over_the_tasks_and_what_is_given_over_both():
    for order in (1, -1):  # the order in which they are written decides nothing
        settings = dict([("mri", {"lr": 1, "pull": 1, "steps": 1}), ("mri/small", {"lr": 2, "pull": 2})][::order])
        assert resolved(settings) == (2, 2, 1)
        assert resolved(settings, lr=3) == (3, 2, 1)
        assert resolved(settings, "mri/tiny") == (1, 1, 1)
        assert resolved(settings, "mc/small") == (0, 0, 0)


def test_of_two_patterns_that_mean_a_preset_the_later_wins_and_those_of_tasks_stay_theirs():
    assert resolved({"*/small*": {"lr": 1, "pull": 1}, "mri/*": {"lr": 2}}) == (2, 1, 0)
    assert resolved({"mri/*": {"lr": 2}, "*/small*": {"lr": 1}}) == (1, 0, 0)
    assert resolved({"mri/small": {"lr": 1}, "m*": {"lr": 2, "pull": 2}}) == (1, 2, 0)


def test_a_preset_offers_what_it_does_not_lack_and_may_have_a_baseline_of_its_own():
    sizes = presets() | {"small": Preset(instances=1, budget=1, lacks=("coils",), baseline="other")}
    spec = task_spec(presets=sizes, offers=("image", "coils"))
    assert (spec.at("tiny").offers, spec.at("tiny").baseline) == (("image", "coils"), "zero_filled")
    assert (spec.at("small").offers, spec.at("small").baseline) == (("image",), "other")


def test_a_preset_may_say_what_it_lacks_by_what_its_fields_say():
    class Odd(Preset):
        odd: bool = False

        @property
        def lacks_besides(self):
            return ("coils",) if self.odd else ()

    sizes = presets() | {"small": Odd(instances=1, budget=1, odd=True), "full": Odd(instances=1, budget=1)}
    spec = task_spec(presets=sizes, offers=("image", "coils"))
    assert [spec.at(name).offers for name in sizes] == [("image", "coils"), ("image",), ("image", "coils")]


def test_a_method_says_on_which_presets_it_is_not_too_long():
    spec = registry.get_method("unet_diffusion").spec
    assert spec.too_long("tiny") == spec.too_long("full_transition") == ""
    assert spec.too_long("small").startswith("unet_diffusion is for the presets tiny, full*; ")
    assert registry.get_method("pca").spec.too_long("small") == ""


def test_traits_are_beside_the_metrics_and_no_part_of_a_specification_without_them():
    trait = Trait(name="spread", description="d")
    assert task_spec(traits=(trait,)).model_dump()["traits"][0]["name"] == "spread"
    assert "traits" not in task_spec().model_dump()
    with pytest.raises(ValidationError, match="names repeat"):
        task_spec(traits=(Trait(name="psnr", description="d"),))
    presets = {name: Preset(instances=1, budget=1, metrics=("psnr", "spread")) for name in ("tiny", "small", "full")}
    with pytest.raises(ValidationError, match="preset tiny scores spread, which is no metric"):
        task_spec(traits=(trait,), presets=presets)


def test_a_metric_has_a_range_that_is_not_empty_or_none():
    given = {"name": "accuracy", "better": "higher", "description": "share"}
    assert "least" not in Metric(**given).model_dump()
    assert Metric(**given, least=0.0, most=1.0).model_dump()["most"] == 1.0
    with pytest.raises(ValidationError, match="the range of accuracy is empty: from 1 to 1"):
        Metric(**given, least=1.0, most=1.0)
