"""The commands that take submissions, and the review of code."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store.database import open_database
from benchmark.store.models import Run
from benchmark.submissions import store
from benchmark.submissions.entry import made_entry
from runners import main, review, submit
from runners.cli import run_app
from tests.benchmark.submission_bundles import ENTRY, adjoint, files_of, packed
from tests.runners.installed import Installed
from tests.runners.test_submit_code import CODE

RECEIVED = (
    "submission 1: {} on mri/tiny is received\n  none of its code ran; read it, then: python -m runners.submit review 1\n"
)
NOBODY = "  note: it names nobody; --entry FILE says authors, contact, link and licence\n"


def without_token(out):
    """What a command says after it has shown the token."""
    return re.sub(r"^token of submission .*\n  keep it: .*\n", "", out)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """`python -m runners.submit WORDS` in a folder with a database of its own: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOWDIMBENCH_DB", str(tmp_path / "results.db"))

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["submit", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            run_app(submit.app)
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def bundle():
    return packed(files_of(registry.get_task("mri").load(), estimate=adjoint))


def test_predictions_from_hand_in_to_withdrawal(call, tmp_path, bundle):
    (tmp_path / "mine.zip").write_bytes(bundle)
    code, out, err = call("predictions", "mine.zip")
    assert (code, err) == (0, "")
    assert "submission 1: their_method on mri/tiny is scored" in out
    assert "run 1, seed 0, means over 2 instances: psnr 17.19" in out
    assert "their_method" in call("status")[1]
    shown = call("status", 1)[1]
    assert "scored" in shown
    assert ENTRY["contact"] not in shown
    [token] = re.findall(r"token of submission 1: (\S+)", out)
    assert token not in call("predictions", "mine.zip")[1]  # it is shown once
    assert token.encode() not in (tmp_path / "results.db").read_bytes()
    code, _, err = call("withdraw", 1, "--reason", "too early")
    assert (code, "submission 1 needs --token" in err) == (2, True)
    assert "submission 1 has another token" in call("withdraw", 1, "--token", "guessed")[2]
    assert call("withdraw", 1, "--reason", "too early", "--token", token)[0] == 0
    assert "too early" in call("status", 1)[1]


def test_a_name_belongs_to_its_token(call, tmp_path, monkeypatch):
    (tmp_path / "entry.toml").write_text('method = "mine"\nauthors = ["Ada"]\ncontact = "ada@example.org"\n')
    for number in range(3):
        (tmp_path / f"mine_{number}.py").write_text(f"x = {number}\n")
    hand_in = ("--task", "mri", "--preset", "tiny", "--receive", "--entry", "entry.toml")
    [token] = re.findall(r"token of submission 1: (\S+)", call("code", "mine_0.py", *hand_in)[1])
    code, out, err = call("code", "mine_1.py", *hand_in)  # the same contact says nothing
    assert (code, "token of" in out) == (2, False)
    assert "it is taken by an earlier submission; choose another, or show the token" in err
    assert "the token is of no submission here" in call("code", "mine_1.py", *hand_in, "--token", "guessed")[2]
    monkeypatch.setenv("LOWDIMBENCH_TOKEN", token)
    code, out, err = call("code", "mine_2.py", *hand_in)
    assert (code, err, "token of" in out) == (0, "", False)
    monkeypatch.delenv("LOWDIMBENCH_TOKEN")
    assert call("withdraw", 3, "--token", token)[0] == 0
    assert call("withdraw", 1, "--maintainer")[0] == 0


def test_the_rule_of_which_row_is_shown_is_printed(call, tmp_path, bundle):
    (tmp_path / "mine.zip").write_bytes(bundle)
    call("predictions", "mine.zip")
    assert " ".join(store.RULE.split()) in " ".join(call("status")[1].split())


def test_inputs_are_written(call, tmp_path):
    code, out, err = call("export-inputs", "--task", "denoising", "--preset", "tiny", "--output", "a.zip")
    assert (code, err) == (0, "")
    assert out.startswith("2 instances of denoising/tiny written to a.zip")
    assert "manifest.json" in zipfile.ZipFile(tmp_path / "a.zip").namelist()


def test_what_is_learnt_from_is_written_or_left_out(call, tmp_path):
    words = ("export-inputs", "--task", "video_retrieval", "--preset", "tiny", "--output")
    code, out, err = call(*words, "a")
    assert (code, err) == (0, "")
    assert out.startswith("2 instances of video_retrieval/tiny written to a, and 2.2 MB to learn from in training/; next")
    assert (tmp_path / "a" / "training" / "0.safetensors").is_file()
    out = call(*words, "b", "--no-training")[1]
    assert out.startswith("2 instances of video_retrieval/tiny written to b, without what methods learn from; next")
    assert "note:" not in out


def test_data_of_the_user_s_own_get_a_note(call, monkeypatch):
    found = {"instances": [], "training": [], "data": ("fastmri",)}
    monkeypatch.setattr("benchmark.submissions.observations.export", lambda *given, **how: found)
    out = call("export-inputs", "--task", "mri", "--preset", "tiny", "--output", "a")[1]
    assert out.endswith(
        "note: fastmri came from --data-dir or --source: do not pass these files on unless its owner lets you\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predictions", "none.zip"), "none.zip: no such file"),
        (("predictions", "bad.zip"), "bad.zip: it is no zip file"),
        (("predictions", "."), ".: it is a folder, not a file; in it: python -m zipfile -c bundle.zip entry.toml predictions"),
        (("code", "mine", "--task", "mri"), "mine: no such package or method of one; the file is mine.py"),
        (("code", "none.py", "--task", "mri"), "none.py: no such file"),
        (
            ("code", "bad-name.py", "--task", "mri"),
            "bad-name.py: 'method': a name has lower-case letters, digits and _, and begins with",
        ),
        (
            ("code", "halv", "--task", "mri"),
            "unknown file (my_method.py), method of an installed package, or installed package",
        ),
        (("code", "a/my.whl", "--task", "mri"), "my.whl: nothing is installed here; install it yourself"),
        (("code", "mine.py", "--task", "mry"), "unknown task 'mry'; did you mean mri?"),
        (("code", "mine.py", "--task", "mri", "--preset", "tinny"), "unknown preset of mri 'tinny'; did you mean tiny?"),
        (("code", "dip.py", "--task", "mri"), "method name 'dip': it is taken by a method of the suite"),
        (("code", "mine.py", "--task", "mri", "--entry", "bad.zip"), "bad.zip: it is no TOML"),
        (("export-inputs", "--task", "mry", "--output", "a"), "unknown task 'mry'"),
        (("export-inputs", "--task", "mri", "--preset", "x", "--output", "a"), "unknown preset of mri 'x'"),
        (("export-inputs", "--task", "mri", "--preset", "tiny", "--output", "bad.zip"), "bad.zip is there already"),
        (("export-inputs", "--task", "mri", "--preset", "full", "--output", "a"), "--data-dir"),
        (("review",), "no database"),
        (("status", "1"), "no database"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(call, tmp_path, words, message):
    for name, text in (("bad.zip", "no zip"), ("bad-name.py", CODE), ("mine.py", CODE), ("dip.py", CODE)):
        (tmp_path / name).write_text(text)
    code, _, err = call(*words)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_code_that_is_only_kept_waits_for_a_review(call, tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')\n")
    code, out, _ = call("code", "mine.py", "--task", "mri", "--preset", "tiny", "--receive")
    assert (code, without_token(out)) == (0, RECEIVED.format("mine") + NOBODY)
    out = call("review")[1]
    assert "1  mine on mri/tiny, seeds: 1, by not named <not named>" in out
    assert "submissions/" in out
    assert "waiting: 1; run one with" in out


@pytest.fixture
def installed(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    found = Installed(folder)
    found.somebodys()
    yield found
    registry.include(())


def test_a_package_that_is_only_kept_waits_and_runs_while_it_is_what_was_handed_in(call, installed, tmp_path, monkeypatch):
    code, out, _ = call("code", "half", "--task", "mri", "--preset", "tiny", "--receive")
    assert (code, without_token(out)) == (0, RECEIVED.format("half"))
    out = call("review")[1]
    assert "1  half on mri/tiny, seeds: 1, by Ada Example; Bo <ada@example.org>" in out
    kept = out.split("read it first: ")[1].splitlines()[0]
    assert Path(kept, "somebodys", "half.py").is_file()
    installed.write("somebodys/parts/__init__.py", "FACTOR = 2\n")
    code, _, err = call("review", 1)
    assert code == 2
    assert err.startswith("error: somebodys-methods 1.2 is installed with other source than was handed in")
    shutil.rmtree(installed.folder / "somebodys_methods-1.2.dist-info")
    registry.include(())
    assert "no installed package brings half; install the one with somebodys, then review it again" in call("review", 1)[2]
    assert call("status", 1)[1].startswith("submission    1")


def test_it_is_one_of_the_commands():
    names = {group.name for group in main.app.registered_groups}
    assert "submit" in names


# --- review, without the processes that it starts (tests/runners/test_submit_code.py has those) -----------------------------


@pytest.fixture
def received(tmp_path):
    """Session, submission and machine of a piece of code that waits."""
    target = str(tmp_path / "results.db")
    engine = open_database(target)
    with Session(engine) as session:
        entry = made_entry({**ENTRY, "method": "mine"})
        row = store.receive_code(session, CODE.encode(), entry, task="mri", preset="tiny", seeds=1, folder=tmp_path)
        yield session, row, review.Machine(target, tmp_path)
    engine.dispose()


@pytest.mark.parametrize(
    ("answers", "state", "reason"),
    [
        ([(1, ["ok mine", "FAILED      mine on mri: repeats itself -- no"])], "refused", "mine on mri: repeats itself -- no"),
        ([(2, ["error: SOURCE registers nothing"])], "refused", "mine.py registers nothing"),
        ([(1, [])], "refused", "the contract checks could not be made"),
        ([(0, []), (2, ["words", "error: unknown method 'mine'"])], "refused", "unknown method 'mine'"),
        ([(0, []), (0, [])], "refused", "it did not run"),
    ],
)
def test_code_that_fails_is_refused_with_its_reason(received, monkeypatch, answers, state, reason):
    session, row, machine = received
    source = str(store.source_file(machine.folder, row.content, row.method))
    given = iter(answers)

    def run(words, seconds):
        code, said = next(given)
        return code, [line.replace("SOURCE", source) for line in said]

    monkeypatch.setattr(review, "_run", run)
    done = review.review(session, row.id, machine)
    assert (done.state, done.reason) == (state, reason)
    assert session.scalars(select(Run)).all() == []
    with pytest.raises(UserError, match="is refused; only a received submission is reviewed"):
        review.review(session, row.id, machine)


def test_a_stopped_review_can_be_made_again(received, monkeypatch):
    session, row, machine = received
    given = iter([(0, []), (130, [])])
    monkeypatch.setattr(review, "_run", lambda words, seconds: next(given))
    with pytest.raises(KeyboardInterrupt):
        review.review(session, row.id, machine)
    assert row.state == "checked"


def test_predictions_and_lost_sources_are_not_reviewed(received, tmp_path, bundle):
    session, row, machine = received
    other = store.receive_predictions(session, bundle, tmp_path)
    with pytest.raises(UserError, match="holds predictions"):
        review.review(session, other.id, machine)
    store.source_file(machine.folder, row.content, row.method).unlink()
    with pytest.raises(UserError, match="is not in submissions beside the database"):
        review.review(session, row.id, machine)


def test_a_process_is_ended_with_what_it_started(tmp_path):
    code, said = review._run(["timeit", "-n1", "-r1", "import time; time.sleep(600)"], 0.5)
    assert code == 1
    assert said == ["error: it was ended after 0.5 s"]
