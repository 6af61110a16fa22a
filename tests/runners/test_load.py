"""Runs carried from one database to another: the round trip, and what is refused."""

import json
import re
import shutil
import sqlite3

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.spec import RunKey
from benchmark.store import exchange, queries
from benchmark.store.database import open_database
from benchmark.store.lines import InstancePart, file_digest
from benchmark.store.models import Artifact, Curve, Instance, Method, Run, Score, Task
from runners import export, load
from tests.leaderboard.synthetic import Writer, imaging
from tests.runners.forks import FORKS


def fill(path, methods=("base_fill", "classic_wavelet"), preset="tiny"):
    """A database with runs whose digests are those of their keys, and pictures of one."""
    engine = open_database(str(path))
    with Session(engine) as session:
        writer = Writer(session, path.parent)
        for method in methods:
            run = writer.imaging_run(preset, method, source="a" * 64, data="b" * 64)
            run.digest = key_of(session, run).digest
            if method == methods[-1]:
                writer.pictures(run, 0, noise=0.1, size=16)
        session.commit()
    engine.dispose()


def key_of(session, run):
    names = ("preset", "parameters", "seed", "source", "data")
    task, method = session.get(Task, run.task_id), session.get(Method, run.method_id)
    return RunKey(task=task.name, version=task.version, method=method.name, **{name: getattr(run, name) for name in names})


def paint(folder, shape):
    """Other pictures in place of those of `fill`."""
    for number, path in enumerate(sorted((folder / "pictures").iterdir())):
        np.save(path, np.random.default_rng(number).random(shape, np.float32))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """`from/a.db`, and `out/a.jsonl`, exported from it."""
    folder = tmp_path_factory.mktemp("made_once")
    (folder / "from").mkdir()
    (folder / "out").mkdir()
    database = folder / "from" / "a.db"
    fill(database)
    run(export, "--format", "jsonl", "--db", database, "--output", folder / "out" / "a.jsonl", "--pictures", 1)
    return folder


@pytest.fixture
def exported(tmp_path, made_once):
    """A file of two runs with pictures, in a folder of its own, and the database that they are of."""
    for name in ("from", "out"):
        shutil.copytree(made_once / name, tmp_path / name)
    return tmp_path / "out" / "a.jsonl"


