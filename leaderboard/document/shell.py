"""The frame of the file: style, the program that shows one page at a time, and Vega, which draws the charts."""

from collections.abc import Sequence
from functools import cache

import vl_convert

from leaderboard.charts import heat_table, leader_blocks, paper_tables, rank_table, verdict_bars
from leaderboard.charts.marks import INK
from leaderboard.document.html import Markup, el

# Nothing is fetched: a browser refuses what is not in the file. Vega compiles its expressions.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1a1a1a, #f0efed); --quiet: light-dark(#595959, #b5b3af);
  --page: light-dark(#fff, #171614); --line: light-dark(#d5d5d5, #444); --link: light-dark(#00568a, #7fc4f5); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 1400px; margin: 0 auto; padding: .6rem 1rem; }
header { border-bottom: 1px solid var(--line); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; align-items: baseline; }
nav strong { font-size: 1.1rem; }
a, nav a { color: var(--link); text-decoration: underline; text-underline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; background: var(--page); padding: .3rem .6rem; z-index: 9; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0 .3rem; } h1:focus { outline: none; }
h2 { font-size: 1.25rem; margin: 1.8rem 0 .4rem; } h3 { font-size: 1.05rem; margin: 1.3rem 0 .3rem; }
h4 { font-size: 1rem; margin: 1rem 0 .2rem; }
p { margin: .3rem 0 .6rem; max-width: 78ch; }
.quiet, figcaption, small { color: var(--quiet); font-size: .875rem; }
small { opacity: 1 !important; }
.said { font-weight: 600; }
.wide { overflow-x: auto; max-width: 100%; margin: .3rem 0; }
.wide table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
.wide th, .wide td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; font-weight: 400; white-space: nowrap; }
.wide thead th { font-weight: 600; vertical-align: bottom; }
.wide .number { text-align: right; }
.wide .texts td, .wide .texts th { white-space: normal; min-width: 7rem; }
.wide .texts td { max-width: 60ch; overflow-wrap: anywhere; }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; border: 1px solid var(--line);
  border-radius: 4px; padding: .5rem .7rem; margin: .3rem 0; }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--link); width: fit-content; }
