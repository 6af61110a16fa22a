"""Every place where code does otherwise on a GPU is listed with a test that holds its logic on a CPU."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.gpu import paths

LISTED = tomllib.loads((Path(__file__).with_name("paths.toml")).read_text(encoding="utf-8"))


def test_the_list_is_complete():
    assert set(LISTED) == paths.found()


@pytest.mark.parametrize("test", sorted(set(LISTED.values())))
def test_the_named_tests_exist(test):
    file, _, name = test.partition("::")
    tree = ast.parse((paths.ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('def f(d):\n    return d.type == "cuda"\n', {"f"}),
        ("class A:\n    def f(self):\n        torch.autocast(1)\n", {"A.f"}),
        ("x = torch.compile(f)\n", {"module"}),
        ("def f():\n    re.compile('a')\n", set()),
        ("def f(x):\n    x.to(memory_format=torch.channels_last)\n", {"f"}),
    ],
)
def test_what_counts(text, places):
    assert set(paths._within(ast.parse(text), "")) == places
