"""Plan files: a sound one as YAML or TOML with one or two of its parts changed, in its tree or in its text."""

import json
from typing import Any, NamedTuple

import yaml
from hypothesis import strategies as st

from tests.fuzzing.sandbox import Sandbox
from tests.fuzzing.values import mutated, texts

SOUND: dict[str, Any] = {
    "runs": [
        {"task": "mri", "method": ["dip", "kind:classical"], "preset": "tiny", "seeds": 2, "set": {"steps": 3}},
        {"task": "mri", "method": "dip", "preset": "tiny", "grid": {"lr": [1e-3, 3e-3]}, "on_test": False, "timeout": "10m"},
        {"task": ["deep_mc"], "method": "all", "preset": "tiny", "baseline": False, "seeds": "0,4"},
    ]
}
_ONE: dict[str, Any] = {"runs": [SOUND["runs"][0] | {"grid": {"lr": [1e-3]}, "set": {"steps": 3, "mask_from": "1"}}]}
_YAML = (
    "runs: &a [*a]",
    "runs: !!python/object/apply:os.system ['touch ran']",
    "runs:\n- {task: mri, method: dip, seeds: 2026-13-45}",
    "runs:\n- {task: mri, method: dip, timeout: 190:20:30}",
    "runs:\n- {task: mri, method: dip, timeout: 2026-01-01}",
    "runs:\n- {task: mri, method: dip, set: {? [a, b] : 1}}",
    "runs:\n- {task: mri, method: dip, set: {? {a: b} : 1}}",
    "runs:\n- {task: mri, method: dip, set: !!binary aGk=}",
    "runs:\n- {task: mri, method: dip, set: {steps: !!set {a, b}}}",
    "runs:\n- {task: mri, method: dip, seeds: 0b2}",
    "runs:\n- {task: mri, method: dip, seeds: " + "9" * 5000 + "}",
    "runs:\n- {task: mri, method: dip, <<: 3}",
    "runs:\n- <<: [{task: mri}, {method: dip}]\n  preset: tiny",
    "a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nruns: [*c,*c,*c,*c]",
    "--- 1\n--- 2",
    "%YAML 9.9\n---\nruns: []",
    "runs: |\n  a",
    "?",
    "runs:\n\t- a",
    "!!null",
    "runs:\n- ~",
)
_TOML = (
    "runs = 1979-05-27T07:32:00Z",
    '[[runs]]\ntask = "mri"\nmethod = "dip"\nseeds = 1979-05-27',
    '[[runs]]\ntask = "mri"\nmethod = "dip"\npreset = "a\\u0000b"',
    '[[runs]]\ntask = "mri"\nmethod = "dip"\nset.steps = 07:32:00',
    '[[runs]]\ntask = "mri"\nmethod = "dip"\ntimeout = nan',
    "runs = " + "[" * 3000,
    "a = 1\na = 2",
    "[runs]\n[[runs]]",
    "runs = 0x" + "f" * 6000,
    "runs = " + "9" * 5000,
    "x" * 3000 + " = 1",
)


class Plan(NamedTuple):
    """A file's name and text."""

    name: str
    text: str


def _toml(value: Any) -> str:
    """TOML of a tree, as far as it can be said; what cannot is said all the same."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(name))} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return '""' if value is None else repr(value).lower()


def _written(name: str, tree: Any) -> str:
    if name.endswith(".toml"):
        return (
            "\n".join(f"{json.dumps(str(key))} = {_toml(one)}" for key, one in tree.items()) if isinstance(tree, dict) else ""
        )
    if name.endswith(".json.yaml"):
        return json.dumps(tree)
    return str(yaml.safe_dump(tree, allow_unicode=True))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan file."""
    name = draw(st.sampled_from(["a.yaml", "a.yaml", "a.toml", "a.json.yaml"]))
    how = draw(st.integers(0, 9))
    if how == 0:
        return Plan(name, draw(st.sampled_from(_TOML if name.endswith(".toml") else _YAML)))
    tree = draw(mutated(draw(st.sampled_from([SOUND, _ONE]))))
    if how == 1:
        tree = draw(mutated(tree))
    try:
        text = _written(name, tree)
    except (ValueError, RecursionError, yaml.YAMLError):  # what cannot be written
        text = draw(texts)
    if how == 2:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(texts) + text[at + draw(st.integers(0, 3)) :]
    return Plan(name, draw(st.sampled_from(["", "", "", "\ufeff"])) + text)


inputs = plans()


def check(box: Sandbox, plan: Plan) -> tuple[str, str]:
    """What the command does wrong with a plan file, and how it ended."""
    box.path(plan.name, plan.text)
    said = box("run", "--dry-run", "--plan", plan.name, "--db", "runs.db")
    return said.wrong, f"{said.code}"
