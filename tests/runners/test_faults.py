"""Methods that hang, crash, allocate, fill the disk, chat and fork: killed with all they started, stored, and survived."""

import shlex
import shutil
import sqlite3
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.slow

TINY = ("--task", "mri", "--preset", "tiny", "--threads", "1")


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


def statuses(command):
    return dict(rows(command, "SELECT method.name, run.status FROM run JOIN method ON method.id = run.method_id"))


def gone(pid):
    for _ in range(40):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_job_over_its_time_is_killed_with_its_daemons_within_two_seconds(command):
    words = (*TINY, "--method", "daemonises", "--method", "zero_filled", "--timeout", "6s")
    done = command(*words, faults=True)
    assert done.returncode == 1
    assert "killed after 6 s, its time limit" in done.stdout
    assert statuses(command) == {"daemonises": "timeout", "zero_filled": "done"}
    pid, last_seen = (command.folder / "child").read_text().split()
    began = float((command.folder / "counter").read_text())
    assert gone(int(pid))
    assert 5 < float(last_seen) - began <= 8


@pytest.mark.parametrize(("then", "status"), [("crash", "failed"), ("return", "done")])
def test_what_a_job_leaves_behind_ends_with_it(command, then, status):
    command(*TINY, "--method", "daemonises", "--set", f"then={then}", "--no-baseline", faults=True)
    assert statuses(command) == {"daemonises": status}
    assert gone(int((command.folder / "child").read_text().split()[0]))


def test_a_thread_that_never_ends_does_not_hold_the_job_up(command):
    began = time.monotonic()
    done = command(*TINY, "--method", "lingers", "--no-baseline", faults=True)
    assert done.returncode == 0
    assert statuses(command) == {"lingers": "done"}
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_a_job_over_its_memory_is_killed_and_the_rest_goes_on(command):
    words = (*TINY, "--method", "allocates", "--method", "cg_sense", "--memory", "1200M")
    done = command(*words, faults=True)
    assert done.returncode == 1
    assert "over its memory limit of 1.20 GB" in done.stdout
    assert statuses(command) == {"allocates": "memory", "cg_sense": "done", "zero_filled": "done"}
    [(error,)] = rows(command, "SELECT error FROM run WHERE status = 'memory'")
    assert "over its memory limit" in error


def test_memory_that_is_not_there_fails_the_instance(command):
    done = command(*TINY, "--method", "asks_too_much", "--no-baseline", faults=True)
    assert done.returncode == 1
    assert statuses(command) == {"asks_too_much": "failed"}
    assert rows(command, "SELECT count(*) FROM instance WHERE status = 'failed' AND error LIKE '%memory%'") == [(2,)]


