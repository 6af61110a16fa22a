"""Command lines: the real names of all commands and options, with values that fit, nearly fit or do not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import typer
from hypothesis import strategies as st

from runners import main
from tests.fuzzing.sandbox import Sandbox
from tests.fuzzing.values import texts

# None leads out of the folder: which option takes a word, a lost word changes, and a command may write there.
_FILES = (
    "runs.db",
    "empty.db",
    "cut.db",
    "nothing",
    "text",
    "bytes",
    "folder",
    "own.py",
    "bad.py",
    "plan.yaml",
    "plan.toml",
    "bad.yaml",
    "entry.toml",
    "none",
    "none/none",
    "text/none",
    "folder/new.db",
    "new.db",
    "why?/a%20b.db",
    ".",
    "~",
    "~nobody/x",
    "a\x1fb",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///runs.db",
    "sqlite:///folder",
    "postgresql://",
    "postgresql+psycopg://a:b@127.0.0.1:1/x",
    "postgresql+psycopg://127.0.0.1:99999/x",
    "postgresql://a:b@[::1/x",
    "mysql://a/b",
    "nonsense://a",
    "://",
    "http://127.0.0.1:1/x",
)
_FIT: dict[str, tuple[str, ...]] = {
    "--task": ("mri", "mri", "deep_mc", "m*", "poses:LinearInverse", "imaging", "own", "few_shot", "spectral"),
    "--method": ("dip", "zero_filled", "cg_sense", "kind:classical", "*dip", "own", "deep_lora", "eye_surgeon_mask", "tv"),
    "--preset": ("tiny", "small", "full", "small_lines"),
    "--seeds": ("1", "3", "0,4", "1000,", "1999,", "2000,", "0,0"),
    "--set": ("steps=3", "lr=1e-2", "steps=", "steps=1e999", "lr=nan", "mask_from=1", "mask_from=1:0", "rank=2", "steps=[1]"),
    "--grid": ("steps=3,4", "lr=1e-3,1e-2", "steps=", "lr=nan,inf", "steps=3,3", "mask_from=1,2"),
    "--device": ("cpu", "auto", "cuda:99", "cuda:-1", "cuda:²", "cpu:0", "mps"),
    "--jobs": ("1", "2", "auto", "9999", "10000"),
    "--threads": ("1", "2", "auto", "9999"),
    "--timeout": ("10m", "never", "90s", "1e400", "0", "-1s", "nan", "infh"),
    "--memory": ("4G", "800M", "4", "infG", "nanG", "1e300T", "G"),
    "--source": (
        "backbone=folder",
        "ratings=text",
        "photographs=folder",
        "mri=folder",
        "matrices=none",
        "colin27=x",
        "ratings=",
    ),
    "--backbone": ("folder", "none", "a/b", "a/b/c", "./none", "a b", "-a"),
    "--format": ("csv", "json", "markdown", "latex", "html", "jsonl", "parquet"),
    "--view": ("board", "overview", "instances"),
    "--pictures": ("0", "1", "9"),
    "--solves": ("LinearInverse", "Completion", "Editing", "FewShot"),
    "--host": ("127.0.0.1", "0.0.0.0"),
    "--port": ("8501", "0", "65536"),
    "--token": ("0" * 32, "a"),
    "--reason": ("wrong version",),
}
_PAIRS = (
    ("mri", "dip"),
    ("mri", "zero_filled"),
    ("m*", "kind:classical"),
    ("poses:LinearInverse", "*dip"),
    ("deep_mc", "kind:baseline"),
    ("spectral", "sim2real"),
    ("few_shot", "deep_lora"),
    ("mri", "self_guided_dip"),
    ("inpainting", "eye_surgeon"),
    ("mri", "none"),
    ("imaging", "dip"),
)
_PATHS = ("--db", "--plan", "--include", "--data-dir", "--output", "--folder", "--entry")
_POSITIONAL = (
    *("1", "2", "3", "0", "99", "999999999", "dip", "mri", "own", "my_method", "class", "a", "ab", "abc", "tests/x"),
    *("9" * 20, "b" * 64),
)
_LEFT_OUT = ("--install-completion", "--show-completion")  # they write into the shell's files


class Option(NamedTuple):
    """An option of a command, and whether it takes a value."""

    name: str
    valued: bool


class Command(NamedTuple):
    """Words that name a command, its options, and how many positional words it takes at most."""

    words: tuple[str, ...]
    options: tuple[Option, ...]
    positional: int


def commands() -> list[Command]:
    """Every command, as Typer knows it."""
    return list(_commands(typer.main.get_command(main.app), ()))


def _commands(group: Any, words: tuple[str, ...]) -> Any:
    for name, one in getattr(group, "commands", {}).items():
        yield from _commands(one, (*words, name))
    if not hasattr(group, "commands"):
        options = [
            Option(name, not param.is_flag)
            for param in group.params
            if hasattr(param, "is_flag")
            for name in (*param.opts, *param.secondary_opts)
            if name not in _LEFT_OUT
        ]
        yield Command(words, tuple(options), sum(not hasattr(param, "is_flag") for param in group.params))


def _harmless(text: str) -> bool:
    """A text that names nothing outside the folder where it is taken for a path."""
    return not text.startswith(("/", "~")) and not any(part in text for part in ("..", "\0", "\ud800", "://", *_LEFT_OUT))


strange = texts.filter(_harmless)


@st.composite
def _value(draw: st.DrawFn, option: str) -> str:
    if draw(st.integers(0, 5)) == 0:
        text = draw(strange)
        if option in ("--set", "--grid", "--source") and draw(st.booleans()):
            return f"{draw(st.sampled_from(['steps', 'lr', 'mask_from', 'ratings', 'none']))}={text}"
        if option in ("--task", "--method") and draw(st.booleans()):
            return f"{draw(st.sampled_from(['paper', 'kind', 'poses', 'data', 'needs', 'none']))}:{text}"
        return text
    return draw(st.sampled_from(_FILES if option in _PATHS else _FIT.get(option, _FILES)))


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """The words after `lowdimbench`."""
    command = draw(st.sampled_from(_COMMANDS))
    words = [*command.words]
    if command.words == ("run",) and draw(st.integers(0, 9)):
        task, method = draw(st.sampled_from(_PAIRS))
        words += ["--task", task, "--method", method, "--preset", "tiny"]
        words += draw(st.sampled_from([["--dry-run"], ["--dry-run"], ["--list"], []]))
    if command.words[0] != "run" and "--db" in {one.name for one in command.options} and draw(st.booleans()):
        words += ["--db", "runs.db"]
    words += [draw(_positional) for _ in range(draw(st.sampled_from([command.positional] * 8 + [0, 3])))]
    for option in draw(st.lists(st.sampled_from(command.options), max_size=2)):
        words.append(option.name)
        if option.valued and draw(st.integers(0, 19)):
            words.append(draw(_value(option.name)))
    return _spoilt(words, draw(st.integers(0, 25)), draw(st.integers(0, len(words))), draw(strange))


_positional = st.one_of(st.sampled_from(_POSITIONAL), st.sampled_from(_FILES), strange)
_COMMANDS = [command for command in commands() for _ in range(12 if command.words == ("run",) else 1)]


def _spoilt(words: Sequence[str], how: int, at: int, text: str) -> list[str]:
    """Now and then a word is lost, strange or said twice."""
    if how == 0:
        return [*words[:at], *words[at + 1 :]]
    if how == 1:
        return [*words[:at], text, *words[at:]]
    if how == 2:
        return [*words, *words[-2:]]
    return [*words]


inputs = command_lines()


def check(box: Sandbox, words: list[str]) -> tuple[str, str]:
    """What a command line does wrong, and how it ended."""
    said = box(*words)
    return said.wrong, f"{said.code}"
