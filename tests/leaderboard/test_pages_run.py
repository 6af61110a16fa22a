"""The page Run, without a browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark.store.database import open_database
from benchmark.store.models import Method, Run
from tests.leaderboard import synthetic
from tests.leaderboard.words import bodies, raw, words

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> ![x](http://h/x.png) :red[x] $x$ **bold** =1+1"


def number(path: Path, method: str, **wanted: object) -> int:
    """Id of a run of the made-up database."""
    engine = open_database(str(path), create=False)
    with Session(engine) as session:
        query = select(Run).join(Method, Run.method_id == Method.id).where(Method.name == method)
        found = [run.id for run in session.scalars(query) if all(getattr(run, k) == v for k, v in wanted.items())]
    engine.dispose()
    return found[0]


def test_without_a_number_the_page_lists_what_there_is(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "run")
    assert not app.exception
    table = app.dataframe[0].value
    assert table["open"].tolist() == [f"run?run={run}" for run in table["run"]]
    assert f"{len(table)} runs, newest first" in words(app)


def test_an_empty_database_says_how_to_fill_it(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("empty"), "run", run="3")
    assert not app.exception
    assert "no run '3'" in words(app)
    assert "newest runs: none" in words(app)
    assert "make demo" in words(app)


def test_a_tiny_database(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("tiny"), "run", run="1")
    assert not app.exception
    assert "n < 4" in app.dataframe[0].value["95 %"].tolist()
    assert "The method recorded no intermediate estimates." in words(app)
    assert "None." in words(app)


def test_run_of_a_link(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    wanted = number(made("full"), "net_guided", preset="small", seed=0)
    app = open_page(made("full"), "run", run=str(wanted))
    assert not app.exception
    text = words(app)
    assert f"Run {wanted}: net_guided" in text
    assert "On the board it is part of the row net_guided (rank 1, seeds 0, 1)." in text
    assert "python -m runners.run --task imaging --preset small --method net_guided --seeds 0" in text
    assert f"python -m runners.reproduce {wanted}" in text
    for fact in (
        "code 1 (the code of now cannot be told here)",
        "8 of 8 done",
        "reproduced",
        "Made-up CPU, 2 cores",
        "numpy 2.0",
    ):
        assert fact in text
    table = next(one.value for one in app.dataframe if "observation" in one.value)
    assert len(table) == 8
    assert table["open"][2] == "instance?task=imaging&preset=small&seed=0&instance=2"
    files = app.dataframe[-1].value
    assert files["kind"].tolist() == ["estimate", "truth"] * 2
    assert files["file"].str.endswith("KiB").all()
    assert len(app.get("vega_lite_chart")) == 2


def facts(app: AppTest) -> list[tuple[str, str]]:
    """Names and values of the page's tables, as HTML."""
    found: list[tuple[str, str]] = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', "".join(bodies(app)))
    return found


def test_where_a_run_ran_is_named_where_it_is_known(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    engine = synthetic.make_empty(tmp_path / "nodes.db")
    with Session(engine) as session:
        writer = synthetic.Writer(session, tmp_path)
        writer.imaging_run("tiny", "classic_cg", engine="ray", node="<b>gpu7</b> (1a2b)", tries=2)
        writer.imaging_run("tiny", "classic_cg", seed=1)
        session.commit()
    engine.dispose()
    known, old = (dict(facts(open_page(tmp_path / "nodes.db", "run", run=number))) for number in "12")
    names = ("engine", "node", "tries")
    assert [known[name] for name in names] == ["ray", "&lt;b&gt;gpu7&lt;/b&gt; (1a2b)", "sent out 2 times"]
    assert old["status"] == "done"
    assert not set(names) & set(old)


def test_start_of_a_digest_finds_a_run_and_stays_in_the_link(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    engine = synthetic.make_empty(tmp_path / "digest.db")
    with Session(engine) as session:
        writer = synthetic.Writer(session, tmp_path)
        for start in ("abc1", "abd2"):
            writer.imaging_run("tiny", "classic_cg", seed=int(start[-1])).digest = start + "0" * 60
        session.commit()
    engine.dispose()
    app = open_page(tmp_path / "digest.db", "run", run="abc")
    assert not app.exception
    assert "abc1" + "0" * 60 in words(app)
    app.text_input[0].set_value("ab").run()
    assert not app.exception
    assert app.query_params["run"] == "ab"
    assert "'ab' is the start of 2 runs" in words(app)
    app.text_input[0].set_value("").run()
    assert not app.exception
    assert "run" not in app.query_params


@pytest.mark.parametrize("wanted", ["zzz", "99999", "%", "<b>x</b>", "-1", "1 OR 1=1"])
def test_an_unknown_run_says_what_there_is(open_page: Callable[..., AppTest], made: Callable[[str], Path], wanted: str) -> None:
    app = open_page(made("full"), "run", run=wanted)
    assert not app.exception
    assert f"no run '{wanted}'" in words(app)
    assert len(app.dataframe[0].value) > 10


def test_a_hidden_run_says_why(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    for about, reason in (
        ({"source": "code 0"}, "older code"),
        ({"seed": 1000}, "tuning data"),
    ):
        app = open_page(made("full"), "run", run=str(number(made("full"), "classic_cg", **about)))
        assert not app.exception
        assert f"It is not on the board of its task and preset: {reason}" in words(app)


def test_a_run_that_failed_shows_its_last_words(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "run", run=str(number(made("full"), "net_slow")))
    assert not app.exception
    assert "no answer within 5m\nlast lines" in [one.value for one in app.code]
    assert "The run ended before its first instance was done" in words(app)
    app = open_page(made("full"), "run", run=str(number(made("full"), "classic_wavelet", status="failed")))
    assert not app.exception
    assert any("Traceback (most recent call last):" in one.value for one in app.code)


def test_no_markup_of_the_database_gets_through(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    engine = synthetic.make_empty(tmp_path / "hostile.db")
    with Session(engine) as session:
        writer = synthetic.Writer(session, tmp_path)
        spec = {**synthetic.imaging(), "title": HOSTILE}
        run = writer.run(spec, "tiny", HOSTILE, error=HOSTILE, command=HOSTILE, source=HOSTILE, parameters={HOSTILE: HOSTILE})
        writer.instance(run, 0, {"psnr": 1.0, "nmse": 0.1}, 1.0, label=HOSTILE)
        writer.instance(writer.run(spec, "tiny", "other"), 0, {"psnr": 2.0, "nmse": 0.2}, 1.0, label=HOSTILE)
        for method in writer.methods.values():
            method.summary = method.kind = method.paper = HOSTILE
        writer.machine.cpu = HOSTILE
        session.commit()
    engine.dispose()
    for page, query in (("run", {"run": "1"}), ("run", {}), ("method", {"method": HOSTILE}), ("compare", {})):
        app = open_page(tmp_path / "hostile.db", page, **query)
        assert not app.exception
        for body in bodies(app):
            assert "<script" not in body
            assert "<img" not in body
        literal = "\n".join([*bodies(app), *(str(element.value) for element in app.code)])
        for line in raw(app).splitlines():
            if line not in literal:
                left = re.sub(r"\\.", "", line)  # what is escaped is no markup
                assert not re.search(r"<script|<img|!\[|:red\[|\$x\$|\*\*bold", left), (page, line)
