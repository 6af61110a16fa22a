"""The newcomer's path: new, its own test, check, run."""

import shlex
import subprocess
import sys

import pytest

from benchmark import registry
from benchmark.errors import UserError
from runners import new

pytestmark = pytest.mark.slow


def python(command, *words):
    return command.module(*words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "words", "baseline"),
    [
        ("method", "my_method", (), "zero_filled"),
        pytest.param("method", "my_method", ("--solves", "Completion"), "alternating_ls", marks=pytest.mark.long),
        pytest.param("method", "my_method", ("--solves", "NonlinearInverse"), "hio", marks=pytest.mark.long),
        pytest.param("method", "my_method", ("--solves", "FewShot"), "linear_probe", marks=pytest.mark.long),
        pytest.param("method", "my_method", ("--solves", "Retrieval"), "random_encoder", marks=pytest.mark.long),
        pytest.param("method", "my_method", ("--solves", "Representation"), "cross_entropy", marks=pytest.mark.long),
        pytest.param("method", "my_method", ("--solves", "Distribution"), "pca", marks=pytest.mark.long),
        pytest.param("method", "my_method", ("--solves", "Jacobian"), "lanczos_jacobian", marks=pytest.mark.long),
        ("task", "my_task", (), "zero_filled"),
    ],
)
def test_what_is_written_works_and_its_next_commands_too(command, kind, name, words, baseline):
    made = python(command, "runners.new", kind, name, *words, "--folder", ".")
    assert made.returncode == 0, made.stderr
    tested = python(command, "pytest", "-q", f"test_{name}.py")
    assert tested.returncode == 0, tested.stdout
    lines = [line.partition("#")[0] for line in made.stdout.splitlines() if line.strip().startswith("python -m")]
    checked, ran = (shlex.split(line)[2:] for line in lines[:2])
    done = python(command, *checked)
    assert done.returncode == 0, done.stdout
    assert "0 failed" in done.stdout
    if kind == "task":  # what is here runs on it; the long methods are tried in the contract tests
        ran[ran.index("all")] = "l1_wavelet"
    table = python(command, *ran, "--db", str(command.db))
    assert table.returncode == 0, table.stdout + table.stderr
    assert name in table.stdout
    assert baseline in table.stdout


@pytest.mark.slow
def test_a_paper_that_is_written_has_a_claim_that_holds(command):
    made = python(command, "runners.new", "paper", "my_paper", "--folder", ".")
    assert made.returncode == 0, made.stderr
    tested = python(command, "pytest", "-q", "test_my_paper.py")
    assert tested.returncode == 0, tested.stdout
    [words] = [shlex.split(line)[2:] for line in made.stdout.splitlines() if line.strip().startswith("python -m")]
    done = python(command, *words, "--db", str(command.db))
    assert done.returncode == 0, done.stderr
    assert "1 claims: 1 holds" in done.stdout


@pytest.mark.slow
@pytest.mark.long
def test_image_methods_run_on_a_new_task(command):
    python(command, "runners.new", "task", "my_task", "--folder", ".")
    words = ("--task", "my_task", "--preset", "tiny", "--method", "all", "--include", "my_task.py", "--threads", "1")
    done = command(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped: reference_guided_dip needs references, which my_task does not offer" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("method", "My-Method"), "'My-Method' cannot name a method; use lower-case letters"),
        (("method", "class"), "'class' cannot name a method"),
        (("method", "dip"), "there is a method 'dip' already"),
        (("task", "mri"), "there is a task 'mri' already"),
        (
            ("method", "fine", "--solves", "LinearInvers"),
            "unknown interface 'LinearInvers'; did you mean LinearInverse or ",
        ),
        (("method", "there"), "is there already; move it away"),
    ],
)
def test_bad_names_write_nothing(command, words, message):
    (command.folder / "there.py").write_text("")
    before = sorted(command.folder.iterdir())
    done = python(command, "runners.new", *words, "--folder", ".")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(command.folder.iterdir()) == before


def test_check_names_what_fails_and_exits_with_1(command):
    file = command.folder / "bad.py"
    file.write_text(
        'import torch\nfrom benchmark import method\n\n\n@method("bad", solves="LinearInverse", kind="test", paper="")\n'
        'def bad(problem, ctx):\n    """Uses the global generator."""\n    return problem.A.H(problem.y) + torch.rand(1)\n'
    )
    done = python(command, "runners.check", "bad.py")
    assert done.returncode == 1
    assert "FAILED      bad on mri: touches no global random state" in done.stdout
    assert "FAILED      bad on mri: gives the same estimate each time" in done.stdout
    assert "2 failed" not in done.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("dpi", "unknown method or task 'dpi'; did you mean dpir or dps or dip"),
        ("none.py", "none.py: no such file"),
        ("empty.py", "empty.py registers nothing"),
    ],
)
def test_check_of_what_is_not_there(command, what, message):
    (command.folder / "empty.py").write_text("x = 1\n")
    done = python(command, "runners.check", what)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_may_import_what_lies_beside_it_and_that_counts(command):
    (command.folder / "beside.py").write_text("FACTOR = 2.0\n")
    file = command.folder / "uses.py"
    file.write_text(
        "from beside import FACTOR\n\nfrom benchmark import method\n\n\n"
        '@method("uses", solves="LinearInverse", kind="test", paper="")\n'
        'def uses(problem, ctx):\n    """Doubles."""\n    return FACTOR * problem.A.H(problem.y)\n'
    )
    done = command("--task", "mri", "--preset", "tiny", "--method", "uses", "--include", "uses.py", "--no-baseline")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in registry.imported_files(file)} >= {"uses.py", "beside.py"}


@pytest.mark.parametrize("kind", ["paper", "method", "task"])
def test_what_is_installed_gets_no_files_of_the_user(tmp_path, monkeypatch, kind):
    known = registry.methods(), registry.tasks()  # read from the real folder
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    monkeypatch.setattr(registry, "methods", lambda: known[0])
    monkeypatch.setattr(registry, "tasks", lambda: known[1])
    start = {"paper": new.new_paper, "method": new.new_method, "task": new.new_task}[kind]
    with pytest.raises(UserError, match=r"^name a folder of yours with --folder, such as --folder mine"):
        start("my_own")
    assert not any(tmp_path.iterdir())
    start("my_own", folder=tmp_path / "mine")
    assert (tmp_path / "mine" / "my_own.py").exists()


def test_what_is_written_has_its_imports_in_order(tmp_path):
    templates = sorted(file.stem for file in new._TEMPLATES.glob("*.txt") if not file.stem.endswith("_test"))
    assert {"task", "paper", "method_LinearInverse"} < set(templates)
    for template in templates:
        new._write(template.partition("_")[0], f"my_{template.lower()}", tmp_path, template, "tasks")
    words = ("check", "--config", str(registry.ROOT / "pyproject.toml"), "--select", "I", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", "ruff", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
