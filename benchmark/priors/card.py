"""What is said of a prior beside its weights, in `prior.json` of its folder. A folder without one is as good."""

from pathlib import Path

from pydantic import Field, ValidationError

from benchmark.errors import UserError
from benchmark.spec import Frozen

FILE = "prior.json"


class Card(Frozen):
    """about, data, licence: in words; recipe: of the training; pictures: how many it learnt from, repeated ones counted;
    hours: of training; fold: pixels a side folded into channels; told: names of the numbers that describe a picture;
    quality: measured figures by name.
    """

    about: str = ""
    data: str = ""
    licence: str = ""
    recipe: str = ""
    pictures: int = 0
    hours: float = 0.0
    fold: int = Field(default=1, ge=1)
    told: tuple[str, ...] = ()
    quality: dict[str, float] = Field(default_factory=dict)


def read(folder: Path) -> Card:
    """The card of a folder, an empty one where there is none. Raises UserError for a file that is no card."""
    file = folder / FILE
    if not file.is_file():
        return Card()
    try:
        return Card.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = str(error).splitlines()[0]
        raise UserError(f"{file} is no card of a prior: {first}") from None
