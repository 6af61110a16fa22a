import os

import pytest
import torch

from benchmark import registry

torch.set_num_threads(1)
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _clean_registry(monkeypatch):
    """Files that a test includes are gone after it."""
    monkeypatch.setattr(registry, "_included", [])
    registry.include([])
    yield
    monkeypatch.undo()
    registry.include([])
