"""Files of users that import what methods share from where it used to lie go on working, and depend on the same code."""

import importlib

import pytest

from benchmark import source
from benchmark.registry import ROOT

# What templates of `runners.new`, README and CONTRIBUTING named before methods lay by subject.
FORMER = {
    "methods.adapters": ["DeepLoraConfig", "get_deep_lora_model", "merge", "parameter_groups", "save_pretrained"],
    "methods.completion": ["Misfit", "top_singular", "until_converged"],
    "methods.fewshot": ["Tuning", "isolated", "singular_values"],
    "methods.networks": ["Fitting", "RunningAverage", "hourglass", "unet"],
    "methods.representation": ["Recipe", "train"],
    "methods.representation.training": ["linear"],
}
METHOD = """
from benchmark import method
from {module} import {name}

@method("mine", solves="LinearInverse", kind="", paper="")
def mine(problem, ctx):
    return {name}(problem)
"""


@pytest.mark.parametrize("module", FORMER)
def test_names_are_found(module):
    for name in FORMER[module]:
        assert hasattr(importlib.import_module(module), name)


def test_the_code_behind_a_former_place_counts(tmp_path):
    def hashed(module):
        file = tmp_path / "mine.py"
        file.write_text(METHOD.format(module=module, name="hourglass"), encoding="utf-8")
        source.forget()
        return source.source_hash(ROOT / "tasks" / "mri.py", file, "mine", "{}")

    assert hashed("methods.networks") == hashed("methods.images._hourglass") != hashed("methods.images._unet")
