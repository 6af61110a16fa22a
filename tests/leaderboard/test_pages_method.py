"""The page Method, without a browser."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark import registry
from benchmark.report import method_card
from tests.leaderboard.synthetic import Writer, make_empty
from tests.leaderboard.words import words


def test_a_method_of_the_suite_without_results(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    for size in ("empty", "tiny", "full"):
        app = open_page(made(size), "method", method="self_guided_dip")
        assert not app.exception
        text = words(app)
        assert "[arXiv:2402.04097](https://arxiv.org/abs/2402.04097)" in text
        assert "file `methods/images/self_guided_dip.py`" in text
        assert text.count(method_card.header(registry.get_method("self_guided_dip")).splitlines()[0].removesuffix(".")) == 1
        assert "min<sub>w, z</sub>  ‖A x(w, z) − s y‖" in text
        assert "No board has a result of this method." in text
        assert "python -m runners.run --task mri --method self_guided_dip" in text
        assert "lr_input" in app.dataframe[0].value["hyperparameter"].tolist()
        assert str(registry.ROOT) not in text


def test_a_method_that_only_the_database_knows(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "method", method="classic_cg")
    assert not app.exception
    assert "is not installed here" in words(app)
    table = app.dataframe[0].value
    assert list(zip(table["task"], table["preset"], table["row"], strict=True)) == [
        ("imaging", "tiny", "classic_cg"),
        ("imaging", "small", "classic_cg [steps=100]"),
        ("imaging", "small", "classic_cg [steps=3]"),
        ("sorting", "small", "classic_cg"),
    ]
    assert table["open"][3] == "task?task=sorting&preset=small"
    assert table["score"].str.contains("dB").tolist() == [True, True, True, False]
    assert table["rank"].isna().tolist() == [True, False, False, False]  # two instances are too few
    assert "python -m runners.run --task sorting --preset small --method classic_cg --seeds 0" in words(app)
    assert "(run?run=" in words(app)
    every = app.dataframe[-1].value
    assert len(every) == 8  # with tuning data, older code and another version
    assert set(every["data"]) == {"test", "tuning"}


def test_the_choice_is_in_the_link(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "method", method="net_plain")
    app.selectbox[0].select("net_guided").run()
    assert not app.exception
    assert app.query_params["method"] == "net_guided"
    assert "net_guided" in words(app)


def test_an_unknown_method_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("tiny"), "method", method="nobody")
    assert not app.exception
    assert "the link asks for method 'nobody'" in words(app)


def test_a_method_with_a_run_and_no_score(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "method", method="net_slow")
    assert not app.exception
    assert "No board has a result of this method." in words(app)
    assert app.dataframe[-1].value["status"].tolist() == ["timeout"]


def test_many_seeds_do_not_make_a_page_of_commands(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    engine = make_empty(tmp_path / "many.db")
    with Session(engine) as session:
        writer = Writer(session, tmp_path)
        for seed in range(9):
            writer.imaging_run("tiny", "classic_cg", seed)
        session.commit()
    engine.dispose()
    app = open_page(tmp_path / "many.db", "method", method="classic_cg")
    assert not app.exception
    assert len(app.code) == 5
    assert "4 more commands" in words(app)