def run(module, *words):
    done = call(module, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(module, *words):
    return FORKS([module.__name__, *map(str, words)], registry.ROOT, FORKS.environment)


def content(path):
    """Everything in a database that is about its runs, without the numbers of the rows."""
    with Session(open_database(str(path))) as session:
        found = []
        for one in session.scalars(select(Run).order_by(Run.digest)):
            rows = [
                sorted(
                    tuple(getattr(row, c.key) for c in table.__table__.columns if c.key not in ("id", "run_id"))
                    for row in session.scalars(select(table).where(table.run_id == one.id))
                )
                for table in (Score, Curve)
            ]
            columns = ("digest", "preset", "parameters", "seed", "split", "source", "data", "command", "status", "started")
            instances = session.scalars(select(Instance).where(Instance.run_id == one.id).order_by(Instance.number))
            solved = [
                (i.number, i.label, i.observation, i.status, i.seconds, i.cpu_seconds, i.queued, i.steps, i.error)
                for i in instances
            ]
            found.append([tuple(getattr(one, name) for name in columns), solved, *rows])
        return found


def six(found):
    return [[*parts, sorted((i, s, t, float(f"{a:.6g}"), float(f"{b:.6g}")) for i, s, t, a, b in c)] for *parts, c in found]


def test_the_round_trip_is_identical_and_a_second_load_adds_nothing(tmp_path, exported):
    target = tmp_path / "to" / "b.db"
    assert "2 of 2 runs added as loaded, 0 there already" in run(load, exported, "--db", target)
    assert content(target) == six(content(tmp_path / "from" / "a.db"))
    assert "0 of 2 runs added as loaded, 2 there already" in run(load, exported, "--db", target)
    with Session(open_database(str(target))) as session:
        assert [(r.origin, r.trust) for r in session.scalars(select(Run))] == [("loaded", "self_reported")] * 2
        artifacts = session.scalars(select(Artifact)).all()
        assert {a.kind for a in artifacts} == {"truth", "estimate"}
        for artifact in artifacts:
            assert file_digest((target.parent / artifact.path).read_bytes()) == artifact.sha256
    again = tmp_path / "out" / "again.jsonl"
    run(export, "--format", "jsonl", "--db", target, "--output", again, "--pictures", 1)
    words = {"origin": "here", "trust": "reproduced"}
    lines = [{**json.loads(text), **words} for text in again.read_text().splitlines()[1:]]
    assert lines == [json.loads(text) for text in exported.read_text().splitlines()[1:]]


def test_where_a_run_ran_does_not_leave_its_database(tmp_path):
    for folder in ("from", "plain"):
        (tmp_path / folder).mkdir()
        fill(tmp_path / folder / "a.db", methods=("base_fill",))
    with sqlite3.connect(tmp_path / "from" / "a.db") as connection:
        connection.execute("UPDATE run SET engine = 'ray', node = 'our-machine (1)', tries = 2")
    texts = []
    for folder in ("from", "plain"):
        file = tmp_path / folder / "a.jsonl"
        run(export, "--format", "jsonl", "--db", tmp_path / folder / "a.db", "--output", file)
        texts.append(re.sub(r'"started":"[^"]*"', "", file.read_text()))
    assert texts[0] == texts[1]
    assert "our-machine" not in texts[0]
    run(load, tmp_path / "from" / "a.jsonl", "--db", tmp_path / "b.db")
    with Session(open_database(str(tmp_path / "b.db"))) as session:
        assert [(one.engine, one.node, one.tries) for one in session.scalars(select(Run))] == [(None, None, None)]


def test_a_run_made_here_is_not_added_again_as_loaded(tmp_path, exported):
    before = content(tmp_path / "from" / "a.db")
    assert "0 of 2 runs added" in run(load, exported, "--db", tmp_path / "from" / "a.db")
    assert content(tmp_path / "from" / "a.db") == before


def test_another_making_of_a_run_stands_beside_the_one_made_here(tmp_path, exported):
    theirs = change(exported, 1, lambda line: line.update(started="2026-02-02T00:00:00Z", finished=None))
    target = tmp_path / "from" / "a.db"
    assert "1 of 2 runs added as loaded" in run(load, theirs, "--db", target)
    with Session(open_database(str(target))) as session:
        digest = json.loads(theirs.read_text().splitlines()[1])["digest"]
        assert queries.find_run(session, digest).origin == "here"
        assert [r.origin for e in queries.entries(session, "imaging", 1, "tiny") for r in e.runs] == ["here", "here"]


def change(file, number, edit):
    """A copy of the file whose line `number` was edited."""
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    edit(lines[number])
    copy = file.with_name("changed.jsonl")
    copy.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return copy


def set_score(value):
    def edit(line):
        line["results"][0]["scores"]["psnr"] = value

    return edit


def fail_first(line):
    """An instance that failed and has scores all the same."""
    line.update(status="failed")
    line["results"][0].update(status="failed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda line: line["key"].update(seed=3), "line 3: the digest is not that of the key"),
        (lambda line: line["key"]["parameters"].update(steps=101), "line 3: the digest is not that of the key"),
        (lambda line: line.update(digest="0" * 64), "line 3: the digest is not that of the key"),
        (lambda line: line.update(note="x"), "line 3: note: Extra inputs are not permitted"),
        (set_score(float("nan")), "line 3: results.0.scores.psnr: Input should be a finite number"),
        (set_score(float("inf")), "line 3: results.0.scores.psnr: Input should be a finite number"),
        (set_score("27"), "line 3: results.0.scores.psnr: Input should be a valid number"),
        (lambda line: line["results"][0]["scores"].pop("nmse"), "line 3: a finished instance lacks scores"),
        (fail_first, "line 3: a finished instance lacks scores, or has others than its task"),
        (lambda line: line["results"].pop(), "line 3: the run is done and its instances are not"),
        (lambda line: line["results"].append(line["results"][0]), "line 3: an instance stands there twice"),
        (lambda line: line["results"][0].update(number=7), "line 3: an instance is not of the preset"),
        (lambda line: line.update(split="tuning"), "line 3: split and seed do not agree"),
        (lambda line: line.update(status="running"), "line 3: status: Input should be 'done'"),
        (lambda line: line.update(started="2026-01-01T00:00:00"), "line 3: started: a time needs its zone"),
        (lambda line: line["pictures"][0].update(sha256="../../secret"), "line 3: pictures.0.sha256: String should match"),
        (lambda line: line["pictures"][0].update(sha256="0" * 64), "is missing beside the file"),
        (lambda line: line.pop("environment"), "line 3: environment: Field required"),
    ],
)
def test_a_line_that_was_tampered_with_is_refused_and_nothing_is_written(tmp_path, exported, edit, message):
    file = change(exported, 2, edit)
    target = tmp_path / "to" / "b.db"
    with pytest.raises(UserError) as caught:
        load.main([file], db=str(target))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not target.parent.exists()


