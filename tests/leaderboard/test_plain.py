"""Texts of others on a page: nothing of them is markup, but for code between backticks where a page allows it."""

from leaderboard.ui.plain import coded, plain


def test_nothing_of_a_text_is_markup() -> None:
    assert plain("a *b*\n[c](d)") == r"a \*b\* \[c\](d)"
    assert plain("`small`") == r"\`small\`"


def test_between_two_backticks_is_code_and_the_rest_is_plain() -> None:
    assert coded("400 steps (`small_long`: *1,500*)\nin all") == r"400 steps (`small_long`\: \*1,500\*) in all"
    assert coded("one ` alone") == plain("one ` alone")
