"""Specifications read from syntax trees: what may stand in them, and that nothing in them runs."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch

from benchmark import registry
from benchmark.context import Context
from benchmark.errors import UserError
from benchmark.reading import method_specs, read, task_spec

METHOD = '''
from dataclasses import dataclass
from typing import Literal
import torch
from benchmark import Count, Positive, method

SIZES = (1, 2)
SMALL = {"steps": 3, "mode": "a"}
SETTINGS = {"mri/tiny": SMALL, "mri/small": {**SMALL, "steps": 7}}
STEPS = 5
Mode = Literal["a", "b"]

@method("mine", solves="LinearInverse", kind="test", paper="", settings=SETTINGS,
        search={"*": {"steps": (1, STEPS, "log"), "mode": ["a", "b"]}, "mri/tiny": {"steps": (1, 3)}})
def mine(problem, ctx, *, steps: Count = STEPS, mode: Mode = "b", rate: Positive | None = None):
    """Mine."""
    return torch.full((1,), float(steps))
'''
SHARED = '''
from dataclasses import dataclass
import torch
from benchmark import Count, NonNegative, Positive, method
from _beside import Training

@dataclass(frozen=True)
class Longer(Training):
    """Warmed up."""
    warmup: NonNegative = 40.0
    width: Count = 256

@dataclass(frozen=True)
class Shown:
    views: Count = 10
    steps: Count = 100

def train(training, ctx, given: Longer):
    return {"x": torch.tensor([given.rate, given.warmup, given.width, given.steps])}

@method("shared", solves="LinearInverse", kind="test", paper="", fit=train, learns=Longer, parameters=Shown)
def shared(problem, ctx, learnt, given: Shown):
    return torch.cat([learnt["x"], torch.tensor([given.views, given.steps])])
'''
BESIDE = """
from dataclasses import dataclass
from benchmark.spec import Count, NonNegative, Positive
RATE = 0.5
raise SystemExit("this file is read, not run")

@dataclass(frozen=True)
class Training:
    steps: Count = 100
    warmup: NonNegative = 0.0
    rate: Positive = RATE
"""
TASK = """
from typing import Self
from benchmark import Metric, Preset, TaskSpec, Count
from pydantic import model_validator

class Size(Preset):
    sides: tuple[Count, ...] = (8, 8)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.sides) != 2:
            raise ValueError(f"sides: {len(self.sides)}, not 2")
        return self

TINY = {"instances": 2, "budget": 60 / 6}
METRICS = (Metric(name="psnr", better="higher", primary=True, description="d"),)
SPEC = TaskSpec(name="own", version=1, title="Own", poses="LinearInverse", baseline="tv", source="", metrics=(*METRICS,),
    presets={"tiny": Size(**TINY), "small": Size(**{**TINY, "budget": 5}), "full": Size(sides=(4, 4), **TINY)})
