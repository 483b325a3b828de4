"""Values in an assistant's texts: they stand for themselves, never for markup."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.responders.placeholders import (
    filled,
    filled_address,
    filled_plain,
    filled_to_read,
    is_known,
    names_in,
)
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


ROOT = Path(__file__).resolve().parents[2]
# Read by the chat's own tests, too (`markdown.test.ts`): what is written for each value, and shown for it.
LIGHT: list[dict[str, str]] = json.loads((ROOT / "widget/frontend/test/values_in_markdown.json").read_text())


@pytest.mark.parametrize("case", LIGHT, ids=[case["value"] for case in LIGHT])
def test_who_reads_the_markdown_itself_sees_a_mark_escaped_only_where_it_would_be_one(case: dict[str, str]) -> None:
    written = filled_to_read("Hello {{v}}, **thanks**!", {"v": case["value"]})
    assert written == f"Hello {case['written']}, **thanks**!"
    shown = re.fullmatch(r"<p>Hello (.*), <strong>thanks</strong>!</p>\n", render_markdown(written))
    assert shown
    assert html.unescape(shown[1]) == case["value"]


def test_an_address_of_the_page_stays_one() -> None:
    address = "https://shop.example/a_b/~zoe?x=1&y=(2)#z"
    assert filled_to_read("See {{page.url}}.", {"page.url": address}) == f"See {address}."


AROUND = (
    "{{v}}", "Hi {{v}}, **a** _b_", "{{v}} {{v}}", "*{{v}}*", "- {{v}}\n- x", "**a** {{v}}~~b~~ ~~c~~", "{{v}}{{w}}",
    "({{v}})", "[x]{{v}}", "x{{v}}(https://a.example)", "{{v}};", "\n1. {{v}}", "_x {{v}}_", "a@b {{v}}>", "# {{v}}",
    "`x` {{v}} `y`", "{{v}}\nnext *a*", "[x](https://a.example/{{v}})",
)  # fmt: skip
NASTY = st.lists(st.sampled_from([*"*_~`[]()<>&#!|\\{}:;-+=. ab1@ü", "https://e.example", "&amp;", "- "]), max_size=9)


@given(st.sampled_from(AROUND), NASTY.map("".join), st.sampled_from(["(https://q.example)", "*", "_b", "a"]))
def test_escaped_for_who_reads_it_or_for_nobody_it_is_shown_the_same(text: str, value: str, other: str) -> None:
    values = {"v": value, "w": other}
    assert render_markdown(filled_to_read(text, values)) == render_markdown(filled(text, values))
