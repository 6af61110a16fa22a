"""The documentation site in Chromium, from a plain file server: search, narrow screens, dark colours."""

import functools
import http.server
import threading

import pytest

from tests.browser.axe import violations
from tests.browser.driver import LOOKS
from tests.test_site import site as site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PAGES = ("", "tutorial/", "how-to/own-data/", "reference/commands/", "reference/tasks/mri/", "papers/2406.05822/")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="module")
def place(site):
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_search_finds_a_page(page, place, problems):
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(place)
    page.click("input.md-search__input")
    page.keyboard.type("bootstrap-t")
    page.wait_for_selector(".md-search-result__item")
    assert "Statistics" in page.inner_text(".md-search-result__list")
    assert problems == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_pages_fit_and_load_nothing_from_elsewhere(page, place, problems, scheme, width):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 1000})
    page.emulate_media(color_scheme=scheme)
    page.goto(place)
    page.evaluate("localStorage.clear()")  # where the first visit keeps its colours
    for name in PAGES:
        page.goto(place + name)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, name
        assert page.get_attribute("body", "data-md-color-scheme") == {"light": "default", "dark": "slate"}[scheme]
    assert [url for url in asked if not url.startswith((place, "data:", "blob:"))] == []
    assert problems == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_break_no_rule_of_axe(page, place, name):
    found = []
    for width, scheme in ((1400, "light"), (400, "dark")):
        page.set_viewport_size({"width": width, "height": 1000})
        page.emulate_media(color_scheme=scheme)
        page.goto(place)
        page.evaluate("localStorage.clear()")
        page.goto(place + name)
        page.wait_for_function("document.body.getAttribute('data-md-color-scheme')")
        found += [f"{width} {scheme}: {line}" for line in violations(page)]
    assert not found, "\n".join(found)
