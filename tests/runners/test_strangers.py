"""What strangers hand over, each input standing for its kind: it is read as meant, or refused in one line."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from sqlalchemy.orm import Session
from torch import nn

from benchmark import registry
from benchmark.datasets import fastmri, measurements, sources, spectrometer
from benchmark.errors import UserError
from benchmark.store.database import open_database, without_password
from benchmark.store.models import Task
from benchmark.submissions import bundle
from methods.texts.adapters import deep_lora
from methods.texts.adapters.layer import DeepLoraConfig
from runners import cli, load, run
from runners.request import read_plan_file
from runners.table import result_table
from tests.leaderboard import synthetic


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """`python -m runners.run WORDS` in this process: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def said(*words):
        monkeypatch.setattr(sys, "argv", ["run", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.run_app(run.app)
        found = capsys.readouterr()
        return left.value.code, found.out, found.err

    return said


@pytest.mark.parametrize("name", ["why?", "a%20b", "a#b", "a b", "[edited]", "ü&=;"])
def test_a_database_lies_where_its_path_says(tmp_path, name):
    path = tmp_path / name / "r?%41.db"
    engine = open_database(str(path))
    with Session(engine) as session:
        session.add(Task(name="a", version=1, spec={}))
        session.commit()
    engine.dispose()
    assert path.is_file()
    with Session(open_database(str(path), read_only=True)) as session:
        assert session.query(Task).count() == 1


# --- plans and lists --------------------------------------------------------------------------------------------------

YAML = "runs:\n  - task: mri\n    method: dip\n    preset: tiny\n"
TOML = '[[runs]]\ntask = "mri"\nmethod = "dip"\npreset = "tiny"\n'


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("--preset", "tiny"), ("--preset", "small"), ("--no-baseline",), ("--on-test",), ("--seeds", "2"), ("--task", "mri")],
)
def test_a_plan_refuses_options_that_say_something_else(call, tmp_path, words):
    (tmp_path / "p.yaml").write_text(YAML)
    code, _, err = call("--plan", "p.yaml", "--dry-run", *words)
    assert (code, err) == (2, f"error: --plan says what to run; leave out {words[0]}\n")
    code, out, _ = call("--plan", "p.yaml", "--dry-run")
    assert (code, "mri/tiny dip" in out) == (0, True)


@pytest.mark.parametrize(("name", "text"), [("p.yaml", YAML), ("p.toml", TOML)])
def test_a_byte_order_mark_is_no_part_of_a_plan(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert read_plan_file(tmp_path / name)[0].preset == "tiny"


@pytest.mark.parametrize("text", [YAML + "    preset: small\n", YAML + YAML, YAML + "    set: {lr: 1, lr: 2}\n"])
def test_a_key_that_stands_twice_is_refused(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UserError, match=r"the key '(preset|runs|lr)' stands there twice"):
        read_plan_file(tmp_path / "p.yaml")


def test_a_byte_order_mark_is_no_part_of_runs(tmp_path):
    head = json.dumps({"format": "lowdimbench runs", "version": 1, "commit": "", "runs": {}})
    (tmp_path / "a.jsonl").write_text(head + "\n", encoding="utf-8-sig")
    assert load.read_file(tmp_path / "a.jsonl") == ([], {})


def test_the_list_obeys_task_and_method(call):
    _, out, _ = call("--list", "--task", "mri", "--method", "dip")
    assert [line.split()[:2] for line in out.splitlines() if not line.startswith(" ")] == [["task", "mri"], ["method", "dip"]]
    out = call("--list", "--task", "mri")[1]
    assert "method cg_sense" in out
    assert "method soft_impute" not in out
    out = call("--list", "--method", "soft_impute")[1]
    assert "task   deep_mc" in out
    assert "task   mri" not in out
    code, _, err = call("--list", "--task", "mry")
    assert (code, "did you mean mri?" in err) == (2, True)


# --- data folders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["photographs", "glue"])
def test_hidden_files_of_other_systems_are_nobodys_data(tmp_path, name):
    source = sources.SOURCES[name]
    real = {"photographs": "a.png", "glue": "sst2/train.jsonl"}[name]
    hidden = {"photographs": ["._a.png"], "glue": ["sst2/._train.jsonl", "__MACOSX/sst2/train.jsonl", ".cache/train.jsonl"]}[
        name
    ]
    for file in (real, *hidden):
        (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / file).write_bytes(b"x")
    assert [file.relative_to(tmp_path / name).as_posix() for file in source.files(tmp_path)] == [real]


@pytest.mark.parametrize("check", [spectrometer.check, measurements.check])
def test_semicolons_between_numbers_are_named(tmp_path, check):
    (tmp_path / "a.csv").write_text("nm;x\n400,5;1,5\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^a.csv, line 1: values are apart by ';'; use commas or spaces, and a point"):
        check(tmp_path / "a.csv")


@pytest.mark.parametrize(("kind", "reason"), [("group", "is a group"), ("real", "has the type float32; it is to be complex")])
def test_kspace_that_is_none_is_refused(tmp_path, kind, reason):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed; get it with: pip install 'lowdimbench[fastmri]'")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if kind == "group":
            file.create_group("kspace")
        else:
            file["kspace"] = np.zeros((2, 2, 8, 8), np.float32)
    with pytest.raises(UserError, match=reason):
        fastmri.check(tmp_path / "a.h5")


# --- answers ----------------------------------------------------------------------------------------------------------


def npy(array, **how):
    stream = io.BytesIO()
    np.save(stream, array, **how)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["<c8", ">c8", "<f4", "<i8", "?"])
