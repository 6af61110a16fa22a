"""The mutants can be made, and what makes them says the truth. Whether tests kill them: python tests/mutation.py"""

import ast
import subprocess
from collections import Counter

import pytest

from tests import mutation
from tests.mutation import Mutant

PAPERS = (
    "self_guided_dip",
    "eye_surgeon",
    "deep_lora",
    "relu_sampling",
    "sim2real",
    "mcr2",
    "vididi",
    "molrg",
    "dcdp",
    "loco_edit",
)
MUTANTS = mutation.read()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_can_be_made(mutant):
    mutant.apply(mutation.ROOT)


def test_their_tests_exist():
    missing = []
    for node in sorted({node for mutant in MUTANTS for node in mutant.test}):
        file, *names = node.partition("[")[0].split("::")
        assert (mutation.ROOT / file).is_file(), f"there is no {file}"
        tree = ast.walk(ast.parse((mutation.ROOT / file).read_text(encoding="utf-8")))
        defined = {part.name for part in tree if isinstance(part, ast.FunctionDef | ast.ClassDef)}
        missing += [node] if set(names) - defined else []
    assert missing == []


def test_there_are_enough_of_each():
    counts = Counter(mutant.group for mutant in MUTANTS)
    assert set(counts) <= {"core", "diffusion", *PAPERS}
    assert counts["core"] >= 20
    assert counts["diffusion"] >= 20
    assert {paper: counts[paper] for paper in PAPERS if counts[paper] < 4} == {}
    assert counts.total() >= 90


@pytest.fixture
def tree(tmp_path):
    """A repository with one package, whose one test looks at `double` and not at `half`, and its results folder ignored."""
    for name, text in {
        "benchmark/__init__.py": "",
        "benchmark/sums.py": "def double(x):\n    return 2 * x\n\n\ndef half(x):\n    return x / 2\n",
        "tests/test_sums.py": "from benchmark.sums import double\n\n\ndef test_double():\n    assert double(3) == 6\n",
        ".gitignore": "results/\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def mutant(**change):
    same = {"name": "a", "group": "core", "file": "benchmark/sums.py", "text": "2 * x", "replacement": "3 * x"}
    return Mutant(**{**same, "test": ["tests/test_sums.py"], **change})


@pytest.mark.slow
def test_verdicts_and_that_known_ones_are_not_sought_again(tree, capsys, monkeypatch):
    before = (tree / "benchmark/sums.py").read_bytes()
    some = [
        mutant(name="seen"),
        mutant(name="unseen", text="x / 2", replacement="x / 3"),
        mutant(name="no test", test=["tests/test_sums.py::test_none"]),
    ]
    right = {"seen": "killed", "unseen": "survived", "no test": "test-broken"}
    assert mutation.run(some, tree, jobs=2) == right
    assert (tree / "benchmark/sums.py").read_bytes() == before
    with monkeypatch.context() as patch:
        patch.delattr(mutation.Scratch, "passes")
        assert mutation.run(some[:2], tree) == {"seen": "killed", "unseen": "survived"}
    with (tree / "tests/test_sums.py").open("a") as file:
        file.write("\n\ndef test_half():\n    from benchmark.sums import half\n\n    assert half(4) == 2\n")
    assert mutation.run(some[:2], tree) == {"seen": "killed", "unseen": "killed"}
    assert "0 of 2 mutants were tried before" in capsys.readouterr().out


def test_a_test_that_fails_anyway_kills_nothing(tree):
    (tree / "tests/test_sums.py").write_text("def test_no():\n    assert False\n")
    assert mutation.run([mutant()], tree) == {"a": "test-broken"}


def test_other_code_than_the_copys_is_noticed(tree, tmp_path):
    scratch = mutation.Scratch(tree, tmp_path / "results" / "copy")
    assert scratch.passes(["tests/test_sums.py"])
    scratch.environment["PYTHONPATH"] = ""
    scratch.run = lambda command, limit: subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=limit)
    with pytest.raises(AssertionError, match="other code"):
        scratch.assert_own_code()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": "benchmark/none.py"}, "a: there is no benchmark/none.py"),
        ({"text": "return"}, "a: its text occurs 2 times in benchmark/sums.py, not once: 'return'"),
        ({"text": "4 * x"}, "its text occurs 0 times"),
        ({"replacement": "3 *"}, "does not compile"),
        ({"replacement": "(2 * x)  # the same"}, "changes no code"),
    ],
)
def test_a_mutant_that_cannot_be_made_is_refused(tree, change, reason):
    with pytest.raises(ValueError, match=reason):
        mutation.run([mutant(**change)], tree)
    assert not (tree / "results").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[mutant]]\nname = "a"\ncolour = "red"', "mutants.toml: "),
        ("[[mutant", "mutants.toml: "),
        ("", "mutants.toml: 'mutant'"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(tree, text, reason):
    (tree / "tests" / "mutants.toml").write_text(text)
    with pytest.raises(ValueError, match=reason):
        mutation.read(tree)
