"""Few-shot fine-tuning: adapt a pretrained encoder of text to a task with few labels."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.problems._estimate import finite, tensor

Text = tuple[str, ...]  # one text, or the two of a pair


@dataclass(frozen=True, kw_only=True)
class FewShot:
    """Predict labels of `test` from labelled examples. A method returns scores, float32: (N, classes), of which the largest
    names the label; of a graded task (N, 1), the grade itself.

    train     n examples
    y         their labels: (n,) int64 from 0 to classes - 1, each at least once; of a graded task float32
    test      N examples without labels
    classes   how many; 0 for a graded task
    backbone  folder, or hub id, of the pretrained encoder, for transformers' `from_pretrained`
    length    of a text in tokens at most

    Raises ValueError, with the place, for labels that are none, examples that are empty or not alike in parts.
    """

    train: tuple[Text, ...]
    y: Tensor
    test: tuple[Text, ...]
    classes: int
    backbone: str
    length: int = 128

    def __post_init__(self) -> None:
        if self.y.shape != (len(self.train),) or not len(self.train):
            raise ValueError(f"{len(self.train)} examples have labels of shape {tuple(self.y.shape)}")
        if self.classes:
            missing = sorted(set(range(self.classes)) - set(self.y.tolist()))
            if missing or self.y.dtype != torch.int64 or int(self.y.max()) >= self.classes:
                raise ValueError(f"labels are not int64 from 0 to {self.classes - 1}, each at least once (missing: {missing})")
        parts = len(self.train[0])
        for where, examples in (("train", self.train), ("test", self.test)):
            for number, example in enumerate(examples):
                if len(example) != parts:
                    raise ValueError(f"{where} example {number} has {len(example)} parts, the first {parts}")
                if not all(part.strip() for part in example):
                    raise ValueError(f"{where} example {number} is empty")

    @property
    def outputs(self) -> int:
        """Columns of an estimate."""
        return self.classes or 1

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its labels on `device`."""
        return replace(self, y=self.y.to(device))

    def shown(self) -> list[Tensor]:
        """Labels and texts."""
        text = "\x1e".join("\x1f".join(example) for example in (*self.train, *self.test))
        return [self.y, torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)]

    def check(self, estimate: object) -> Tensor:
        """The scores, if they are finite float32 of the right shape. Raises ValueError otherwise."""
        found = tensor(estimate)
        wanted = (len(self.test), self.outputs)
        if tuple(found.shape) != wanted:
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not {wanted}")
        return finite(found, torch.float32)

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """Scores that name the true labels (N,), with noise of ten times `scale`."""
        right = torch.nn.functional.one_hot(truth, self.classes).float() if self.classes else truth[:, None].float()
        return right + 10 * scale * torch.randn(right.shape, generator=generator)
