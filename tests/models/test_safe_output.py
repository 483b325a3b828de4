"""What a model writes is made fit to be shown, whatever pieces it comes in."""

from __future__ import annotations

import html
import re

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.responders.safe_output import SafeOutput, disclosed
from deployments.safe_text import render_markdown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Hello **there**.", "Hello **there**."),
        ("See [our offer](https://evil.example/x?a=1).", "See [our offer (evil.example)](https://evil.example/x?a=1)."),
        ("[https://bank.example](https://evil.example)", "[https://bank.example (evil.example)](https://evil.example)"),
        ("[evil.example](https://evil.example/)", "[evil.example](https://evil.example/)"),
        ("![](https://spy.example/p.png?q=secret)", "[picture (spy.example)](https://spy.example/p.png?q=secret)"),
        ("![chart](<https://spy.example/p.png>)", "[chart (spy.example)](https://spy.example/p.png)"),
        (
            "[![logo](https://spy.example/p.png)](https://a.example)",
            "[[logo (spy.example)](https://spy.example/p.png) (a.example)](https://a.example)",
        ),
        ("[a (b)](https://en.example/wiki/A_(b))", "[a (b) (en.example)](https://en.example/wiki/A_(b))"),
        ('[x](https://e.example "title)")', "[x (e.example)](https://e.example)"),
        ("[ünlü](https://bücher.example/)", "[ünlü (xn--bcher-kva.example)](https://bücher.example/)"),
        ("[run](javascript:alert(1))", "[run](javascript:alert(1))"),
        ("[here](/relative)", "[here](/relative)"),
        ("a[i](x) and b[0]", "a[i](x) and b[0]"),
        ("[not finished", "[not finished"),
        # What we read as no link, and a renderer may.
        ("[x\\](https://evil.example)", "[x\\] (https://evil.example)"),
        ("[a`]`](https://evil.example)", "[a`]`] (https://evil.example)"),
        ("[x](\u00a0https://evil.example)", "[x] (\u00a0https://evil.example)"),
        ("[x](<https://evil.example)", "[x] (<https://evil.example)"),
        ("[x](https://evil.example/a(b)", "[x] (https://evil.example/a(b)"),
        ('[x](https://evil.example "a\\") b', '[x] (https://evil.example "a\\") b'),
        ("[x](&#104;ttps://evil.example)", "[x] (&#104;ttps://evil.example)"),
        ("[x](\\https://evil.example)", "[x] (\\https://evil.example)"),
        ("[x](https\\://evil.example)", "[x] (https\\://evil.example)"),
        ("[x](https://evil.example&sol;@good.example)", "[x] (https://evil.example&sol;@good.example)"),
        ("[x](https://e.example/?a=1&copy=2)", "[x (e.example)](https://e.example/?a=1&copy=2)"),
        ("[write](mailto:a@b.example)", "[write](mailto:a@b.example)"),
        ("f[0](x) and [1] (b)", "f[0](x) and [1] (b)"),
        ("Wow![", "Wow!["),
        ("Really!", "Really!"),
        ("a\x00b\u202ec\x1bd\ufeff", "abcd"),
        ("line\r\nend", "line\nend"),
    ],
)
def test_where_a_link_leads_is_said_and_nothing_is_fetched(written: str, shown: str) -> None:
    assert disclosed(written) == shown


def test_what_may_become_a_link_is_held_back_and_nothing_else() -> None:
    output = SafeOutput()
    assert output.take("See [our") == "See "
    assert output.take(" offer](https://evil.exa") == ""
    assert output.take("mple) now, [a]") == "[our offer (evil.example)](https://evil.example) now, "
    assert output.take(" b") == "[a] b"
    assert output.rest() == ""


def test_half_a_character_waits_for_the_other() -> None:
    output = SafeOutput()
    assert output.take("ok \ud83d") == "ok "
    assert output.take("\ude00!") == "😀"
    assert output.rest() == "!"
    assert disclosed("lone \ud83d end") == "lone \ufffd end"


_PIECES = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.sampled_from(
            [
                "[",
                "]",
                "(",
                ")",
                "!",
                "![",
                "](",
                "https://",
                "e.example",
                "<",
                ">",
                '"',
                "\\",
                "\n\n",
                " ",
                " " * 60,
                "`",
                "&amp;",
                "&sol;",
                "\u00a0",
                "@",
            ]
        ),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(pieces=_PIECES)
def test_every_split_of_a_text_gives_the_same_text(pieces: list[str]) -> None:
    whole = "".join(pieces).replace("\r", "")
    output = SafeOutput()
    shown = "".join(output.take(piece.replace("\r", "")) for piece in pieces) + output.rest()
    assert shown == disclosed(whole)


_HREF = re.compile(r'<a href="(https?://[^"]*)"[^>]*>(.*?)</a>', re.DOTALL)


@settings(max_examples=500, deadline=None)
@given(pieces=_PIECES)
def test_no_link_that_we_draw_leads_anywhere_without_saying_where(pieces: list[str]) -> None:
    drawn = render_markdown(disclosed("[a](https://evil.example " + "".join(pieces) + "](https://evil.example)"))
    for address, label in _HREF.findall(drawn):
        host = httpx.URL(html.unescape(address)).raw_host.decode("ascii")
        assert host in html.unescape(re.sub(r"<[^>]*>", "", label)).lower(), drawn


def test_a_long_answer_full_of_brackets_takes_no_time() -> None:
    assert disclosed("[" * 8_000).startswith("[[")
