"""The main command, used as a user would."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TINY = ("--task", "mri", "--preset", "tiny", "--threads", "1")


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


def test_a_run_is_stored_and_repeating_it_does_nothing(command):
    first = command(*TINY, "--method", "cg_sense")
    assert first.returncode == 0, first.stderr
    assert "added zero_filled, the baseline" in first.stdout
    assert "2 jobs: 0 done already, 2 to run" in first.stdout
    assert f"results in {command.db}; browse them with: python -m leaderboard --db {command.db}" in first.stdout.replace(
        "\n", ""
    )
    assert rows(command, "SELECT status, instances, trust, split FROM run") == [("done", 2, "reproduced", "test")] * 2
    assert rows(command, "SELECT count(*) FROM score") == [(2 * 2 * 3,)]
    [(head, packages)] = rows(command, 'SELECT "commit", packages FROM environment')
    assert head
    assert "torch" in packages
    # every method saw the same observation
    assert rows(command, "SELECT count(DISTINCT observation) FROM instance GROUP BY number") == [(1,), (1,)]
    assert rows(command, "SELECT count(DISTINCT sha256) FROM artifact WHERE kind = 'truth' GROUP BY instance") == [(1,), (1,)]
    for (path,) in rows(command, "SELECT path FROM artifact"):
        assert (command.folder / path).is_file()

    again = command(*TINY, "--method", "cg_sense")
    assert again.returncode == 0
    assert "2 jobs: 2 done already, 0 to run" in again.stdout
    assert rows(command, "SELECT count(*) FROM run") == [(2,)]
    assert first.stdout.split("Multi-coil MRI")[1] == again.stdout.split("Multi-coil MRI")[1]


@pytest.mark.slow
def test_other_parameters_seeds_and_presets_are_other_runs(command):
    command(*TINY, "--method", "zero_filled")
    command(*TINY, "--method", "cg_sense", "--set", "steps=3", "--seeds", "2")
    found = rows(command, "SELECT parameters, seed FROM run")  # jobs side by side begin in any order
    changed = '{"steps": 3, "damping": 0.001}'
    assert sorted(found) == sorted([("{}", 0), ("{}", 1), (changed, 0), (changed, 1)])
    tuned = command(*TINY, "--method", "zero_filled", "--seeds", "1000,")
    assert "tuning data" in tuned.stdout
    assert rows(command, "SELECT split FROM run WHERE seed = 1000") == [("tuning",)]


def test_dry_run_says_what_came_with_the_suite(command):
    done = command("--task", "mri", "--method", "tv", "--preset", "small", "--dry-run")
    assert "2 of 2 jobs have a reference result of the present code" in done.stdout
    changed = command("--task", "mri", "--method", "tv", "--preset", "small", "--set", "weight=0.5", "--dry-run")
    assert "1 of 2 jobs have a reference result of the present code" in changed.stdout  # the baseline's


def test_dry_run_writes_nothing(command):
    done = command(*TINY, "--method", "all", "--dry-run")
    assert done.returncode == 0
    assert "self_guided_dip seed 0: 2 of 2 instances" in done.stdout
    assert not command.db.exists()


def test_list_names_everything(command):
    done = command("--list", db=False)
    assert done.returncode == 0
    for word in ("mri", "small_8x", "self_guided_dip"):
        assert word in done.stdout
    done = command("--list", "--task", "mri", "--method", "self_guided_dip", db=False)
    assert done.returncode == 0
    for word in ("small_8x", "lr_input=0.1", "fastMRI"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "mir", "--method", "dip"), "unknown task 'mir'; did you mean mri?"),
        (("--task", "mri", "--method", "self_guided_dpi"), "unknown method 'self_guided_dpi'; did you mean self_guided_dip"),
        (("--task", "mri", "--method", "dip", "--preset", "smal"), "unknown preset of mri 'smal'; did you mean small"),
        (("--task", "mri", "--method", "dip", "--set", "step=3"), "unknown parameter of dip 'step'; did you mean steps?"),
        (("--task", "mri", "--method", "dip", "--set", "steps=many"), "--set steps='many' for dip: input should be a valid"),
        (("--task", "mri", "--method", "dip", "--set", "steps=0"), "--set steps=0 for dip: input should be greater"),
        (("--task", "mri", "--method", "dip", "--set", "steps"), "write it as name=value"),
        (("--task", "mri", "--method", "dip", "--device", "gpu"), "unknown device 'gpu'; use auto, cpu, cuda"),
        (("--task", "mri", "--method", "dip", "--device", "cuda:99"), "--device cuda:99: this machine has"),
        (("--task", "mri", "--method", "dip", "--seeds", "x"), "--seeds x: write a count"),
        (("--task", "mri", "--method", "dip", "--timeout", "soon"), "'soon' is not a duration; write 90s, 10m or 2h"),
        (("--task", "mri", "--method", "dip", "--preset", "full"), "needs --data-dir: ask NYU for the fastMRI data set"),
        (("--task", "mri", "--method", "dip", "--include", "no.py"), "--include no.py: no such file"),
        (("--task", "mri"), "name a --task and a --method"),
        (("--task", "mri", "--methd", "dip"), "No such option: --methd"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(command, words, message):
    done = command(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert not command.db.exists()
    assert not (command.folder / "artifacts").exists()


def test_a_method_that_does_not_solve_the_task_is_told_which_do(command):
    other = command.folder / "other.py"
    other.write_text(
        'from benchmark import method\n@method("fills", solves="Completion", kind="test", paper="")\n'
        "def fills(problem, ctx):\n    return problem\n"
    )
    done = command(*TINY, "--method", "fills", "--include", str(other))
    assert done.returncode == 2
    assert "fills solves Completion, but mri poses LinearInverse; methods that fit: cg_sense, dip" in done.stderr
    skipped = command(*TINY, "--method", "all", "--include", str(other), "--dry-run")
    [line] = [line for line in skipped.stdout.splitlines() if "each of which solves Completion, but mri poses" in line]
    assert "fills" in line.partition(": ")[2].split(", ")


@pytest.mark.parametrize("kind", ["foreign", "broken", "folder"])
def test_a_bad_database_is_one_line_and_untouched(command, kind):
    if kind == "foreign":
        with sqlite3.connect(command.db) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
        connection.close()
    elif kind == "broken":
        command.db.write_bytes(b"not a database at all" * 400)
    else:
        command.db.mkdir()
    before = command.db.read_bytes() if command.db.is_file() else None
    done = command(*TINY, "--method", "zero_filled")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert before is None or command.db.read_bytes() == before


def test_a_truncated_hdf5_file_is_one_line(command):
    folder = command.folder / "data" / "fastmri"
    folder.mkdir(parents=True)
    (folder / "file1.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40))
    done = command("--task", "mri", "--preset", "full", "--method", "zero_filled", "--data-dir", str(command.folder / "data"))
    assert done.returncode == 2
    assert "is truncated or not an HDF5 file" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; tests/benchmark/test_store.py covers the check")
def test_a_read_only_folder_is_one_line(command):
    locked = command.folder / "locked"
    locked.mkdir(mode=0o500)
    done = command(*TINY, "--method", "zero_filled", "--db", str(locked / "a.db"), db=False)
    assert done.returncode == 2
    assert "cannot be written; choose another with --db" in done.stderr


def test_a_hanging_method_and_its_children_are_killed_in_time(command):
    began = time.monotonic()
    done = command(*TINY, "--method", "forks", "--no-baseline", "--timeout", "6s", faults=True)
    assert time.monotonic() - began < 20
    assert done.returncode == 1
    assert "killed after 6 s" in done.stdout
    assert rows(command, "SELECT status FROM run") == [("timeout",)]
    child = int((command.folder / "child").read_text())
    for _ in range(20):
        if not alive(child):
            break
        time.sleep(0.1)
    assert not alive(child)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_crash_is_stored_and_the_rest_goes_on(command):
    done = command(*TINY, "--method", "crashes", "--method", "zero_filled", faults=True)
    assert done.returncode == 1
    assert "killed by signal SIGSEGV" in done.stdout
    found = dict(rows(command, "SELECT method.name, run.status FROM run JOIN method ON method.id = run.method_id"))
    assert found == {"crashes": "failed", "zero_filled": "done"}
    [(reason,)] = rows(command, "SELECT error FROM run WHERE status = 'failed'")
    assert reason.startswith("killed by signal SIGSEGV")


def test_a_failed_instance_keeps_the_others_and_is_tried_again(command):
    done = command(*TINY, "--method", "raises", "--set", "only=0", "--no-baseline", faults=True)
    assert done.returncode == 1
    assert "instance 0 failed: RuntimeError: the matrix is singular" in done.stdout
    assert rows(command, "SELECT number, status FROM instance ORDER BY number") == [(0, "failed"), (1, "done")]
    assert "the matrix is singular" in rows(command, "SELECT error FROM instance WHERE number = 0")[0][0]
    assert rows(command, "SELECT DISTINCT instance FROM score") == [(1,)]
    again = command(*TINY, "--method", "raises", "--set", "only=0", "--no-baseline", faults=True)
    assert again.returncode == 0, again.stdout
    assert "1 of 2 instances" in again.stdout
    assert rows(command, "SELECT status, error FROM run") == [("done", None)]
    assert rows(command, "SELECT number, status FROM instance ORDER BY number") == [(0, "done"), (1, "done")]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("shape", "has shape (47, 48), not (48, 48)"),
        ("type", "has type torch.float32"),
        ("nan", "not finite"),
        ("none", "NoneType"),
    ],
)
def test_an_estimate_that_is_not_one_fails_the_instance(command, how, message):
    done = command(*TINY, "--method", "wrong", "--set", f"how={how}", "--no-baseline", faults=True)
    assert done.returncode == 1
    assert message in done.stdout
    assert rows(command, "SELECT count(*) FROM score") == [(0,)]


def test_what_a_method_prints_does_not_matter(command):
    done = command(*TINY, "--method", "chats", "--no-baseline", faults=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(command, "SELECT status FROM run") == [("done",)]


def wait_for_instance(command, process):
    for _ in range(1200):  # a minute: a busy machine is slow, not wrong
        if process.poll() is not None:
            pytest.fail("it ended early: " + process.communicate()[1])
        if command.db.exists():
            try:
                if rows(command, "SELECT count(*) FROM instance") == [(1,)]:
                    return
            except sqlite3.OperationalError:
                pass  # not made yet
        time.sleep(0.05)
    pytest.fail("no instance was finished")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopping_keeps_what_is_finished_and_the_same_command_continues(command, how):
    words = (*TINY, "--method", "slow", "--no-baseline")
    process = command.start(*words, faults=True)
    wait_for_instance(command, process)
    process.send_signal(how)
    out, _ = process.communicate(timeout=20)
    [(first, scored)] = rows(
        command, "SELECT number, count(score.id) FROM instance JOIN score ON instance.number = score.instance"
    )
    assert (first, scored) == (0, 3)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "finished instances are kept. Continue with: python -m runners.run --task mri" in out
        assert rows(command, "SELECT status FROM run") == [("interrupted",)]
    else:
        time.sleep(1)
        assert not any_worker(command)
    again = command(*words, faults=True)
    assert again.returncode == 0, again.stderr
    assert "1 of 2 instances" in again.stdout
    assert rows(command, "SELECT status FROM run") == [("done",)]
    assert rows(command, "SELECT count(*) FROM score") == [(6,)]


def any_worker(command):
    """A worker whose working folder is the scratch folder of this test."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        try:
            if "runners.worker" in (process.info["cmdline"] or ()) and process.cwd() == str(command.folder):
                return True
        except psutil.Error:
            continue
    return False


