"""The parser and reader of faces: what they take, that they read what the card says, and how they are made."""

import json
import math

import pytest
import torch
from torch.nn import functional as F

from benchmark.datasets import faces, sources
from benchmark.datasets.face_law import RACES
from benchmark.datasets.scripts import make_face_reader as script
from benchmark.datasets.scripts.worsened import worsened
from benchmark.editing import attributes
from benchmark.editing.parser import Parser
from benchmark.editing.reader import Reader
from benchmark.editing.shipped import ENOUGH, card, face_reader, read_card
from benchmark.errors import UserError
from benchmark.metrics.regions import explained, region_iou

FRESH = 5000  # places of the part `test` that the card was not measured on


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def at(name):
    return faces.NAMES.index(name)


@pytest.fixture(scope="module")
def fresh():
    return faces.drawn("test", FRESH, 24)


# --- what it takes and gives ----------------------------------------------------------------------------------------------


def test_the_networks_are_small_and_the_parser_takes_any_multiple_of_8():
    parser, reader = Parser().eval(), Reader().eval()
    assert sum(p.numel() for one in (parser, reader) for p in one.parameters()) < 350_000
    with torch.no_grad():
        assert parser(torch.rand(2, 3, 24, 40)).shape == (2, 8, 24, 40)
        assert reader(torch.rand(2, 3, 64, 64), torch.rand(2, 8, 64, 64)).shape == (2, 37)


@pytest.mark.parametrize(
    ("pictures", "error", "said"),
    [
        (torch.rand(3, 64, 64), ValueError, r"must be \(B, 3, H, W\) with B at least 1, not \(3, 64, 64\)"),
        (torch.rand(2, 1, 64, 64), ValueError, r"not \(2, 1, 64, 64\)"),
        (torch.rand(0, 3, 64, 64), ValueError, r"not \(0, 3, 64, 64\)"),
        (torch.rand(2, 3, 60, 64), ValueError, "multiples of 8, not 60 x 64"),
        (torch.rand(2, 3, 64, 64).double(), TypeError, "float32, not torch.float64"),
        (torch.rand(2, 3, 64, 64) * 2 - 1, ValueError, r"must lie in \[0, 1\]"),
        (torch.rand(2, 3, 64, 64) * 2, ValueError, r"must lie in \[0, 1\]"),
        (torch.full((1, 3, 64, 64), torch.nan), ValueError, "hold no NaN"),
    ],
    ids=["no batch", "grey", "none", "size", "type", "below", "above", "nan"],
)
def test_what_are_no_pictures_is_refused_in_one_line(pictures, error, said):
    for read in (face_reader().regions, face_reader().numbers):
        with pytest.raises(error, match=said) as caught:
            read(pictures)
        assert "\n" not in str(caught.value)


def test_reading_is_the_same_twice_in_any_batch_and_of_a_larger_copy(fresh):
    reader, some = face_reader(), fresh.pictures[:6]
    numbers, labels = reader.numbers(some), reader.regions(some)
    assert numbers.shape == (6, 37)
    assert labels.shape == (6, 64, 64)
    assert labels.dtype == torch.uint8
    assert torch.equal(numbers, reader.numbers(some))
    assert torch.allclose(numbers, reader.numbers(some, batch=1), atol=1e-4)
    assert (labels != reader.regions(some, batch=4)).float().mean() < 1e-3
    large = F.interpolate(some, scale_factor=2.0)
    assert torch.allclose(numbers, reader.numbers(large), atol=1e-4)
    assert reader.regions(large).shape == (6, 128, 128)
    assert torch.allclose(numbers, reader.to("cpu").numbers(some), atol=1e-5)


# --- what it reads --------------------------------------------------------------------------------------------------------


def test_the_parser_finds_the_regions_of_fresh_faces_as_the_card_says(fresh):
    found = region_iou(face_reader().regions(fresh.pictures), fresh.labels, len(faces.REGIONS))
    for name, iou in zip(faces.REGIONS, found.tolist(), strict=True):
        assert iou > card().iou[name] - (0.25 if name == "mouth" else 0.1), name  # few mouths are open
    assert float(found.mean()) > sum(card().iou.values()) / len(faces.REGIONS) - 0.03


