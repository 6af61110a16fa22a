"""Nearest by cosine, R@k and the probe, against values by hand."""

import pytest
import torch

from benchmark.metrics.retrieval import nearest, probe, recall


def test_nearest_goes_by_angle_and_not_by_length():
    gallery = torch.tensor([[10.0, 1.0], [0.1, 0.1], [-1.0, 0.0], [0.0, 5.0]])
    queries = torch.tensor([[1.0, 1.0], [0.0, 0.2]])
    assert nearest(gallery, queries, 3).tolist() == [[1, 0, 3], [3, 1, 0]]


def test_of_equal_ones_the_first_comes_first():
    assert nearest(torch.ones(5, 2), torch.ones(2, 2), 4).tolist() == [[0, 1, 2, 3]] * 2


def test_many_queries_find_what_each_finds_alone():
    draw = torch.Generator().manual_seed(0)
    gallery, queries = torch.randn(30, 6, generator=draw), torch.randn(1500, 6, generator=draw)
    found = nearest(gallery, queries, 5)
    assert found.shape == (1500, 5)
    for row in (0, 1023, 1024, 1499):
        assert torch.equal(found[row], nearest(gallery, queries[row : row + 1], 5)[0])


@pytest.mark.parametrize("count", [0, 4])
def test_as_many_as_the_gallery_has_and_one_at_least(count):
    with pytest.raises(ValueError, match=f"^{count} nearest of a gallery of 3$"):
        nearest(torch.ones(3, 2), torch.ones(1, 2), count)


def test_recall_counts_a_query_once_however_many_are_right():
    found = torch.tensor([[0, 1, 2], [2, 1, 0], [1, 0, 2]])
    gallery, queries = torch.tensor([7, 7, 8]), torch.tensor([7, 7, 9])
    assert recall(found, gallery, queries, (1, 2, 3, 10)) == {1: 1 / 3, 2: 2 / 3, 3: 2 / 3, 10: 2 / 3}


def test_a_probe_reads_what_is_linear_and_is_at_chance_on_noise():
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 4
    told = 3 * torch.eye(4)[labels] + 0.1 * torch.randn(200, 4, generator=draw)
    assert probe(told[:100], told[100:], labels[:100], labels[100:]) == 1
    noise = torch.randn(200, 4, generator=draw)
    assert probe(noise[:100], noise[100:], labels[:100], labels[100:]) < 0.5


def test_a_constant_embedding_has_a_probe_too():
    labels = torch.arange(8) % 2
    assert probe(torch.ones(8, 3), torch.ones(8, 3), labels, labels) == 0.5
