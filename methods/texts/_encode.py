"""The pretrained encoder of a problem, without the network, and its texts as tokens.

pooled = sum_t mask_t h_t / sum_t mask_t        h_t (width) the last hidden states; the encoder's own pooler is left out
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer
from transformers.models.bert import modeling_bert  # noqa: F401  # its second of loading belongs here, not where a method is timed
from transformers.utils import logging

from benchmark import Context, FewShot
from benchmark.datasets import encoders
from benchmark.errors import UserError
from benchmark.isolation import isolated

Batch = dict[str, Tensor]


def encoder_of(problem: FewShot, ctx: Context) -> nn.Module:
    """The problem's pretrained encoder in float32, on the device, in training mode; of an encoder-decoder (T5) its first half.

    Raises UserError where its folder is missing or cannot be read, or its name on the hub is not in the cache.
    """
    quiet, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with isolated(ctx):
            encoder: nn.Module = _pretrained(AutoModel, problem.backbone, dtype=torch.float32)
    finally:
        logging.set_verbosity(quiet)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    if encoder.config.is_encoder_decoder:  # type: ignore[union-attr]
        encoder = encoder.get_encoder()  # type: ignore[operator]
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # type: ignore[assignment]
    return encoder.to(ctx.device).train()


def _pretrained(kind: Any, backbone: str, **how: Any) -> Any:
    folder = encoders.folder(backbone)
    try:
        return kind.from_pretrained(str(folder), local_files_only=True, **how)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the encoder in {backbone} cannot be read ({reason})") from None


class Tokens:
    """Texts as tokens, made once; each batch is padded to its longest text, those beyond `problem.length` are cut.

    Raises UserError for a text that is still longer than the encoder can take.
    """

    def __init__(self, problem: FewShot, texts: Sequence[tuple[str, ...]]) -> None:
        self._tokenizer = _pretrained(AutoTokenizer, problem.backbone)
        columns = [list(column) for column in zip(*texts, strict=True)]
        self._rows = self._tokenizer(*columns, truncation=True, max_length=problem.length)
        self.lengths = [len(row) for row in self._rows["input_ids"]]
        longest = max(range(len(texts)), key=self.lengths.__getitem__)
        if self.lengths[longest] > self._tokenizer.model_max_length:
            raise UserError(
                f"a text of {self.lengths[longest]} tokens ('{texts[longest][0][:40]}...') is beyond the "
                f"{self._tokenizer.model_max_length} of the encoder {problem.backbone}; "
                f"its problem's length is {problem.length}"
            )

    def batch(self, rows: Sequence[int], device: torch.device) -> Batch:
        """Padded tokens of these texts, each (rows, longest)."""
        chosen = {name: [column[row] for row in rows] for name, column in self._rows.items()}
        padded: Batch = dict(self._tokenizer.pad(chosen, return_tensors="pt"))
        return {name: x.to(device) for name, x in padded.items()}

    def by_length(self, size: int) -> list[list[int]]:
        """All texts in batches of like lengths, which pad little."""
        order = sorted(range(len(self.lengths)), key=self.lengths.__getitem__)
        return [order[start : start + size] for start in range(0, len(order), size)]

    def epoch(self, size: int, generator: torch.Generator) -> list[list[int]]:
        """All texts once, in shuffled batches; two neighbours at a time are parted by length."""
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        for start in range(0, len(order), 2 * size):
            order[start : start + 2 * size] = sorted(order[start : start + 2 * size], key=self.lengths.__getitem__)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def pooled(encoder: nn.Module, batch: Batch) -> Tensor:
    """Mean of the last hidden states over a text's tokens: (rows, width), float32."""
    hidden: Tensor = encoder(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].to(hidden.dtype)
    return ((hidden * mask).sum(1) / mask.sum(1)).float()


@torch.no_grad()
def embeddings(problem: FewShot, ctx: Context, encoder: nn.Module, texts: Sequence[tuple[str, ...]], size: int = 64) -> Tensor:
    """Pooled states of all texts by the encoder as it is: (texts, width)."""
    tokens = Tokens(problem, texts)
    encoder.eval()
    found = torch.empty(0)
    for rows in tokens.by_length(size):
        part = pooled(encoder, tokens.batch(rows, ctx.device))
        if not len(found):
            found = part.new_empty(len(texts), part.shape[1])
        found[rows] = part
    return found
