"""Rendered faces: parts, the law, that labels and pictures agree, and that a number changes what it is named for."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from benchmark.datasets import faces, sources
from benchmark.datasets.raster import raster
from benchmark.errors import UserError


def at(name):
    return faces.NAMES.index(name)


def region(found, *names):
    """bool (N, H, W): where one of these regions is."""
    return torch.isin(found.labels, torch.tensor([faces.REGIONS.index(name) for name in names], dtype=torch.uint8))


def near(mask):
    """The mask and the pixels beside it, whose samples may be of both sides of the border."""
    return F.max_pool2d(mask.float()[:, None], 3, 1, 1)[:, 0] > 0


def changed(found, **numbers):
    """The same faces, 32 pixels a side, with other numbers, and where (N, H, W) the pictures differ."""
    other = found.parameters.clone()
    for name, value in numbers.items():
        other[:, at(name.replace("_", " "))] = value
    other = faces.render(other, 32)
    return other, (other.pictures - found.pictures).abs().amax(1) > 0.02


@pytest.fixture(scope="module")
def some():
    """Faces with hair, open mouths and open eyes."""
    parameters = faces.parameters_at("tune", range(8))
    for name, value in {"bald": 0.1, "jaw": 0.5, "blink": 0.0}.items():
        parameters[:, at(name)] = value
    return faces.render(parameters, 32)


# --- parts and law --------------------------------------------------------------------------------------------------------


def test_a_face_is_a_function_of_its_part_and_its_place_alone():
    found = faces.drawn("learn", 3, 5, 32)
    assert found.pictures.shape == (5, 3, 32, 32)
    assert found.labels.shape == (5, 32, 32)
    assert (found.pictures.dtype, found.labels.dtype) == (torch.float32, torch.uint8)
    again = faces.drawn("learn", 3, 5, 32)
    assert torch.equal(found.pictures, again.pictures)
    assert torch.equal(found.labels, again.labels)
    alone = faces.drawn("learn", 6, 1, 32)
    assert torch.equal(alone.parameters[0], found.parameters[3])
    assert (alone.pictures[0] - found.pictures[3]).abs().mean() < 1e-3


def test_parts_never_meet():
    drawn = {part: faces.parameters_at(part, range(300)) for part in faces.PARTS}
    for one, other in (("learn", "tune"), ("learn", "test"), ("tune", "test")):
        assert torch.cdist(drawn[one].double(), drawn[other].double()).min() > 0.1
    assert torch.cdist(drawn["test"].double(), drawn["test"].double()).fill_diagonal_(9).min() > 0.1


def test_the_law_keeps_to_its_ranges_and_the_shares_sum_to_one():
    found = faces.parameters(2000, torch.Generator().manual_seed(1))
    assert found.shape == (2000, 37)
    assert torch.equal(found[:50], faces.parameters(2000, torch.Generator().manual_seed(1))[:50])
    low, high = torch.tensor([faces.RANGES[name] for name in faces.NAMES]).unbind(1)
    assert bool((found >= low).all() & (found <= high).all())
    assert torch.allclose(found[:, [at(name) for name in ("african", "asian", "caucasian")]].sum(1), torch.ones(2000))
    centred = (found - found.mean(0)).double()
    spread = torch.linalg.svdvals(centred / centred.std(0)) / 2000**0.5
    assert spread[35] > 0.05  # 36 degrees of freedom
    assert spread[36] < 1e-5


def test_an_unknown_part_and_parameters_of_another_shape_are_refused():
    with pytest.raises(UserError, match="tune"):
        faces.drawn("tun", 0, 1)  # type: ignore[arg-type]
    for shape, size in (((2, 36), 32), ((37,), 32), ((0, 37), 32), ((1, 37), 0)):
        with pytest.raises(ValueError, match="at least 1"):
            faces.render(torch.zeros(shape), size)


# --- pictures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 64, 128])
def test_pictures_are_finite_and_alike_at_every_size(size):
    found, small = faces.drawn("test", 0, 3, size), faces.drawn("test", 0, 3, 16)
    assert bool((found.pictures >= 0).all() & (found.pictures <= 1).all())
    assert (F.avg_pool2d(found.pictures, size // 16) - small.pictures).abs().mean() < 0.03


def test_a_batch_is_its_faces_one_by_one(some):
    for batch in (1, 3, 8):
        other = faces.render(some.parameters, 32, batch=batch)
        assert (other.pictures - some.pictures).abs().mean() < 1e-3
        assert (other.labels != some.labels).float().mean() < 1e-3


def test_every_region_is_seen_in_every_face(some):
    areas = torch.stack([region(some, name).flatten(1).sum(1) for name in faces.REGIONS], 1)
    assert bool((areas > 0).all()), dict(zip(faces.REGIONS, areas.amin(0).tolist(), strict=True))
    found = faces.drawn("test", 0, 32, 64)
    brows, eyes = (region(found, name).flatten(1).sum(1).median() for name in ("brow", "eye"))
    assert brows > 40
    assert eyes > 80


def test_regions_lie_as_in_a_face(some):
    rows = torch.arange(32.0)[:, None].expand(32, 32)

    def height(name):
        mask = region(some, name).float()
        return (mask * rows).sum((1, 2)) / mask.sum((1, 2))

    order = [height(name) for name in ("brow", "eye", "nose", "mouth")]
    for above, below in pairwise(order):
        assert bool((above < below).all())


# --- a number changes what it is named for --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "regions"),
    [
        ({"background_red": 0.9, "background_blue": 0.1}, ("background",)),
        ({"lip_colour": 1.0, "lip_hue": 0.5}, ("lips",)),
        ({"iris": 0.9}, ("eye",)),
        ({"gaze": 0.9}, ("eye",)),
        ({"brow_darkness": 1.0}, ("brow", "skin", "nose", "eye")),  # a beard's shadow too
    ],
)
def test_a_colour_changes_its_region_alone(some, numbers, regions):
    other, differs = changed(some, **numbers)
    assert torch.equal(other.labels, some.labels)
    assert bool(differs.flatten(1).any(1).all())
    outside = differs & ~near(region(some, *regions))
    assert outside.sum() < 0.01 * differs.sum()  # a gap narrower than a pixel has no label


def test_hair_colour_leaves_eyes_and_mouth_alone(some):
    other, differs = changed(some, hair_colour=0.95)
    assert torch.equal(other.labels, some.labels)
    inner = region(some, "mouth", "background") & ~near(~region(some, "mouth", "background"))
    assert not bool((differs & inner).any())
    assert (differs & region(some, "hair")).sum() > 0.8 * region(some, "hair").sum()


def test_the_jaw_opens_the_mouth(some):
    areas = [region(changed(some, jaw=jaw)[0], "mouth").sum((1, 2)) for jaw in (0.0, 0.4, 0.8)]
    assert bool((areas[0] < areas[2]).all())
    assert areas[0].sum() < areas[1].sum() < areas[2].sum()


def test_a_blink_takes_the_white_of_the_eyes_and_leaves_their_box(some):
    closed, _ = changed(some, blink=1.0)
    eyes, iris = region(some, "eye"), changed(closed, iris=0.9)[1]
    assert not bool(iris.any())  # nothing of it is seen
    assert (region(closed, "eye") & eyes).sum() > 0.6 * eyes.sum()


def test_hair_grows_longer_and_falls_out(some):
    areas = [region(changed(some, hair_length=length)[0], "hair").sum((1, 2)) for length in (0.0, 0.5, 1.0)]
    assert bool((areas[0] < areas[1]).all() & (areas[1] < areas[2]).all())
    assert not bool(region(changed(some, bald=1.0)[0], "hair").any())


@pytest.mark.parametrize(("name", "axis"), [("yaw", 1), ("pitch", 0)])
def test_a_positive_turn_is_to_the_right_and_up(some, name, axis):
    places = torch.arange(32.0).expand(32, 32) if axis else torch.arange(32.0)[:, None].expand(32, 32)
    nose = []
    for value in (-0.8, 0.8):
        mask = region(changed(some, **{name: value})[0], "nose").float()
        nose.append((mask * places).sum((1, 2)) / mask.sum((1, 2)))
    assert bool((nose[0] < nose[1]).all() if axis else (nose[0] > nose[1]).all())


def test_light_from_the_right_is_brighter_there(some):
    sides = []
    for light in (-1.0, 1.0):
        lit, _ = changed(some, light=light, yaw=0.0)
        bright = lit.pictures.mean(1) * region(lit, "skin", "nose")
        sides.append(bright[:, :, 16:].sum((1, 2)) / bright.sum((1, 2)))
    assert bool((sides[0] < sides[1]).all())


# --- the raster -----------------------------------------------------------------------------------------------------------


def square(depth):
    """Two triangles that cover a square from 2 to 10, counterclockwise on the screen."""
    corners = [[2.0, 2.0, depth], [2.0, 10.0, depth], [10.0, 10.0, depth], [10.0, 2.0, depth]]
    return torch.tensor(corners), torch.tensor([[0, 1, 2], [0, 2, 3]])


def test_a_square_covers_each_of_its_samples_once_with_weights_of_its_place():
    points, triangles = square(0.5)
    shifted = points + torch.tensor([0.3, -0.2, 0.0])
    where, which, weights = raster(torch.stack([points, shifted]), triangles, torch.zeros(2, dtype=torch.bool), 12)
    assert len(where) == len(where.unique()) == 128
    assert torch.allclose(weights.sum(1), torch.ones(128), atol=1e-5)
    place = (torch.stack([points, shifted])[where // 144, triangles[which].T] * weights.T[..., None]).sum(0)
    rest = where % 144
    assert torch.allclose(place[:, 0], rest % 12 + 0.5, atol=1e-4)
    assert torch.allclose(place[:, 1], rest // 12 + 0.5, atol=1e-4)


def test_the_nearer_triangle_is_seen_and_its_back_only_if_asked_for():
    near_one, triangles = square(0.2)
    far, _ = square(0.8)
    far = far + torch.tensor([3.0, 3.0, 0.0])
    points, both = torch.cat([far, near_one])[None], torch.cat([triangles, triangles + 4])
    where, which, _ = raster(points, both, torch.zeros(4, dtype=torch.bool), 16)
    assert int((which >= 2).sum()) == 64
    assert len(where) == 64 + 64 - 25
    turned = torch.cat([triangles, triangles.flip(1) + 4])
    hidden = raster(points, turned, torch.zeros(4, dtype=torch.bool), 16)[1]
    assert (len(hidden), int(hidden.max())) == (64, 1)
    shown = raster(points, turned, torch.tensor([False, False, True, True]), 16)[1]
    assert int((shown >= 2).sum()) == 64


def test_the_asset_is_small_and_says_what_its_licence_is():
    asset = sources.SOURCES["head"]
    assert isinstance(asset, sources.Asset)
    assert asset.path().stat().st_size < 3e6
    licence = asset.path().with_suffix(".LICENSE").read_text(encoding="utf-8")
    assert "CC0 1.0 Universal" in licence
