"""Labelled texts: those that come with the suite, and GLUE tasks that a user brings."""

import csv
import itertools
import json
import re

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from benchmark.datasets import sources, texts, user_texts
from benchmark.errors import UserError

SIZES = {  # pool and test of tests, pool and test of tuning
    "sentiment_imdb": (400, 300, 145, 150),
    "sentiment_yelp": (400, 300, 145, 150),
    "sentiment_amazon": (400, 300, 133, 150),
    "paraphrase": (1600, 400, 800, 200),
    "acceptability": (1600, 400, 800, 200),
}
NAMES = sorted(SIZES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def parts(name):
    return [*texts.split(name, "test"), *texts.split(name, "tuning")]


def words(text):
    return " ".join(re.findall(r"[a-z]+", text.lower()))


# --- what comes with the suite ------------------------------------------------------------------------------------------


def test_the_sets_are_named():
    assert sorted(texts.names()) == sorted([*NAMES, "sentiment"])
    assert {texts.source(name) for name in NAMES} == {"sentiment", "paraphrase", "acceptability"}
    for use in (
        texts.load,
        texts.source,
        lambda name: texts.split(name, "test"),
        lambda name: texts.draw(name, "test", 8, None),
    ):
        with pytest.raises(UserError, match=r"^unknown set of texts 'paraphrases'; did you mean paraphrase\?$"):
            use("paraphrases")


def test_all_sites_together_part_by_part():
    every, sites = texts.load("sentiment"), [name for name in NAMES if name.startswith("sentiment_")]
    for place, part in enumerate(parts("sentiment")):
        single = {texts.load(name).texts[i] for name in sites for i in parts(name)[place]}
        assert {every.texts[i] for i in part} == single
    assert set(every.classes) == {"negative", "positive"}


@pytest.mark.parametrize("name", NAMES)
def test_four_parts_share_no_example_and_leave_none_over(name):
    found = texts.load(name)
    assert tuple(len(part) for part in parts(name)) == SIZES[name]
    together = np.concatenate(parts(name))
    assert sorted(together.tolist()) == list(range(len(found.texts)))
    assert len(found.labels) == len(found.groups) == len(found.texts)
    assert found.labels.dtype == np.int64
    assert len(found.classes) == len(set(found.classes)) == 2
    for which in ("test", "tuning"):
        assert all(np.array_equal(a, b) for a, b in zip(texts.split(name, which), texts.split(name, which), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_no_text_stands_in_two_parts_or_twice(name):
    found = texts.load(name)
    seen = [{words(text) for i in part for text in found.texts[i]} for part in parts(name)]
    for one, other in itertools.combinations(seen, 2):
        assert not one & other
    assert len({tuple(map(words, example)) for example in found.texts}) == len(found.texts)


@pytest.mark.parametrize("name", NAMES)
def test_classes_have_equal_shares(name):
    found = texts.load(name)
    pool, test, tuning_pool, tuning_test = ([int((found.labels[part] == c).sum()) for c in (0, 1)] for part in parts(name))
    assert pool[0] == pool[1]
    assert test[0] == test[1]
    assert tuning_test[0] == tuning_test[1]
    assert abs(tuning_pool[0] - tuning_pool[1]) <= 5
    assert set(found.labels.tolist()) == {0, 1}


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_whole_and_short(name):
    found = texts.load(name)
    count = 2 if name == "paraphrase" else 1
    longest = {"paraphrase": 240}.get(name, 600)
    for example in found.texts:
        assert len(example) == count
        for text in example:
            assert text == text.strip()
            assert words(text)
            assert len(text) <= longest
            assert "\ufffd" not in text


def test_labels_mean_what_they_say():
    sentiment = {words(e[0]): int(y) for name in NAMES[1:] if name.startswith("sentiment") for e, y in pairs(name)}
    assert sentiment["wow loved this place"] == 1
    assert sentiment["crust is not good"] == 0
    good = ("great", "wonderful", "excellent")
    rate = [np.mean([any(sign in e[0].lower() for sign in good) for e, y in pairs("sentiment_imdb") if y == c]) for c in (0, 1)]
    assert rate[1] > 2 * rate[0]
    shared = [[], []]
    for example, y in pairs("paraphrase"):
        a, b = (set(words(text).split()) for text in example)
        shared[y].append(len(a & b) / len(a | b))
    assert np.mean(shared[1]) > np.mean(shared[0])


def pairs(name):
    found = texts.load(name)
    return list(zip(found.texts, found.labels.tolist(), strict=True))


def test_no_two_parts_of_paraphrase_share_a_book():
    groups = texts.load("paraphrase").groups
    books = [{groups[i] for i in part} for part in parts("paraphrase")]
    for one, other in itertools.combinations(books, 2):
        assert not one & other
    assert all(len(part) >= 10 for part in books)
    assert {"MATTHEW", "MARK", "LUKE", "JOHN"} <= books[1]  # they tell the same story
    assert {"KINGS_1", "KINGS_2", "CHRONICLES_1", "CHRONICLES_2"} <= books[0]


def test_words_and_length_alone_do_not_tell_paraphrases():
    found, (pool, test) = texts.load("paraphrase"), texts.split("paraphrase", "test")

    def features(places):
        sets = [[set(words(text).split()) for text in found.texts[i]] for i in places]
        lengths = [abs(len(found.texts[i][0]) - len(found.texts[i][1])) / 100 for i in places]
        return np.array([[len(a & b) / len(a | b), length, 1] for (a, b), length in zip(sets, lengths, strict=True)])

    fit = np.linalg.lstsq(features(pool), 2 * found.labels[pool] - 1, rcond=None)[0]
    right = np.mean((features(test) @ fit > 0) == found.labels[test])
    assert 0.55 < right < 0.85


def test_no_two_parts_of_acceptability_share_a_book_and_kinds_of_breaks_have_like_shares():
    groups = [group.split() for group in texts.load("acceptability").groups]
    books = [{groups[i][0] for i in part} for part in parts("acceptability")]
    for one, other in itertools.combinations(books, 2):
        assert not one & other
    labels = texts.load("acceptability").labels
    for part in parts("acceptability"):
        kinds = [groups[i][1] for i in part]
        assert {kind: labels[i] for i, kind in zip(part, kinds, strict=True)} == {
            "whole": 1, "agreement": 0, "exchange": 0, "double": 0,
        }  # fmt: skip
        counts = [kinds.count(kind) for kind in ("agreement", "exchange", "double")]
        assert min(counts) > 0.7 * max(counts)


def test_a_broken_sentence_is_broken_in_one_place():
    found = texts.load("acceptability")
    swaps = {("is", "are"), ("was", "were"), ("has", "have")}
    seen = set()
    for (text,), group in zip(found.texts, found.groups, strict=True):
        said, kind = text.split(), group.split()[1]
        twice = [a for a, b in itertools.pairwise(said) if a == b]
        assert bool(twice) == (kind == "double"), text
        assert 5 <= len(said) <= 16 + (kind == "double")
        if kind == "agreement":
            seen |= {pair for pair in swaps if set(pair) & set(said)}
    assert seen == swaps


def test_words_alone_do_not_tell_what_is_acceptable():
    """A probe on which words there are is hardly above chance: a break changes no word, or one of a verb's two forms."""
    found, (pool, test) = texts.load("acceptability"), texts.split("acceptability", "test")
    words_of = CountVectorizer(binary=True, min_df=3).fit(found.texts[i][0] for i in pool)
    fit = LogisticRegression(C=0.1).fit(words_of.transform(found.texts[i][0] for i in pool), found.labels[pool])
    right = fit.score(words_of.transform(found.texts[i][0] for i in test), found.labels[test])
    assert 0.4 < right < 0.6


# --- drawing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["test", "tuning"])
@pytest.mark.parametrize("name", NAMES)
def test_a_draw_takes_equal_shares_of_the_pool_without_repeats(name, which):
    found, (pool, test) = texts.load(name), texts.split(name, which)
    train, y, tested, truth = texts.draw(name, which, 64, generator())
    assert y.dtype == truth.dtype == torch.int64
    assert torch.bincount(y).tolist() == [32, 32]
    assert len(set(train)) == 64
    label = {found.texts[i]: int(found.labels[i]) for i in pool}
    assert [label[example] for example in train] == y.tolist()
    assert tested == tuple(found.texts[i] for i in test)
    assert truth.tolist() == found.labels[test].tolist()
    assert not set(train) & set(tested)


def test_a_draw_follows_its_seed_and_the_test_examples_do_not():
    one, again, other = (texts.draw("paraphrase", "test", 100, generator(seed)) for seed in (0, 0, 1))
    assert one[0] == again[0]
    assert torch.equal(one[1], again[1])
    assert one[0] != other[0]
    assert one[2] == other[2]
    assert torch.equal(one[3], other[3])
    assert len(set(one[1][:10].tolist())) == 2  # classes are mixed


def test_what_does_not_divide_goes_to_a_class_at_random():
    more = {texts.draw("paraphrase", "test", 9, generator(seed))[1].sum().item() for seed in range(20)}
    assert more == {4, 5}
    assert len(texts.draw("paraphrase", "test", 1600, generator())[0]) == 1600


@pytest.mark.parametrize(
    ("labels", "message"),
    [(1, "1 labels, but paraphrase has 2 classes"), (1602, "801 labels of a class, but 'another verse' of paraphrase has 800")],
)
def test_too_few_or_too_many_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        texts.draw("paraphrase", "test", labels, generator())


def test_a_draw_cannot_change_the_set():
    found = texts.load("paraphrase")
    for array in (found.labels, *texts.split("paraphrase", "test")):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    y = texts.draw("paraphrase", "test", 8, generator())[1]
    y[:] = 7
    assert set(found.labels.tolist()) == {0, 1}


# --- GLUE of the user's own ---------------------------------------------------------------------------------------------

ROWS = {
    "train": [('A fine film, "truly"', 1), ("Dull; and\tlong", 0), ("Grüße, ok", 1)],
    "validation": [("Good", 1), ("Bad", 0)],
}


def write(folder, suffix, rows=ROWS, task="sst2", columns=("sentence", "label")):
    """The parts of a task as files of one kind."""
    import pandas as pd

    (folder / "glue" / task).mkdir(parents=True, exist_ok=True)
    for part, examples in rows.items():
        file = folder / "glue" / task / f"{part}.{suffix}"
        records = [dict(zip(columns, example, strict=True)) for example in examples]
        if suffix == "jsonl":
            file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        elif suffix == "parquet":
            pd.DataFrame(records).to_parquet(file)
        elif suffix == "csv":
            pd.DataFrame(records).to_csv(file, index=False, quoting=csv.QUOTE_MINIMAL)
        else:
            lines = ["\t".join(str(cell).replace("\t", " ") for cell in example) for example in (columns, *examples)]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_every_kind_of_file_is_read(tmp_path, suffix):
    train, validation = user_texts.read(write(tmp_path, suffix), "sst2")
    for found, rows in ((train, ROWS["train"]), (validation, ROWS["validation"])):
        wanted = [text.replace("\t", " ") if suffix == "tsv" else text for text, _ in rows]
        assert found.texts == tuple((text,) for text in wanted)
        assert found.labels.tolist() == [label for _, label in rows]
        assert found.labels.dtype == np.int64
        assert found.classes == ("negative", "positive")
    for file in sources.SOURCES["glue"].files(tmp_path):
        user_texts.check(file)


def test_a_folder_that_datasets_wrote_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    kinds = datasets.Features(
        {"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=["negative", "positive"])}
    )
    saved = datasets.DatasetDict(
        {
            part: datasets.Dataset.from_dict(
                {"sentence": [text for text, _ in rows], "label": [label for _, label in rows]}, features=kinds
            )
            for part, rows in {**ROWS, "test": [("Unlabelled", -1)]}.items()
        }
    )
    saved.save_to_disk(str(tmp_path / "glue" / "sst2"))
    train, validation = user_texts.read(tmp_path, "sst2")
    assert [e[0] for e in train.texts] == [text for text, _ in ROWS["train"]]
    assert validation.labels.tolist() == [1, 0]
    first = sources.fingerprint(("glue",), tmp_path)
    assert first == sources.fingerprint(("glue",), tmp_path)
    (tmp_path / "glue" / "sst2" / "dataset_dict.json").write_text('{"splits": ["nowhere"]}')
    with pytest.raises(UserError, match=r"^glue/sst2 cannot be read by the package datasets \(.+\)$"):
        sources.fingerprint(("glue",), tmp_path)


def test_without_the_package_datasets_its_folders_are_refused(tmp_path, monkeypatch):
    (tmp_path / "glue" / "sst2").mkdir(parents=True)
    (tmp_path / "glue" / "sst2" / "dataset_dict.json").write_text('{"splits": []}')

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(user_texts, "import_module", missing)
    with pytest.raises(UserError, match=r"pip install datasets$"):
        user_texts.read(tmp_path, "sst2")


@pytest.mark.parametrize("task", sorted(user_texts.TASKS))
def test_every_task_has_its_columns_and_classes(tmp_path, task):
    columns, classes = user_texts.TASKS[task]
    labels = range(len(classes)) if classes else (0.0, 3.25, 5.0)
    part = [(*(f"text {label} {column}" for column in columns), label) for label in labels]
    rows = {"train": part, "validation_matched" if task == "mnli" else "validation": part}
    train, validation = user_texts.read(write(tmp_path, "jsonl", rows, task, (*columns, "label")), task)
    assert train.classes == classes
    assert validation.labels.tolist() == list(labels)
    assert validation.labels.dtype == (np.int64 if classes else np.float64)
    assert train.texts[1] == tuple(f"text {labels[1]} {column}" for column in columns)
    for label, name in enumerate(classes):
        assert user_texts._label(name, classes, "") == label


def test_labels_may_be_names_of_classes(tmp_path):
    rows = {part: [("One", "positive"), ("Two", "negative")] for part in ROWS}
    assert user_texts.read(write(tmp_path, "csv", rows), "sst2")[0].labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"train": [("A", 1), (" ", 0)]}, "glue/sst2/train.jsonl, example 2: 'sentence' is empty"),
        ({"train": [("A", 1), (None, 0)]}, "glue/sst2/train.jsonl, example 2: 'sentence' is empty"),
        ({"train": [("A", 1), (3, 0)]}, "glue/sst2/train.jsonl, example 2: 'sentence' is empty"),
        ({"train": [("A", 2)]}, "glue/sst2/train.jsonl, example 1: unknown label '2'; allowed: 0 to 1, or negative, positive"),
        ({"train": [("A", -1)]}, "glue/sst2/train.jsonl, example 1: unknown label '-1'; allowed"),
        ({"train": [("A", 0.5)]}, "glue/sst2/train.jsonl, example 1: unknown label '0.5'; allowed"),
        ({"train": [("A", "nan")]}, "glue/sst2/train.jsonl, example 1: unknown label 'nan'; allowed"),
        ({"train": [("A", None)]}, "glue/sst2/train.jsonl, example 1: unknown label 'None'; allowed"),
        ({"validation": [("A", "good")]}, "glue/sst2/validation.jsonl, example 1: unknown label 'good'; allowed"),
        (
            {"validation": [("A", 1)]},
            "glue/sst2: train and validation have different labels ('negative' is in one of them only)",
        ),
        ({"train": []}, "glue/sst2/train.jsonl has no examples"),
    ],
)
def test_bad_rows_are_refused_in_one_line(tmp_path, rows, message):
    with pytest.raises(UserError) as caught:
        user_texts.read(write(tmp_path, "jsonl", {**ROWS, **rows}), "sst2")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("grade", [-0.1, 5.1, "nan", "inf", "high"])
