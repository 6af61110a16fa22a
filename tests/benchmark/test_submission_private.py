"""The private seed of a board: what it draws, where it lies, and who gets to see what of it."""

import json
import os
import re
import stat
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.instances import make_instance, observed
from benchmark.report.boards import board, boards
from benchmark.store import draws, queries
from benchmark.store.database import open_database
from benchmark.store.exchange import merge, to_line
from benchmark.store.lines import RunLine
from benchmark.store.models import Artifact, Run, Task
from benchmark.submissions import private, store
from benchmark.submissions.observations import export
from leaderboard.artifacts.remake import remake


@pytest.fixture(scope="module")
def mc():
    return registry.get_task("mc").load()


@pytest.fixture
def seed_file(tmp_path):
    return tmp_path / "results.db.secret"


def hashes(task, secret, preset="tiny", seed=0):
    instances = (private.make_instance(task, preset, number, seed, secret) for number in range(2))
    return [observed(one.problem.shown()) for one in instances]


def answered(inputs, method="answered", estimate=None):
    """The bundle of exported inputs of mc: zeros where nothing is observed, or estimate(number)."""
    form = (inputs / "entry.toml").read_text()
    for empty, full in (('""', f'"{method}"'), ('[""]', '["A"]'), ('contact = ""', 'contact = "a@b.c"')):
        form = form.replace(empty, full, 1)
    (inputs / "entry.toml").write_text(form)
    for one in json.loads((inputs / "manifest.json").read_text())["instances"]:
        seen = load_file(inputs / one["inputs"])
        X = torch.zeros(one["answers"][0]["shape"], dtype=torch.float64)
        X[tuple(seen["where"])] = seen["y"]
        save_file({"estimate": X if estimate is None else estimate(one["number"])}, inputs / one["prediction"])
    packed = inputs.with_name(f"{method}.zip")
    with zipfile.ZipFile(packed, "w") as bundle:
        for path in [inputs / "entry.toml", *(inputs / "predictions").iterdir()]:
            bundle.write(path, path.relative_to(inputs))
    return packed.read_bytes()


# --- what is drawn ----------------------------------------------------------------------------------------------------


def test_a_secret_draws_the_same_again_and_another_draws_other_instances(mc):
    one, same, other = (private.Secret(bytes([number] * 16)) for number in (1, 1, 2))
    assert hashes(mc, one) == hashes(mc, same)
    assert len({*hashes(mc, one), *hashes(mc, other), *hashes(mc, one, seed=1)}) == 6
    public = [observed(make_instance(mc, "tiny", number, 0).problem.shown()) for number in range(2)]
    assert not set(public) & set(hashes(mc, one))


def test_the_whole_state_of_the_generator_comes_from_the_secret():
    """A generator that is seeded with a number takes 32 bits of it, which somebody can try out; this one is none of these."""
    assert torch.equal(torch.randn(9, generator=_seeded(5)), torch.randn(9, generator=_seeded(5 + 2**40)))
    secret = private.Secret(b"x" * 16)
    mine, again, other = (private._generator(secret, text) for text in ("a", "a", "b"))
    seeded = _seeded(mine.initial_seed())
    words = [one.get_state().view(torch.int64)[3:627] for one in (mine, seeded)]
    assert (words[0] == words[1]).sum() < 5
    assert int(words[0].min()) >= 0
    assert int(words[0].max()) < 2**32
    found = torch.rand(2000, generator=mine)
    assert torch.equal(found, torch.rand(2000, generator=again))
    assert not torch.equal(found, torch.rand(2000, generator=other))
    assert not torch.equal(found, torch.rand(2000, generator=seeded))
    assert abs(found.mean().item() - 0.5) < 0.05


def _seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("name", "public"), [("mc", False), ("mri", True), ("inpainting", True)])
def test_what_comes_with_the_suite_is_known_to_be_public(name, public):
    task, secret = registry.get_task(name).load(), private.Secret(b"y" * 16)
    assert private.is_public(task, "tiny", 0, 0, private.make_instance(task, "tiny", 0, 0, secret)) == public


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_secret_lies_in_a_file_that_its_owner_alone_can_read(seed_file):
    made = private.make(seed_file)
    assert stat.S_IMODE(seed_file.stat().st_mode) == 0o600
    assert private.read(seed_file).commitment == made.commitment
    assert re.fullmatch(draws.COMMITMENT, made.commitment)
    assert seed_file.read_text().strip() not in repr(made) + made.commitment
    with pytest.raises(UserError, match=r"results\.db\.secret is there already"):
        private.make(seed_file)


def test_a_replaced_secret_is_kept_apart(seed_file):
    made, content = private.make(seed_file), seed_file.read_text()
    new, old, kept = private.rotate(seed_file)
    assert (old.commitment, kept.read_text()) == (made.commitment, content)
    assert new.commitment == private.read(seed_file).commitment != old.commitment
    assert [stat.S_IMODE(file.stat().st_mode) for file in (kept, seed_file)] == [0o600, 0o600]
    assert sorted(file.name for file in seed_file.parent.iterdir()) == [seed_file.name, kept.name]


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_that_others_may_read_is_not_used(seed_file, mode):
    private.make(seed_file)
    seed_file.chmod(mode)
    with pytest.raises(UserError, match=rf"others may read the private seed .* \(its mode is {mode:o}\); chmod 600 it"):
        private.read(seed_file)


def test_a_file_without_a_secret_says_so_and_shows_nothing_of_it(seed_file):
    with pytest.raises(UserError, match="has no private seed"):
        private.rotate(seed_file)
    for content in ("", "my password\n", "ab" * 17, "AB" * 16):
        seed_file.write_text(content)
        seed_file.chmod(0o600)
        with pytest.raises(UserError, match="holds no private seed") as caught:
            private.read(seed_file)
        assert not content.strip() or content.strip() not in str(caught.value)


