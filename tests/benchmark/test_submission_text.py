"""Characters, names that look alike, and cells of a spreadsheet."""

import pytest

from benchmark.submissions.text import csv_cell, shown, skeleton


@pytest.mark.parametrize(
    ("one", "other"), [("dip", "d1p"), ("tv_fista", "tvfista"), ("lora", "l0ra"), ("warn", "wam"), ("lsd", "ls_d")]
)
def test_names_that_look_alike_have_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


def test_names_that_differ_have_two():
    assert len({skeleton(name) for name in ("dip", "self_guided_dip", "zero_filled", "cg_sense", "lora", "deep_lora")}) == 6


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1"])
def test_a_formula_is_made_text(text):
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-0.025 [-0.036, -0.015]", "+1.5", "-3e-05", "a=b", "", 1.5, -2, None, True])
def test_numbers_and_plain_text_stay(value):
    assert csv_cell(value) == value


def test_a_carriage_return_begins_no_new_cell():
    assert csv_cell("x\r=1+1") == "x =1+1"


def test_what_is_shown_is_one_line_and_visible():
    assert shown("a\nb\x1b[31m\u202e") == r"'a\u000ab\u001b[31m\u202e'"
    assert len(shown("x" * 1000)) < 70