"""


def written(tmp_path: Path, text: str, name: str = "mine.py") -> Path:
    file = tmp_path / name
    file.write_text(text)
    return file


def of_method(file: Path):
    return list(method_specs(file, read(file)))


def loaded(file: Path):
    found = spec_from_file_location(f"loaded_{file.stem}", file)
    module = module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


def test_constants_by_name(tmp_path):
    file = written(tmp_path, METHOD)
    (spec,) = of_method(file)
    assert spec.settings == {"mri/tiny": {"steps": 3, "mode": "a"}, "mri/small": {"steps": 7, "mode": "a"}}
    assert spec.resolve("mri", "full", {}) == {"steps": 5, "mode": "b", "rate": None}
    real = loaded(file).mine.spec
    assert real.parameters.model_json_schema() == spec.parameters.model_json_schema()
    assert real.model_dump(exclude={"parameters"}) == spec.model_dump(exclude={"parameters"})


def test_hyperparameters_of_a_class_and_of_the_module_beside(tmp_path, monkeypatch):
    file = written(tmp_path, SHARED)
    beside = written(tmp_path, BESIDE, "_beside.py")
    (spec,) = of_method(file)
    assert list(spec.parameters.model_fields) == ["steps", "warmup", "rate", "width", "views"]
    assert spec.learns == ("steps", "warmup", "rate", "width")
    assert spec.resolve("mri", "tiny", {"steps": 9}) == {"steps": 9, "warmup": 40.0, "rate": 0.5, "width": 256, "views": 10}

    beside.write_text(BESIDE.replace('raise SystemExit("this file is read, not run")', ""))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "_beside", raising=False)
    method = loaded(file).shared
    assert method.spec.parameters.model_json_schema() == spec.parameters.model_json_schema()
    assert method.spec.learns == spec.learns
    given, ctx = spec.resolve("mri", "tiny", {"steps": 9}), Context(torch.device("cpu"), 0)
    assert method(None, ctx, given, method.learn(None, ctx, given)).tolist() == [0.5, 40.0, 256, 9, 10, 9]


def test_a_default_that_fit_and_method_do_not_share_is_refused(tmp_path, monkeypatch):
    written(tmp_path, BESIDE.replace('raise SystemExit("this file is read, not run")', ""), "_beside.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "_beside", raising=False)
    with pytest.raises(TypeError, match="'steps' has two annotations or defaults"):
        loaded(written(tmp_path, SHARED.replace("steps: Count = 100", "steps: Count = 50")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("steps: Count", '__import__("os").system("touch ran")'), "none of|invalid syntax"),
        (("steps: Count", 'steps: __import__("os").system("touch ran")'), "annotation '__import__.*is none of"),
        (("steps: Count", 'steps: [open("ran", "w")][0]'), "annotation .* is none of"),
        (("steps: Count", "steps: torch.Tensor"), "annotation 'torch.Tensor' is none of"),
        (("steps: Count", "steps: Missing"), "annotation 'Missing' is none of"),
        (("steps: Count", "steps: 3"), "annotation '3' is none of"),
        (("steps: Count", 'steps: Literal[open("ran", "w")]'), "neither a literal nor a named constant"),
        (("STEPS = 5", 'STEPS = open("ran", "w")'), "neither a literal nor a named constant"),
        (("= STEPS", "= OTHER"), "'OTHER' is no constant"),
        (("STEPS = 5", "STEPS = 5\nSTEPS = 6"), "'STEPS' is assigned more than once"),
        (("STEPS = 5", "STEPS = STEPS"), "'STEPS' is defined by itself"),
        (("STEPS = 5", "STEPS = 1 / 0"), "division by zero"),
        (("STEPS = 5", "STEPS = 9 ** 9 ** 9"), "no arithmetic of constants"),
        (("{**SMALL,", "{**STEPS,"), "mine cannot be read"),
        (('"mine", solves', '"mine", "other", solves'), "takes its name, and all else by keyword"),
        (('"mine", solves', "solves"), "takes its name, and all else by keyword"),
        (('kind="test"', 'kind="test", learns=mine'), "learns goes with fit"),
        (('kind="test"', 'kind="test", parameters=mine'), "by keyword"),
        (('"mine", solves', f"{'-' * 3000}1, solves"), "nested too deeply|too many nested"),
        (("STEPS = 5", "STEPS = (((9 ** 64) ** 64) ** 64) ** 64"), "no arithmetic of constants"),
        (("STEPS = 5", f"STEPS = {' * '.join(['10 ** 19'] * 20)}"), "no arithmetic of constants"),
        (
            ("STEPS = 5", "STEPS = A0\n" + "".join(f"A{n} = A{n + 1} + A{n + 1}\n" for n in range(60)) + "A60 = 1"),
            "more than 10,000",
        ),
        (('"steps": (1, STEPS, "log")', '"step": (1, 2)'), "mine cannot be read .*search .*: unknown hyperparameter 'step'"),
        (
            ('"mri/tiny": {"steps": (1, 3)}', '"mri/tiny": {"steps": (3, 1)}'),
            "search mri/tiny: steps: low 3 is not below high 1",
        ),
        (("steps: Count", "model_dump: Count"), "'model_dump' cannot name a hyperparameter"),
        (("steps: Count", "copy: Count"), "'copy' cannot name a hyperparameter"),
    ],
)
def test_what_is_no_constant_is_refused_and_not_run(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    assert change[0] in METHOD
    with pytest.raises(UserError, match=message) as caught:
        of_method(written(tmp_path, METHOD.replace(*change)))
    assert str(caught.value).startswith("mine.py")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_the_name_may_be_given_by_keyword(tmp_path):
    (spec,) = of_method(written(tmp_path, METHOD.replace('"mine", solves', 'name="mine", solves')))
    assert spec.name == "mine"


def test_the_spec_of_a_task_is_made_of_constants(tmp_path):
    file = written(tmp_path, TASK)
    spec = task_spec(file, read(file))
    assert [size.budget for size in spec.presets.values()] == [10.0, 5, 10.0]
    assert [size.sides for size in spec.presets.values()] == [(8, 8), (8, 8), (4, 4)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("SPEC = TaskSpec(", "SPEC = 1 / 0 or TaskSpec("), "SPEC cannot be read"),
        (("(4, 4)", "(4, 4, 4)"), "sides: 3, not 2"),
        (("60 / 6", "60 / 0"), "division by zero"),
        (('source=""', 'source=open("ran", "w").name'), "neither a literal nor a named constant"),
        (("(8, 8)", '(8, open("ran", "w"))'), "neither a literal nor a named constant"),
        (("tuple[Count, ...]", 'open("ran", "w")'), "annotation .* is none of"),
        (("class Size", '@open("ran", "w")\nclass Size'), "more than a subclass of Preset"),
        (("    sides:", '    open("ran", "w")\n    sides:'), "holds more than fields and checks"),
        (('@model_validator(mode="after")', '@open("ran", "w")'), "under @model_validator"),
        (("_fits(self)", '_fits(self, x=open("ran", "w"))'), "neither a literal nor a named constant"),
        (("if len(self.sides) != 2", 'if open("ran", "w")'), "open"),
        (("if len(self.sides) != 2", "if self.__class__"), "no attribute '__class__'"),
        (("if len(self.sides) != 2", 'if getattr(self, "__cl" + "ass__")'), "no attribute '__class__'"),
        (("if len(self.sides) != 2", 'if hasattr(self, "model_fields")'), "no attribute 'model_fields'"),
        (("if len(self.sides) != 2", 'if (x for x in "a").gi_frame'), "no attribute 'gi_frame'"),
        (("if len(self.sides) != 2", 'if self.parse_file("ran")'), "no attribute 'parse_file'"),
        (("if len(self.sides) != 2", 'if "{0.__class__}".format(self)'), "no attribute 'format'"),
        (("return self\n", "match self:\n            case Size(__init__=f): return f\n"), "no attribute '__init__'"),
        (("    sides:", "    instances: float | None = None\n    sides:"), "instances: Input should be a valid integer"),
        (("    sides:", "    model_dump: int = 3\n    sides:"), "'model_dump' cannot name a field"),
        (("SPEC = TaskSpec", "OTHER = TaskSpec"), "'SPEC' is no constant"),
    ],
)
def test_what_is_no_specification_is_refused_and_not_run(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    assert change[0] in TASK
    file = written(tmp_path, TASK.replace(*change))
    with pytest.raises(UserError, match=message) as caught:
        task_spec(file, read(file))
    assert str(caught.value).startswith("mine.py: its SPEC cannot be read (")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_checks_use_fields_functions_and_plain_values(tmp_path):
    """Of this class and of its bases, also by a name that they compute."""
    text = TASK.replace(
        "if len(self.sides) != 2",
        'if not getattr(self, "bud" + "get") or ", ".join(self._twice()) != "8, 8" or self.cells() != [()]',
    ).replace(
        "    @model_validator", "    def _twice(self):\n        return [str(one) for one in self.sides]\n\n    @model_validator"
    )
    file = written(tmp_path, text.replace("(4, 4)", "(8, 8)"))
    assert task_spec(file, read(file)).presets["full"].sides == (8, 8)


def test_a_strange_escape_is_no_second_line(tmp_path, recwarn):
    file = written(tmp_path, METHOD.replace("import torch", 'import torch\nX = "\\d"'))
    assert of_method(file)[0].name == "mine"
    assert not recwarn.list


def test_a_command_says_one_line(tmp_path):
    file = written(tmp_path, "SPEC = 1 / 0\n")
    command = [sys.executable, "-m", "runners.run", "--include", str(file), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=registry.ROOT, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].endswith("mine.py: its SPEC cannot be read (division by zero)")
    assert "Traceback" not in done.stderr
