"""entry.toml: who hands in what, checked. Imports no torch.

method = "my_method"                    # lower-case letters, digits and _
authors = ["Ada Example"]
contact = "ada@example.org"             # kept for the maintainers, not shown
link = "https://example.org/paper"      # may be left out, as may all that follows but [answers]
licence = "CC-BY-4.0"                   # of the predictions or the code
description = "One sentence."
hardware = "1 GPU"
seconds = 120.0                         # told by you, shown as told; it is no measurement and ranks nothing

[answers]                               # predictions alone; runners.submit export-inputs fills it in
task = "mri"
version = 1
preset = "small"
seeds = [0]
private = "0123456789ab"                # of inputs that a private seed drew: which one

[answers.observations]                  # SEED-INSTANCE = SHA-256 of what was answered
0-0 = "..."
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from benchmark import seeds
from benchmark.errors import UserError, unknown
from benchmark.spec import Frozen
from benchmark.store.draws import COMMITMENT
from benchmark.submissions.text import Line, Link, Paragraph, shown

FILE = "entry.toml"
MAX_BYTES = 256 * 1024
MAX_ANSWERS = 1000  # predictions in one bundle
_MAX_LINE, _MAX_POINTS = 500, 20  # in a line: a parser of TOML takes the square of the parts of a key, a.a.a.a...

_NAME, _SHA = r"^[a-z][a-z0-9_]*$", r"^[0-9a-f]{64}$"
Key = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,3})-(0|[1-9][0-9]{0,4})$")]  # SEED-INSTANCE
Name = Annotated[str, Field(pattern=_NAME, max_length=40)]
Sha256 = Annotated[str, Field(pattern=_SHA)]
Commitment = Annotated[str, Field(pattern=f"^{COMMITMENT}$")]  # benchmark/submissions/private.py
_PATTERNS = {
    _NAME: "a name has lower-case letters, digits and _, and begins with a letter",
    _SHA: "it is no SHA-256; export-inputs writes [answers.observations], which is to stay as it is",
}


class Strict(Frozen):
    """No unknown key, no number that is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Answers(Strict):
    """The instances that predictions answer. Seeds are 0, 1, 2, ...: nobody picks those that suit a method. private: the
    commitment of the private seed that drew the inputs, None for the public seeds.
    """

    task: Name
    version: Annotated[int, Field(ge=1, le=10**6)]
    preset: Name
    seeds: Annotated[tuple[int, ...], Field(min_length=1, max_length=seeds.FIRST_TUNING_REPEAT)]
    private: Commitment | None = None
    observations: Annotated[dict[Key, Sha256], Field(min_length=1, max_length=MAX_ANSWERS)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.seeds != tuple(range(len(self.seeds))):
            raise ValueError("seeds are 0, 1, 2, ... in this order; export-inputs --seeds N writes them so")
        return self


class Entry(Strict):
    """Who hands in what. answers: for predictions, None for code; seconds: told by the submitter, never a score."""

    method: Name
    authors: Annotated[tuple[Line, ...], Field(min_length=1, max_length=50)]
    contact: Line
    link: Link | None = None
    licence: Line | None = None
    description: Paragraph | None = None
    hardware: Line | None = None
    seconds: Annotated[float, Field(gt=0, le=1e9)] | None = None
    answers: Answers | None = None


def read_entry(content: bytes, name: str = FILE) -> Entry:
    """The entry in a file's content. Raises UserError with the file and the first rule that it breaks."""
    if len(content) > MAX_BYTES:
        raise UserError(f"{name}: it has {len(content):,} bytes; {MAX_BYTES:,} are allowed")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{name}: it is no text in UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _MAX_LINE or line.count(".") > _MAX_POINTS:
            raise UserError(f"{name}, line {number}: it has more than {_MAX_LINE} characters or {_MAX_POINTS} points")
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise UserError(f"{name}: it is no TOML ({shown(str(error) or 'too deep', 100)})") from None
    return made_entry(values, name)


def made_entry(values: Mapping[str, object], name: str = "entry") -> Entry:
    """The entry with these values, such as a form's. Raises UserError with the first rule that they break."""
    try:
        return Entry.model_validate_json(json.dumps(values))  # JSON: lists become tuples though the models are strict
    except ValidationError as error:
        raise UserError(f"{name}: {_reason(error)}") from None
    except (TypeError, ValueError, RecursionError):
        raise UserError(f"{name}: it holds a date or another value that no field takes") from None


def _reason(error: ValidationError) -> str:
    # a misspelt key is both unknown and missing; the first says more
    first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    place = [str(part) for part in first["loc"] if part != "[key]"]
    where = shown(".".join(place)) if place else ""
    if first["type"] == "extra_forbidden":
        fields = Answers.model_fields if len(place) > 1 else Entry.model_fields
        return f"{where}: {unknown('key', shown(place[-1])[1:-1], fields)}"
    words = first["msg"].removeprefix("Value error, ")
    if first["type"] == "too_short":
        words = f"at least {first['ctx']['min_length']} is needed"
    words = _PATTERNS.get(first.get("ctx", {}).get("pattern", ""), words)
    return f"{where}: {words[:1].lower()}{words[1:]}" if where else words


def form(answers: Mapping[str, object], observations: Mapping[str, str], numbers: Sequence[int]) -> str:
    """The text of an entry.toml that only lacks who hands it in. answers: task, version, preset, perhaps private; numbers: the
    seeds.
    """
    lines = [
        'method = ""           # lower-case letters, digits and _; not the name of a method that is here',
        'authors = [""]',
        'contact = ""          # for the maintainers; it is not shown',
        '# link = "https://"    # these may be left out; without the # they count',
        '# licence = "CC-BY-4.0"',
        '# description = ""',
        '# hardware = ""',
        "# seconds = 1.0       # all predictions together; shown as told, never ranked",
        "",
        "[answers]             # leave this as it is",
        *(f"{name} = {json.dumps(value)}" for name, value in answers.items()),
        f"seeds = {json.dumps(list(numbers))}",
        "",
        "[answers.observations]",
        *(f'{key} = "{digest}"' for key, digest in observations.items()),
    ]
    return "\n".join(lines) + "\n"
