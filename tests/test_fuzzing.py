"""Strange inputs of every kind, the same each time (tests/performance/fuzz.py draws others), and each one that was found."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from runners import main
from tests.fuzzing.kinds import KINDS
from tests.fuzzing.sandbox import opened

EACH = {"command lines": 80, "plan files": 70, "files of runs": 50, "included files": 60, "workers' messages": 50}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("fuzzing")) as sandbox:
        yield sandbox


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_strange_inputs(box, kind):
    @settings(
        max_examples=EACH[kind.name],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a shorter input of a fault takes minutes; the script prints one
    )
    @given(kind.inputs)
    def each(given):
        wrong, end = kind.check(box, given)
        ends.add(end)
        assert not wrong, f"{wrong} for {given!r}"

    ends = set()
    each()
    assert len(ends) > 1, ends  # some are refused and some are not


def test_what_a_command_owes_can_be_missed(box):
    """The checks can fail."""
    box.path("ran", "")
    assert box("show", "1").wrong == "it executed what it read"
    outside = str(box.folder.parent.parent / "outside")
    assert "would write outside" in box("export", "--format", "jsonl", "--output", outside).wrong
    assert "would write outside" in box("run", "--task", "mri", "--method", "dip", "--preset", "tiny", "--db", outside).wrong
    assert not Path(outside).exists()
    for raised, wrong in (
        (KeyError("a"), "KeyError in "),
        (SystemExit(3), "it ended with 3"),
        (SystemExit(2), "other than one line"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(main, "main", lambda raised=raised: (_ for _ in ()).throw(raised))
            assert wrong in box("show", "1").wrong


# --- inputs that were found, and rows of the audit ----------------------------------------------------------------------

LONG = 5000
DEEP = "[" * 20_000
REFUSED = {
    "a seed of twenty digits": (
        ("run", "--task", "mri", "--method", "dip", "--seeds", "9" * 20),
        "--seeds 99999999999999999999:",
    ),
    "a long name": (("run", "--task", "mri", "--method", "x" * LONG), "unknown method 'xxx"),
    "a long word too many": (("check", "dip", "x" * LONG), "unexpected extra argument"),
    "a long tag": (("run", "--task", f"poses:{'x' * LONG}", "--method", "dip"), "no task has poses:xxx"),
    "a database in memory": (("show", "0", "--db", "sqlite://"), "is a database in memory"),
    "a URL with half an address": (("show", "1", "--db", "postgresql://a:b@[::1/x"), "--db cannot be understood as a URL"),
    "an empty file as a database": (("export", "--db", "nothing"), "nothing is empty"),
    "a submission of twenty digits": (("submit", "status", "9" * 20, "--db", "runs.db"), "no submission 99999999999999999999"),
    "a device whose number is none": (
        ("run", "--task", "mri", "--method", "dip", "--device", "cuda:²"),
        "unknown device 'cuda:²'",
    ),
    "a device without its number": (("run", "--task", "mri", "--method", "dip", "--device", "cuda:"), "unknown device 'cuda:'"),
    "to withdraw one": (("submit", "withdraw", "9" * 20, "--maintainer", "--db", "runs.db"), "no submission 9999"),
    "to review one": (("submit", "review", "9" * 20, "--db", "runs.db"), "no submission 9999"),
    "a plan without end": (("run", "--plan", "/dev/zero", "--dry-run"), "a plan file ends in .yaml, .yml or .toml"),
    "runs without end": (("load", "/dev/zero"), "is a device, and reading some devices never ends"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_a_command_line_is_refused(box, words, message):
    said = box(*words)
    assert (said.wrong, said.code) == ("", 2)
    assert message in said.err


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", f"runs: {DEEP}"), ("a.toml", f"runs = {DEEP}"), ("a.yaml", '{"a":' * 3000), ("a.yaml", "x" * LONG)],
)
def test_a_deep_or_long_plan_is_refused(box, name, text):
    box.path(name, text)
    said = box("run", "--dry-run", "--plan", name)
    assert (said.wrong, said.code) == ("", 2)


INCLUDED = {
    "an unknown annotation": ("steps: 3 = 1", "the annotation '3' is none of"),
    "a call as annotation": ('steps: open("ran", "w") = 1', "the annotation 'open('ran', 'w')' is none of"),
    "a call as default": ('steps: int = open("ran", "w")', "neither a literal nor a named constant"),
    "a deep default": (f"steps: int = {'-' * 3000}1", "nested too deeply"),
    "a power of powers": ("steps: int = (((9 ** 64) ** 64) ** 64) ** 64", "no arithmetic of constants"),
    "a name of the model": ("model_dump: int = 1", "'model_dump' cannot name a hyperparameter"),
}


@pytest.mark.parametrize(("argument", "message"), INCLUDED.values(), ids=INCLUDED)
def test_an_included_file_is_refused(box, argument, message):
    head = '"""A."""\n@method(name="m", solves="LinearInverse", kind="k")\n'
    text = f"{head}def m(problem, ctx, *, {argument}):\n    return problem.y\n"
    box.path("included.py", text)
    said = box("run", "--list", "--include", "included.py")
    assert (said.wrong, said.code) == ("", 2)
    assert message in said.err


def test_a_method_whose_code_is_nested_deeply_is_refused(box):
    body = "+".join("1" * 900)
    text = f'"""A."""\n@method("m", solves="LinearInverse", kind="k")\ndef m(problem, ctx):\n    return {body}\n'
    box.path("deep.py", text)
    said = box("run", "--include", "deep.py", "--task", "mri", "--preset", "tiny", "--method", "m", "--dry-run")
    assert (said.wrong, said.code) == ("", 2)
    assert "is nested too deeply to be read" in said.err