@pytest.mark.slow
def test_scores_do_not_depend_on_which_instances_ran_before(command):
    """A continued run, which starts at the second instance, ends with the scores of a run in one go."""
    together = command(*TINY, "--method", "dip", "--no-baseline")
    assert together.returncode == 0
    whole = rows(command, "SELECT instance, metric, value FROM score ORDER BY 1, 2")
    with sqlite3.connect(command.db) as connection:
        for table, column in (("score", "instance"), ("curve", "instance"), ("artifact", "instance"), ("instance", "number")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = 1")
    again = command(*TINY, "--method", "dip", "--no-baseline")
    assert "1 of 2 instances" in again.stdout
    assert rows(command, "SELECT instance, metric, value FROM score ORDER BY 1, 2") == whole


def test_curves_end_at_the_score_and_hold_both_series(command):
    command(*TINY, "--method", "self_guided_dip", "--no-baseline")
    ends = rows(
        command,
        "SELECT curve.instance, max(step), curve.value, score.value FROM curve JOIN score ON score.instance = curve.instance "
        "AND metric = 'psnr' WHERE series = 'estimate' GROUP BY curve.instance",
    )
    assert [(i, s) for i, s, _, _ in ends] == [(0, 60), (1, 60)]
    for _, _, last, final in ends:
        assert last == pytest.approx(final, abs=1e-6)
    assert rows(command, "SELECT DISTINCT series FROM curve ORDER BY 1") == [("estimate",), ("iterate",)]
