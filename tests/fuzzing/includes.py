"""Files for --include: a method or a task whose decorator, annotations, defaults and constants are drawn from a grammar.

Some expressions would write a file if they were executed.
"""

from itertools import count
from typing import NamedTuple

from hypothesis import strategies as st

from tests.fuzzing.sandbox import RAN, Sandbox

_number = count()

_CALLS = (
    f'open("{RAN}", "w")',
    f'__import__("pathlib").Path("{RAN}").touch()',
    f'[open("{RAN}", "w") for _ in "a"]',
    f'(lambda: open("{RAN}", "w"))()',
    f"f\"{{open('{RAN}', 'w')}}\"",
    f"eval(\"open('{RAN}', 'w')\")",
    f'(x := open("{RAN}", "w"))',
    f'getattr(__builtins__, "open")("{RAN}", "w")',
    f'Literal[open("{RAN}", "w")]',
    f'Positive(open("{RAN}", "w"))',
    f'{{"a": open("{RAN}", "w")}}["a"]',
    f'open("{RAN}", "w") if 1 else 2',
    f'not open("{RAN}", "w")',
    f'1 < open("{RAN}", "w").fileno()',
)
_ATOMS = (
    *("1", "0", "-1", "+2", "1.5", "1e999", "-1e999", "1e999 - 1e999", "1 / 0", "1 // 0", "0 ** -1", "9 ** 9 ** 9", "2 ** 64"),
    *("10 ** 64 ** 2", "(10 ** 64) ** 64", "((10 ** 64) ** 64) ** 64", "(((9 ** 64) ** 64) ** 64) ** 64", "(-8) ** 0.5"),
    *(
        "1e308 * 10",
        "10 ** 400 * 1.0",
        "10.0 ** 64 ** 64",
        "1j",
        "1 + 1j",
        "...",
        "None",
        "True",
        "b'a'",
        "''",
        "'a'",
        "'\\x00'",
    ),
    *("'\\ud800'", "'x' * 9", "'a' + 'b'", "'a' + 1", "[1] + [2]", "(1,) + (2,)", "{1} | {2}", "{'a': 1} | {'b': 2}", "{**1}"),
    *(
        "{**{'a': 1}}",
        "{[]: 1}",
        "{{}}",
        "{1: {2: {3: 4}}}",
        "[*1]",
        "(*'ab',)",
        "[*[1], 2]",
        "()",
        "[]",
        "{}",
        "{1}",
        "{'b', 2}",
    ),
    *(
        "N",
        "M",
        "M.x",
        "N[0]",
        "SELF",
        "TWICE",
        "UNKNOWN",
        "int",
        "Count",
        "print",
        "1 if 2 else 3",
        "1 < 2",
        "not 1",
        "~1",
        "1 and 2",
    ),
    *(
        "f''",
        "f'{1}'",
        "lambda: 1",
        "await_",
        "[x for x in 'ab']",
        "-'a'",
        "-None",
        "+[]",
        "'" + "x" * 5000 + "'",
        "0x" + "f" * 3000,
    ),
    *("-" * 90 + "1", "-" * 3000 + "1", "(" * 90 + "1" + ")" * 90, "[" * 300 + "]" * 300, "+".join("1" * 900), "N" * 3000),
    *("1" * 4301, "'\\N{BULLET}'", "'a' 'b'", "10 ** 20", "1_0", "0o17", "range(3)", "PHOTOGRAPH_METRICS"),
)
_TYPES = (
    *("int", "float", "bool", "str", "tuple", "list", "dict", "Count", "Positive", "NonNegative", "Fraction", "Rate", "Kept"),
    *(
        "None",
        "int | None",
        "Count | float",
        "int | 3",
        "Literal['a', 'b']",
        "Literal[1]",
        "Literal[b'a']",
        "Literal[[]]",
        "Literal",
    ),
    *(
        "Literal[...]",
        "Literal[1j]",
        "Literal[1.5]",
        "Literal[{}]",
        "Literal[None]",
        "Literal[()]",
        "Literal[int]",
        "Literal[-1]",
    ),
    *(
        "typing.Literal['a']",
        "Literal[Literal['a']]",
        "tuple[int, ...]",
        "tuple[...]",
        "tuple[()]",
        "tuple[..., int]",
        "list[int]",
    ),
    *(
        "list[int, int]",
        "list[...]",
        "dict[str, int]",
        "dict[int]",
        "dict[str, int, int]",
        "dict[list, int]",
        "set[int]",
        "'int'",
    ),
    *(
        "Optional[int]",
        "torch.Tensor",
        "Preset",
        "TaskSpec",
        "Self",
        "Metric",
        "T",
        "U",
        "3",
        "[]",
        "int[str]",
        "int.real",
        "Axis | None",
    ),
    *(
        "dict[tuple[int, ...], str]",
        "tuple[Kept, Literal['x']]",
        "Annotated[int, 3]",
        "Any",
        "object",
        "type",
        "*int",
        "lambda: int",
    ),
    *("list[" * 60 + "int" + "]" * 60, "list[" * 190 + "int" + "]" * 190, " | ".join(["int"] * 900), "int | str | None"),
)
_NAMES = ("m", "m", "m", "M", "", "class", "dip", "1a", "a b", "a/b", "é", "model_config", "x" * 300, "m\\n", "__class__", "_m")
_PARAMETERS = (
    "steps",
    "lr",
    "model_config",
    "model_fields",
    "schema",
    "json",
    "copy",
    "_x",
    "__x",
    "self",
    "é",
    "x" * 300,
    "validate",
)
_KEYWORDS = (
    *(
        'solves="LinearInverse"',
        'solves="None"',
        "solves=3",
        'kind="test"',
        "kind=None",
        'kind="\\x1b[31m"',
        'paper=""',
        "paper=1",
    ),
    *("settings={}", 'settings={"mri": {"steps": 1}}', "settings={1: 2}", 'settings={"mri/tiny": {"none": 1}}', "settings=N"),
    *(
        'settings={"*": {"steps": "a"}}',
        'settings={"[": {}}',
        "settings={'mri': 3}",
        'needs=("image",)',
        'needs=("none",)',
        "needs=3",
    ),
    *(
        "needs=('training', 'coils')",
        "presets=('tiny',)",
        "presets='tiny'",
        "presets=(3,)",
        "fit=learn",
        "fit=none",
        "fit=1",
        "fit=m",
    ),
    *(
        "learns=Shared",
        "parameters=Shared",
        "parameters=Own",
        "parameters=3",
        "learns=none",
        "**{'paper': ''}",
        "**N",
        "**3",
        "name='m'",
    ),
    *("parameters=Loop", "parameters=Bare", "unknown=1", "summary='a'", "kind='a' * 3"),
)
_TOP = (
    *(
        "N = 3",
        "M = {'a': 1}",
        "SELF = SELF",
        "TWICE = 1\nTWICE = 2",
        "T = Literal['a', 'b']",
        "U = int | None",
        "N += 1",
        "N: int = 3",
    ),
    *(
        "(N, M) = 1, 2",
        "from benchmark.spec import *",
        "from . import own",
        "from .... import x",
        "from methods.images import _unet",
    ),
    *(
        "from own import N",
        "from bytes import N",
        "import none",
        "from none import N",
        "from bad import STEPS as N",
        "del N",
        "N = M",
    ),
    *("raise SystemExit(3)", f'open("{RAN}", "w")', "exit()", "while True: break", "class Shared:\n    steps: int = 3"),
    *(
        "class Shared:\n    steps: int",
        "class Shared(Shared):\n    x: int = 1",
        "class Own(Loop):\n    pass",
        "class Loop(Own):\n    pass",
    ),
    *(
        "class Bare:\n    steps = 3",
        "class Shared:\n    (steps): int = 1\n    steps.x: int = 1",
        "class Preset: pass",
        "def learn(t, ctx): ...",
    ),
    *(
        "def learn(t, ctx, *, steps: int = 1, w: float = 1.0): ...",
        "async def m(): ...",
        "SPEC = 3",
        "SPEC: int",
        "SPEC = TaskSpec()",
    ),
    *(
        "from methods.images.dip import dip",
        "m = method_from(x, name='m')",
        "m = method_from()",
        "m = method_from(x, name=3)",
        "x = m = 1",
    ),
    *(
        "m = method_from(x, **{'name': 'm'})",
        "m = method_from(x, name='m', kind=3, solves='a')",
        "match 1:\n    case _: pass",
        "\ufeff",
    ),
    *(
        "# -*- coding: latin-1 -*-",
        "# coding: none",
        "\x00",
        "\x0c",
        "\\",
        "if 1:\n",
        "def",
        "'''",
        "type X = int",
        "print 'a'",
    ),
)
_CHECKS = (
    "return self",
    "raise ValueError('a\\nb')",
    "raise ValueError",
    "raise KeyError(self)",
    "return None",
    "return 3",
    "assert 0",
    "1 / 0",
    "return self.none",
    "self.budget = 3",
    "return self.instances()",
    f"open('{RAN}', 'w')",
    f"import pathlib; pathlib.Path('{RAN}').touch()",
    f"getattr(self, '__class__').__init__.__globals__['__builtins__']['open']('{RAN}', 'w')",
    f"g = (g.gi_frame.f_back.f_back.f_builtins for g in [1])\n        g = (x for x in [1]); g.gi_frame.f_builtins['open']('{RAN}', 'w')",
    "c = getattr(self, '__cl' + 'ass__'); d = getattr(c, '__init_' + 'subclass__'); return self",
    f"return [x for x in getattr(getattr(self, '__cl' + 'ass__'), '__mr' + 'o__')[-2:-1]"
    f" if getattr(getattr(x, '__in' + 'it__'), '__glob' + 'als__')['__builtins__']['open']('{RAN}', 'w')]",
    f"match self:\n            case Size(__init__=f): f.__globals__['open']('{RAN}', 'w')",
    "return self.parse_file('own.py', proto='pickle', allow_pickle=True)",
    "'{0.__class__}'.format(self); return self",
    "def f(): return f()\n        return f()",
    "yield self",
    "super().none(); return self",
    "return self.check_cells(1)",
    "return self.model_copy(update={'budget': -1})",
    "global N; N = 3; return self",
    "x = [self]; x.append(x); raise ValueError(x)",
)
_FIELDS = ("side", "side", "instances", "budget", "model_config", "_x", "__x", "check_cells", "copy", "é", "grid", "data")
_SPEC = {
    "name": '"t"',
    "version": "1",
    "title": '"T"',
    "poses": '"LinearInverse"',
    "baseline": '"zero_filled"',
    "source": '""',
    "metrics": '(Metric(name="psnr", better="higher", primary=True, description="d"),)',
    "presets": '{"tiny": Size(**TINY), "small": Size(**TINY), "full": Size(side=8, **TINY)}',
}
_SPEC_VALUES = (
    *('"mri"', '""', "3", '"é"', "True", "10 ** 30", "-1", "Metric()", "Size()", "Preset(instances=1, budget=1)", "(Metric,)"),
    *(
        '{"tiny": Size(**TINY)}',
        '{"tiny": 3, "small": 3, "full": 3}',
        "{'tiny': Metric(name='a', better='higher', description='')}",
    ),
    *(
        '(Metric(name="psnr", better="higher", description="d"),)',
        "(Metric(name='a', better='higher', description='', levels=(1e999,)),)",
    ),
    *(
        "Size(instances=1, budget=1e999)",
        "{**{}, 1: 2}",
        "TaskSpec(**SPEC)",
        "SPEC",
        "PHOTOGRAPH_METRICS",
        "Photographs(**TINY)",
    ),
    *(
        '{"tiny": Size(**TINY), "small": Size(**TINY), "full": Size(**TINY), "x" * 3: 1}',
        "Picture(kind='none')",
        "Axis(name='a', step=0)",
    ),
)


