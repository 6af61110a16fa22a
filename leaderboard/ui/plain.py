"""Text that others wrote, to be shown in a page as it is. No Streamlit here."""

_MARKUP = frozenset("\\`*_{}[]<>#|~&$:!")


def plain(text: object) -> str:
    """Markdown in which nothing of the text is markup: no link, image, formula, colour or icon. One line."""
    return "".join(f"\\{sign}" if sign in _MARKUP else sign for sign in " ".join(str(text).split()))