def test_one_bad_line_leaves_a_database_as_it_was(tmp_path, exported):
    file, target = change(exported, 2, set_score(1e999)), tmp_path / "to" / "b.db"
    open_database(str(target)).dispose()
    done = call(load, file, "--db", target)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert content(target) == []
    assert not (target.parent / "artifacts").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: not a file of runners.export --format jsonl"),
        ("task,score\nmri,3\n", "line 1: not a file of runners.export"),
        ('{"format": "lowdimbench runs", "version": 9}\n', "written by a newer version of this suite"),
        ('{"format": "lowdimbench runs", "version": 1}\n', "line 1: commit: Field required"),
        ('{"format": "lowdimbench runs", "version": 1, "commit": "a", "runs": {}}\n{}\n', "line 2: digest: Field required"),
        ('{"format": "lowdimbench runs", "version": 1, "commit": "a", "runs": {}}\nx\n', "line 2: Invalid JSON"),
    ],
)
def test_a_file_that_is_not_one(tmp_path, text, message):
    file = tmp_path / "a.jsonl"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        load.read_file(file)
    with pytest.raises(UserError, match="cannot be read"):
        load.read_file(tmp_path / "none.jsonl")


def test_a_file_that_was_cut_off_is_refused(exported):
    exported.write_text("\n".join(exported.read_text().splitlines()[:2]) + "\n")
    with pytest.raises(UserError, match="its header names other runs than it holds"):
        load.read_file(exported)


def test_a_picture_that_was_changed_is_refused(exported):
    picture = next((exported.parent / "pictures").glob("*.npy"))
    picture.write_bytes(picture.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"line 3: pictures/.* is damaged \(wrong SHA-256\)"):
        load.read_file(exported)


def test_a_colour_picture_survives_the_round_trip(tmp_path, exported):
    source, target = tmp_path / "from" / "a.db", tmp_path / "to" / "b.db"
    paint(source.parent, (3, 16, 24))
    run(export, "--format", "jsonl", "--db", source, "--output", exported, "--pictures", 1)
    run(load, exported, "--db", target)
    made, loaded = (pictures_of(path) for path in (source, target))
    assert made.keys() == loaded.keys() == {"truth", "estimate"}
    for kind, picture in made.items():
        np.testing.assert_array_equal(loaded[kind], picture.astype(np.float16))


def pictures_of(path):
    with Session(open_database(str(path))) as session:
        return {a.kind: np.load(path.parent / a.path) for a in session.scalars(select(Artifact))}


def test_an_array_that_is_no_picture_is_left_out_of_an_export(tmp_path, exported):
    paint(tmp_path / "from", (4, 16, 16))
    words = ("--format", "jsonl", "--db", tmp_path / "from" / "a.db", "--output", exported, "--pictures", 1)
    assert call(export, *words).stderr.count("is no picture that fits float16 and is left out") == 2
    assert [line.pictures for line in load.read_file(exported)[0]] == [(), ()]


@pytest.mark.parametrize("shape", [(4,), (2, 4, 4), (4, 4, 4), (4, 4, 3), (1, 2, 4, 4)])
def test_an_array_that_is_no_picture_is_refused(exported, shape):
    scratch = exported.with_name("array.npy")
    np.save(scratch, np.zeros(shape, np.float16))
    digest = file_digest(scratch.read_bytes())
    scratch.rename(exported.parent / "pictures" / f"{digest}.npy")
    file = change(exported, 2, lambda line: line["pictures"][0].update(sha256=digest))
    with pytest.raises(UserError, match=r"line 3: pictures/.* is not a finite float16 picture \(H, W\) or \(3, H, W\)"):
        load.read_file(file)


@pytest.mark.parametrize(
    "change",
    [{"name": "snr"}, {"unit": "points"}, {"better": "lower"}, {"primary": False}],
    ids=lambda change: next(iter(change)),
)
def test_metrics_that_are_not_those_known_here_are_refused(tmp_path, exported, change):
    target = tmp_path / "to" / "b.db"
    spec = imaging()
    spec["metrics"][0].update(change)
    engine = open_database(str(target))
    with Session(engine) as session:
        session.add(Task(name="imaging", version=1, spec=spec))
        session.commit()
    engine.dispose()
    with pytest.raises(UserError, match="task imaging version 1 has other metrics here"):
        load.main([exported], db=str(target))
    assert content(target) == []


def test_what_is_there_or_stands_in_a_file_twice_is_added_once(tmp_path, exported):
    lines, _ = load.read_file(exported)
    with Session(open_database(str(tmp_path / "b.db"))) as session:
        assert exchange.merge(session, [*lines, *lines], "reference") == 2
        assert exchange.merge(session, lines, "reference") == 0
        assert len(session.scalars(select(Run)).all()) == 2


