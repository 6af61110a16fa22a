"""entry.toml: each rule, and the message of its refusal."""

import re

import pytest

from benchmark.errors import UserError
from benchmark.submissions.entry import made_entry, read_entry
from tests.benchmark.submission_bundles import ENTRY, form

ABOUT = {"task": "mri", "version": 1, "preset": "tiny"}
SEEN = {"0-0": "a" * 64, "0-1": "b" * 64}


def refused(call, *given):
    with pytest.raises(UserError) as caught:
        call(*given)
    message = str(caught.value)
    assert "\n" not in message
    assert all(sign.isprintable() for sign in message)
    return message


def test_a_form_that_is_filled_in_is_read():
    entry = read_entry(form(ABOUT, SEEN, seconds=1.5, link="https://example.org/a", description="One.\nTwo.").encode())
    assert entry.method == "their_method"
    assert entry.authors == ("Ada Example",)
    assert entry.answers.observations == SEEN
    assert entry.seconds == 1.5


def test_the_form_as_it_is_written_must_be_filled_in():
    from benchmark.submissions.entry import form as empty

    assert refused(read_entry, empty(ABOUT, SEEN, [0]).encode()).startswith("entry.toml: 'method': ")


def test_html_and_formulas_are_kept_as_they_are_for_who_shows_them_to_escape():
    entry = made_entry({**ENTRY, "authors": ["<script>alert(1)</script>"], "description": "=HYPERLINK(1)"})
    assert entry.authors == ("<script>alert(1)</script>",)
    assert entry.description == "=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"method": "Their_Method"}, "'method': a name has lower-case letters"),
        ({"method": "d\u0456p"}, "'method': a name has lower-case letters"),  # a Cyrillic letter
        ({"method": "dip\n"}, "'method': a name has lower-case letters"),
        ({"method": "a" * 41}, "'method': string should have at most 40 characters"),
        ({"authors": []}, "'authors': at least 1 is needed"),
        ({"authors": ["a"] * 51}, "'authors': tuple should have at most 50 items"),
        ({"authors": ["a\x00b"]}, "'authors.0': it holds the control or invisible character U+0000"),
        ({"authors": ["a\x1b[2J"]}, "'authors.0': it holds the control or invisible character U+001B"),
        ({"authors": ["abc\u202edef"]}, "'authors.0': it holds the control or invisible character U+202E"),
        ({"authors": ["a\nb"]}, "'authors.0': it holds the control or invisible character U+000A"),
        ({"contact": " "}, "'contact': it is empty"),
        ({"contact": "x" * 201}, "'contact': string should have at most 200 characters"),
        ({"link": "javascript:alert(1)"}, "'link': it is no http or https address"),
        ({"link": "https://a b"}, "'link': it is no http or https address"),
        ({"description": "x" * 2001}, "'description': string should have at most 2000 characters"),
        ({"description": "a\x07"}, "'description': it holds the control or invisible character U+0007"),
        ({"seconds": "1.0"}, "'seconds': input should be a valid number"),
        ({"seconds": -1.0}, "'seconds': input should be greater than 0"),
        ({"seconds": float("nan")}, "'seconds': "),
        ({"seconds": float("inf")}, "'seconds': "),
        ({"psnr": 99.0}, "'psnr': unknown key 'psnr'"),
        ({"autors": ["a"]}, "did you mean authors?"),
        ({"a\x1b": 1}, r"'a\u001b': unknown key"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(given, message):
    assert message in refused(made_entry, {**ENTRY, **given})


@pytest.mark.parametrize(
    ("about", "seen", "seeds", "message"),
    [
        ({**ABOUT, "version": 0}, SEEN, [0], "'answers.version': "),
        ({**ABOUT, "task": "../mri"}, SEEN, [0], "'answers.task': "),
        (ABOUT, SEEN, [1], "seeds are 0, 1, 2, ... in this order"),
        (ABOUT, SEEN, [0, 0], "seeds are 0, 1, 2, ... in this order"),
        (ABOUT, {"0-00": "a" * 64}, [0], "'answers.observations.0-00': "),
        (ABOUT, {"0-0": "A" * 64}, [0], "'answers.observations.0-0': "),
        (ABOUT, {}, [0], "'answers.observations': "),
        (ABOUT, {f"0-{n}": "a" * 64 for n in range(1001)}, [0], "'answers.observations': "),
    ],
)
def test_answers_that_break_a_rule(about, seen, seeds, message):
    assert message in refused(read_entry, form(about, seen, seeds).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "it is no text in UTF-8"),
        (b"method = ", "it is no TOML"),
        (b"method = 'a'\nmethod = 'b'", "it is no TOML"),
        (b"method = 1979-05-27", "it holds a date"),
        (b"x = " + b"[" * 400 + b"]" * 90, "it is no TOML"),
        (b"a." * 50 + b"b = 1", "line 1: it has more than 500 characters or 20 points"),
        (b"#\n# " + b"a" * 500, "line 2: it has more than 500 characters or 20 points"),
        (b"# \n" * 100_000, "262,144 are allowed"),
    ],
)
def test_a_file_that_is_none(content, message):
    assert message in refused(read_entry, content)


def test_many_dotted_keys_do_not_take_long():
    text = b"\n".join(b"a%d." % n + b"a." * 18 + b"b = 1" for n in range(4000))
    assert re.match("entry.toml: ", refused(read_entry, text))
