"""What becomes of a submission: it is scored, or refused with a reason and nothing else written."""

import numpy as np
import pytest
import torch
from sqlalchemy import func, select

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store import queries
from benchmark.store.exchange import to_line
from benchmark.store.lines import RunLine
from benchmark.store.models import Artifact, Base, Environment, Instance, Method, Run, Score, Submission, Task
from benchmark.submissions import likeness, naming, store, tokens
from benchmark.submissions.entry import made_entry
from tests.benchmark.submission_bundles import ENTRY, adjoint, files_of, packed, tensor_file
from tests.leaderboard.synthetic import Writer, imaging

FIRST = "predictions/0-0.safetensors"


@pytest.fixture(scope="module")
def mri():
    return registry.get_task("mri").load()


@pytest.fixture(scope="module")
def files(mri):
    """A sound bundle for mri/tiny."""
    return files_of(mri, estimate=adjoint)


@pytest.fixture
def hand_in(session, tmp_path):
    return lambda content, **how: store.receive_predictions(session, content, tmp_path, **how)


def rows(session):
    return {table.name: session.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables}


def test_a_sound_bundle_is_scored_and_linked_to_its_runs(session, hand_in, mri, files):
    done = hand_in(packed(files))
    assert (done.state, done.reason, done.method, done.task, done.preset) == ("scored", "", "their_method", "mri", "tiny")
    [run] = store.runs_of(session, done)
    assert (run.trust, run.status, run.origin, run.split, run.source) == ("scored", "done", "here", "test", done.digest)
    assert session.scalar(select(func.count(Score.id))) == 2 * 3
    line = to_line(session, run)
    assert RunLine.model_validate_json(line.text()) == line
    [row] = queries.entries(session, "mri", 1, "tiny")
    assert row.label == "their_method"
    assert row.seconds == {}  # nobody measured them
    assert store.public(done)["task"] == "mri/tiny, seeds: 1"
    assert ENTRY["contact"] not in store.public(done).values()


def test_the_same_bundle_again_is_the_same_submission(session, hand_in, files):
    first, again = hand_in(packed(files)), hand_in(packed(files))
    assert first.id == again.id
    assert rows(session)["run"] == 1


def test_several_seeds_are_several_runs(session, hand_in, mri):
    done = hand_in(packed(files_of(mri, seeds=(0, 1), estimate=adjoint)))
    assert [run.seed for run in store.runs_of(session, done)] == [0, 1]


def altered(files, **change):
    """The bundle with another first prediction, or with words of its entry replaced."""
    found = dict(files)
    if "tensor" in change:
        found[FIRST] = tensor_file(change["tensor"])
    for old, new in change.get("words", {}).items():
        text = found["entry.toml"].decode()
        assert old in text
        found["entry.toml"] = text.replace(old, new).encode()
    return found


