"""The parser and reader of faces that are shipped, with their card: how well they read, measured on faces they never saw."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
from pydantic import Field, ValidationError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets.sources import SOURCES, Asset
from benchmark.editing.parser import Parser, checked
from benchmark.editing.reader import SIDE, Reader
from benchmark.errors import UserError
from benchmark.spec import Frozen

ENOUGH = 0.6  # R2 from which an attribute counts


class Card(Frozen):
    """about, data, licence, recipe: in words. faces: how many different ones it learnt from; pictures: how many, repeated ones
    counted; minutes: of one CPU thread, rendering left out.

    iou: of each region, r2: of each number, on held-out faces of the law; r2_apart: on
    held-out faces whose numbers say nothing of each other; counts: numbers with both above ENOUGH. again: IoU of each region
    between the parse of held-out pictures and the labels of what was read of them, rendered again; generated: the same of
    `samples` pictures of a prior.
    """

    about: str
    data: str
    licence: str
    recipe: str
    faces: int
    pictures: int
    minutes: float
    iou: dict[str, float]
    r2: dict[str, float]
    r2_apart: dict[str, float]
    counts: tuple[str, ...]
    again: dict[str, float]
    generated: dict[str, float] = Field(default_factory=dict)
    samples: int = 0
    prior: str = ""


@dataclass(frozen=True)
class FaceReader:
    """mean, spread float32 (37,): of each number over faces. Nothing of it is random; both networks are in evaluation mode."""

    parser: Parser
    reader: Reader
    mean: Tensor
    spread: Tensor

    @torch.no_grad()
    def regions(self, pictures: Tensor, batch: int = 64) -> Tensor:
        """uint8 (B, H, W): the region of each pixel, a place in REGIONS. pictures, what is raised: `checked` of parser.py."""
        checked(pictures)
        return torch.cat([self.parser(some).argmax(1).to(torch.uint8) for some in torch.split(pictures, batch)])

    @torch.no_grad()
    def numbers(self, pictures: Tensor, batch: int = 64) -> Tensor:
        """float32 (B, 37): what is read, in the order and the units of face_law.py, not held within its ranges.

        Pictures of another size than 64 x 64 are averaged to it. pictures, and what is raised: `checked` of parser.py.
        """
        checked(pictures)
        found = []
        for some in torch.split(pictures, batch):
            small = some if some.shape[2:] == (SIDE, SIDE) else F.adaptive_avg_pool2d(some, SIDE)
            found.append(self.reader(small, self.parser(small).softmax(1)))
        return torch.cat(found) * self.spread + self.mean

    def to(self, device: torch.device | str) -> Self:
        parts = {name: deepcopy(value).to(device) for name, value in vars(self).items()}
        return replace(self, **parts)


def face_reader() -> FaceReader:
    """The shipped one, on the CPU. Raises UserError where it is missing or damaged."""
    asset = SOURCES["face_reader"]
    assert isinstance(asset, Asset)
    return loaded(asset.path())


def card() -> Card:
    """The card of the shipped face reader. Raises UserError where it is missing or damaged."""
    asset = SOURCES["face_reader_card"]
    assert isinstance(asset, Asset)
    return read_card(asset.path())


def read_card(file: Path) -> Card:
    """The card in a file. Raises UserError for a file that is none."""
    try:
        return Card.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise UserError(f"{file} is no card of a face reader: {str(error).splitlines()[0]}") from None


@lru_cache(maxsize=1)
def loaded(file: Path) -> FaceReader:
    """The parser and the reader in a file of weights."""
    found = {name: value.float() for name, value in load_file(file).items()}
    with torch.random.fork_rng(devices=[]):  # layers draw weights before they are given theirs
        parser, reader = Parser().eval(), Reader().eval()
    for part, prefix in ((parser, "parser."), (reader, "reader.")):
        part.load_state_dict({key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)})
        part.requires_grad_(False)
    return FaceReader(parser, reader, found["mean"], found["spread"])
