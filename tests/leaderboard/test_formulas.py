import html
import re

import pytest

from benchmark import registry
from benchmark.report import method_card
from leaderboard.charts import formulas


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x_{t+1} = x_t + step / ||A||^2 A^H y", "x<sub>t+1</sub> = x<sub>t</sub> + step / ‖A‖<sup>2</sup> A<sup>H</sup> y"),
        ("sum_{j in Omega_i} lambda_max <= 1", "∑<sub>j in Ω<sub>i</sub></sub> λ<sub>max</sub> ≤ 1"),
        ("cross_entropy + `flow_steps`", "cross_entropy + <code>flow_steps</code>"),
        ("x_hat <b>", "x\N{COMBINING CIRCUMFLEX ACCENT} &lt;b&gt;"),
    ],
)
def test_a_line_of_a_formula(text: str, shown: str) -> None:
    assert formulas.formula(text) == shown


def test_what_is_indented_is_a_formula() -> None:
    found = formulas.html("One\nsentence.\n\n    a_1 = 2\n      b\n\nThe `rest`.")
    assert "<p>One sentence.</p>" in found
    assert '<div class="formula">a<sub>1</sub> = 2<br>  b</div>' in found
    assert "<p>The <code>rest</code>.</p>" in found
    sourced = formulas.html("A^H y, in some_words, the sum.\nSource: a")
    assert "<p>A<sup>H</sup> y, in some_words, the sum.</p><p>Source: a</p>" in sourced


def test_no_method_loses_a_word_of_its_header() -> None:
    for entry in registry.methods().values():
        header = method_card.header(entry)
        said = html.unescape(re.sub(r"<[^>]*>", "", formulas.html(header)))
        for word in re.findall(r"\b[a-z]{6,}\b", header):
            assert word in said or word in formulas._NAMES, (entry.spec.name, word)
