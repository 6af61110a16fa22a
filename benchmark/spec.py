"""What a task, a method and a run are, as frozen Pydantic models. Imports no torch: the command line reads these alone."""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from itertools import product
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializeAsAny, create_model, model_validator

from benchmark import search as searching

Interface = Literal[
    "LinearInverse",
    "NonlinearInverse",
    "Completion",
    "FewShot",
    "Retrieval",
    "Representation",
    "Distribution",
    "Editing",
    "Jacobian",
]
# What a method for an interface solves beside it, because its problems are a case of that interface's.
_CASES: dict[str, tuple[Interface, ...]] = {"NonlinearInverse": ("LinearInverse",)}
# What a problem may hold beyond its interface, named by the tasks that offer it and the methods that need it.
# image: x is one picture, real (C, H, W) or complex (H, W); range: its values lie in `value_range`; references: pictures of
# similar content beside the measurements. What the operator is: coils: it has A.maps; direct: A = I; mask: it has A.mask;
# kernel: A.kernel; scale: A.factor; magnitude: A is a FourierMagnitude. Of matrices: symmetric: positive semidefinite; above:
# what is not seen is at most problem.above; uniform: what is seen was chosen at random. spectrum: x is a stack of spectra
# (B, n) and A.matrix is known; training: it has data that a method may learn from (`Task.training`). samples: labels come
# with what they are labels of. prior: on presets that name one, it has a diffusion prior, problem.prior; latents, jumps: there
# it is one of latents, or a consistency model. exact: its x is drawn from that prior itself. svd: the singular values of A are
# known. told: numbers that tell the prior what the pictures show, and what is wanted; others: pictures to which an edit of the
# first is taken.
Feature = Literal[
    "image",
    "range",
    "references",
    "coils",
    "direct",
    "mask",
    "kernel",
    "scale",
    "magnitude",
    "symmetric",
    "above",
    "uniform",
    "spectrum",
    "training",
    "samples",
    "prior",
    "latents",
    "jumps",
    "exact",
    "svd",
    "told",
    "others",
]
# What a preset's prior is of, and what it offers then.
PRIORS: dict[str, Feature] = {"pictures": "prior", "latents": "latents", "jumps": "jumps"}


def _alternatives(need: str) -> str:
    if unknown := set(need.split("|")) - set(get_args(Feature)):
        raise ValueError(f"{', '.join(sorted(unknown))} is nothing that a task offers")
    return need


Need = Annotated[str, AfterValidator(_alternatives)]  # a feature, or several of which one will do: "prior|latents"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

# The types of hyperparameters: a method's keyword-only arguments are annotated with these, int, float, bool, str or Literal.
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
# What another run kept, by its SHA-256; on the command line RUN or RUN:INSTANCE.
KEPT = r"^[0-9a-f]{64}$"
Kept = Annotated[str, Field(pattern=KEPT)]

# The name of what is kept of a method that called a prior: pictures sent through it, gradients drawn back.
CALLS = "network_calls"
RESERVED_METRICS = frozenset({"seconds", "steps", "memory"})
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str | float) -> float:
    """Seconds from '90s', '10m', '2h' or a bare number of seconds. Raises ValueError for anything else."""
    if isinstance(text, int | float):
        return float(text)
    value, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        seconds = float(value) * _UNITS[unit]
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"'{text}' is not a duration; write 90s, 10m or 2h")
    return seconds


def _is_empty(value: object) -> bool:
    """Such a field is left out of what is stored and hashed, so that a new one at its default ages nothing."""
    return not value


def _is_usual(value: str) -> bool:
    """As above, of what a prior is."""
    return value == "pictures"


def _is_none(value: object) -> bool:
    return value is None


def solved(interface: str) -> tuple[str, ...]:
    """The interfaces whose problems a method solves that names `interface`: itself first, then its cases."""
    return (interface, *_CASES.get(interface, ()))


def related(interface: str, other: str) -> bool:
    """Whether one of two interfaces is the other or a case of it: what a method solves may have been widened since it ran."""
    return other in solved(interface) or interface in solved(other)


