"""What somebody wants to run: from the command line, or several of them from a plan file.

A plan file is YAML or TOML with a list `runs`; each entry has the keys of Request. It lists runs and defines nothing else.

    runs:
      - task: mri
        method: [self_guided_dip, "kind:classical"]
        seeds: 3
      - task: mri
        method: dip
        grid: {lr: [1.0e-3, 3.0e-3]}
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from benchmark.errors import UserError, shortened, unknown
from benchmark.spec import Frozen

_ENDINGS = (".yaml", ".yml", ".toml")


class Request(Frozen):
    """Tasks, presets, methods and seeds to combine. preset is a name, a glob or a list of them. seeds is a count, a list or its
    text; timeout is in seconds or a text such as '10m'.

    grid runs every combination of its values, on tuning data unless on_test.
    """

    task: str | list[str]
    method: str | list[str]
    preset: str | list[str] = "small"
    seeds: int | str | list[int] | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, list[Any]] = Field(default_factory=dict)
    on_test: bool = False
    baseline: bool = True
    timeout: float | str | None = None

    @property
    def tasks(self) -> list[str]:
        return [self.task] if isinstance(self.task, str) else self.task

    @property
    def methods(self) -> list[str]:
        return [self.method] if isinstance(self.method, str) else self.method

    @property
    def presets(self) -> list[str]:
        return [self.preset] if isinstance(self.preset, str) else self.preset


class PlanFile(Frozen):
    """The whole file."""

    runs: list[Request]


def read_plan_file(path: Path) -> list[Request]:
    """The requests of a .yaml, .yml or .toml file.

    Raises UserError for a file that is missing, cannot be read, or holds a key or value that is not allowed, with its place.
    """
    if path.suffix not in _ENDINGS or path.is_char_device():  # reading some devices never ends
        raise UserError(f"--plan {path}: a plan file ends in {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--plan {path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    try:
        content = PlanFile.model_validate(_parse(path, text))
    except ValidationError as error:
        raise UserError(f"--plan {path}: {_reason(error)}") from None
    if not content.runs:
        raise UserError(f"--plan {path}: its list of runs is empty")
    return content.runs


def _parse(path: Path, text: str) -> Any:
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"--plan {path}: {_line(error)}") from None
    import yaml

    try:
        return yaml.load(text, _unique_keys(yaml.SafeLoader))  # a safe loader
    except Exception as error:  # of a wrong date or number whatever its reader raises, and not YAMLError alone
        raise UserError(f"--plan {path}: {_line(error)}") from None


def _line(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else shortened(" ".join(str(error).split()), 300)


def _unique_keys(base: Any) -> Any:
    """A loader that refuses a key that stands there twice. YAML's own takes the last in silence."""

    class Loader(base):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            import yaml

            seen = set()
            for key, _ in node.value:
                if key.value in seen and key.tag == "tag:yaml.org,2002:str":
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key '{key.value}' stands there twice", key.start_mark
                    )
                seen.add(key.value if isinstance(key.value, str) else id(key))
            return super().construct_mapping(node, deep)

    return Loader


def _reason(error: ValidationError) -> str:
    # A misspelt key is both unknown and missing; the first says more.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    place = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        fields = Request.model_fields if len(place) > 1 else PlanFile.model_fields
        return f"{'.'.join(place[:-1]) or 'top level'}: {unknown('key', place[-1], fields)}"
    return f"{'.'.join(place) or 'top level'}: {first['msg'].lower()}"
