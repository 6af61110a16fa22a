"""Geometry of features, on cases whose answer is known."""

import pytest
import torch

from benchmark.metrics import representation as geometry

E = torch.eye(4, dtype=torch.float64)


def rows(*which):
    return torch.stack([E[i] for i in which])


def test_coherence_is_the_mean_over_pairs_of_two_classes():
    labels = torch.tensor([0, 0, 1, 1])
    assert geometry.coherence(rows(0, 1, 2, 3), labels) == 0
    assert geometry.coherence(rows(0, 1, 0, 3), labels) == 0.25
    assert geometry.coherence(-7 * rows(0, 0, 0, 0), labels) == pytest.approx(1)
    assert geometry.coherence(rows(0, 0, 1, 1) @ torch.linalg.qr(E + 0.1).Q, labels) == pytest.approx(0, abs=1e-12)


def test_a_feature_of_zeros_is_no_merit():
    Z, labels = rows(0, 1, 2, 3), torch.tensor([0, 0, 1, 1])
    assert geometry.coherence(0 * Z, labels) == 1
    Z[0] = 0
    assert geometry.coherence(Z, labels) == 0.5
    assert geometry.block_coherence([0 * Z, Z]) == 1


def test_coherence_by_parts_is_that_of_all(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    Z, labels = torch.randn(50, 6, generator=draw), torch.randint(3, (50,), generator=draw)
    whole = geometry.coherence(Z, labels)
    monkeypatch.setattr(geometry, "_AT_ONCE", 7)
    assert geometry.coherence(Z, labels) == pytest.approx(whole)


def test_block_coherence_is_the_worst_pair():
    assert geometry.block_coherence([rows(0, 1), rows(2), rows(3)]) == 0
    assert geometry.block_coherence([rows(0, 1), rows(2), 5 * rows(2)]) == pytest.approx(1)
    assert geometry.block_coherence([rows(0, 1), rows(1, 2)]) == pytest.approx(0.5)


def test_ranks_count_energy_and_what_the_closed_form_has():
    sigma = torch.tensor([3.0, 3.0, 0.5, 0.0])
    assert geometry.rank95(sigma) == 2
    assert geometry.rank95(torch.ones(4)) == 4
    assert geometry.rank95(torch.zeros(4)) == 0
    assert geometry.kept(sigma, 1.0).tolist() == [3.0, 3.0]
    assert geometry.kept(sigma, 0.9).tolist() == [3.0, 3.0, 0.5]
    found = geometry.spectra([rows(0, 0, 0, 0), rows(0, 1)])
    assert [s.tolist() for s in found] == [pytest.approx([2, 0, 0, 0]), pytest.approx([1, 1])]


def test_the_nearest_subspace_is_not_centred_and_is_fitted_on_few_directions():
    blocks = [torch.cat([rows(0, 1), 0.01 * rows(3)]), rows(2, 2)]
    test = torch.stack([E[0] + 0.3 * E[2], -E[2], E[1] - 0.9 * E[2], E[2] + 0.9 * E[0]])
    assert geometry.subspace_accuracy(blocks, test, torch.tensor([0, 1, 0, 1])) == 1
    assert geometry.subspace_accuracy(blocks, test, torch.tensor([0, 1, 1, 1])) == 0.75
    assert geometry.subspace_accuracy(blocks, rows(1), torch.tensor([0]), most=1) in (0, 1)
