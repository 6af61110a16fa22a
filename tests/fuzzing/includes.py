"""Files for --include: a method or a task whose decorator, annotations, defaults and constants are drawn from a grammar.

Some expressions would write a file if they were executed.
"""

from itertools import count
from typing import NamedTuple

from hypothesis import strategies as st

from tests.fuzzing.grammar import CHECKS, FIELDS, KEYWORDS, NAMES, PARAMETERS, SPEC, SPEC_VALUES, TOP, annotations, values
from tests.fuzzing.sandbox import Sandbox

_number = count()


class Included(NamedTuple):
    """The text of a file."""

    text: str


_DEEP = (
    "x = " + "+".join("1" * 900),
    "x = " + "-" * 80 + "1",
    "def f(): return f",
    "yield 1",
    "return 1\n    x: int = 3",
    "await x",
)


@st.composite
def _or(draw: st.DrawFn, sound: str, strange: st.SearchStrategy[str]) -> str:
    """Mostly what is sound."""
    return draw(strange) if draw(st.integers(0, 6)) == 0 else sound


@st.composite
def _method(draw: st.DrawFn) -> str:
    keywords = ['solves="LinearInverse"', 'kind="test"', 'paper=""'][draw(st.sampled_from([0] * 9 + [1])) :]
    keywords += draw(st.lists(st.sampled_from(KEYWORDS), max_size=1))
    names = st.one_of(st.sampled_from(NAMES).map(lambda name: f'"{name}"'), values)
    given = [draw(_or('"m"', names))] * draw(st.sampled_from([1] * 9 + [0, 2]))
    arguments = []
    for at in range(draw(st.integers(0, 3))):
        kind, value = draw(st.sampled_from(_SOUND))
        name = draw(_or(f"p{at}", st.sampled_from(PARAMETERS)))
        arguments.append(f"{name}: {draw(_or(kind, annotations))} = {draw(_or(value, values))}")
    arguments += [draw(st.sampled_from(["x", "x=1", "x: int", "**rest"]))] * draw(st.sampled_from([0] * 12 + [1]))
    after = draw(_or("", st.sampled_from([", learnt", ", given: Shared", ", /", ", *args", ", p0"])))
    star = ", *, " if arguments and "*args" not in after else ", " if arguments else ""
    return (
        f"@{draw(_or('method', st.sampled_from(['benchmark.method', 'task', 'method()'])))}({', '.join([*given, *keywords])})\n"
        f"def {draw(_or('m', st.sampled_from(['own', 'é'])))}(problem, ctx{after}{star}{', '.join(arguments)}):\n"
        f'    """Doc\n{draw(st.sampled_from(["", "[/b]", "x" * 300]))}"""\n'
        f"    {draw(_or('', st.sampled_from(_DEEP)))}\n    return problem.y\n"
    )


_SOUND = (
    ("int", "3"),
    ("float | None", "None"),
    ("Count", "N"),
    ("str", "'a'"),
    ("Literal['a', 'b']", "'a'"),
    ("tuple[int, ...]", "(1, 2)"),
)


@st.composite
def _task(draw: st.DrawFn) -> str:
    fields = {"side": ("int", "8")}
    for _ in range(draw(st.sampled_from([0, 1]))):
        kind, value = draw(st.sampled_from(_SOUND))
        fields[draw(_or("more", st.sampled_from(FIELDS)))] = draw(_or(kind, annotations)), draw(_or(value, values))
    check = ""
    if draw(st.integers(0, 2)) == 0:
        decorator = draw(
            _or('@model_validator(mode="after")', st.sampled_from(['@model_validator(mode="before")', "@property"]))
        )
        check = f"    {decorator}\n    def _fits(self):\n        {draw(st.sampled_from(CHECKS))}\n"
    spec = dict(SPEC)
    for _ in range(draw(st.sampled_from([0, 0, 1]))):
        name = draw(st.sampled_from([*spec, "offers", "pictures", "axis", "none"]))
        spec[name] = draw(st.one_of(st.sampled_from(SPEC_VALUES), values))
    tiny = draw(_or('{"instances": 2, "budget": 60}', values))
    body = "".join(f"    {name}: {kind} = {value}\n" for name, (kind, value) in fields.items())
    base = draw(_or("Preset", st.sampled_from(["Photographs", "Own", "Size", "Preset, x=1", "int", "Preset, Metric"])))
    return (
        f"class Size({base}):\n{body}{check}\n"
        f"TINY = {tiny}\nSPEC = TaskSpec({', '.join(f'{name}={value}' for name, value in spec.items())})\n\n"
        "@task(SPEC)\nclass T:\n    def make(self, preset, split, index, generator): ...\n"
    )


@st.composite
def files(draw: st.DrawFn) -> Included:
    """A file to include."""
    top = [draw(st.sampled_from(TOP))] * draw(st.sampled_from([0, 0, 1]))
    rest = draw(st.one_of(_method(), _task()))
    text = "\n".join(
        ['"""Own."""', "from typing import Literal, Self", "from pydantic import model_validator", *_IMPORTS, *top, rest]
    )
    if draw(st.integers(0, 29)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["\x00", "(", "\t", "\n", "\\", "'''", "\ud800"])) + text[at:]
    return Included(text)


_IMPORTS = (
    "from benchmark import Axis, Count, Fraction, Kept, Metric, NonNegative, Picture, Positive, Preset, Rate, TaskSpec",
    "from benchmark import method, task",
    "N = 3",
)
inputs = files()


def check(box: Sandbox, included: Included) -> tuple[str, str]:
    """What is done wrong with an included file, when it is listed and when its method or task is planned; how that ended."""
    name = f"i{next(_number)}.py"
    box.path(name, included.text)
    task = "SPEC" in included.text
    words = ("--task", "t", "--method", "zero_filled") if task else ("--task", "mri", "--method", "m")
    said = box("run", "--list", "--include", name, *words, fresh=False)
    if said.code == 0 and not said.wrong:
        said = box("run", "--include", name, *words, "--preset", "tiny", "--no-baseline", "--dry-run", fresh=False)
        return box.restored(said.wrong), f"listed {said.code}"
    return box.restored(said.wrong), f"{said.code}"
