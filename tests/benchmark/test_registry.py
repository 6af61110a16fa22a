import subprocess
import sys
import textwrap

import pytest

from benchmark import registry, source
from benchmark.errors import UserError

METHOD = '''
"""A method of somebody else.

x = 0
"""
import torch
from benchmark import Count, method

@method("mine", solves="LinearInverse", kind="test", paper="")
def mine(problem, ctx, *, steps: Count = 3, mode: str = "a"):
    return torch.zeros(problem.A.shape, dtype=problem.A.dtype)
'''


def write(tmp_path, text, name="mine.py"):
    file = tmp_path / name
    file.write_text(textwrap.dedent(text).lstrip())
    return file


def test_reading_the_registry_imports_no_torch():
    code = (
        "import sys; from benchmark import registry; assert 'mri' in registry.tasks() and 'dip' in registry.methods(); "
        "registry.source_hash(registry.get_task('mri'), registry.get_method('dip'), 'tiny'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=registry.ROOT)


def test_what_is_read_is_what_runs():
    """The specification read from the syntax tree is the one that the decorators build."""
    for entry in registry.methods().values():
        real = entry.load().spec
        assert real.parameters.model_json_schema() == entry.spec.parameters.model_json_schema()
        assert real.model_dump(exclude={"parameters"}) == entry.spec.model_dump(exclude={"parameters"})
    for task in registry.tasks().values():
        assert task.load().spec.model_dump() == task.spec.model_dump()


def test_names_that_nearly_match():
    with pytest.raises(UserError, match=r"unknown method 'self_guided_dpi'; did you mean self_guided_dip"):
        registry.get_method("self_guided_dpi")
    with pytest.raises(UserError, match=r"unknown task .zzz.; known: .*mri"):
        registry.get_task("zzz")


def test_an_included_file_is_registered_and_runs(tmp_path):
    registry.include([write(tmp_path, METHOD)])
    entry = registry.get_method("mine")
    assert entry.spec.summary == "A method of somebody else"
    assert entry.spec.resolve("mri", "tiny", {"steps": 5}) == {"steps": 5, "mode": "a"}
    assert entry.load().spec.name == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("*, steps", "*, other, steps"), "needs an annotation and a default"),
        (("def mine", "def mine("), "mine.py, line 9: "),
        (("mode: str", "mode: torch.Tensor"), "cannot be read .*torch"),
        (('kind="test"', 'kind="test", colour="red"'), "colour"),
        (('"mine", solves', '"dip", solves'), "both define 'dip'"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, change, message):
    registry.include([write(tmp_path, METHOD.replace(*change))])
    with pytest.raises(UserError, match=message):
        registry.methods()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        registry.include([tmp_path / "none.py"])


def test_of_a_package_in_an_environment_inside_the_repository_its_own_modules_count(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "ROOT", tmp_path)
    source.forget()
    site = tmp_path / ".venv" / "site-packages"
    (site / "theirs").mkdir(parents=True)
    (site / "theirs-1.dist-info").mkdir()
    write(site, "x = 1", "other.py")
    write(site / "theirs", "", "__init__.py")
    write(site / "theirs", "import other", "parts.py")
    file = write(site / "theirs", "from .parts import x\nimport other", "mine.py")
    assert [path.name for path in registry.imported_files(file)] == ["mine.py", "parts.py"]
    alone = write(site, "import other, theirs", "alone.py")
    assert registry.imported_files(alone) == [alone]


def test_a_task_imports_its_operators_and_nothing_through_the_registry():
    names = {file.name for file in registry.imported_files(registry.get_task("mri").file)}
    assert {"mri.py", "linear.py", "image.py", "colin27.py", "linear_inverse.py", "fastmri.py"} <= names
    assert not {"ratings.py", "matrices.py", "completion.py"} & names  # readers and interfaces of other tasks
    assert not {"registry.py", "reading.py", "source.py", "spec.py", "errors.py", "decorators.py", "instance.py"} & names
