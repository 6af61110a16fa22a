"""Code that is handed in, with the processes that really run it."""

import os

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.store.database import open_database
from benchmark.store.models import Method, Run, Score
from benchmark.submissions import store
from tests.runners.forks import FORKS
from tests.runners.installed import Installed

pytestmark = pytest.mark.slow

CODE = '''"""The adjoint, as a stranger would hand it in.

x = A^H y
"""

import torch

from benchmark import Context, LinearInverse, method


@method("mine", solves="LinearInverse", kind="classical", paper="", needs=("coils",))
def mine(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y)
'''


def call(command, module, *words, site=None):
    path = os.pathsep.join([command.environment["PYTHONPATH"], *([str(site)] if site else [])])
    words = [f"runners.{module}", *words, "--db", str(command.db)]
    return FORKS(words, command.folder, {**command.environment, "PYTHONPATH": path}, timeout=280)


@pytest.mark.slow
def test_code_is_checked_run_and_stored_and_scores_as_a_direct_run_does(command):
    (command.folder / "mine.py").write_text(CODE)
    (command.folder / "entry.toml").write_text('method = "mine"\nauthors = ["Ada"]\ncontact = "ada@example.org"\n')
    where = ("--task", "mri", "--preset", "tiny")
    done = call(command, "submit", "code", "mine.py", *where, "--entry", "entry.toml", "--threads", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "submission 1: mine on mri/tiny is reproduced" in done.stdout
    direct = call(command, "run", *where, "--method", "zero_filled", "--threads", "1")
    assert direct.returncode == 0, direct.stderr
    with Session(open_database(str(command.db))) as session:
        [run] = store.runs_of(session, store.find(session, 1))
        assert (run.trust, run.origin, run.status) == ("reproduced", "here", "done")
        wanted = select(Run).join(Method).where(Method.name == "zero_filled", Run.origin == "here")
        other = session.scalars(wanted).one()
        scores = [
            {(one.instance, one.metric): one.value for one in session.scalars(select(Score).where(Score.run_id == of.id))}
            for of in (run, other)
        ]
    assert scores[0] == scores[1]
    [kept] = (command.folder / "submissions").glob("*/mine.py")
    assert kept.read_text() == CODE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CODE.replace("return problem", "return 2 * torch.rand(()) * problem"), "gives the same estimate each time"),
        ("x = 1\n", "registers nothing"),
        (CODE.replace('"mine"', '"theirs"'), "unknown method 'mine'"),
    ],
)
def test_code_that_breaks_the_contract_is_refused_and_leaves_no_result(command, text, reason):
    (command.folder / "mine.py").write_text(text)
    done = call(command, "submit", "code", "mine.py", "--task", "mri", "--preset", "tiny", "--threads", "1")
    assert done.returncode == 2, done.stdout
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    with Session(open_database(str(command.db))) as session:
        assert session.scalars(select(Run).where(Run.origin == "here")).all() == []
        assert store.find(session, 1).state == "refused"


@pytest.mark.slow
def test_a_method_of_an_installed_package_is_checked_run_and_stored(command):
    site = command.folder / "site"
    installed = Installed(site)
    installed.somebodys()
    where = ("--task", "mri", "--preset", "tiny", "--threads", "1")
    assert call(command, "run", *where, "--method", "half", "--seeds", "2", site=site).returncode == 0  # results from before
    done = call(command, "submit", "code", "somebodys-methods", *where, site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "submission 1: half on mri/tiny is reproduced" in done.stdout
    with Session(open_database(str(command.db))) as session:
        row = store.find(session, 1)
        [run] = store.runs_of(session, row)
        assert (run.trust, run.seed, row.licence, row.contact) == ("reproduced", 0, "MIT", "ada@example.org")
        assert len(session.scalars(select(Run).join(Method).where(Method.name == "half")).all()) == 2
    [kept] = (command.folder / "submissions").glob("*/half")
    assert {path.relative_to(kept).as_posix() for path in kept.rglob("*.py")} == {
        path.relative_to(site).as_posix() for path in site.rglob("*.py")
    }
    # one that breaks the contract is refused, and results from before stay
    installed.write(
        "somebodys/parts/__init__.py",
        "import torch\n\n\nclass F:\n    __mul__ = lambda s, x: torch.rand(()) * x\nFACTOR = F()\n",
    )
    token = done.stdout.partition("token of submission 1: ")[2].partition("\n")[0]
    done = call(command, "submit", "code", "half", *where, "--token", token, site=site)
    assert done.returncode == 2, done.stdout
    assert "gives the same estimate each time" in done.stderr
    assert str(site) not in done.stderr
    assert done.stderr.count("\n") == 1
    with Session(open_database(str(command.db))) as session:
        assert len(session.scalars(select(Run).join(Method).where(Method.name == "half")).all()) == 2
