from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from benchmark import registry
from benchmark.datasets import sources
from benchmark.datasets.sources import SOURCES, Model, fingerprint, read_by, replaced
from benchmark.errors import UserError
from benchmark.priors import shipped
from benchmark.spec import Preset
from tests.benchmark.priors import made_up

SHIPPED = Preset(instances=1, budget=1, prior="made_up")


@pytest.fixture(autouse=True)
def made_up_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = made_up.ddpm(tmp_path / "assets" / "model")
    files = {f.relative_to(folder).as_posix(): sha256(f.read_bytes()).hexdigest() for f in folder.rglob("*") if f.is_file()}
    monkeypatch.setattr(sources, "ASSETS", tmp_path / "assets")
    monkeypatch.setitem(SOURCES, "made_up", Model("model", files))
    yield folder
    shipped._loaded.cache_clear()


def test_a_shipped_prior_is_read_once_and_counted_anew() -> None:
    first, second = (shipped.prior("made_up", (3, 8, 8), None) for _ in range(2))
    first(torch.zeros(2, 3, 8, 8), 0.1)
    assert first.network is second.network  # type: ignore[attr-defined]
    assert (first.calls.forward, second.calls.forward) == (2, 0)
    assert first.to("cpu").calls is first.calls


def test_a_damaged_one_is_refused(made_up_model: Path) -> None:
    (made_up_model / "unet" / "config.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        shipped.prior("made_up", (3, 8, 8), None)


def test_one_for_other_pictures_is_refused() -> None:
    with pytest.raises(UserError, match=r"of pictures \(3, 8, 8\); this preset's are \(3, 64, 64\)"):
        shipped.prior("made_up", (3, 64, 64), None)


def test_the_users_takes_its_place_and_is_data(tmp_path: Path) -> None:
    mine = made_up.ddpm(tmp_path / "mine", prediction="v_prediction")
    before = fingerprint(read_by(SHIPPED), None)
    assert shipped.prior("made_up", (3, 8, 8), None).prediction == "epsilon"  # type: ignore[attr-defined]
    with replaced({"prior": str(mine)}):
        assert shipped.prior("made_up", (3, 8, 8), None).prediction == "v_prediction"  # type: ignore[attr-defined]
        assert fingerprint(read_by(SHIPPED), None) != before
        assert read_by(Preset(instances=1, budget=1)) == ()
    assert fingerprint(read_by(SHIPPED), None) == before


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"--source prior: the prior's folder .* does not exist"),
        replaced({"prior": str(tmp_path / "none")}),
    ):
        pass


def test_a_shipped_prior_ages_those_that_need_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.get_task("inpainting")

    def hashes(prior: str) -> dict[str, str]:
        size = task.spec.presets["small_80"].model_copy(update={"prior": prior})
        spec = task.spec.model_copy(update={"presets": {**task.spec.presets, "small_80": size}})
        entry = registry.TaskEntry(spec, task.file)
        return {name: registry.source_hash(entry, registry.get_method(name), "small_80") for name in ("tv", "dps")}

    none, some = hashes(""), hashes("made_up")
    assert none["tv"] == some["tv"]
    assert none["dps"] != some["dps"]
