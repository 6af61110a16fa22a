"""The training that every fine-tuning method of few-shot shares.

    min  mean_i loss(head(pooled(x_i)), y_i)        cross-entropy; of a graded task squared error of (y - mean) / deviation
AdamW (0.9, 0.999, 1e-6, no decay), constant rates, batches of 16, the encoder's dropout on, the last iterate: the paper's.
The head is the same in all methods: it begins at a linear probe of the frozen encoder, whose strength cross-validation of the
training examples tells, and learns at a rate of its own (`probe`); it begins random and learns (`random`); or it stays random,
as the paper's (`frozen`). Longer texts are cut and not left out, and grades are brought to one scale: both unlike the paper.
Dropout draws from the context's seed. The curve `train` is of the training examples as the steps saw them, dropout on. Curves
`KIND (log10 sigma_1)` say how large the updates are, the median of the layers of a kind.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark import Context, Count, FewShot, Positive
from benchmark.isolation import isolated
from methods.texts._encode import Tokens, encoder_of, pooled
from methods.texts._linear import weights

Head = Literal["probe", "random", "frozen"]
Sizes = Mapping[str, Callable[[], Tensor]]  # functions that give the largest singular value of a layer's update, by its name
_POINTS, _TEST = 4, 64  # of the curve: each one encodes all test texts, in batches of this size
_STD = 0.02  # of the head's first weights, as BERT's
_LEAST = 1e-12  # of a singular value, in curves

# Recommended: of `small*` what two cores can do, of `small_protocol`, `full_stsb` and `full_glue` the paper's 500 and 1,000.
SETTINGS: dict[str, dict[str, Any]] = {
    "few_shot/tiny": {"steps": 2},
    "few_shot/small*": {"steps": 300},
    "few_shot/small": {"steps": 500},
    "few_shot/small_short": {"steps": 48},
    "few_shot/small_protocol": {"steps": 500},
    "few_shot/full_glue": {"steps": 1000},
}
# The paper's way: one rate, a random head that stays.
PUBLISHED: dict[str, Any] = {"lr": 1e-4, "head": "frozen"}


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of training that every method shares which tunes the encoder, such as its rate and the head's."""

    lr: Positive = 1e-4
    head: Head = "probe"
    head_lr: Positive = 1e-3
    batch: Count = 16
    steps: Count = 500


class Tuning:
    """Encoder and head of one problem. A method adapts `encoder`, then calls `run` with what is to learn of it.

    encoder  pretrained, nothing frozen yet
    head     linear, at a probe of the encoder, or with first weights from the context; `frozen` stays there
    """

    def __init__(self, problem: FewShot, ctx: Context, head: Head = "probe") -> None:
        self._problem, self._ctx, self._kind = problem, ctx, head
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
        if head == "probe":
            self._begin_at_probe()

    @torch.no_grad()
    def _begin_at_probe(self) -> None:
        """Logistic (of grades ridge) regression on the states of the training examples, whose mean norm becomes sqrt(width)."""
        self.encoder.eval()
        found = torch.empty(len(self._problem.train), self.head.in_features, device=self._ctx.device)
        for rows in self._train.by_length(_TEST):
            found[rows] = self._states(self._train, rows)
        self.encoder.train()
        scale = found.shape[1] ** 0.5 / found.norm(dim=1).mean()
        y = self._problem.y if self._problem.classes else (self._problem.y - self._middle) / self._spread
        W, b = weights(self._problem, y, scale * found)
        self.head.weight.copy_(scale * W)
        self.head.bias.copy_(b)

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

    def _states(self, tokens: Tokens, rows: list[int]) -> Tensor:
        device = self._ctx.device
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            return pooled(self.encoder, tokens.batch(rows, device))

    def _scores(self, tokens: Tokens, rows: list[int]) -> Tensor:
        return self.head(self._states(tokens, rows))  # type: ignore[no-any-return]

    @torch.no_grad()
    def predict(self) -> Tensor:
        """Scores of the test examples (N, outputs)."""
        self.encoder.eval()
        found = torch.empty(len(self._problem.test), self._problem.outputs, device=self._ctx.device)
        for rows in self._test.by_length(_TEST):
            found[rows] = self._middle + self._spread * self._scores(self._test, rows)
        self.encoder.train()
        return found

    def learn(self, groups: list[dict[str, Any]], given: Recipe, sizes: Sizes | None = None) -> Tensor:
        """`run`, as the recipe says."""
        return self.run(groups, given.steps, given.batch, given.head_lr, sizes)

    def run(self, groups: list[dict[str, Any]], steps: int, batch: int, head_lr: float, sizes: Sizes | None = None) -> Tensor:
        """Train the groups (and the head), score the test examples. `learned`, how many numbers did, is kept. `sizes` tells how
        large updates are, for curves.
        """
        self.head.requires_grad_(self._kind != "frozen")
        if self._kind != "frozen":
            groups = [*groups, {"params": list(self.head.parameters()), "lr": head_lr}]
        optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0, fused=True)
        ctx, waiting, found = self._ctx, list[list[int]](), None
        ctx.keep("learned", torch.tensor(sum(p.numel() for group in groups for p in group["params"])))
        seen: list[tuple[Tensor, list[int]]] = []
        kinds = _by_kind(sizes or {})
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
                ctx.record(step, self.predict if found is None else found, train=lambda: self._right(seen), **kinds)
        return self.predict() if found is None else found


def _by_kind(sizes: Sizes) -> dict[str, Callable[[], Tensor]]:
    """log10 of the median size of the layers of each kind, as functions, by the name of the curve. A layer's kind is its name
    after the last number: `encoder.layer.3.attention.self.query` is an `attention.self.query`.
    """
    by_kind: dict[str, list[Callable[[], Tensor]]] = defaultdict(list)
    for name, size in sizes.items():
        words = name.split(".")
        place = max((i + 1 for i, word in enumerate(words) if word.isdigit()), default=0)
        by_kind[".".join(words[place:])].append(size)

    def median(those: list[Callable[[], Tensor]]) -> Tensor:
        return torch.stack([size().float().cpu() for size in those]).median().clamp_min(_LEAST).log10()

    return {f"{kind} (log10 sigma_1)": lambda those=those: median(those) for kind, those in by_kind.items()}  # type: ignore[misc]
