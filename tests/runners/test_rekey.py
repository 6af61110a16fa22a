"""Stored results are carried over a change of code only where both trees compute the same bits."""

import json
from functools import cache

import pytest

from benchmark import registry
from benchmark.errors import UserError
from benchmark.registry import ROOT
from runners import rekey
from runners.load import REFERENCE, read_file

EDITED = "methods/images/zero_filled.py"


@pytest.fixture(scope="module")
def lines():
    """The reference run of the baseline of mri, seed 0."""
    found = read_file(REFERENCE / "mri.jsonl")[0]
    return [line for line in found if line.key.method == "zero_filled" and line.key.seed == 0 and line.key.preset == "small"]


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """The suite as it was last committed, in a folder of its own."""
    folder = tmp_path_factory.mktemp("committed") / "tree"
    rekey._checkout("HEAD", folder)
    return folder


@pytest.fixture
def tree(committed):
    """The same, of which the method may be edited."""
    text = (committed / EDITED).read_text(encoding="utf-8")
    yield committed
    (committed / EDITED).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def once():
    """What the present tree answers is asked for once."""
    run = rekey._run
    here = cache(lambda *words: run(ROOT, *words))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rekey, "_run", lambda tree, *words: here(*words) if tree == ROOT else run(tree, *words))
        yield


def edit(tree, old, new):
    file = tree / EDITED
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_a_tree_is_asked_for_its_own_hashes(tree, lines):
    task, method = registry.get_task("mri"), registry.get_method("zero_filled")
    now = json.loads(rekey._run(ROOT, rekey._KNOWN))
    assert now["mri/zero_filled"]["sources"]["small"] == registry.source_hash(task, method, "small")
    edit(tree, "return problem.A.H(problem.y)", "return 2 * problem.A.H(problem.y)")
    before = json.loads(rekey._run(tree, rekey._KNOWN))
    assert before["mri/zero_filled"]["sources"]["small"] != now["mri/zero_filled"]["sources"]["small"]
    assert rekey._changed(before, now, lines, tree) == lines
    assert before["mri/dip"]["sources"] == now["mri/dip"]["sources"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "same"),
    [
        ("x = problem.A.H(problem.y)\n    return x", True),
        ("return problem.A.H(problem.y) * (1 + 1e-6)", False),
        ("raise RuntimeError", False),
    ],
)
def test_runs_are_carried_over_where_the_bits_are_the_same(tree, once, lines, new, same):
    edit(tree, "return problem.A.H(problem.y)", new)
    assert rekey._unlike(tree, lines) == (set() if same else {rekey._place(line) for line in lines})


def test_of_a_file_nothing_changes_but_the_keys(tmp_path, lines):
    now = {"mri/zero_filled": {"sources": {"small": "f" * 64}}}
    file = tmp_path / "mri.jsonl"
    file.write_bytes((REFERENCE / "mri.jsonl").read_bytes())
    before = read_file(REFERENCE / "mri.jsonl")[0]
    carried = {line.digest for line in lines}
    after = [rekey._carried(line, now) if line.digest in carried else line for line in before]
    rekey._write(file, after)
    texts = [path.read_text(encoding="utf-8").splitlines() for path in (REFERENCE / "mri.jsonl", file)]
    different = [(old, new) for old, new in zip(*(text[1:] for text in texts), strict=True) if old != new]
    [(old, new)] = different
    [line] = lines
    assert new == old.replace(line.digest, after[before.index(line)].digest).replace(line.key.source, "f" * 64)
    known = json.loads(texts[1][0])["runs"]["mri/small"]
    assert after[before.index(line)].digest in known
    assert line.digest not in known


def test_an_unknown_commit_and_a_second_carrying_are_refused_in_one_line():
    with pytest.raises(UserError, match="--from nonsense"):
        rekey.main("nonsense", dry_run=True)
    with pytest.raises(UserError, match="add one like 0007"):
        rekey.main("HEAD")