SIZE = (48, 48)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tensor": torch.ones(SIZE)}, f"{FIRST}: the estimate has type torch.float32, not torch.complex64"),
        ({"tensor": torch.ones(48, 47, dtype=torch.complex64)}, f"{FIRST}: the estimate has shape (48, 47), not (48, 48)"),
        ({"tensor": torch.ones(0, dtype=torch.complex64)}, "the estimate has shape (0,), not (48, 48)"),
        ({"tensor": torch.full(SIZE, torch.nan, dtype=torch.complex64)}, "the estimate has entries that are not finite"),
        ({"tensor": torch.full(SIZE, torch.inf, dtype=torch.complex64)}, "the estimate has entries that are not finite"),
        ({"words": {"version = 1": "version = 2"}}, "it answers version 2 of mri, which is version 1 here"),
        ({"words": {'"mri"': '"mry"'}}, "unknown task 'mry'; did you mean mri?"),
        ({"words": {'"tiny"': '"tinny"'}}, "unknown preset of mri 'tinny'; did you mean tiny?"),
        ({"words": {'"tiny"': '"small"'}}, "instance 0-2 is missing; mri/small has 8 for each seed"),
        ({"words": {'0-0 = "': '0-0 = "0', '"\n0-1': 'x"\n0-1'}}, "'answers.observations.0-0': "),
        ({"words": {"their_method": "dip"}}, "method name 'dip': it is taken by a method of the suite"),
        ({"words": {"their_method": "d1p"}}, "method name 'd1p': it imitates 'dip'"),
        ({"words": {"their_method": "all"}}, "method name 'all': it is taken"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_else_is_written(session, hand_in, tmp_path, files, change, reason):
    before = rows(session)
    done = hand_in(packed(altered(files, **change)), name="mine.zip")
    assert done.state == "refused"
    assert reason in done.reason
    assert done.reason.isprintable()
    assert rows(session) == before | {"submission": 1}
    assert {path.name for path in tmp_path.iterdir()} <= {"results.db", "results.db-wal", "results.db-shm"}


def test_missing_and_extra_instances(hand_in, files):
    import re

    shorter = {name: content for name, content in files.items() if "0-1" not in name}
    shorter["entry.toml"] = re.sub(rb'0-1 = "\w+"\n', b"", files["entry.toml"])
    assert "instance 0-1 is missing" in hand_in(packed(shorter)).reason
    longer = {**files, "predictions/0-2.safetensors": files[FIRST]}
    longer["entry.toml"] = files["entry.toml"] + b'0-2 = "' + b"a" * 64 + b'"\n'
    assert "mri/tiny has no instance 0-2 with these seeds" in hand_in(packed(longer)).reason


def test_predictions_for_other_observations(hand_in, files):
    import re

    other = {**files, "entry.toml": re.sub(rb'0-1 = "\w+"', b'0-1 = "' + b"a" * 64 + b'"', files["entry.toml"])}
    assert "the observation of instance 0-1 is not the one that is here" in hand_in(packed(other)).reason


def test_a_score_that_is_not_finite_is_refused(hand_in):
    """The truth itself has an infinite PSNR."""
    task = registry.get_task("denoising").load()
    done = hand_in(packed(files_of(task, estimate=lambda instance: instance.truth)))
    assert done.state == "refused"
    assert done.reason.endswith(f"{FIRST}: its scores are not finite")


def test_a_prediction_that_has_diverged_is_refused(hand_in):
    task = registry.get_task("deep_mc").load()
    done = hand_in(packed(files_of(task, estimate=lambda instance: 1000 * instance.truth)))
    assert done.state == "refused"
    assert "it is 100 times further from the observations than zero is" in done.reason


def test_the_name_of_a_file_is_shown_and_no_path(hand_in):
    assert hand_in(b"", name="../../a\x1b[31m.zip").reason.startswith(r"a\u001b[31m.zip: it is no zip file")


def test_a_refused_bundle_that_obeys_later_is_scored(session, hand_in, files, monkeypatch):
    monkeypatch.setattr(naming, "check_name", lambda *given, **how: (_ for _ in ()).throw(UserError("not today")))
    assert hand_in(packed(files)).reason == "not today"
    monkeypatch.undo()
    done = hand_in(packed(files))
    assert (done.id, done.state, done.reason) == (1, "scored", "")


def test_a_later_submission_replaces_an_earlier_one_on_the_board(session, hand_in, mri, files):
    hand_in(packed(files))
    better = hand_in(packed(files_of(mri, estimate=lambda instance: instance.truth + 0.01)))
    [row], hidden = queries.entries_and_hidden(session, "mri", 1, "tiny")
    assert [run.submission_id for run in row.runs] == [better.id]
    assert len(hidden) == 1


def test_reproduced_results_stand_before_newer_predictions(session, hand_in, files):
    done = hand_in(packed(files))
    [run] = store.runs_of(session, done)
    columns = {c.name: getattr(run, c.name) for c in Run.__table__.columns if c.name != "id"}
    copy = Run(**{**columns, "digest": "0" * 64, "source": "1" * 64, "trust": "reproduced", "submission_id": None})
    copy.started = run.started.replace(year=2000)
    session.add(copy)
    session.flush()
    session.add(Score(run_id=copy.id, instance=0, metric="psnr", value=1.0))
    session.commit()
    [row] = queries.entries(session, "mri", 1, "tiny")
    assert [one.id for one in row.runs] == [copy.id]


def test_names_belong_to_who_handed_them_in(session, hand_in, files):
    hand_in(packed(files))
    other = hand_in(packed(altered(files, words={"ada@example.org": "bob@example.org"})))
    assert "it is taken by a submission with another contact" in other.reason
    like = hand_in(packed(altered(files, words={"their_method": "the1r_method"})))
    assert "it imitates 'their_method'" in like.reason


def test_withdrawn_results_are_gone_and_the_row_says_so(session, hand_in, files):
    done = hand_in(packed(files))
    with pytest.raises(UserError, match="another contact"):
        store.withdraw(session, done.id, proof="eve@example.org")
    assert store.withdraw(session, done.id, "wrong\nfile", proof=ENTRY["contact"]).reason == r"wrong\u000afile"
    assert done.state == "withdrawn"
    assert [rows(session)[name] for name in ("run", "score", "instance", "artifact")] == [0, 0, 0, 0]
    with pytest.raises(UserError, match="is withdrawn; there is nothing to withdraw"):
        store.withdraw(session, done.id)
    with pytest.raises(UserError, match="no submission 7; newest: 1"):
        store.withdraw(session, 7)


# --- tokens -----------------------------------------------------------------------------------------------------------


def test_only_the_token_takes_back_what_was_handed_in_with_one(session, hand_in, files):
    token = tokens.token_for(session, None)
    done = hand_in(packed(files), token=token)
    assert (len(token) >= 32, done.token) == (True, tokens.hashed(token))
    assert token != tokens.token_for(session, "")
    for proof in (ENTRY["contact"], "", done.token):
        with pytest.raises(UserError, match="has another token"):
            store.withdraw(session, done.id, proof=proof)
    assert store.withdraw(session, done.id, proof=token).state == "withdrawn"
    with pytest.raises(UserError, match="the same is submission 1; show its token"):
        hand_in(packed(files))
    assert (done.state, hand_in(packed(files), token=token).state) == ("withdrawn", "scored")


def test_a_name_with_a_token_is_not_had_for_the_contact(session, hand_in, files, tmp_path):
    token = tokens.token_for(session, None)
    hand_in(packed(files), token=token)
    later = altered(files, tensor=torch.ones(SIZE, dtype=torch.complex64))
    for other in ("", tokens.token_for(session, None)):
        assert "it is taken by an earlier submission" in hand_in(packed(later), token=other).reason
    assert hand_in(packed(later), token=tokens.token_for(session, token)).state == "scored"
    with pytest.raises(UserError, match="the token is of no submission here"):
        tokens.token_for(session, "guessed")


def test_what_has_no_token_yet_keeps_its_contact_until_its_owner_gets_one(session, hand_in, files):
    hand_in(packed(files))
    token = tokens.token_for(session, None)
    later = [packed(altered(files, tensor=value * torch.ones(SIZE, dtype=torch.complex64))) for value in (1, 2)]
    assert hand_in(later[0], token=token).state == "scored"
    assert "it is taken by an earlier submission" in hand_in(later[1]).reason
    assert store.withdraw(session, 1, proof=ENTRY["contact"]).state == "withdrawn"
    assert "token" not in store.public(store.find(session, 2))


# --- likeness ---------------------------------------------------------------------------------------------------------


def test_a_copy_with_a_little_noise_is_flagged_and_work_apart_is_not(hand_in, mri, files):
    hand_in(packed(files))

    def noisy(instance):
        x = adjoint(instance)
        return x + 1e-4 * torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(0))

    copy = hand_in(packed(files_of(mri, estimate=noisy, method="copied")))
    assert [(one["method"], one["instances"]) for one in copy.near["methods"]] == [("their_method", 2)]
    assert copy.state == "scored"

    def apart(instance):
        noise = torch.randn(SIZE, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
        return instance.truth + 0.05 * noise

    assert hand_in(packed(files_of(mri, estimate=apart, method="apart"))).near["methods"] == []


def guessed(seed, change=0.0):
    """Scores of random labels, of which some are changed, as a softmax of them would be."""

    def estimate(instance):
        count = len(instance.problem.test)
        labels = torch.randint(2, (count,), generator=torch.Generator().manual_seed(seed))
        changed = torch.rand(count, generator=torch.Generator().manual_seed(9)) < change
        return torch.nn.functional.one_hot((labels + changed) % 2, 2).float().mul(3 + change).softmax(1)

    return estimate


def test_labels_are_compared_where_they_are_wrong(hand_in):
    few_shot = registry.get_task("few_shot").load()
    hand_in(packed(files_of(few_shot, estimate=guessed(0))))
    copy = hand_in(packed(files_of(few_shot, estimate=guessed(0, change=0.02), method="copied")))
    assert copy.state == "scored"
    [found] = copy.near["methods"]
    assert (found["method"], found["instances"]) == ("their_method", 2)
    assert found["ratio"] < 0.1
    apart = hand_in(packed(files_of(few_shot, estimate=guessed(1), method="apart")))
    assert apart.near["methods"] == []
    right = hand_in(packed(files_of(few_shot, estimate=lambda i: torch.eye(2)[i.truth], method="right")))
    assert (
        hand_in(packed(files_of(few_shot, estimate=lambda i: 2 * torch.eye(2)[i.truth], method="right_too"))).near == right.near
    )


def test_wrong_labels():
    t = np.array([[0, 0, 1, 1, 2]])
    assert likeness.wrong_of(t, t, t) == (0, 0)
    assert likeness.wrong_of(np.array([[1, 0, 0, 1, 0]]), np.array([[1, 0, 0, 1, 1]]), t) == (3, 2)
    assert likeness.wrong_of(np.array([[1, 0, 1, 1, 2]]), t, t) == (1, 0)
    assert likeness.wrong_of(t[:, :3], t, t) == likeness.wrong_of(None, t, t) == (0, 0)


def test_ratio():
    t = np.zeros((8, 8))
    a, b = t + 1, t + 1.01
    assert likeness.ratio_of(a, a, t) == 0
    assert likeness.ratio_of(a, b, t) == pytest.approx(0.01)
    assert likeness.ratio_of(t, a, t) == float("inf")
    assert likeness.ratio_of(a[:2], b[:2], t[:2]) is None  # too few numbers
    assert likeness.ratio_of(a, b[:4], t) is None


@pytest.mark.parametrize(("wrong", "flagged"), [(19, False), (20, True)])
def test_labels_are_compared_where_enough_are_wrong(session, tmp_path, wrong, flagged):
    """Two methods that are wrong on the same texts, in the same way."""
    writer, truth = Writer(session, tmp_path), np.zeros((1, 60))
    np.save(tmp_path / "truth.npy", truth)
    np.save(tmp_path / "estimate.npy", truth + (np.arange(60) < wrong))
    for method in ("first", "second"):
        run = writer.run(imaging(), "small", method)
        for kind in ("truth", "estimate"):
            session.add(Artifact(run_id=run.id, instance=0, kind=f"{kind}_labels", path=f"{kind}.npy", sha256=""))
    session.flush()
    found = likeness.near(session, tmp_path, [run])
    assert found == ([{"method": "first", "ratio": 0.0, "instances": 1}] if flagged else [])


@pytest.fixture
def draw(session, tmp_path):
    """Adds a run whose estimate of each instance lies at this distance, in units of noise, from that of any other at 0."""
    writer = Writer(session, tmp_path)
    truth, noise, apart = np.random.default_rng(0).standard_normal((3, 16, 16))

    def add(method, distances, seed=0):
        run = writer.run(imaging(), "small", method, seed)
        for number, distance in enumerate(distances):
            for kind, array in (("truth", truth), ("estimate", truth + noise + distance * apart)):
                name = f"{run.id}_{number}_{kind}.npy"
                np.save(tmp_path / name, array)
                session.add(Artifact(run_id=run.id, instance=number, kind=kind, path=name, sha256=""))
        session.flush()
        return run

    return add


def test_one_instance_apart_hides_no_copy(session, tmp_path, draw):
    draw("first", [0, 0, 0])
    copy = draw("copy", [1e-3, 1e-3, 1])
    [found] = likeness.near(session, tmp_path, [copy])
    assert (found["method"], found["instances"]) == ("first", 3)
    assert likeness.near(session, tmp_path, [draw("apart", [1e-3, -1, -1])]) == []


def test_the_nearest_method_comes_first(session, tmp_path, draw):
    for name, distance in (("near", 1e-3), ("nearer", 1e-4), ("far", 1e-2)):
        draw(name, [distance])
    found = likeness.near(session, tmp_path, [draw("first", [0])])
    assert [one["method"] for one in found] == ["nearer", "near", "far"]


def test_only_the_same_seed_is_compared(session, tmp_path, draw):
    draw("first", [0], seed=1)
    assert likeness.near(session, tmp_path, [draw("copy", [1e-3], seed=0)]) == []
    assert likeness.near(session, tmp_path, [draw("copy", [1e-3], seed=1)]) != []


# --- code -------------------------------------------------------------------------------------------------------------

CODE = b"raise SystemExit('it was run')\n"


def receive(session, folder, content=CODE, **given):
    how = {"task": "mri", "preset": "tiny", "seeds": 1, "name": "mine.py", **given}
    entry = made_entry({**ENTRY, "method": how.pop("method", "my_code"), "contact": how.pop("contact", ENTRY["contact"])})
    return store.receive_code(session, content, entry, folder=folder, **how)


def test_code_is_kept_and_not_run(session, tmp_path):
    done = receive(session, tmp_path)
    assert (done.state, done.kind, done.version) == ("received", "code", 1)
    assert store.source_file(tmp_path, done.content, done.method).read_bytes() == CODE
    assert receive(session, tmp_path).id == done.id
    assert [row.id for row in store.listed(session, "received")] == [done.id]
    assert rows(session)["run"] == 0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"content": b"\xff"}, "mine.py: it is no text in UTF-8"),
        ({"content": b"x\x00"}, "mine.py: it is no Python file"),
        ({"content": b" \n"}, "mine.py: it is no Python file"),
        ({"content": b"#" * 300_000}, "mine.py: it has 300,000 bytes; 262,144 are allowed"),
        ({"task": "mry"}, "unknown task 'mry'; did you mean mri?"),
        ({"preset": "../x\n"}, r"mri has no preset '../x\u000a'"),
        ({"seeds": 1000}, "1000 seeds: 1 to 100 are allowed"),
        ({"method": "d1p"}, "it imitates 'dip'"),
        ({"method": "dip"}, "it is taken by a method of the suite"),
    ],
)
def test_code_that_breaks_a_rule_is_refused_and_not_kept(session, tmp_path, given, reason):
    done = receive(session, tmp_path, **given)
    assert done.state == "refused"
    assert reason in done.reason
    assert not (tmp_path / "submissions").exists()
    assert rows(session) == dict.fromkeys(rows(session), 0) | {"submission": 1}


def test_the_tables_that_a_submission_fills_are_those_of_a_run(session, hand_in, files):
    hand_in(packed(files))
    for table in (Task, Method, Environment, Run, Instance, Score, Artifact, Submission):
        assert session.scalar(select(func.count()).select_from(table)), table