class Frozen(BaseModel):
    """Base of every model here: immutable, strictly typed, and no unknown key gets through."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Metric(Frozen):
    """One number that a task computes from an estimate. `description` states range, scale and region.

    tolerance   largest difference, in the metric's unit, that repeating a run on other hardware or with other threads may
                make on one instance; 0 for exact
    levels      values whose first step and time on a curve the board reports
    least, most the range of its values, which intervals of means do not leave; None where it has no end
    of          what a preset has to offer for the metric to be one of it; None where it always is
    """

    name: Name
    better: Literal["higher", "lower"]
    description: str
    unit: str = ""
    primary: bool = False
    tolerance: NonNegative = 0.0
    levels: tuple[float, ...] = ()
    least: Annotated[float | None, Field(exclude_if=_is_none)] = None
    most: Annotated[float | None, Field(exclude_if=_is_none)] = None
    of: Annotated[Feature | None, Field(exclude_if=_is_none)] = None

    @model_validator(mode="after")
    def _range_holds_values(self) -> Self:
        if self.least is not None and self.most is not None and self.least >= self.most:
            raise ValueError(f"the range of {self.name} is empty: from {self.least:g} to {self.most:g}")
        return self


class Trait(Frozen):
    """One number that tells what an answer is like, or how its method came to it, and that measures no quality: it stands with
    the scores of a run, on no board and in no rank. A run may lack it.

    tolerance   as a metric's
    """

    name: Name
    description: str
    unit: str = ""
    tolerance: NonNegative = 0.0


class Preset(Frozen):
    """A size of a task. Tasks subclass it to add their own fields.

    instances   how many problems one seed draws
    budget      seconds of the method's own time for one instance; `ctx.steps` ends when they are spent. On a CPU
                they are seconds of a processor, a thread, so that other programs cost nothing of it
    data        names of the sources it reads (benchmark/datasets/sources.py)
    about       what is special about this preset, in a few words
    metrics     names of those it scores, the first of which ranks; empty for all of the task's
    threads     CPU threads at most while a method solves, for problems too small for more; it learns with all that it is given
    fit_budget  seconds that a method may learn for, where it learns once for many instances
    learns_as   the preset whose training data it shares, so that what was learnt there serves here too; its own where empty
    grid        names of its own fields, tuples, whose combinations in this order are cells: instance i is drawn from cell
                i modulo their number; empty where all instances are alike
    lacks       what its problems do not hold of all that the task offers
    baseline    the method that others are compared with where the task's own does not fit; empty for the task's
    prior       the source of the diffusion prior that its problems hold; empty where they hold none. Only results of
                methods that need one depend on it, unless the user puts one of her own in its place
    prior_of    what that prior is: of pictures, of an autoencoder's latents, or a consistency model, which jumps to one
    """

    instances: Count
    budget: Positive
    data: tuple[str, ...] = ()
    about: str = ""
    metrics: tuple[str, ...] = ()
    threads: Count | None = None
    fit_budget: Positive = 600.0
    learns_as: str = ""
    grid: tuple[str, ...] = ()
    lacks: tuple[Feature, ...] = ()
    baseline: str = ""
    prior: Annotated[str, Field(exclude_if=_is_empty)] = ""
    prior_of: Annotated[Literal["pictures", "latents", "jumps"], Field(exclude_if=_is_usual)] = "pictures"

    @property
    def exact(self) -> bool:
        """Whether its problems are drawn from the prior that they hold, which nobody replaces then."""
        return bool(self.prior) and self.data[:1] == (self.prior,)

    @property
    def lacks_besides(self) -> tuple[Feature, ...]:
        """What its problems do not hold, beside `lacks`, by what its own fields say; for subclasses to tell."""
        return ()

    def cells(self) -> list[tuple[Any, ...]]:
        """Every combination of the fields that `grid` names."""
        return list(product(*(getattr(self, name) for name in self.grid)))

    def check_cells(self, repeats: int) -> None:
        """Raises ValueError where `instances` is not that many of each cell."""
        made = len(self.cells()) * repeats
        if self.instances != made:
            raise ValueError(f"instances: {self.instances}, but the cells and repeats make {made}")


class Axis(Frozen):
    """What a column of a task's pictures stands for, where their rows are curves: column j is at start + j * step."""

    name: str
    unit: str = ""
    start: float = 0.0
    step: Positive = 1.0


# What a drawing of an estimate can be, and what `Task.picture` then gives.
DRAWINGS = {
    "image": "an image (H, W) or (3, H, W)",
    "strip": "a row of images (N, 1, H, W) or (N, 3, H, W)",
    "heat": "a matrix",
    "lines": "a matrix with a curve in each row",
    "matrix": "a matrix as an image (H, W)",
    "text": "a matrix of shares (K, K), or a row of grades (1, N)",
    "video": "the places (Q, k) of the nearest videos",
}