def test_an_array_in_fortran_order_is_the_array(kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    found = bundle.array(npy(np.asfortranarray(array)), "a.npy")
    assert torch.equal(found, torch.from_numpy(array.astype(array.dtype.newbyteorder("="))))
    assert found.is_contiguous()


@pytest.mark.parametrize(
    "content",
    [
        npy(np.array([{}]), allow_pickle=True),
        npy(np.array(["a"])),
        npy(np.zeros((2, 3)))[:-1],
        npy(np.zeros((2, 3))) + b"x",
        npy(np.zeros((2, 3))).replace(b"(2, 3), }", b"(9**9,),}"),
        npy(np.zeros(3)).replace(b"(3,), }", b"(-3,),}"),
        npy(np.zeros((2, 3))).replace(b"(2, 3)", b"(2, 3,"),
        b"\x93NUMPY",
        b"",
    ],
)
def test_a_file_that_is_no_array_of_numbers_is_refused(content):
    with pytest.raises(UserError, match=r"^a.npy: "):
        bundle.array(content, "a.npy")


# --- networks ---------------------------------------------------------------------------------------------------------


class Shared(nn.Module):
    """One layer under two names of one module; where it is tied, also a weight that two layers and an embedding share."""

    def __init__(self, tied):
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.again = self.first
        self.embedding = nn.Embedding(6, 6)
        self.tied, self.too = nn.Linear(6, 6), nn.Linear(6, 6)
        if tied:
            self.tied.weight = self.too.weight = self.embedding.weight

    def forward(self, x):
        return self.too(self.tied(self.again(self.first(self.embedding(x))).relu()))


def test_shared_layers_merge_to_the_same_function():
    torch.manual_seed(0)
    model = deep_lora.get_deep_lora_model(
        Shared(tied=False), DeepLoraConfig(rank=2, scale=0.5), torch.Generator().manual_seed(0)
    )
    assert model.again is model.first
    assert type(model.first).__name__ == "DeepLoraLinear"
    x, before = torch.arange(6), model.embedding.weight.clone()
    adapted = model(x)
    merged = deep_lora.merge(model)
    assert torch.allclose(merged(x), adapted, atol=1e-5)
    assert torch.equal(merged.embedding.weight, before)
    assert merged.again is merged.first


def test_shared_weights_are_refused_by_name():
    with pytest.raises(UserError, match=r"layers 'tied' and '(too|embedding)' share one weight"):
        deep_lora.get_deep_lora_model(Shared(tied=True), DeepLoraConfig(rank=2), torch.Generator().manual_seed(0))


# --- output -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_output_of_any_encoding(monkeypatch, tmp_path, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["run", "--list"])
    with pytest.raises(SystemExit) as left:
        cli.run_app(run.app)
    assert left.value.code == 0
    stream.flush()
    assert b"method self_guided_dip" in stream.buffer.getvalue()


def test_markup_in_titles_and_units_is_printed_as_it_is(tmp_path):
    spec = registry.get_task("mri").spec
    metrics = (spec.metrics[0].model_copy(update={"unit": "[/b]"}), *spec.metrics[1:])
    engine = synthetic.make_empty(tmp_path / "a.db")
    console = Console(file=io.StringIO(), width=400)
    with Session(engine) as session:
        hostile = spec.model_copy(update={"title": "Images [/b]", "metrics": metrics})
        console.print(result_table(session, hostile, "small"))
    engine.dispose()
    assert "Images [/b]" in console.file.getvalue()
    assert "psnr [[/b]]" in console.file.getvalue()


def test_a_password_is_not_shown():
    assert without_password("postgresql+psycopg://me:secret@host/a") == "postgresql+psycopg://me:***@host/a"
    assert without_password("a b:c.db") == "a b:c.db"
    assert Path(without_password("x/y.db")) == Path("x/y.db")