class Included(NamedTuple):
    """The text of a file."""

    text: str


_wholes = st.one_of(st.sampled_from(_ATOMS), st.sampled_from(_ATOMS), st.sampled_from(_CALLS))
values = st.one_of(
    _wholes,
    _wholes,
    st.builds(
        lambda one, sign, two: f"({one}) {sign} ({two})",
        _wholes,
        st.sampled_from(["+", "-", "*", "/", "//", "**", "|"]),
        _wholes,
    ),
    st.builds(lambda one, two: f"({one}, {two})", _wholes, _wholes),
    st.builds(lambda one, two: f"{{{one}: {two}}}", _wholes, _wholes),
)
annotations = st.one_of(st.sampled_from(_TYPES), st.sampled_from(_TYPES), st.sampled_from(_CALLS), _wholes)


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
    keywords += draw(st.lists(st.sampled_from(_KEYWORDS), max_size=1))
    names = st.one_of(st.sampled_from(_NAMES).map(lambda name: f'"{name}"'), values)
    given = [draw(_or('"m"', names))] * draw(st.sampled_from([1] * 9 + [0, 2]))
    arguments = []
    for at in range(draw(st.integers(0, 3))):
        kind, value = draw(st.sampled_from(_SOUND))
        name = draw(_or(f"p{at}", st.sampled_from(_PARAMETERS)))
        arguments.append(f"{name}: {draw(_or(kind, annotations))} = {draw(_or(value, values))}")
    arguments += [draw(st.sampled_from(["x", "x=1", "x: int", "**rest"]))] * draw(st.sampled_from([0] * 12 + [1]))
    after = draw(_or("", st.sampled_from([", learnt", ", given: Shared", ", /", ", *args", ", p0"])))
    star = ", *, " if arguments and "*args" not in after else ", " if arguments else ""
    return (
        f"@{draw(_or('method', st.sampled_from(['benchmark.method', 'task', 'method()'])))}({', '.join([*given, *keywords])})\n"
        f"def {draw(_or('m', st.sampled_from(['own', 'é'])))}(problem, ctx{after}{star}{', '.join(arguments)}):\n"
        f'    """Doc\n{draw(st.sampled_from(["", "[/b]", "x" * 300]))}"""\n    {draw(_or("", st.sampled_from(_DEEP)))}\n    return problem.y\n'
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
        fields[draw(_or("more", st.sampled_from(_FIELDS)))] = draw(_or(kind, annotations)), draw(_or(value, values))
    check = ""
    if draw(st.integers(0, 2)) == 0:
        decorator = draw(
            _or('@model_validator(mode="after")', st.sampled_from(['@model_validator(mode="before")', "@property"]))
        )
        check = f"    {decorator}\n    def _fits(self):\n        {draw(st.sampled_from(_CHECKS))}\n"
    spec = dict(_SPEC)
    for _ in range(draw(st.sampled_from([0, 0, 1]))):
        name = draw(st.sampled_from([*spec, "offers", "pictures", "axis", "none"]))
        spec[name] = draw(st.one_of(st.sampled_from(_SPEC_VALUES), values))
    tiny = draw(_or('{"instances": 2, "budget": 60}', values))
    body = "".join(f"    {name}: {kind} = {value}\n" for name, (kind, value) in fields.items())
    base = draw(_or("Preset", st.sampled_from(["Photographs", "Own", "Size", "Preset, x=1", "int", "Preset, Metric"])))
    return (
        f"class Size({base}):\n{body}{check}\n"
        f"TINY = {tiny}\nSPEC = TaskSpec({', '.join(f'{name}={value}' for name, value in spec.items())})\n\n"
        "@task(SPEC)\nclass T:\n    def make(self, preset, split, index, generator): ...\n    def score(self, instance, estimate): ...\n"
    )


@st.composite
def files(draw: st.DrawFn) -> Included:
    """A file to include."""
    top = [draw(st.sampled_from(_TOP))] * draw(st.sampled_from([0, 0, 1]))
    rest = draw(st.one_of(_method(), _task()))
    text = "\n".join(
        ['"""Own."""', "from typing import Literal, Self", "from pydantic import model_validator", *_IMPORTS, *top, rest]
    )
    if draw(st.integers(0, 29)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["\x00", "(", "\t", "\n", "\\", "'''", "\ud800"])) + text[at:]
    return Included(text)


_IMPORTS = (
    "from benchmark import Axis, Count, Fraction, Kept, Metric, NonNegative, Picture, Positive, Preset, Rate, TaskSpec, method, task",
    "N = 3",
)
inputs = files()


def check(box: Sandbox, included: Included) -> tuple[str, str]:
    """What is done wrong with an included file: when it is listed, and when its method or task is planned; and how that ended."""
    name = f"i{next(_number)}.py"
    box.path(name, included.text)
    task = "SPEC" in included.text
    words = ("--task", "t", "--method", "zero_filled") if task else ("--task", "mri", "--method", "m")
    said = box("run", "--list", "--include", name, *words, fresh=False)
    if said.code == 0 and not said.wrong:
        said = box("run", "--include", name, *words, "--preset", "tiny", "--no-baseline", "--dry-run", fresh=False)
        return box.restored(said.wrong), f"listed {said.code}"
    return box.restored(said.wrong), f"{said.code}"