class Picture(Frozen):
    """A drawing of an estimate: what `Task.picture` gives under `name`, which is "image" for the first of a task.

    kind        image: of a scene, on the truth's scale, errors beneath it; strip: several images beside each other, numbered by
                `axis`; heat: a matrix, a tile each, between `low` and `high`; lines: a curve for each row of a matrix, over
                `axis`; matrix: an image of a matrix M, (M / max |truth| + 1) / 2, with its singular values; text: of texts,
                what share of each true class (row) is given each name (column), or each text's grade; video: for each query
                the places of its nearest videos in the gallery, nearest first
    about       what a pixel or a point is, what is good, and how the truth's drawing is to be read
    rows        what a row of lines is, such as a class
    value       title of the numbers, with their unit
    low, high   ends of their scale; those of the numbers where None
    log         logarithmic scale of the numbers, lines only; what is not positive is not drawn
    one_by_one  lines only: a reader chooses a row, and it is drawn over the same row of the truth
    """

    name: Name = "image"
    kind: Literal["image", "strip", "heat", "lines", "matrix", "text", "video"]
    title: str = ""
    about: str = ""
    rows: str = "row"
    value: str = "value"
    axis: Axis | None = None
    low: float | None = None
    high: float | None = None
    log: bool = False
    one_by_one: bool = False

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether an array of this shape can be drawn as this picture."""
        if self.kind == "strip":
            return len(shape) == 4 and shape[1] in (1, 3) and min(shape) > 0
        colour = self.kind == "image" and len(shape) == 3 and shape[0] == 3
        return (len(shape) == 2 or colour) and min(shape) > 0

    @property
    def paired(self) -> bool:
        """Whether an estimate's drawing must have the shape of the truth's."""
        return self.kind not in ("heat", "lines") or self.one_by_one


_USUAL = {"Completion": "matrix", "FewShot": "text", "Retrieval": "video"}  # of those that declare no picture; else an image


def declared_pictures(spec: Mapping[str, Any]) -> list[Any]:
    """The pictures of a specification as a mapping, which may be older than they are: those it has, lines over its `axis`, or
    what is usual for its interface.
    """
    if pictures := spec.get("pictures"):
        return list(pictures)
    if axis := spec.get("axis"):
        return [{"kind": "lines", "axis": axis, "one_by_one": True}]
    return [{"kind": _USUAL.get(spec.get("poses", ""), "image")}]


class TaskSpec(Frozen):
    """A versioned problem family: its presets, metrics, baseline and source; `offers` is what its problems hold besides.

    pictures: what the board draws of an estimate, "image" first; where none is declared, an image of a scene, or of a matrix
    for `Completion`, names for `FewShot`, videos for `Retrieval`. `axis=Axis(...)` is short for lines over it, one by one.
    traits: numbers that stand beside the metrics and rank nothing
    """

    name: Name
    version: Count
    title: str
    poses: Interface
    baseline: Name
    source: str
    metrics: tuple[Metric, ...]
    presets: dict[str, SerializeAsAny[Preset]]
    offers: tuple[Feature, ...] = ()
    pictures: tuple[Picture, ...] = ()
    traits: Annotated[tuple[Trait, ...], Field(exclude_if=_is_empty)] = ()
    axis: Axis | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if [m.primary for m in self.metrics].count(True) != 1:
            raise ValueError(f"task {self.name}: exactly one metric is primary")
        names = [m.name for m in self.metrics] + [t.name for t in self.traits]
        if len(set(names)) < len(names) or RESERVED_METRICS & set(names):
            raise ValueError(f"task {self.name}: metric names repeat or are reserved ({', '.join(RESERVED_METRICS)})")
        if not self.pictures:  # a default that needs the other fields
            found = declared_pictures({"axis": self.axis, "poses": self.poses})
            object.__setattr__(self, "pictures", tuple(Picture.model_validate(one) for one in found))
        if missing := {"tiny", "small", "full"} - self.presets.keys():
            raise ValueError(
                f"task {self.name} needs the presets tiny, small and full; {', '.join(sorted(missing))} is missing"
            )
        drawn = [picture.name for picture in self.pictures]
        if drawn[0] != "image" or len(set(drawn)) < len(drawn):
            raise ValueError(f"task {self.name}: names of pictures repeat, or the first is not 'image'")
        for preset, size in self.presets.items():
            if unknown := set(size.metrics) - {m.name for m in self.metrics}:
                raise ValueError(f"task {self.name}: preset {preset} scores {', '.join(sorted(unknown))}, which is no metric")
            if twice := {name for name in size.metrics if size.metrics.count(name) > 1}:
                raise ValueError(f"task {self.name}: preset {preset} scores {', '.join(sorted(twice))} twice")
            if size.prior and "prior" not in self.offers:
                raise ValueError(f"task {self.name}: preset {preset} holds a prior, which the task does not offer")
            if size.learns_as and size.learns_as not in self.presets:
                raise ValueError(f"task {self.name}: preset {preset} learns as {size.learns_as}, which is no preset")
        return self

    def at(self, preset: str) -> Self:
        """The specification narrowed to one preset: its features, its baseline, and its metrics in its order."""
        size = self.presets[preset]
        lacks = {*size.lacks, *size.lacks_besides, *(() if size.prior else ("prior",)), *(() if size.exact else ("exact",))}
        offers = tuple(PRIORS[size.prior_of] if one == "prior" else one for one in self.offers if one not in lacks)
        metrics = tuple(metric for metric in self.metrics if metric.of is None or metric.of in offers)
        if chosen := size.metrics:
            known = {metric.name: metric for metric in self.metrics}
            metrics = tuple(known[name].model_copy(update={"primary": name == chosen[0]}) for name in chosen)
        return self.model_copy(update={"offers": offers, "baseline": size.baseline or self.baseline, "metrics": metrics})

    @property
    def primary(self) -> Metric:
        """The metric that ranks."""
        return next(m for m in self.metrics if m.primary)


class MethodSpec(Frozen):
    """A registered method: what it solves, where it comes from, and its hyperparameters.

    kind         a word of the field for it; 'constant' is a method that ignores what is measured
    parameters   strict model built from the keyword-only arguments of the function, and of the one that learns
    settings     recommended values: "mri" for a task, "mri/small" for one preset of it (the second wins); "*/small*" for all
                 that the pattern means (of two that do, the later wins)
    search       where hyperparameters are sought, by name, for the places that `settings` knows: see benchmark/search.py
    needs        what a task must offer for the method to make sense on it; "a|b" where one of both will do
    learns       the hyperparameters of the function that learns once for many instances; None where there is none
    presets      patterns of the presets on which `all` and tags take it, where others would cost hours; by its name it runs on
                 all of them
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    name: Name
    solves: Interface
    kind: str
    paper: str = ""
    summary: str
    parameters: type[BaseModel]
    settings: dict[str, dict[str, Any]] = {}
    search: dict[str, dict[str, Any]] = {}
    needs: tuple[Need, ...] = ()
    learns: tuple[str, ...] | None = None
    presets: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        for place, spans in self.search.items():
            try:
                searching.check(self.parameters, spans)
            except ValueError as error:
                raise ValueError(f"search {place}: {error}") from None
        return self

    def too_long(self, preset: str) -> str:
        """Why the method is not run on a preset unless it is named, as a clause; empty where it is."""
        if not self.presets or any(fnmatchcase(preset, pattern) for pattern in self.presets):
            return ""
        return f"{self.name} is for the presets {', '.join(self.presets)}; --method {self.name} runs it here all the same"

    def misfit(self, task: TaskSpec, where: str = "") -> str:
        """Why the method cannot run on the task, as a clause; empty where it can. where: what the clause calls the task."""
        if task.poses not in solved(self.solves):
            return f"{self.name} solves {self.solves}, but {task.name} poses {task.poses}"
        needs = {*self.needs, "training"} if self.learns is not None else set(self.needs)
        if lacking := sorted(need for need in needs if not set(need.split("|")) & set(task.offers)):
            text = (", and " if any("|" in need for need in lacking) else " and ").join(lacking).replace("|", " or ")
            return f"{self.name} needs {text}, which {where or task.name} does not offer"
        return ""

    @property
    def takes_priors(self) -> bool:
        """Whether it needs a diffusion prior, of whatever kind."""
        return any(set(need.split("|")) & set(PRIORS.values()) for need in self.needs)

    def resolve(self, task: str, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every hyperparameter's value: defaults, then the task's settings, then the preset's, then `given`.

        Raises pydantic.ValidationError on an unknown name or a value of the wrong type.
        """
        return self.parameters.model_validate({**_at_place(self.settings, task, preset), **given}).model_dump()

    def space(self, task: str, preset: str) -> dict[str, Any]:
        """Where its hyperparameters are sought, by name: those of the task, then the preset's. Empty where nothing is."""
        return _at_place(self.search, task, preset)


def _at_place(values: Mapping[str, Mapping[str, Any]], task: str, preset: str) -> dict[str, Any]:
    """What the patterns say of a task and of its preset; the preset's and the later ones win."""
    chosen: dict[str, Any] = {}
    for place in (task, f"{task}/{preset}"):
        for pattern, given in values.items():
            if fnmatchcase(place, pattern) and pattern.count("/") == place.count("/"):
                chosen |= given
    return chosen


class RunKey(Frozen):
    """The fields by which two runs are the same run. `digest` is the unique key of the database."""

    task: Name
    version: int
    preset: str
    method: Name
    parameters: dict[str, Any]
    seed: int
    source: str
    data: str

    @property
    def digest(self) -> str:
        return sha256(json.dumps(self.model_dump(), sort_keys=True).encode()).hexdigest()


def parameter_model(name: str, parameters: Mapping[str, tuple[Any, Any]]) -> type[BaseModel]:
    """A frozen, strict model with one field for each (annotation, default): a method's hyperparameters."""
    config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)
    fields: dict[str, Any] = dict(parameters)
    return create_model(f"{name}_parameters", __config__=config, **fields)


def first_line(doc: str | None) -> str:
    """The first line of a docstring, without its full stop."""
    return (doc or "").strip().partition("\n")[0].rstrip(".")