def test_a_grade_outside_its_range_is_refused(tmp_path, grade):
    write(tmp_path, "jsonl", {part: [("A", "B", grade)] for part in ROWS}, "stsb", ("sentence1", "sentence2", "label"))
    with pytest.raises(UserError, match=r"example 1: unknown label '.+'; allowed: 0 to 5$"):
        user_texts.read(tmp_path, "stsb")


def test_missing_folders_files_and_columns_are_named(tmp_path):
    for name, message in (("sst2", "no folder glue/sst2 in "), ("sst-2", "unknown GLUE task 'sst-2'; did you mean sst2")):
        with pytest.raises(UserError, match=message):
            user_texts.read(tmp_path, name)
    write(tmp_path, "csv", {"train": ROWS["train"]})
    with pytest.raises(UserError, match=r"^glue/sst2 has no validation.jsonl, .csv, .tsv or .parquet"):
        user_texts.read(tmp_path, "sst2")
    write(tmp_path, "csv", columns=("text", "label"))
    with pytest.raises(UserError, match=r"^glue/sst2/train.csv has no column 'sentence'; sst2 has sentence, label$"):
        user_texts.read(tmp_path, "sst2")
    write(tmp_path, "csv", columns=("sentence", "y"))
    with pytest.raises(UserError, match=r"has no column 'label'"):
        user_texts.read(tmp_path, "sst2")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"{", b"[1]\n", b"PAR1"])
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_bytes_that_are_no_table_are_refused_in_one_line(tmp_path, suffix, content):
    file = write(tmp_path, suffix) / "glue" / "sst2" / f"train.{suffix}"
    file.write_bytes(content)
    for use in (lambda: user_texts.read(tmp_path, "sst2"), lambda: user_texts.check(file)):
        with pytest.raises(UserError, match=rf"^glue/sst2/train.{suffix} cannot be read \(.+\)$"):
            use()


