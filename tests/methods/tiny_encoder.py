"""A small BERT with random weights and a small vocabulary, in a folder, as a problem's `backbone` names one."""

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from benchmark import FewShot

GOOD = ["fine", "bright", "warm", "kind", "brave", "calm"]
BAD = ["dull", "harsh", "cold", "cruel", "weak", "loud"]
WORDS = ["the", "film", "play", "book", "was", "and", "very", ".", *GOOD, *BAD]


def config():
    return BertConfig(
        vocab_size=len(WORDS) + 5, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip


def model(seed=0, kind=BertModel, **more):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        settings = config()
        settings.update(more)
        return kind(settings)


def save(folder):
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder)
    model().save_pretrained(folder)
    return str(folder)


def texts(count, classes, seed, parts=1):
    """Texts whose adjectives tell the class, and the classes, in turn."""
    draw = torch.Generator().manual_seed(seed)

    def pick(words):
        return words[int(torch.randint(len(words), (), generator=draw))]

    def one(label):
        words = (GOOD, BAD, ["very", "very"])[label]
        return f"the {pick(['film', 'play', 'book'])} was {pick(words)} and " + "very " * int(label) + pick(words) + " ."

    y = torch.arange(count) % classes
    if parts == 1:
        return tuple((one(int(label)),) for label in y), y
    return tuple((one(0), one(int(label))) for label in y), y


def problem(backbone, n=16, N=40, classes=2, parts=1, seed=0, graded=False):
    train, y = texts(n, classes, seed, parts)
    test, truth = texts(N, classes, seed + 1, parts)
    given = FewShot(train=train, y=y.float() if graded else y, test=test, classes=0 if graded else classes, backbone=backbone)
    return given, truth
