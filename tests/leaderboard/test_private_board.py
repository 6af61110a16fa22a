"""Pages of a board that a private seed draws: they say so, and lack what is not kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark import registry
from benchmark.instances import observed
from benchmark.store.database import open_database
from benchmark.submissions import private, store
from tests.benchmark.submission_bundles import adjoint, files_of, form, packed, tensor_file

pytestmark = pytest.mark.slow


@pytest.fixture
def scored(tmp_path: Path) -> tuple[Path, str]:
    """A database with one row on mri/tiny as its private seed draws it, and the commitment."""
    secret = private.make(tmp_path / "results.db.secret")
    task = registry.get_task("mri").load()
    instances = [private.make_instance(task, "tiny", number, 0, secret) for number in range(2)]
    observations = {f"0-{number}": observed(one.problem.shown()) for number, one in enumerate(instances)}
    about = {"task": "mri", "version": 1, "preset": "tiny", "private": secret.commitment}
    answers = {f"predictions/0-{number}.safetensors": tensor_file(adjoint(one)) for number, one in enumerate(instances)}
    engine = open_database(str(tmp_path / "results.db"))
    with Session(engine) as session:
        content = packed({"entry.toml": form(about, observations).encode(), **answers})
        done = store.receive_predictions(session, content, tmp_path, seed_file=tmp_path / "results.db.secret")
        assert done.state == "scored"
        public = store.receive_predictions(session, packed(files_of(task, estimate=adjoint, method="publicly")), tmp_path)
        assert public.state == "scored"
    engine.dispose()
    return tmp_path / "results.db", secret.commitment


def words(app: AppTest) -> str:
    """All that a page says."""
    boxes = (app.markdown, app.caption, app.info, app.warning, app.error, app.header, app.subheader)
    return " ".join(one.value for box in boxes for one in box)


@pytest.mark.parametrize(
    "page", ["papers", "paper", "overview", "task", "method", "compare", "instance", "run", "data", "submit"]
)
def test_pages_of_a_private_board(open_page: Callable[..., AppTest], scored: tuple[Path, str], page: str) -> None:
    database, commitment = scored
    preset = f"tiny_private_{commitment}"
    app = open_page(database, page, task="mri", preset=preset, method="their_method", run="1", id="2402.04097")
    assert not app.exception
    assert not app.error
    secret = (database.parent / "results.db.secret").read_text().strip()
    assert secret not in words(app)
    if page == "submit":
        assert f"This board has the private seed {commitment}." in words(app)
    if page == "task":
        shown = " ".join(str(one.value.to_dict()) for one in app.dataframe)
        assert f"private seed {commitment}" in words(app) + shown
        assert "publicly" not in shown