figure { margin: .6rem 0 1.2rem; } .vega { width: 100%; min-height: 60px; }
.vega summary { display: none; } .vega .vega-actions { display: none; }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; } .tile { width: 240px; max-width: calc(50% - .5rem); }
.tile p { margin: 0 0 .2rem; line-height: 1.3; overflow-wrap: anywhere; }
.tile img { width: 100%; display: block; margin-bottom: .25rem; image-rendering: pixelated; }
.strips .tile { width: 100%; max-width: 100%; margin-bottom: .8rem; }
.strips img { width: auto; max-width: 100%; min-height: 4rem; }
.several { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: 0 1rem; }
ul.plain { list-style: none; padding: 0; columns: 16rem; } ul.plain li { break-inside: avoid; }
.ldb-lead a { color: var(--link); } .ldb-lead small { opacity: 1; }
footer { border-top: 1px solid var(--line); color: var(--quiet); font-size: .875rem; }
"""
PROGRAM = """
(() => {
"use strict";
const INK = "%INK%", dark = matchMedia("(prefers-color-scheme: dark)");
const pages = [...document.querySelectorAll("section.page")];
const texts = new Map();  // of each chart as it is in the file
function draw(place) {
  if (place.dataset.drawn === String(dark.matches)) return;
  place.dataset.drawn = String(dark.matches);
  const holder = document.getElementById(place.id.replace("chart", "spec"));
  const text = holder.textContent.replaceAll(INK, dark.matches ? "#a5a29d" : "#5f5f5f");
  vegaEmbed(place, JSON.parse(text), { mode: "vega-lite", renderer: "svg", actions: false })
    .catch(error => { place.textContent = "This chart cannot be drawn: " + error.message; });
}
const seen = new IntersectionObserver(entries => {
  for (const one of entries) if (one.isIntersecting) { seen.unobserve(one.target); draw(one.target); }
}, { rootMargin: "600px" });
function rowsOf(spec) {
  const found = [...Object.values(spec.datasets || {})];
  const walk = part => {
    if (!part || typeof part !== "object") return;
    if (part.data && Array.isArray(part.data.values)) found.push(part.data.values);
    for (const name of ["layer", "hconcat", "vconcat", "concat"]) (part[name] || []).forEach(walk);
    walk(part.spec);
  };
  walk(spec);
  return found.filter(rows => rows.length);
}
function numbers(figure) {
  const place = figure.querySelector(".numbers");
  if (place.childElementCount) return;
  const spec = JSON.parse(figure.querySelector("script").textContent);
  for (const rows of rowsOf(spec).sort((a, b) => b.length - a.length)) {
    const names = [...new Set(rows.flatMap(row => Object.keys(row)))], table = document.createElement("table");
    const line = (cells, kind, into) => {
      const row = into.insertRow();
      for (const text of cells) {
        const cell = document.createElement(kind);
        if (kind === "th") cell.scope = "col";
        cell.textContent = text ?? "";
        row.append(cell);
      }
    };
    line(names, "th", table.createTHead());
    const body = table.createTBody();
    for (const row of rows) line(names.map(name => row[name]), "td", body);
    const box = document.createElement("div");
    box.className = "wide"; box.tabIndex = 0; box.setAttribute("role", "region");
    box.setAttribute("aria-label", "numbers, " + rows.length + " lines, part " + (place.childElementCount + 1) + " of "
      + figure.querySelector(".vega").dataset.name);
    box.append(table); place.append(box);
  }
}
for (const figure of document.querySelectorAll("figure.chart"))
  figure.querySelector("details").addEventListener("toggle", () => numbers(figure));
function show(moved) {
  const wanted = location.hash.slice(1), page = pages.find(one => one.id === wanted) || pages[0];
  for (const one of pages) one.hidden = one !== page;
  document.title = page.querySelector("h1").textContent + " \\u00b7 LowDimBench";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash.slice(1) === page.id) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  for (const place of page.querySelectorAll(".vega")) if (place.dataset.drawn === undefined) seen.observe(place);
  if (moved) { scrollTo(0, 0); page.querySelector("h1").focus({ preventScroll: true }); }
}
addEventListener("hashchange", () => { if (location.hash !== "#main") show(true); });
dark.addEventListener("change", () => {
  for (const place of document.querySelectorAll(".vega[data-drawn]")) draw(place);
});
show(false);
})();
"""


@cache
def vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as one program, which vl-convert carries; it defines vegaEmbed."""
    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return text


def whole(title: str, pages: Sequence[Markup], menu: Markup, foot: Markup) -> str:
    """The file. The first page is the one that it opens with."""
    board = [one.removeprefix("<style>").removesuffix("</style>") for one in _STYLES]
    head = el(
        "head",
        el("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        Markup(f"<style>{''.join(board)}{STYLE}</style>"),
        Markup("<noscript><style>section.page[hidden] { display: block; }</style></noscript>"),
    )
    body = el(
        "body",
        el("a", "Skip to the page", href="#main", class_="skip"),
        el("header", el("nav", menu, aria_label="pages")),
        el("main", *pages, id="main", tabindex=-1),
        el("footer", foot),
        _program(vega()),
        _program(PROGRAM.replace("%INK%", INK)),
    )
    return f"<!DOCTYPE html>\n{el('html', head, body, lang='en')}\n"


def _program(text: str) -> Markup:
    """In a program only a text can hold the end of the element, and there a backslash changes nothing."""
    safe = text.replace("</script", "<\\/script")
    return Markup(f"<script>{safe}</script>")


_STYLES = (heat_table.STYLE, rank_table.STYLE, leader_blocks.STYLE, paper_tables.STYLE, verdict_bars.STYLE)


def page(name: str, title: str, *content: str, first: bool = False) -> Markup:
    """A page, hidden unless it is the first; `name` is its id."""
    return el("section", el("h1", title, tabindex=-1), *content, class_="page", id=name, hidden=not first)