def test_a_task_that_was_stored_before_it_had_a_preset_gains_it(tmp_path, exported):
    """Or its runs could be loaded and never be exported again."""
    fill(tmp_path / "old.db", preset="small")
    engine = open_database(str(tmp_path / "old.db"))
    with Session(engine) as session:
        task = session.scalars(select(Task)).one()
        task.spec = {**task.spec, "presets": {"small": task.spec["presets"]["small"]}}
        session.commit()
    engine.dispose()
    run(load, exported, "--db", tmp_path / "old.db")
    file = tmp_path / "out" / "again.jsonl"
    run(export, "--format", "jsonl", "--preset", "tiny", "--db", tmp_path / "old.db", "--output", file)
    assert len(file.read_text().splitlines()) == 3


def test_what_a_metric_has_gained_since_a_file_was_written_is_there(tmp_path):
    """Of the registered task of that version, or of a later file."""
    lines, _ = load.read_file(load.REFERENCE / "mc.jsonl")
    old = lines[0].task.model_dump(mode="json")
    old["metrics"] = [{name: value for name, value in one.items() if name not in ("least", "most")} for one in old["metrics"]]
    file = [lines[0].model_copy(update={"task": type(lines[0].task).model_validate_json(json.dumps(old))})]
    with Session(open_database(str(tmp_path / "b.db"))) as session:
        exchange.merge(session, file, "reference")
        metrics = {one["name"]: one for one in session.scalars(select(Task)).one().spec["metrics"]}
    assert (metrics["success"]["least"], metrics["success"]["most"]) == (0.0, 1.0)
    assert "most" not in metrics["log10_error"]


def test_a_preset_that_offers_a_prior_since_a_file_was_written_scores_its_calls(tmp_path):
    """Or a run that is loaded later could not be exported."""
    lines, _ = load.read_file(load.REFERENCE / "phase_retrieval.jsonl")
    old = lines[0].task.model_dump(mode="json")
    old["presets"]["small"].pop("prior", None)
    file = [lines[0].model_copy(update={"task": type(lines[0].task).model_validate_json(json.dumps(old))})]
    with Session(open_database(str(tmp_path / "b.db"))) as session:
        exchange.merge(session, file, "reference")
        assert session.scalars(select(Task)).one().spec["presets"]["small"]["prior"] == "photographs64"


def test_reference_rows_keep_their_trust_and_are_merged_by_preset(tmp_path, exported, monkeypatch):
    monkeypatch.setattr(load, "REFERENCE", exported.parent)
    exported.rename(exported.with_name("imaging.jsonl"))
    target = str(tmp_path / "to" / "b.db")
    with Session(open_database(target)) as session:
        assert load.merge_reference(session, [("imaging", "small"), ("nothing", "small")], target) == 0
        assert load.merge_reference(session, [("imaging", "tiny")], target) == 2
        assert [(r.origin, r.trust) for r in session.scalars(select(Run))] == [("reference", "reproduced")] * 2
        monkeypatch.setattr(load, "read_file", lambda file: pytest.fail("it was read again"))
        assert load.merge_reference(session, [("imaging", "tiny")], target) == 0
        assert queries.finished(session, [r.digest for r in session.scalars(select(Run))]) == {}
        [first, _] = queries.entries(session, "imaging", 1, "tiny")
        assert first.marks == ("reference",)


def test_every_reference_file_of_the_suite_is_sound():
    tuning = load.REFERENCE / load.TUNING
    for file in [*load.REFERENCE.glob("*.jsonl"), *tuning.glob("*")]:
        lines, pictures = load.read_file(file)
        assert {line.key.task for line in lines} == {file.name.partition(".")[0]}
        assert {line.trust for line in lines} == {"reproduced"}
        assert {line.split for line in lines} == {"tuning" if file.parent == tuning else "test"}
        if file.parent == tuning:
            assert not pictures
            assert not any(line.curves or "/" in line.command.replace("python -m", "") for line in lines)


