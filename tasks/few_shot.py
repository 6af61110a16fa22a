"""Few-shot fine-tuning: adapt a pretrained encoder of text with few labels.

    y_i = label of text t_i (or of a pair),  i = 1..n, n small       estimate: scores (N, classes) of N other texts

Given   n labelled examples, N texts without labels, the encoder's folder
Score   accuracy (the largest score names the label), macro F1; of grades Pearson's and Spearman's correlation; how many numbers
        learned; of the updates Delta = W - W0 of the layers' weights the share that moved, sigma_1 > 1e-3, and the mean
        effective rank, exp of the entropy of sigma / sum sigma, 0 where a layer did not move (the authors' threshold)
Data    sentiment of sentences about films, restaurants, products; acceptability: sentences of the Bible as they stand, or with
        one break of grammar; paraphrases: pairs of Bible verses in two translations, with negatives that share words, which
        fine-tuning reads as one text. Drawn anew for each seed, as many of each class; the N test texts are fixed. Tuning uses
        other texts, and other books of the Bible.
        Encoder: all-MiniLM-L6-v2 (6 layers, width 384, 22.7 M weights), trained to compare sentences, so that a linear probe on
        it is already strong on sentiment; the paper's is BERT-base
Source  arXiv:2406.04112, part on fine-tuning
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from scipy import stats
from sklearn.metrics import f1_score
from torch import Tensor

from benchmark import Count, FewShot, Instance, Metric, Preset, TaskSpec, UserError, task
from benchmark.datasets import texts, user_texts
from benchmark.datasets.sources import SOURCES, Folder, Packaged
from benchmark.seeds import Split

_MOVED = 1e-3  # of an update's largest singular value: below it the authors count a layer as one of rank 0
_TUNING = 400  # examples of GLUE's training part that tuning is judged on


class Draws(Preset):
    """Every combination of text and labels is a cell with `repeats` draws.

    labels: examples to learn from; tests: how many of the fixed test texts, spread over them, None for all; length: of a text,
    in tokens, what is beyond is cut off
    """

    grid: tuple[str, ...] = ("text", "labels")
    text: tuple[
        Literal[
            "sentiment",
            "sentiment_imdb",
            "sentiment_yelp",
            "sentiment_amazon",
            "paraphrase",
            "acceptability",
            "cola",
            "mnli",
            "mrpc",
            "qnli",
            "qqp",
            "rte",
            "sst2",
            "stsb",
        ],
        ...,
    ]
    labels: tuple[Count, ...]
    repeats: Count = 1
    tests: Count | None = None
    length: Count = 128
    metrics: tuple[str, ...] = ("accuracy", "macro_f1", "effective_rank", "moved", "learned")

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        self.check_cells(self.repeats)
        return self


_SHORT: dict[str, Any] = {"budget": 1800, "tests": 200}
_WHOLE: dict[str, Any] = {"instances": 8, "text": ("sentiment", "paraphrase"), "labels": (16, 64, 256, 1024)}

SPEC = TaskSpec(
    name="few_shot",
    version=2,
    title="Few-shot fine-tuning",
    poses="FewShot",
    baseline="linear_probe",
    source="arXiv:2406.04112",
    metrics=(
        Metric(
            name="accuracy",
            better="higher",
            least=0.0,
            most=1.0,
            primary=True,
            tolerance=0.03,
            description="share of the test texts whose label has the largest score",
        ),
        Metric(
            name="pearson",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.03,
            description="correlation of grades, Pearson's",
        ),
        Metric(
            name="spearman",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.03,
            description="correlation of ranks of grades, Spearman's",
        ),
        Metric(
            name="macro_f1",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.03,
            description="F1 of each class, averaged over classes",
        ),
        Metric(
            name="effective_rank",
            better="lower",
            least=0.0,
            tolerance=0.5,
            description="exp of the entropy of an update's singular values, mean over layers; 0 where a layer did not move",
        ),
        Metric(
            name="moved",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.1,
            description="share of layers whose update has a singular value above 1e-3",
        ),
        Metric(name="learned", better="lower", least=0.0, description="how many numbers learned, the head's included"),
    ),
    presets={
        "tiny": Draws(
            instances=2,
            budget=5,
            data=("minilm", "sentiment"),
            text=("sentiment_imdb", "sentiment_yelp"),
            labels=(16,),
            tests=24,
            length=16,
            about="16 labels, 2 kinds of sentiment, 24 test texts",
        ),
        "small": Draws(
            **_SHORT,
            instances=4,
            data=("minilm", "sentiment"),
            text=("sentiment_yelp", "sentiment_amazon"),
            labels=(16, 64),
            length=16,
            about="16 and 64 labels, 2 kinds of sentiment, the first 16 tokens of a text",
        ),
        "small_short": Draws(
            **_SHORT,
            instances=6,
            data=("minilm", "sentiment"),
            text=("sentiment_imdb", "sentiment_yelp", "sentiment_amazon"),
            labels=(16, 64),
            about="a quick look: 48 steps, in which about half of the layers hardly move",
        ),
        # Fewer labels teach nothing: after 200 steps at 1e-3 LoRA is right on .545 of 200 tuning texts with 800 labels (random
        # head, .82 of the training texts), .515 with 256 (head at a strong probe).
        "small_acceptability": Draws(
            budget=1800,
            instances=2,
            data=("minilm", "acceptability"),
            text=("acceptability",),
            labels=(256, 1024),
            length=24,
            about="256 and 1,024 labels, whole sentences or broken ones, on which a frozen probe is at chance",
        ),
        "small_pairs": Draws(
            **_SHORT,
            instances=2,
            data=("minilm", "paraphrase"),
            text=("paraphrase",),
            labels=(64, 256),
            about="64 and 256 labels, pairs that say the same or not, read as one text",
        ),
        "small_protocol": Draws(
            budget=3600,
            instances=30,
            data=("minilm", "sentiment"),
            text=("sentiment_yelp",),
            labels=(16, 64, 256),
            repeats=10,
            tests=200,
            length=24,
            about="the paper's few labels, rate and steps, ten draws; hours of a core for a method",
        ),
        "full": Draws(
            **_WHOLE,
            budget=3600,
            data=("minilm", "sentiment", "paraphrase"),
            about="16 to 1024 labels, sentiment and pairs, all test texts",
        ),
        "full_backbone": Draws(
            **_WHOLE,
            budget=7200,
            data=("backbone", "sentiment", "paraphrase"),
            about="the same with an encoder of yours (--source backbone=NAME)",
        ),
        "full_glue": Draws(
            instances=7,
            budget=7200,
            data=("backbone", "glue"),
            text=("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2"),
            labels=(1024,),
            about="1024 labels of seven tasks of GLUE, 1,000 steps; files and encoder yours",
        ),
        "full_stsb": Draws(
            instances=3,
            budget=7200,
            data=("backbone", "glue"),
            text=("stsb",),
            labels=(16, 64, 256),
            metrics=("pearson", "spearman", "effective_rank", "moved", "learned"),
            about="16 to 256 grades of STS-B; files and encoder yours",
        ),
    },
)


@task(SPEC)
class FewShotFineTuning:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Draws, split: Split, index: int, generator: torch.Generator) -> Instance:
        cells = preset.cells()
        name, labels = cells[index % len(cells)]
        train, y, test, truth, classes = self._draw(preset, name, split, labels, generator)
        if preset.tests is not None:
            chosen = np.linspace(0, len(test) - 1, min(preset.tests, len(test))).round().astype(int).tolist()
            test, truth = tuple(test[i] for i in chosen), truth[chosen]
        problem = FewShot(
            train=train, y=y, test=test, classes=classes, backbone=str(self._encoder(preset)), length=preset.length
        )
        label = f"{name}, {len(y)} labels" + (f" ({index // len(cells) + 1})" if preset.repeats > 1 else "")
        return Instance(problem=problem, truth=truth, label=label + (", tuning" if split == "tuning" else ""))

    def _encoder(self, preset: Draws) -> Path:
        source = SOURCES[preset.data[0]]
        if isinstance(source, Folder):
            return source.folder(self.data_dir)
        assert isinstance(source, Packaged)
        return source.path("config.json").parent

    def _draw(
        self, preset: Draws, name: str, split: Split, labels: int, generator: torch.Generator
    ) -> tuple[tuple[tuple[str, ...], ...], Tensor, tuple[tuple[str, ...], ...], Tensor, int]:
        if "glue" not in preset.data:
            if split == "tuning":  # its pools are smaller
                labels = min(labels, texts.most(name, split))
            return *texts.draw(name, split, labels, generator), len(texts.load(name).classes)
        assert self.data_dir is not None  # the plan saw the files
        train, validation = user_texts.read(self.data_dir, name)
        n, extra = len(train.texts), len(validation.texts)
        every = texts.Texts(
            train.texts + validation.texts,
            np.concatenate([train.labels, validation.labels]),
            train.classes,
            train.groups + validation.groups,
        )
        # tests draw from one half of the training examples and are judged on validation; tuning has the other half alone
        half, pool, test = np.split(np.random.default_rng(0).permutation(n), [n // 2, 3 * n // 4])
        pool, test = (half, np.arange(n, n + extra)) if split == "test" else (pool, test[:_TUNING])
        try:
            return *texts.pick(name, every, pool, test, labels, generator), len(train.classes)
        except ValueError as error:
            raise UserError(f"glue/{name}: {error}") from None

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        if not instance.problem.classes:
            found, true = estimate[:, 0].numpy(), instance.truth.numpy()
            constant = bool((found == found[0]).all())  # no correlation is defined: it says nothing
            return {
                "pearson": 0.0 if constant else float(stats.pearsonr(found, true).statistic),
                "spearman": 0.0 if constant else float(stats.spearmanr(found, true).statistic),
            }
        named = estimate.argmax(1)
        return {
            "accuracy": (named == instance.truth).double().mean().item(),
            "macro_f1": float(f1_score(instance.truth.numpy(), named.numpy(), average="macro", zero_division=0)),
        }

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        if not instance.problem.classes:
            return self.score(instance, estimate)["pearson"]
        return (estimate.argmax(1) == instance.truth).double().mean().item()

    def facts(self, instance: Instance, kept: Mapping[str, Tensor]) -> dict[str, float]:
        sigma = kept.get("update_singular_values", torch.zeros(1, 1)).double()  # (layers, k)
        p = sigma / sigma.sum(1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
        moved = sigma[:, 0] > _MOVED
        rank = torch.where(moved, torch.special.entr(p).sum(1).exp(), 0.0)
        return {
            "effective_rank": rank.mean().item(),
            "moved": moved.double().mean().item(),
            "learned": float(kept.get("learned", torch.zeros(()))),
        }

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """How often each true class (row) is given each name (column), (K, K), rows that sum to 1; grades as one row."""
        if not instance.problem.classes:
            return {"image": estimate.reshape(1, -1)}
        named = instance.truth if estimate.ndim == 1 else estimate.argmax(1)
        K = instance.problem.classes
        counts = torch.zeros(K, K).index_put_((instance.truth, named), torch.ones(len(named)), accumulate=True)
        return {"image": counts / counts.sum(1, keepdim=True).clamp_min(1)}
