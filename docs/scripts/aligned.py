"""The extension of mkdocstrings that turns columns in docstrings into lists."""

from typing import Any

from columns import markdown
from griffe import Alias, Extension, Object


class Aligned(Extension):
    """Rewrites every docstring before mkdocstrings reads it."""

    def on_object(self, *, obj: Object | Alias, **kwargs: Any) -> None:
        """Called for each module, class, function and attribute."""
        if not obj.is_alias and obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)