def test_where_a_secret_lies(monkeypatch, tmp_path):
    monkeypatch.delenv(private.VARIABLE, raising=False)
    assert private.place("a/b.db") == Path("a", "b.db.secret")
    assert private.place("postgresql://a/b").name == "board.secret"
    monkeypatch.setenv(private.VARIABLE, "elsewhere")
    assert private.place("a/b.db").name == "elsewhere"
    assert private.place("a/b.db", tmp_path) == tmp_path


# --- a board ----------------------------------------------------------------------------------------------------------


def test_answers_to_private_inputs_stand_on_a_board_of_their_own(session, tmp_path, seed_file, mc):
    secret = private.make(seed_file)
    manifest = export(mc, "tiny", [0], tmp_path / "inputs", secret=secret)
    assert manifest["private"] == secret.commitment
    assert [one["observation"] for one in manifest["instances"]] == hashes(mc, secret)
    done = store.receive_predictions(session, answered(tmp_path / "inputs"), tmp_path, seed_file=seed_file)
    name = f"tiny_private_{secret.commitment}"
    assert (done.state, done.reason, done.preset) == ("scored", "", name)
    public = tmp_path / "public"
    export(mc, "tiny", [0], public)
    assert store.receive_predictions(session, answered(public, "publicly"), tmp_path).preset == "tiny"
    assert boards(session) == [("mc", "tiny"), ("mc", name)]
    found = board(session, "mc", name)
    [row] = found.rows
    assert (row.method, row.complete, found.instances, row.older) == ("answered", True, 2, False)
    assert f"private seed {secret.commitment}" in row.status
    [row] = board(session, "mc", "tiny").rows
    assert (row.method, "private" in row.status) == ("publicly", False)
    kinds = set(session.scalars(select(Artifact.kind).join(Run).where(Run.preset == name)))
    assert kinds == {"estimate"}  # nobody who is still to answer sees the truth
    with pytest.raises(UserError, match="drawn by the private seed"):
        remake("mc", 1, name, (0, 0), lambda task, instance: None)


def test_a_truth_that_is_not_kept_still_tells_who_copied(session, tmp_path, seed_file, mc):
    secret = private.make(seed_file)
    for method in ("first", "second"):
        export(mc, "tiny", [0], tmp_path / method, secret=secret)
    assert store.receive_predictions(session, answered(tmp_path / "first", "first"), tmp_path, seed_file=seed_file).near == {
        "methods": []
    }
    truths = [private.make_instance(mc, "tiny", number, 0, secret).truth for number in range(2)]

    def nearly(number):
        left, right = truths[number].chunk(2, 1)
        seen = private.make_instance(mc, "tiny", number, 0, secret).problem.dense()[0]
        return seen + 0.01 * (left @ right.mT - seen)

    copied = answered(tmp_path / "second", "second", nearly)
    near = store.receive_predictions(session, copied, tmp_path, seed_file=seed_file).near
    assert [one["method"] for one in near["methods"]] == ["first"]


def test_a_private_run_goes_to_another_database_and_back(session, tmp_path, seed_file, mc):
    secret = private.make(seed_file)
    export(mc, "tiny", [0], tmp_path / "inputs", secret=secret)
    done = store.receive_predictions(session, answered(tmp_path / "inputs"), tmp_path, seed_file=seed_file)
    [run] = store.runs_of(session, done)
    line = RunLine.model_validate_json(to_line(session, run).text())
    assert line.key.preset == done.preset
    engine = open_database(str(tmp_path / "other.db"))
    with Session(engine) as other:
        assert merge(other, [line], "loaded") == 1
        [row] = board(other, "mc", done.preset).rows
        assert f"private seed {secret.commitment}" in row.marks
        assert queries.present_data("mc", 1, done.preset) == run.data
    engine.dispose()
    assert done.preset not in session.scalars(select(Task.spec)).one()["presets"]  # a run of the suite writes it anew


def test_answers_to_an_older_secret_are_refused(session, tmp_path, seed_file, mc):
    old = private.make(seed_file)
    export(mc, "tiny", [0], tmp_path / "inputs", secret=old)
    bundle = answered(tmp_path / "inputs")
    new, _, _ = private.rotate(seed_file)
    done = store.receive_predictions(session, bundle, tmp_path, seed_file=seed_file)
    said = f"it answers inputs of the private seed {old.commitment}; that of this board is {new.commitment} now"
    assert (done.state, said in done.reason) == ("refused", True)


def test_a_board_that_lost_its_secret_keeps_nothing_of_the_bundle(session, tmp_path, seed_file, mc):
    export(mc, "tiny", [0], tmp_path / "inputs", secret=private.make(seed_file))
    bundle = answered(tmp_path / "inputs")
    with pytest.raises(UserError, match="this board has no private seed"):
        store.receive_predictions(session, bundle, tmp_path)
    seed_file.rename(tmp_path / "away")
    with pytest.raises(
        UserError, match=r"no private seed \(results\.db\.secret is missing\); its owner makes one with: python"
    ):
        store.receive_predictions(session, bundle, tmp_path, seed_file=seed_file)
    assert store.listed(session) == []


def test_a_commitment_that_was_taken_off_helps_nobody(session, tmp_path, seed_file, mc):
    export(mc, "tiny", [0], tmp_path / "inputs", secret=private.make(seed_file))
    form = tmp_path / "inputs" / "entry.toml"
    form.write_text(re.sub(r"private = .*\n", "", form.read_text()))
    done = store.receive_predictions(session, answered(tmp_path / "inputs"), tmp_path, seed_file=seed_file)
    assert (done.state, "the observation of instance 0-0 is not the one that is here" in done.reason) == ("refused", True)
