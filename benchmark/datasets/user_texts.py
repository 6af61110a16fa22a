"""The tasks of GLUE as a user brings them, in a folder DATA_DIR/glue/TASK: train.* and validation.* as .jsonl, .csv, .tsv or
.parquet, or what `save_to_disk` of the package datasets wrote. Imports no torch, and asks no network.

In a .tsv quotation marks are characters like any other, as in GLUE's own files. Labels are numbers or names of classes.
GLUE's own test files have no labels and are not read.
"""

import csv
import json
import math
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError, unknown

if TYPE_CHECKING:
    from benchmark.datasets.texts import Texts

# Columns of the text or the pair, and the classes in GLUE's order; none for a graded task.
TASKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cola": (("sentence",), ("unacceptable", "acceptable")),
    "sst2": (("sentence",), ("negative", "positive")),
    "mrpc": (("sentence1", "sentence2"), ("not_equivalent", "equivalent")),
    "qqp": (("question1", "question2"), ("not_duplicate", "duplicate")),
    "stsb": (("sentence1", "sentence2"), ()),
    "mnli": (("premise", "hypothesis"), ("entailment", "neutral", "contradiction")),
    "qnli": (("question", "sentence"), ("entailment", "not_entailment")),
    "rte": (("sentence1", "sentence2"), ("entailment", "not_entailment")),
    "wnli": (("sentence1", "sentence2"), ("not_entailment", "entailment")),
}
_PARTS = {"train": ("train",), "validation": ("validation", "validation_matched")}
_SUFFIXES = ("jsonl", "csv", "tsv", "parquet")
_SAVED = "dataset_dict.json"
_HIGHEST = 5.0  # grade of STS-B


def read(data_dir: Path, name: str) -> "tuple[Texts, Texts]":
    """Training and validation examples of a task. Raises UserError, with file and place, for a folder, a column or a text that
    is missing, for a label that is none, and where the two parts have different labels.
    """
    _known(name)
    folder = data_dir / "glue" / name
    if not folder.is_dir():
        raise UserError(f"no folder glue/{name} in {data_dir}: put train.jsonl and validation.jsonl of the GLUE task there")
    train, validation = (_texts(name, *_rows(folder, part)) for part in _PARTS)
    have, other = ({int(label) for label in part.labels} if TASKS[name][1] else set() for part in (train, validation))
    if have != other:
        lone = TASKS[name][1][min(have ^ other)]
        raise UserError(f"glue/{name}: train and validation have different labels ('{lone}' is in one of them only)")
    return train, validation


def check(file: Path) -> None:
    """Raises UserError for a file that holds no examples of the GLUE task that its folder is named after."""
    if file.suffix == ".arrow":
        return  # its dataset_dict.json is checked
    name = file.parent.name
    _known(name)
    if file.name == _SAVED:
        for part in _PARTS:
            _texts(name, *_rows(file.parent, part))
    else:
        _texts(name, f"glue/{name}/{file.name}", _table(file))


def _known(name: str) -> None:
    if name not in TASKS:
        raise unknown("GLUE task", name, TASKS)


def _rows(folder: Path, part: str) -> tuple[str, Iterable[dict[str, Any]]]:
    """The name of a part of a task in messages, and its rows."""
    shown = f"glue/{folder.name}"
    if (folder / _SAVED).is_file():
        try:
            package = import_module("datasets")
        except ImportError:
            raise UserError(f"{shown} was written by the package datasets, which is missing; pip install datasets") from None
        try:
            saved = package.load_from_disk(str(folder))
            found = next((name for name in _PARTS[part] if name in saved), None)
            if found is not None:
                return f"{shown} ({found})", saved[found].with_format(None)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{shown} cannot be read by the package datasets ({_first_line(error)})") from None
        raise UserError(f"{shown} has no part '{part}'; write train and validation with save_to_disk")
    for name in _PARTS[part]:
        for suffix in _SUFFIXES:
            file = folder / f"{name}.{suffix}"
            if file.is_file():
                return f"{shown}/{file.name}", _table(file)
    raise UserError(f"{shown} has no {part}.jsonl, .csv, .tsv or .parquet; put train and validation of the task there")


def _table(file: Path) -> list[dict[str, Any]]:
    """The rows of a file."""
    shown = f"glue/{file.parent.name}/{file.name}"
    if file.suffix[1:] not in _SUFFIXES:
        raise UserError(f"{shown} is none of .{', .'.join(_SUFFIXES)}")
    try:
        if file.suffix == ".parquet":
            import pandas as pd

            rows: list[dict[str, Any]] = pd.read_parquet(file).to_dict("records")  # type: ignore[assignment]  # keys are text
            return rows
        with file.open(encoding="utf-8-sig", newline="") as opened:
            if file.suffix == ".jsonl":
                rows = [json.loads(line) for line in opened if line.strip()]
                if not all(isinstance(row, dict) for row in rows):
                    raise ValueError("a line is not an object")
                return rows
            if file.suffix == ".tsv":
                return list(csv.DictReader(opened, delimiter="\t", quoting=csv.QUOTE_NONE))
            return list(csv.DictReader(opened))
    except (OSError, ImportError, ValueError, csv.Error) as error:
        raise UserError(f"{shown} cannot be read ({_first_line(error)})") from None


def _texts(name: str, shown: str, rows: Iterable[dict[str, Any]]) -> "Texts":
    """The examples of a task in rows of its columns."""
    import numpy as np

    from benchmark.datasets.texts import Texts

    columns, classes = TASKS[name]
    texts, labels = [], []
    for number, row in enumerate(rows, 1):
        missing = [column for column in (*columns, "label") if column not in row]
        if missing:
            raise UserError(f"{shown} has no column '{missing[0]}'; {name} has {', '.join(columns)}, label")
        example = tuple(row[column] for column in columns)
        for column, text in zip(columns, example, strict=True):
            if not isinstance(text, str) or not text.strip():
                raise UserError(f"{shown}, example {number}: '{column}' is empty")
        texts.append(example)
        labels.append(_label(row["label"], classes, f"{shown}, example {number}"))
    if not texts:
        raise UserError(f"{shown} has no examples")
    if classes:
        return Texts(tuple(texts), np.array(labels, np.int64), classes, ("",) * len(texts))
    return Texts(tuple(texts), np.array(labels, np.float64), classes, ("",) * len(texts))


def _label(value: object, classes: tuple[str, ...], where: str) -> float:
    """Place of a class, or a grade."""
    if classes and value in classes:
        return classes.index(str(value))
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not classes and 0 <= number <= _HIGHEST:
        return number
    if classes and number in range(len(classes)):
        return int(number)
    known = f"0 to {len(classes) - 1}, or {', '.join(classes)}" if classes else f"0 to {_HIGHEST:g}"
    raise UserError(f"{where}: unknown label '{str(value)[:40]}'; allowed: {known}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
