"""Charts of the board inside one file: their Vega-Lite, drawn by the page when it is seen, with a table of their numbers."""

import json
import math
from base64 import b64encode
from typing import Any

from leaderboard.charts.svg import Drawn, spec
from leaderboard.document.html import Markup, el, folded

_DIGITS = 6  # of a number of a chart


class Charts:
    """The charts of a file, each with a number of its own."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, chart: Drawn, name: str, caption: str = "") -> Markup:
        """A figure. name: what a reader who cannot see it is told; caption: how to read it."""
        self.count += 1
        place = el("div", class_="vega", id=f"chart-{self.count}", data_name=name)
        numbers = folded("Numbers of this chart", el("div", class_="numbers"))
        return el(
            "figure",
            el("div", place, class_="wide", tabindex=0, role="region", aria_label=f"chart: {name}"),
            script(compact({**fluid(spec(chart)), "description": name}), f"spec-{self.count}"),
            *([el("figcaption", caption)] if caption else []),
            numbers,
            class_="chart",
        )


def script(content: dict[str, Any], name: str) -> Markup:
    """JSON inside a page, in which nothing can end it early."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="{name}">{text}</script>')


def fluid(found: dict[str, Any]) -> dict[str, Any]:
    """The chart as wide as its place, where it is one that can be."""
    found = {name: value for name, value in found.items() if name not in ("background", "$schema")}
    if "width" in found and "facet" not in found:
        found |= {"width": "container", "autosize": {"type": "fit", "contains": "padding"}}
    return {**found, "background": "transparent", "config": {**found.get("config", {}), "font": "system-ui, sans-serif"}}


def compact(found: Any) -> Any:
    """The same with numbers of six digits."""
    if isinstance(found, float):
        return float(f"{found:.{_DIGITS}g}") if math.isfinite(found) else None
    if isinstance(found, dict):
        return {name: compact(value) for name, value in found.items()}
    return [compact(one) for one in found] if isinstance(found, list) else found


def image(png: bytes, text: str) -> Markup:
    """A picture, and what it shows in words."""
    return el("img", src=f"data:image/png;base64,{b64encode(png).decode()}", alt=text, loading="lazy")
