"""What of a file's code a result's hash holds, on small files."""

import pytest

from benchmark import registry, source
from benchmark.spec import Preset

TASK = """
from benchmark import Preset, TaskSpec, task

class Size(Preset):
    side: int = 3

    def area(self):
        return self.side ** 2

SPEC = TaskSpec(name="t", presets={"tiny": Size(instances=1, budget=1)})

@task(SPEC)
class T:
    def make(self, preset, split, index, generator):
        return 1.0

    def score(self, instance, estimate):
        return {}
"""
METHOD = '''
"""A method by somebody else."""
import numpy as np
from benchmark import method
from parts import Machine, half as part

def learn(training, ctx, *, rate: float = 0.1):
    return {"w": training * rate}

@method("m", solves="LinearInverse", kind="", paper="", fit=learn, settings={"t": {"rate": 0.2}})
def m(problem, ctx, learnt, *, rate: float = 0.1, steps: int = 5):
    """Says."""
    machine = Machine(2)
    total: float = np.pi
    return part(machine.turn(total)) + steps

@method("n", solves="LinearInverse", kind="", paper="")
def n(problem, ctx):
    return 0
'''
PARTS = """
LIMIT = 7
UNUSED = 8

class Machine:
    def __init__(self, n):
        self.n = n

    def turn(self, x):
        return [x for _ in range(self.n)]

    def stop(self):
        return self.last() + LIMIT

    def last(self):
        return 7

def half(x):
    LIMIT = 2
    return x / LIMIT
"""


@pytest.fixture
def hashed(tmp_path):
    """The hash of the method `name` with edits of the three files."""

    def found(*edits, name="m", learning=False):
        texts = {"t.py": TASK, "m.py": METHOD, "parts.py": PARTS}
        for file, old, new in edits:
            assert old in texts[file]
            texts[file] = texts[file].replace(old, new)
        for file, text in texts.items():
            (tmp_path / file).write_text(text, encoding="utf-8")
        source.forget()
        return source.source_hash(tmp_path / "t.py", tmp_path / "m.py", name, "{}", learning)

    return found


@pytest.mark.parametrize(
    "edit",
    [
        ("m.py", "somebody else", "a friend"),
        ("m.py", '"""Says."""', '"""Says more."""\n    # a remark'),
        ("m.py", "total: float", "total: int"),
        ("m.py", "rate: float = 0.1, steps: int = 5", "steps: float = 6, rate: int = 0.3"),
        ("m.py", '{"rate": 0.2}', '{"rate": 0.4}'),
        ("m.py", 'kind="", paper="")\ndef n', 'kind="new", paper="")\ndef n'),
        ("m.py", "return 0", "return 1"),  # of another method
        ("parts.py", "self.last() + LIMIT", "self.last() - LIMIT"),  # a function that nobody calls
        ("parts.py", "return 7", "return 8"),  # one that only such a one calls
        ("parts.py", "UNUSED = 8", "UNUSED = 9"),
        ("parts.py", "LIMIT = 7", "LIMIT = 8"),  # `half` has a LIMIT of its own
        ("t.py", "side: int = 3", "side: int = 4"),  # the value is a field of the preset
        ("t.py", "def area(self):\n        return", "def area(self):\n        return 2 *"),
        ("t.py", "class T:", "class Renamed:"),
    ],
)
def test_what_changes_no_number_changes_no_hash(hashed, edit):
    assert hashed(edit) == hashed()


@pytest.mark.parametrize(
    "edit",
    [
        ("m.py", "np.pi", "np.e"),
        ("m.py", "import numpy as np", "import math as np"),
        ("m.py", "training * rate", "training / rate"),
        ("m.py", "+ steps", "- steps"),
        ("m.py", "half as part", "Machine as part"),
        ("parts.py", "x / LIMIT", "x * LIMIT"),
        ("parts.py", "LIMIT = 2", "LIMIT = 3"),
        ("parts.py", "self.n = n", "self.n = n + 1"),
        ("parts.py", "range(self.n)", "range(self.n + 1)"),
        ("parts.py", "UNUSED = 8", "import sys\nsys.setrecursionlimit(5000)"),  # a statement that runs at import
        ("t.py", "return 1.0", "return 2.0"),
        ("t.py", "return {}", "return {0: 1}"),
    ],
)
def test_what_may_change_a_number_changes_the_hash(hashed, edit):
    assert hashed(edit) != hashed()


def test_a_function_of_a_preset_counts_where_it_is_called(hashed):
    called = ("t.py", "return 1.0", "return preset.area()")
    assert hashed(called) != hashed(called, ("t.py", "self.side ** 2", "self.side ** 3"))


def test_what_is_learnt_depends_on_learning_alone(hashed):
    assert hashed(("m.py", "+ steps", "- steps"), learning=True) == hashed(learning=True)
    assert hashed(("t.py", "return {}", "return {0: 1}"), learning=True) == hashed(learning=True)
    assert hashed(("m.py", "training * rate", "training / rate"), learning=True) != hashed(learning=True)
    assert hashed(learning=True) != hashed()


SHARED = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Given:
    rate: float = 0.1

    def doubled(self):
        return 2 * self.rate

    def tripled(self):
        return 3 * self.rate
"""


def test_of_a_class_of_hyperparameters_the_functions_count_that_are_called(hashed, tmp_path):
    def given(text):
        (tmp_path / "shared.py").write_text(text, encoding="utf-8")
        return hashed(
            ("m.py", "from benchmark import method", "from benchmark import method\nfrom shared import Given"),
            ("m.py", '@method("n",', '@method("n", parameters=Given,'),
            ("m.py", "def n(problem, ctx):\n    return 0", "def n(problem, ctx, given):\n    return given.doubled()"),
            name="n",
        )

    assert given(SHARED) == given(SHARED.replace("0.1", "0.2")) == given(SHARED.replace("3 *", "4 *"))
    assert given(SHARED) != given(SHARED.replace("2 *", "4 *"))


def test_a_definition_may_move_to_another_file(hashed, tmp_path):
    first = hashed()
    start = PARTS.index("def half")
    (tmp_path / "elsewhere.py").write_text(PARTS[start:], encoding="utf-8")
    moved = hashed(("parts.py", PARTS[start:], "from elsewhere import half\n"))
    assert moved == first


def test_the_fields_of_the_preset_count_and_its_words_do_not():
    size = Preset(instances=2, budget=3.0)
    assert source.fields(size) == source.fields(size.model_copy(update={"about": "words", "baseline": "dip"}))
    assert source.fields(size) != source.fields(size.model_copy(update={"budget": 4.0}))
    assert source.fields(size) != source.fields(size.model_copy(update={"threads": 1}))


def test_a_run_that_learns_on_another_preset_depends_on_that_one_too(monkeypatch):
    task, method = registry.get_task("spectral"), registry.get_method("sim2real")
    presets = task.spec.presets
    place = next(name for name, size in presets.items() if size.learns_as)
    other = presets[place].learns_as
    before = registry.source_hash(task, method, place), registry.source_hash(task, registry.get_method("nnls"), place)
    changed = presets | {other: presets[other].model_copy(update={"fit_budget": 1.0})}
    monkeypatch.setattr(task.spec, "__dict__", task.spec.__dict__ | {"presets": changed})
    after = registry.source_hash(task, method, place), registry.source_hash(task, registry.get_method("nnls"), place)
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_the_hash_is_one_on_every_version_of_python(hashed):
    """The syntax tree is written out by the suite itself; this value was computed on Python 3.11."""
    assert hashed()[:16] == "ee56f65ad8de7d41"
