"""Docstrings of this project as Markdown.

They name arguments and fields in lines such as `budget      seconds of the method's own time`, whose second column may go on in
the next lines. Markdown would run these together; here each becomes an item of a list.
"""

import re

_LINE = re.compile(r"^(?P<names>[A-Za-z_]\w*(?:, [A-Za-z_]\w*)*) {2,}(?P<what>\S.*)$")


def markdown(text: str) -> str:
    """The docstring with its aligned lines as lists. What is indented by four stays a block of code."""
    out: list[str] = []
    column = 0
    for line in text.splitlines():
        if found := _LINE.match(line):
            if not column and out and out[-1]:
                out.append("")
            out.append(f"- **`{found['names']}`**: {found['what']}")
            column = found.start("what")
        elif column and line.startswith(" " * min(column, 8)) and line.strip():
            out[-1] += " " + line.strip()
        else:
            if column and line:
                out.append("")
            column = 0
            out.append(line)
    return "\n".join(out)
