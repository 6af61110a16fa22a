"""What a retrieval problem refuses, and what it holds and gives."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark import Clips, Retrieval


def clips(n, T=4, H=6, W=5, seed=0):
    return torch.randint(256, (n, T, H, W, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def problem(**given):
    return Retrieval(**{"gallery": clips(4, seed=1), "queries": clips(3, seed=2), **given})


@pytest.mark.parametrize("where", ["gallery", "queries"])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 4, 6, 5, 3), np.uint8), "is a ndarray, not a tensor"),
        (clips(2)[0], "has shape (4, 6, 5, 3), not (clips, frames, height, width, 3)"),
        (clips(2).movedim(-1, 1), "has shape (2, 3, 4, 6, 5), not (clips, frames, height, width, 3)"),
        (clips(2).float(), "has type torch.float32, not torch.uint8"),
        (clips(0), "has no clips"),
    ],
)
def test_what_are_no_clips_is_refused(where, wrong, message):
    with pytest.raises(ValueError, match=f"^{where} {re.escape(message)}$"):
        problem(**{where: wrong})


@pytest.mark.parametrize("where", ["gallery", "queries"])
def test_clips_without_frames_or_pixels_are_refused(where):
    with pytest.raises(ValueError, match=f"^clips of {where} have no frames$"):
        problem(**{where: clips(2, T=0)})
    with pytest.raises(ValueError, match=f"^frames of {where} have no pixels$"):
        problem(**{where: clips(2, W=0)})


@pytest.mark.parametrize("other", [{"T": 3}, {"H": 7}, {"W": 4}])
def test_queries_of_another_size_than_the_gallery_are_refused(other):
    with pytest.raises(ValueError, match=r"^clips of queries have shape \(.*\), those of gallery \(4, 6, 5, 3\)$"):
        problem(queries=clips(2, **other))


def test_training_clips_are_checked_and_moved():
    assert torch.equal(Clips(clips(3)).to("cpu").videos, clips(3))
    with pytest.raises(ValueError, match=r"^videos has type torch.float32, not torch.uint8$"):
        Clips(clips(3).float())


def test_the_problem_moves_whole_and_shows_what_a_method_sees():
    found = problem()
    moved = found.to("cpu")
    assert isinstance(moved, Retrieval)
    assert all(map(torch.equal, moved.shown(), found.shown()))
    assert [id(tensor) for tensor in found.shown()] == [id(found.gallery), id(found.queries)]
    assert found.y is found.queries
    assert found.count == 7
    assert not hasattr(found, "labels")


def test_rows_are_those_of_the_gallery_then_those_of_the_queries():
    gallery, queries = problem().split(torch.arange(7))
    assert (gallery.tolist(), queries.tolist()) == ([0, 1, 2, 3], [4, 5, 6])


@pytest.mark.parametrize("width", [1, 2, 512])
def test_embeddings_of_any_width_are_estimates(width):
    estimate = torch.ones(7, width)
    assert problem().check(estimate) is estimate


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (None, "the estimate is a NoneType, not a tensor"),
        (np.ones((7, 2), np.float32), "the estimate is a ndarray, not a tensor"),
        (torch.ones(7), "has shape (7,), not (7, d)"),
        (torch.ones(6, 2), "has shape (6, 2), not (7, d)"),
        (torch.ones(7, 0), "has shape (7, 0), not (7, d)"),
        (torch.ones(7, 2, 1), "has shape (7, 2, 1), not (7, d)"),
        (torch.ones(7, 2, dtype=torch.float64), "has type torch.float64, not torch.float32"),
        (torch.full((7, 2), torch.nan), "has entries that are not finite"),
    ],
)
def test_what_is_no_estimate_is_refused(estimate, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        problem().check(estimate)


def nearest(found, estimate, labels):
    """Share of queries whose nearest clip of the gallery has their label."""
    gallery, queries = (torch.nn.functional.normalize(part) for part in found.split(estimate))
    a, b = found.split(labels)
    return (a[(queries @ gallery.T).argmax(1)] == b).float().mean().item()


def test_near_finds_the_class_at_a_small_scale_and_what_should_not_count_at_a_large_one():
    found = problem(gallery=clips(200), queries=clips(100))
    draw = torch.Generator().manual_seed(0)
    truth = torch.stack([torch.randint(5, (300,), generator=draw), torch.randint(5, (300,), generator=draw)], 1)
    exact = found.near(truth, 0.0, draw)
    assert torch.equal(exact, torch.cat([torch.eye(5)[truth[:, 0]], torch.zeros(300, 5)], 1))
    close, far = (found.check(found.near(truth, scale, draw)) for scale in (1e-5, 0.3))
    assert nearest(found, close, truth[:, 0]) == 1
    assert nearest(found, far, truth[:, 0]) < 0.5
    assert nearest(found, close, truth[:, 1]) < 0.5 < nearest(found, far, truth[:, 1])


def test_near_takes_classes_alone():
    found = problem()
    truth = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    assert torch.equal(found.near(truth, 0.0, torch.Generator()), torch.eye(3)[truth])
    assert found.check(found.near(truth, 0.3, torch.Generator())).shape == (7, 3)


def test_a_problem_is_checked_again_when_it_is_changed():
    with pytest.raises(ValueError, match=r"^queries has no clips$"):
        replace(problem(), queries=clips(0))
