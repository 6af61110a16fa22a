"""Two pictures of one scene on top of each other, and a slider that wipes from one to the other. Streamlit has no such widget.

The browser cuts the upper picture at --at; dragging asks the server nothing. The slider is a plain range: arrow keys move it.
"""

from base64 import b64encode

import streamlit as st

_HTML = """
<figure>
  <div class="stage"><img class="second"><img class="first"><span class="edge"></span></div>
  <input type="range" min="0" max="100" step="1" value="50">
  <figcaption><span class="left"></span><span class="right"></span></figcaption>
</figure>
"""
_CSS = """
figure { margin: 0; max-width: 36rem; --at: 50%; color: var(--st-text-color); font-family: var(--st-font); }
.stage { position: relative; line-height: 0; touch-action: pan-y; cursor: ew-resize; }
img { width: 100%; image-rendering: pixelated; user-select: none; -webkit-user-drag: none; }
img.first { position: absolute; inset: 0; height: 100%; clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.edge { position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px; background: #fff;
  box-shadow: 0 0 0 1px rgba(0, 0, 0, .55); }
input { display: block; width: 100%; height: 1.75rem; margin: .25rem 0 0; accent-color: var(--st-primary-color); }
figcaption { display: flex; justify-content: space-between; gap: 1rem; font-size: .875rem; overflow-wrap: anywhere; }
.right { text-align: right; }
"""
_JS = """
export default function ({ data, parentElement }) {
  const find = (what) => parentElement.querySelector(what);
  const figure = find("figure"), stage = find(".stage"), range = find("input");
  for (const [place, name] of [["first", data.first], ["second", data.second]]) {
    find("img." + place).src = "data:image/png;base64," + data[place + "_png"];
    find("img." + place).alt = name;
  }
  find(".left").textContent = "← " + data.first;
  find(".right").textContent = data.second + " →";
  range.setAttribute("aria-label", "From " + data.first + " on the left to " + data.second + " on the right");
  const show = () => {
    figure.style.setProperty("--at", range.value + "%");
    range.setAttribute("aria-valuetext", range.value + " % " + data.first);
  };
  const drag = (event) => {
    const box = stage.getBoundingClientRect();
    range.value = Math.round(100 * (event.clientX - box.left) / box.width);
    show();
  };
  range.oninput = show;
  stage.onpointerdown = (event) => { stage.setPointerCapture(event.pointerId); drag(event); };
  stage.onpointermove = (event) => { if (event.buttons) drag(event); };
  show();
}
"""
_component = st.components.v2.component("lowdimbench_wipe", html=_HTML, css=_CSS, js=_JS)


def show(first: str, first_png: bytes, second: str, second_png: bytes) -> None:
    """Names and PNGs, of equal size; the first is on the left of the edge."""
    data = {
        "first": first,
        "second": second,
        "first_png": b64encode(first_png).decode(),
        "second_png": b64encode(second_png).decode(),
    }
    _component(data=data, key="wipe")
