"""Values in an assistant's texts: they stand for themselves, never for markup."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.responders.placeholders import filled, filled_address, filled_plain, is_known, names_in
from deployments.safe_text import render_markdown


def test_a_value_its_other_words_or_nothing_is_put_in() -> None:
    values = {"name": "Ada", "empty": "", "n": 0}
    assert filled("Hi {{name}}, {{ name | friend }}!", values) == "Hi Ada, Ada!"
    assert filled("Hi {{who|friend}}, {{empty|you}}{{gone}} {{n}}", values) == "Hi friend, you 0"
    assert filled("{ {name} } {{{name}}}", values) == "{ {name} } {Ada}"


def test_values_are_not_read_for_placeholders_again() -> None:
    assert filled_plain("{{a}}", {"a": "{{b}}", "b": "secret"}) == "{{b}}"


@pytest.mark.parametrize(
    "value",
    ["**bold**", "_x_", "[a](https://evil.example)", "<b>x</b>", "`code`", "# head", "1. one", "- item", "> q",
     "https://evil.example", "&lt;", "a\nb", "~~x~~", "<https://evil.example>", "```", "+ x", "=== "],
)  # fmt: skip
def test_no_value_becomes_markup(value: str) -> None:
    for text in ("{{v}}", "Hello {{v}}!", "Hello\n{{v}}"):
        rendered = render_markdown(filled(text, {"v": value}))
        assert set(re.findall(r"<(/?\w+)", rendered)) <= {"p", "/p", "br"}
        shown = html.unescape(re.sub(r"<[^>]+>", "", rendered))
        assert " ".join(value.split()) in " ".join(shown.split())


@given(st.text(max_size=80))
def test_any_value_is_shown_as_it_is(value: str) -> None:
    rendered = render_markdown(filled("x {{v}} y", {"v": value}))
    assert set(re.findall(r"<(/?\w+)", rendered)) <= {"p", "/p"}


def test_a_long_value_is_cut_and_an_address_is_encoded() -> None:
    assert len(filled("{{v}}", {"v": "x" * 5000})) == 300
    assert filled_address("https://a.example/?q={{v}}", {"v": "a b&c=/d"}) == "https://a.example/?q=a%20b%26c%3D%2Fd"


def test_known_names() -> None:
    own = frozenset({"email"})
    for name in ("email", "visitor.name", "visitor.plan_2", "assistant.name", "page.url", "page.title"):
        assert is_known(name, own)
    for name in ("mail", "visitor", "visitor.", "visitor.a b", "page.secret", "", "assistant.draft"):
        assert not is_known(name, own)
    assert list(names_in("{{a}} {{b|c}} {{ d }}")) == [("a", False), ("b", True), ("d", False)]