def test_trials_are_renewed_without_curves_and_merged_beside_the_other_reference_rows(tmp_path, monkeypatch):
    spec, path = registry.get_task("mri").spec.model_dump(mode="json"), tmp_path / "a.db"
    with Session(open_database(str(path))) as session:
        writer = Writer(session, tmp_path)
        for seed, preset, state in (
            (1000, "small", "done"), (1001, "small", "failed"), (1000, "tiny", "done"), (0, "small", "done")
        ):  # fmt: skip
            split = "tuning" if seed else "test"
            kept = {"split": split, "source": "a" * 64, "data": "b" * 64, "status": "interrupted", "origin": "here"}
            one = writer.run(spec, preset, "tv", seed, **kept)
            one.digest = key_of(session, one).digest
            scores = {"psnr": 30.0, "ssim": 0.5, "nmse": 0.1} if state == "done" else {}
            error = None if state == "done" else "Traceback ...\n  File /home/me/a.py\nRuntimeError: no"
            writer.instance(one, 0, scores, 1.0, status=state, error=error)
            writer.curve(one, 0, 30.0, 1.0, 3 if state == "done" else 0)
        session.commit()
    for module in (export, load):
        monkeypatch.setattr(module, "REFERENCE", tmp_path / "reference")
    with Session(open_database(str(path))) as session:
        export._renew_tuning(session, None, tmp_path)
    [file] = (tmp_path / "reference" / "tuning").iterdir()
    assert file.name == "mri.jsonl.xz"
    lines, _ = load.read_file(file)
    assert [(line.key.seed, line.key.preset, line.curves) for line in lines] == [(1000, "small", ()), (1001, "small", ())]
    assert [one.error for line in lines for one in line.results] == [None, "RuntimeError: no"]
    target = str(tmp_path / "to" / "b.db")
    with Session(open_database(target)) as session:
        assert load.merge_reference(session, [("mri", "small")], target) == 2
        assert {(one.origin, one.split) for one in session.scalars(select(Run))} == {("reference", "tuning")}
        assert queries.trials(session, "mri", 1, "small") == {"tv": 1}
        assert queries.presets_with_runs(session) == []
        assert load.merge_reference(session, [("mri", "small")], target) == 0
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(UserError, match=r"mri\.jsonl\.xz is damaged or not compressed by xz"):
        load.read_file(file)


def test_without_a_file_it_says_what_to_name():
    done = call(load)
    assert done.returncode == 2
    assert "name a FILE that runners.export --format jsonl wrote, or --reference" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r'"seed":\d+', '"seed":9223372036854775808'),
        (r'"number":0', '"number":9223372036854775808'),
        (r'"steps":\d+', '"steps":2147483648'),
        (r'"cores":\d+', '"cores":9223372036854775808'),
        (r'"instances":\d+,"key"', '"instances":9223372036854775808,"key"'),
        (r'"started":"[^"]*"', '"started":"0001-01-01T00:00:00+14:00"'),
        (r'"started":"[^"]*"', '"started":"9999-12-31T23:59:59-14:00"'),
        (r'"version":1\b(?!.*"version")', '"version":9223372036854775808'),
        (r'"parameters":\{', '"parameters":{"deep":' + "[" * 20_000 + "]" * 20_000 + ","),
        (r'"parameters":\{', '"parameters":{"deep":' + "[" * 150 + "]" * 150 + ","),
        (r"^\{", '{"' + "x" * 5000 + '":1,'),
    ],
)
def test_numbers_times_and_depths_that_no_database_takes(exported, tmp_path, old, new):
    head, first, *rest = exported.read_text().splitlines()
    changed = re.sub(old, lambda found: new, first, count=1)
    assert changed != first
    exported.write_text("\n".join([head, changed, *rest]) + "\n")
    db = tmp_path / "new.db"
    done = call(load, exported, "--db", db)
    assert done.returncode == 2
    assert done.stderr.startswith("error: a.jsonl, line 2: ")
    assert done.stderr.count("\n") == 1
    assert not db.exists()


def test_a_header_that_is_nested_deeply(exported, tmp_path):
    exported.write_text('{"version": ' + "[" * 20_000)
    done = call(load, exported, "--db", tmp_path / "new.db")
    assert done.returncode == 2
    assert done.stderr == "error: a.jsonl, line 1: not a file of runners.export --format jsonl\n"


@pytest.mark.parametrize(
    ("status", "truncated", "expected"),
    [
        ("done", False, ("done", None)),
        ("done", True, ("truncated", "its time budget ended it after 9 steps")),
        ("failed", False, ("failed", None)),
    ],
)
def test_lines_of_the_first_format_are_read(status, truncated, expected):
    """They said of an instance that is done whether it was truncated."""
    about = {"number": 0, "label": "", "observation": "", "seconds": 1.0, "steps": 9, "error": None, "scores": {}}
    read = InstancePart.model_validate_json(json.dumps({**about, "status": status, "truncated": truncated}))
    assert (read.status, read.error) == expected
    assert read.cpu_seconds is None
    assert "truncated" not in read.model_dump()
    with pytest.raises(ValueError, match="truncated"):
        InstancePart.model_validate_json(json.dumps({**about, "status": status, "truncated": "no"}))
