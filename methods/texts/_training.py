"""The training that every fine-tuning method of few-shot shares.

    min  mean_i loss(head(pooled(x_i)), y_i)        cross-entropy; of a graded task squared error of (y - mean) / deviation
AdamW (0.9, 0.999, 1e-6, no decay), constant rates, batches of 16, the encoder's dropout on, the last iterate: the paper's.
Its head stays random (`frozen`); here it may learn, with a rate of its own and the same in all methods. Longer texts are cut
and not left out, and grades are brought to one scale: both unlike the paper. Dropout draws from the context's seed.
The curve `train` is of the training examples as the steps saw them, dropout on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark import Context, Count, FewShot, Positive
from benchmark.isolation import isolated
from methods.texts._encode import Tokens, encoder_of, pooled

Head = Literal["trained", "frozen"]
_POINTS, _TEST = 4, 64  # of the curve: each one encodes all test texts, in batches of this size
_STD = 0.02  # of the head's first weights, as BERT's

# Recommended: of `small*` as many steps as take deep_lora a quarter of a minute on one core.
SETTINGS: dict[str, dict[str, Any]] = {
    "few_shot/tiny": {"steps": 2},
    "few_shot/small*": {"steps": 48},
    "few_shot/small_ranks": {"steps": 100},
}


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of training that every method shares which tunes the encoder, such as its rate and the head's."""

    lr: Positive = 1e-4
    head: Head = "trained"
    head_lr: Positive = 1e-3
    batch: Count = 16
    steps: Count = 500


class Tuning:
    """Encoder and head of one problem. A method adapts `encoder`, then calls `run` with what is to learn of it.

    encoder  pretrained, nothing frozen yet
    head     linear, with its first weights from the context
    """

    def __init__(self, problem: FewShot, ctx: Context) -> None:
        self._problem, self._ctx = problem, ctx
        self.encoder = encoder_of(problem, ctx)
        self._train, self._test = Tokens(problem, problem.train), Tokens(problem, problem.test)
        width = int(self.encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.head = nn.Linear(width, problem.outputs, device="meta").to_empty(device=ctx.device)
        with torch.no_grad():
            self.head.weight.copy_(_STD * torch.randn(self.head.weight.shape, generator=ctx.generator))
            self.head.bias.zero_()
        graded = not problem.classes
        self._middle = problem.y.mean() if graded else torch.zeros((), device=ctx.device)
        self._spread = problem.y.std(correction=0).clamp_min(1e-6) if graded else torch.ones((), device=ctx.device)

    def first_loss(self, batch: int) -> Callable[[], Tensor]:
        """The loss of a mini-batch drawn at random, as a function."""
        rows = self._train.epoch(batch, self._ctx.generator)[0]
        return lambda: self._loss(self._scores(self._train, rows), rows)

    def _loss(self, scores: Tensor, rows: list[int]) -> Tensor:
        y = self._problem.y[rows]
        if self._problem.classes:
            return F.cross_entropy(scores, y)
        return F.mse_loss(scores[:, 0], (y - self._middle) / self._spread)

    def _right(self, seen: list[tuple[Tensor, list[int]]]) -> Tensor:
        """Accuracy on training examples as they were seen, of grades Pearson's correlation; begins anew after it."""
        scores, y = torch.cat([one for one, _ in seen]), torch.cat([self._problem.y[rows] for _, rows in seen])
        seen.clear()
        if self._problem.classes:
            return (scores.argmax(1) == y).float().mean()
        return torch.corrcoef(torch.stack([scores[:, 0], y]))[0, 1].nan_to_num()

    def _scores(self, tokens: Tokens, rows: list[int]) -> Tensor:
        device = self._ctx.device
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            x = pooled(self.encoder, tokens.batch(rows, device))
        return self.head(x)  # type: ignore[no-any-return]

    @torch.no_grad()
    def predict(self) -> Tensor:
        """Scores of the test examples (N, outputs)."""
        self.encoder.eval()
        found = torch.empty(len(self._problem.test), self._problem.outputs, device=self._ctx.device)
        for rows in self._test.by_length(_TEST):
            found[rows] = self._middle + self._spread * self._scores(self._test, rows)
        self.encoder.train()
        return found

    def learn(self, groups: list[dict[str, Any]], given: Recipe) -> Tensor:
        """`run`, as the recipe says."""
        return self.run(groups, given.steps, given.batch, given.head, given.head_lr)

    def run(self, groups: list[dict[str, Any]], steps: int, batch: int, head: Head, head_lr: float) -> Tensor:
        """Train the groups (and the head), score the test examples. `learned`, how many numbers did, is kept."""
        self.head.requires_grad_(head == "trained")
        if head == "trained":
            groups = [*groups, {"params": list(self.head.parameters()), "lr": head_lr}]
        optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0, fused=True)
        ctx, waiting, found = self._ctx, list[list[int]](), None
        ctx.keep("learned", torch.tensor(sum(p.numel() for group in groups for p in group["params"])))
        seen: list[tuple[Tensor, list[int]]] = []
        with isolated(ctx):
            for step in ctx.steps(steps, max(1, min(_POINTS, steps // 4))):
                waiting = waiting or self._train.epoch(batch, ctx.generator)
                rows = waiting.pop()
                scores = self._scores(self._train, rows)
                loss = self._loss(scores, rows)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                seen.append((scores.detach(), rows))
                found = self.predict() if step == steps - 1 else None
                ctx.record(step, self.predict if found is None else found, train=lambda: self._right(seen))
        return self.predict() if found is None else found