def test_the_reader_reads_fresh_faces_as_the_card_says(fresh):
    numbers = face_reader().numbers(fresh.pictures)
    errors = ((numbers - fresh.parameters) / face_reader().spread).square().mean(0)
    said = [1 - card().r2[name] for name in card().counts]
    found = errors[attributes.places(card().counts)].tolist()
    assert sum(found) < 1.3 * sum(said)
    for name, one, expected in zip(card().counts, found, said, strict=True):
        assert one < 2.5 * expected + 0.05, name  # of 24 faces


def test_attributes_that_count_are_those_that_are_read_well():
    good = {name for name in faces.NAMES if min(card().r2[name], card().r2_apart[name]) > ENOUGH}
    assert set(card().counts) == good
    assert len(good) >= 12
    readable = {region for region, names in attributes.ATTRIBUTES.items() if good.intersection(names)}
    assert readable >= {"mouth", "brows", "hair", "skin"}
    assert {*card().again, *card().generated, *card().iou} == set(faces.REGIONS)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("smile", 0.0, 0.9),
        ("jaw", 0.0, 0.8),
        ("lip colour", 0.0, 1.0),
        ("blink", 0.0, 1.0),
        ("hair length", 0.0, 1.0),
        ("brow darkness", 0.1, 1.0),
    ],
)
def test_a_number_that_rises_is_read_as_rising_and_the_others_stay(name, low, high):
    steps = torch.linspace(low, high, 3)
    some = faces.parameters_at("test", range(FRESH, FRESH + 3)).repeat_interleave(len(steps), 0)
    for still in ("smile", "frown", "jaw", "blink", "yaw", "bald"):  # so that the number has something to show on
        some[:, at(still)] = 0.0
    some[:, at(name)] = steps.repeat(3)
    found = face_reader().numbers(faces.render(some).pictures) / face_reader().spread
    found = found.reshape(3, len(steps), -1)
    assert (found[:, :, at(name)].diff(dim=1) > 0).all()
    moved = (found[:, -1] - found[:, 0]).mean(0)
    truly = float((high - low) / face_reader().spread[at(name)])
    assert float(moved[at(name)]) == pytest.approx(truly, rel=0.5)
    for other in set(card().counts) - {name}:
        assert abs(float(moved[at(other)])) < 1.0, other


# --- attributes and regions -----------------------------------------------------------------------------------------------


def test_each_attribute_belongs_to_one_region_and_each_region_has_pixels():
    names = [name for found in attributes.ATTRIBUTES.values() for name in found]
    assert len(names) == len(set(names))
    assert set(names) < set(faces.NAMES)
    assert attributes.ATTRIBUTES.keys() == attributes.PIXELS.keys()
    labels = torch.arange(8, dtype=torch.uint8).reshape(1, 2, 4)
    assert attributes.mask(labels, "mouth").flatten().tolist() == [name in ("lips", "mouth") for name in faces.REGIONS]
    with pytest.raises(UserError, match=r"unknown region of a face 'eye'; did you mean eyes\?"):
        attributes.mask(labels, "eye")


def test_valid_numbers_are_within_ranges_and_are_left_as_they_are():
    true = faces.parameters_at("test", range(5))
    assert torch.allclose(attributes.valid(true), true, atol=1e-5)
    wild = attributes.valid(5 * torch.randn(50, 37, generator=seeded()))
    for name, (low, high) in faces.RANGES.items():
        assert low <= float(wild[:, at(name)].min()) <= float(wild[:, at(name)].max()) <= high
    assert torch.allclose(wild[:, attributes.places(RACES)].sum(1), torch.ones(50))


def test_agreement_of_regions_and_numbers_by_hand():
    a, b = torch.tensor([[[0, 0, 1, 1]]]), torch.tensor([[[0, 1, 1, 1]]])
    found = region_iou(a, b, 3).tolist()
    assert found[:2] == [pytest.approx(1 / 2), pytest.approx(2 / 3)]
    assert math.isnan(found[2])
    true = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    r2 = explained(torch.tensor([[0.0, 1.0], [1.0, 1.0]]), true).tolist()
    assert r2[0] == pytest.approx(0.5)
    assert math.isnan(r2[1])
    for wrong in (lambda: region_iou(a, b[:, :, :3], 3), lambda: region_iou(a, b, 1), lambda: explained(true, true[:1])):
        with pytest.raises(ValueError, match="must be"):
            wrong()


