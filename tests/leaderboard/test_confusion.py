"""Confusion matrices and grades: what the charts hold."""

import json

import numpy as np
import pytest

from leaderboard.charts import confusion


def test_a_matrix_names_rows_by_truth_and_columns_by_what_was_said():
    shares = np.array([[0.9, 0.1], [0.25, 0.75]], np.float32)
    spec = json.loads(confusion.matrix(shares).to_json())
    [rows] = spec["datasets"].values()
    assert {(row["true"], row["named"]): row["text"] for row in rows} == {
        (0, 0): "90 %",
        (0, 1): "10 %",
        (1, 0): "25 %",
        (1, 1): "75 %",
    }
    assert spec["layer"][0]["encoding"]["y"]["field"] == "true"
    assert spec["layer"][0]["encoding"]["x"]["field"] == "named"


def test_grades_stand_over_the_true_ones():
    truth, estimate = np.array([[0.0, 5.0, 2.0]], np.float32), np.array([[1.0, 4.0, 2.5]], np.float32)
    spec = json.loads(confusion.grades(truth, estimate).to_json())
    points = max(spec["datasets"].values(), key=len)
    assert [(row["true"], row["estimate"]) for row in points] == [(0, 1), (5, 4), (2, 2.5)]
    assert sorted(len(rows) for rows in spec["datasets"].values()) == [2, 3]


@pytest.mark.parametrize(("shape", "classes"), [((2, 2), True), ((3, 3), True), ((1, 30), False), ((1, 1), False)])
def test_classes_are_told_from_grades(shape, classes):
    assert confusion.tells_classes(np.zeros(shape, np.float32)) == classes
