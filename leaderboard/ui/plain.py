"""Text that others wrote, to be shown in a page as it is. No Streamlit here."""

_MARKUP = frozenset("\\`*_{}[]<>#|~&$:!")


def coded(text: str) -> str:
    """As `plain`, but what stands between two backticks is code. One line."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(f"`{part}`" if at % 2 else _escaped(part) for at, part in enumerate(parts))


def plain(text: object) -> str:
    """Markdown in which nothing of the text is markup: no link, image, formula, colour or icon. One line."""
    return _escaped(" ".join(str(text).split()))


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in _MARKUP else sign for sign in text)