def test_the_users_glue_is_found_checked_and_enters_the_key(tmp_path):
    with pytest.raises(UserError, match=r"needs --data-dir: put train and validation .* into DATA_DIR/glue/TASK/$"):
        sources.fingerprint(("glue",), None)
    with pytest.raises(UserError, match=r"^no glue/train.\* in "):
        sources.fingerprint(("glue",), tmp_path)
    write(tmp_path, "jsonl")
    before = sources.fingerprint(("glue",), tmp_path)
    (tmp_path / "glue" / "sst2" / "test.jsonl").write_text('{"sentence": "x", "label": -1}\n')  # without labels, not read
    assert sources.fingerprint(("glue",), tmp_path) == before
    (tmp_path / "glue" / "sst2").rename(tmp_path / "glue" / "cola")
    assert sources.fingerprint(("glue",), tmp_path) != before
    (tmp_path / "glue" / "cola").rename(tmp_path / "glue" / "other")
    with pytest.raises(UserError, match=r"^unknown GLUE task 'other'"):
        sources.fingerprint(("glue",), tmp_path)
    (tmp_path / "glue" / "other").rename(tmp_path / "glue" / "sst2")
    (tmp_path / "glue" / "sst2" / "train.txt").write_text("x")
    with pytest.raises(UserError, match=r"^glue/sst2/train.txt is none of .jsonl, .csv, .tsv, .parquet$"):
        sources.fingerprint(("glue",), tmp_path)
