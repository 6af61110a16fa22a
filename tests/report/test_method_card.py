"""What is said of a method: header, hyperparameters, commands to try."""

from pathlib import Path

from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.report import method_card
from tests.leaderboard.synthetic import Writer, imaging, make_empty


def test_every_method_of_the_suite_has_a_header_and_readable_hyperparameters() -> None:
    for name, entry in registry.methods().items():
        assert method_card.header(entry), name
        assert method_card.place(entry).startswith("methods/"), name
        frame = method_card.parameters(entry.spec)
        assert frame["hyperparameter"].tolist() == list(entry.spec.parameters.model_fields), name
        assert not any(text.startswith("any") for text in frame["allowed"]), name
        assert len(method_card.settings(entry.spec)) == len(entry.spec.settings), name
        assert ("used to" in frame) == (entry.spec.learns is not None), name


def test_what_a_hyperparameter_may_be_in_words() -> None:
    assert method_card.allowed({"type": "integer", "minimum": 1}) == "whole number ≥ 1"
    assert method_card.allowed({"type": "number", "minimum": 0, "exclusiveMaximum": 1}) == "number ≥ 0, < 1"
    assert method_card.allowed({"enum": ["a", "b"], "type": "string"}) == 'one of "a", "b"'
    assert method_card.allowed({"type": "boolean"}) == "true or false"


def test_no_command_for_a_task_that_does_not_fit() -> None:
    spec = registry.get_method("zero_filled").spec
    assert method_card.to_try(spec, {("mri", "small")})
    assert not any("--task mri " in command for command in method_card.to_try(spec, {("mri", "small")}))
    assert not any("--task mc " in command for command in method_card.to_try(spec, set()))


def test_names_are_of_the_suite_and_of_the_database(tmp_path: Path) -> None:
    engine = make_empty(tmp_path / "names.db")
    with Session(engine) as session:
        Writer(session, tmp_path).run(imaging(), "small", "foreign")
        session.commit()
        assert {"foreign", "dip"} < set(method_card.names(session))
        assert method_card.card(session, "foreign").entry is None
    engine.dispose()
