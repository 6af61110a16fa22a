"""Scores of edits, from edits made by hand."""

import pytest
import torch
from torch import Tensor

from benchmark.editing import scores
from benchmark.editing.outline import outlined

S = (-2.0, -1.0, 0.0, 1.0, 2.0)


def regions() -> Tensor:
    found = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    found[..., 2:6, 2:6] = True
    return found


def edits(inside: float, outside: float = 0.0, pictures: int = 1, power: int = 1) -> Tensor:
    """(1, P, S, 3, 8, 8): grey, moved by strength ** power times a number inside and one outside of the region."""
    mask = regions()[0, 0]
    change = torch.where(mask, inside, outside)
    steps = torch.tensor(S) ** power
    return (0.5 + steps[:, None, None, None] * change).expand(1, pictures, len(S), 3, 8, 8)


def test_an_edit_that_is_linear_and_local() -> None:
    found = scores.local(edits(0.1, 0.02, pictures=2), regions().expand(2, 1, 8, 8), S)
    assert found["leak"] == pytest.approx(0.2 * (48 / 16) ** 0.5, rel=1e-5)  # 48 pixels outside, 16 inside
    assert found["effect"] == pytest.approx(0.2, rel=1e-5)
    for name, expected in (("linearity", 1), ("oddness", 1), ("doubling", 2), ("transfer", 1), ("local", 1)):
        assert found[name] == pytest.approx(expected, rel=1e-5), name


def test_no_edit_wins_nothing() -> None:
    found = scores.local(edits(0.0, pictures=2), regions().expand(2, 1, 8, 8), S)
    assert found["leak"] == scores.MOST
    assert {found[name] for name in ("local", "effect", "linearity", "oddness", "transfer")} == {0.0}


def test_what_does_not_turn_with_the_sign_has_no_effect() -> None:
    found = scores.local(edits(0.1, power=2), regions(), S)
    assert found["effect"] == found["local"] == 0
    assert found["oddness"] == pytest.approx(-1, rel=1e-5)
    assert found["doubling"] == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize(("inside", "outside", "local"), [(0.1, 0.02, 1), (0.1, 0.04, 0), (0.01, 0.0, 0), (0.016, 0.0, 1)])
def test_an_edit_is_local_where_it_is_seen_and_stays(inside: float, outside: float, local: float) -> None:
    assert scores.local(edits(inside, outside), regions(), S)["local"] == local


def test_the_leak_is_bounded() -> None:
    assert scores.local(edits(1e-4, 0.1), regions(), S)["leak"] == scores.MOST


def numbers(*moved: float) -> Tensor:
    """(1, 1, S, n): numbers that move so much at the largest strength, and the more the larger it is."""
    return (torch.tensor(S)[:, None] / 2 * torch.tensor(moved))[None, None]


@pytest.mark.parametrize(
    ("moved", "succeeds"),
    [
        ((1.1, 0.0, 0.2), True),
        ((0.9, 0.0, 0.2), False),  # its number moves too little
        ((1.1, 0.0, 0.6), False),  # another moves too
        ((0.0, -1.1, 0.2), True),  # the other of its own, down
        ((2.1, 0.0, 1.0), True),  # at half the strength
        ((0.0, 0.0, 0.0), False),
    ],
)
def test_success(moved: tuple[float, ...], succeeds: bool) -> None:
    assert bool(scores.success(numbers(*moved), [[0, 1]], S, torch.zeros(3))) is succeeds


@pytest.mark.parametrize(("moved", "succeeds"), [((1.1, 0.6, 0.2), True), ((0.2, 1.1, 0.2), False), ((1.1, 0.0, 0.6), False)])
def test_the_number_that_is_named_has_to_move(moved: tuple[float, ...], succeeds: bool) -> None:
    assert bool(scores.success(numbers(*moved), [[0, 1]], S, torch.zeros(3), named=[0])) is succeeds


@pytest.mark.parametrize(
    ("moved", "succeeds"),
    [((1.1, 0.7, 0.2), True), ((1.1, 0.9, 0.2), False), ((1.1, 0.0, 0.6), False), ((1.1, 0.7, 0.2, 1.9), True)],
)
def test_what_is_read_with_an_error_may_move_by_twice_that(moved: tuple[float, ...], succeeds: bool) -> None:
    errors = torch.tensor([0.5, 0.4, 0.0, 1.0])[: len(moved)]
    assert bool(scores.success(numbers(*moved), [[0]], S, errors)) is succeeds
    assert not bool(scores.success(numbers(*moved), [[0]], S, errors.index_fill(0, torch.tensor(0), 0.6)))


def test_the_same_number_moves_the_same_way_in_another_picture() -> None:
    first, other, back = numbers(0.2, -1.0), numbers(1.0, -0.6), numbers(0.0, 0.6)
    found = scores.same_way(torch.cat([first, other, back], 1), [[0, 1]], S)
    assert found.tolist() == [[True, False]]


def test_outside_alone_the_region_is_as_it_was() -> None:
    edited, none = scores.outside_alone(edits(0.1, 0.02), regions(), S)
    assert edited.shape == none.shape == (2, 3, 8, 8)
    assert torch.equal(edited[..., 2:6, 2:6], none[..., 2:6, 2:6])
    assert torch.allclose(edited[:, :, 0, 0] - none[:, :, 0, 0], torch.tensor([[0.04], [-0.04]]).expand(2, 3))


def test_strengths_without_a_half_and_an_opposite_are_refused() -> None:
    with pytest.raises(ValueError, match="hold no s with"):
        scores.largest((-2.0, 0.0, 2.0))


def test_the_outline_surrounds_the_region() -> None:
    picture = torch.cat([torch.full((3, 8, 4), 0.2), torch.full((3, 8, 4), 0.8)], 2)
    found = outlined(picture, regions()[0, 0])
    changed = (found != picture).any(0)
    assert int(changed.sum()) == 20  # 6 x 6 without 4 x 4
    assert not bool((changed & regions()[0, 0]).any())
    assert set(found[:, 1, 1].tolist()) == {1.0}
    assert set(found[:, 1, 6].tolist()) == {0.0}