# --- how it is made -------------------------------------------------------------------------------------------------------


def test_numbers_apart_are_the_same_numbers_and_say_nothing_of_each_other():
    law = faces.parameters_at("learn", range(2000))
    found = script.apart(law, seeded())
    assert torch.equal(found.sort(0).values, law.sort(0).values)
    assert torch.allclose(found[:, attributes.places(RACES)].sum(1), torch.ones(2000), atol=1e-5)
    pair = [at("sex"), at("lip colour")]
    assert abs(float(law[:, pair].T.corrcoef()[0, 1])) > 0.4
    assert abs(float(found[:, pair].T.corrcoef()[0, 1])) < 0.1


def test_spoilt_pictures_are_near_and_a_third_is_left():
    x = torch.rand(300, 3, 8, 8, generator=seeded()) * 0.2 + 0.4
    found = worsened(x, seeded())
    assert torch.equal(found, worsened(x, seeded()))
    assert 70 < int((found == x).flatten(1).all(1).sum()) < 130
    assert 0.01 < float((found - x).abs().mean()) < 0.06
    assert float(worsened(x + 0.5, seeded()).max()) <= 1.0


def small(count=16):
    """Left half region 1, or its mirror image; the first number of _MIRRORED says which, and the brightness is `skin`."""
    left = torch.arange(64).expand(64, 64) < 20
    where = torch.stack([left if i % 2 else left.flip(-1) for i in range(count)])
    level = torch.linspace(60, 220, count)[:, None, None]
    pictures = torch.where(where, level, 20.0)[:, None].expand(count, 3, 64, 64).byte()
    told = faces.parameters_at("learn", range(1)).repeat(count, 1)
    told[:, at("yaw")] = torch.tensor([1.0 if i % 2 else -1.0 for i in range(count)])
    return {"pictures": pictures, "labels": where.byte(), "told": told}


def test_it_learns_regions_and_numbers_and_knows_the_mirror(monkeypatch, tmp_path):
    """A few seconds: it trains both."""
    monkeypatch.setattr(script, "_BATCH", 8)
    data = small()
    found = script.learnt(data, script.learnt_parser(data, 240), looks=8, rounds=150)
    x = data["pictures"].float() / 255
    assert float(region_iou(found.regions(x), data["labels"], 8)[1]) > 0.9
    assert explained(found.numbers(x), data["told"])[at("yaw")] > 0.8  # without the sign it would be at most 0
    script.write(found, tmp_path / "weights.safetensors")
    shipped = script.loaded(tmp_path / "weights.safetensors")
    assert torch.allclose(shipped.numbers(x), found.numbers(x), atol=0.02)  # half precision
    assert (shipped.regions(x) != found.regions(x)).float().mean() < 0.005


def test_rendered_faces_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(script, "RESULTS", tmp_path)
    first = script.rendered("tune", 3, 2, False, 16)
    assert torch.equal(first["told"], faces.parameters_at("tune", [3, 4]))
    monkeypatch.setattr(faces, "render", None)
    again = script.rendered("tune", 3, 2, False, 16)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_card_and_the_weights_are_checked(monkeypatch, tmp_path):
    assert (sources.ASSETS / "face_reader.safetensors").stat().st_size < 1.2e6
    monkeypatch.setattr(sources, "ASSETS", tmp_path)
    for name, read in (("face_reader.safetensors", face_reader), ("face_reader.json", card)):
        (tmp_path / name).write_bytes(b"{}")
        with pytest.raises(UserError, match=f"{name} is damaged"):
            read()
    (tmp_path / "other.json").write_text(json.dumps({"about": "x"}), encoding="utf-8")
    with pytest.raises(UserError, match="is no card of a face reader") as caught:
        read_card(tmp_path / "other.json")
    assert "\n" not in str(caught.value)