def test_megabytes_of_output_are_let_through_and_only_their_end_is_kept(command):
    done = command(*TINY, "--method", "chats", "--no-baseline", faults=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses(command) == {"chats": "done"}
    assert len(done.stdout) < 10_000


def test_last_words_are_stored(command):
    done = command(*TINY, "--method", "chats_and_crashes", "--no-baseline", faults=True)
    assert done.returncode == 1
    [(error,)] = rows(command, "SELECT error FROM run")
    assert error.startswith("killed by signal SIGSEGV")
    assert error.endswith("these were the last words")
    assert len(error) < 2500


def test_fail_fast_stops_at_the_first_failure_and_keep_going_does_not(command):
    words = (*TINY, "--method", "crashes", "--method", "cg_sense", "--no-baseline")
    stopped = command(*words, "--fail-fast", faults=True)
    assert stopped.returncode == 1
    assert statuses(command) == {"crashes": "failed"}
    went_on = command(*words, "--keep-going", faults=True)
    assert went_on.returncode == 1
    assert statuses(command) == {"crashes": "failed", "cg_sense": "done"}


def small_disk(command, script, size, db):
    """Run a shell script with $DISK mounted as a file system of this size, in a namespace of its own."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Urm", "true"], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk (unshare -Urm)")
    disk = command.folder / "disk"
    disk.mkdir()
    run = " ".join([sys.executable, "-m", "runners.run", *TINY, "--include", str(command.faults), "--db", db])
    whole = f'mount -t tmpfs -o size={size} tmpfs {disk}\nrun="{run}"\n{script}\n'
    environment = {**command.environment, "DISK": str(disk)}
    return subprocess.run(
        ["unshare", "-Urm", "sh", "-c", whole],
        cwd=command.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_a_full_disk_loses_no_finished_instance_and_the_same_command_continues(command):
    script = (
        "$run --method cg_sense --no-baseline; echo code $?\n"
        "FILL=$DISK/filler $run --method fills --method l1_wavelet --no-baseline; echo code $?\n"
        "rm $DISK/filler\n"
        "$run --method l1_wavelet; echo code $?\n"
        "cp $DISK/results.db* .\n"
    )
    done = small_disk(command, script, "3m", "$DISK/results.db")
    codes = [line for line in done.stdout.splitlines() if line.startswith("code")]
    assert codes[0] == "code 0", done.stdout + done.stderr
    assert codes[1] in ("code 1", "code 2")
    assert codes[2] == "code 0", done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found = statuses(command)
    assert (found["cg_sense"], found["l1_wavelet"], found["zero_filled"]) == ("done",) * 3
    assert rows(command, "PRAGMA integrity_check") == [("ok",)]
    assert rows(command, "SELECT count(*) FROM score") == [(3 * 2 * 3,)]


def test_temporary_files_of_a_job_are_gone_before_the_next(command):
    script = "TMPDIR=$DISK $run --method fills --method cg_sense; echo code $?\nls $DISK > left"
    done = small_disk(command, script, "30m", str(command.db))
    assert "No space left on device" in done.stdout, done.stdout + done.stderr
    assert "code 1" in done.stdout
    assert statuses(command) == {"zero_filled": "done", "fills": "failed", "cg_sense": "done"}
    assert not [name for name in (command.folder / "left").read_text().split() if "lowdimbench-" in name]


@pytest.mark.slow
def test_a_job_that_fills_the_disk_of_the_database_gives_it_back(command):
    script = (
        # one after the other: beside it, another's rows may find no room, and the second command makes them
        "TMPDIR=$DISK $run --jobs 1 --method fills --method cg_sense; echo code $?\n"
        "$run --method cg_sense; echo code $?\ncp $DISK/results.db* .\n"
    )
    done = small_disk(command, script, "30m", "$DISK/results.db")
    assert [line for line in done.stdout.splitlines() if line.startswith("code")] == ["code 1", "code 0"], done.stdout
    assert "done already, 0 to run" in done.stdout, done.stdout
    solved = [line for line in done.stdout.splitlines() if line.startswith("  instance") and "psnr" in line]
    assert len(solved) == 4, done.stdout  # two methods, two instances: none twice, none missing
    found = statuses(command)
    assert (found["cg_sense"], found["zero_filled"]) == ("done", "done"), done.stdout


@pytest.mark.slow
def test_two_runners_on_one_database_lose_nothing_and_do_nothing_twice(command):
    words = (*TINY, "--method", "slow", "--seeds", "2")
    both = [command.start(*words, faults=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    again = command(*words, faults=True)
    assert "4 jobs: 4 done already, 0 to run" in again.stdout
    assert rows(command, "SELECT count(*), count(DISTINCT digest) FROM run") == [(4, 4)]
    assert rows(command, "SELECT count(*) FROM score") == [(4 * 2 * 3,)]
    assert rows(command, "SELECT DISTINCT status FROM run") == [("done",)]
    assert rows(command, "PRAGMA integrity_check") == [("ok",)]


def test_a_run_that_another_living_runner_has_is_left_to_it(command):
    words = (*TINY, "--method", "slow", "--no-baseline")
    first = command.start(*words, faults=True)
    for _ in range(400):
        if command.db.exists() and sqlite_has_running(command):
            break
        time.sleep(0.05)
    second = command(*words, faults=True)
    assert "another runner is at work on it" in second.stdout
    assert "1 jobs are at work in another runner" in second.stdout
    assert first.wait(timeout=60) == 0
    first.communicate()
    assert rows(command, "SELECT status FROM run") == [("done",)]


def sqlite_has_running(command):
    try:
        return rows(command, "SELECT count(*) FROM run WHERE status = 'running'") == [(1,)]
    except sqlite3.OperationalError:
        return False


@pytest.mark.slow
@pytest.mark.long
def test_jobs_side_by_side_give_the_same_numbers(command):
    words = (*TINY, "--method", "cg_sense", "--method", "slow", "--seeds", "2")
    assert command(*words, "--jobs", "3", faults=True).returncode == 0
    together = every_score(command)
    assert len(together) == 3 * 2 * 2 * 3
    command.db.rename(command.folder / "first.db")
    assert command(*words, faults=True).returncode == 0
    assert together == every_score(command)


def every_score(command):
    query = (
        "SELECT name, seed, instance, metric, value FROM run JOIN score ON run_id = run.id "
        "JOIN method ON method_id = method.id ORDER BY 1, 2, 3, 4"
    )
    return rows(command, query)


@pytest.mark.slow
def test_force_runs_again_what_is_done(command):
    words = (*TINY, "--method", "cg_sense", "--no-baseline")
    command(*words)
    before = rows(command, "SELECT instance, metric, value FROM score ORDER BY 1, 2")
    assert "1 jobs: 1 done already" in command(*words).stdout
    again = command(*words, "--force")
    assert "1 jobs: 0 done already, 1 to run" in again.stdout
    assert again.returncode == 0
    assert rows(command, "SELECT instance, metric, value FROM score ORDER BY 1, 2") == before
    assert rows(command, "SELECT count(*) FROM run") == [(1,)]


def test_the_plan_knows_the_time_from_earlier_runs(command):
    words = (*TINY, "--method", "slow", "--no-baseline", "--set", "steps=20")
    before = command(*words, "--dry-run", faults=True)
    assert "run time unknown" in before.stdout
    assert "expected time: not known: no earlier runs" in before.stdout
    command(*words, faults=True)
    other_seed = command(*words, "--seeds", "3", "--dry-run", faults=True)
    assert "3 jobs: 1 done already, 2 to run" in other_seed.stdout
    assert "expected time: about" in other_seed.stdout


def test_rows_of_a_study_on_test_data_are_marked(command):
    command(*TINY, "--method", "cg_sense", "--grid", "steps=2,3", "--on-test", "--no-baseline")
    command(*TINY, "--method", "cg_sense", "--grid", "steps=2,3", "--no-baseline")
    command(*TINY, "--method", "cg_sense", "--no-baseline")
    assert rows(command, "SELECT split, on_test, count(*) FROM run GROUP BY split, on_test ORDER BY 1, 2") == [
        ("test", 0, 1),
        ("test", 1, 2),
        ("tuning", 0, 2),
    ]


def test_a_plan_file_runs(command):
    file = command.folder / "plan.yaml"
    file.write_text("runs:\n  - {task: mri, method: cg_sense, preset: tiny}\n")
    done = command("--plan", str(file))
    assert done.returncode == 0, done.stderr
    assert statuses(command) == {"zero_filled": "done", "cg_sense": "done"}
    mixed = command("--plan", str(file), "--task", "mri")
    assert mixed.returncode == 2
    assert "--plan says what to run; leave out --task" in mixed.stderr


def test_the_stored_command_makes_the_run_again(command):
    command(*TINY, "--method", "l1_wavelet", "--set", "wavelet=db2", "--set", "steps=3", "--no-baseline")
    [(line, digest)] = rows(command, "SELECT command, digest FROM run")
    words = shlex.split(line)[3:]
    command.db.unlink()
    for beside in command.folder.glob("results.db-*"):
        beside.unlink()
    again = command(*words, "--no-baseline")
    assert again.returncode == 0, again.stderr
    assert rows(command, "SELECT digest FROM run") == [(digest,)]
