"""What a model writes is made fit to be shown, whatever pieces it comes in."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.responders.safe_output import SafeOutput, disclosed
from deployments.safe_text import render_markdown
from tests.models import widget_reader


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
        ("[a (b)](https://en.example/wiki/A_(b))", "[a (b) (en.example)](https://en.example/wiki/A_%28b%29)"),
        ('[x](https://e.example "title)")', "[x (e.example)](https://e.example)"),
        ("[ünlü](https://bücher.example/)", "[ünlü (xn--bcher-kva.example)](https://bücher.example/)"),
        ("[run](javascript:alert(1))", "[run](javascript:alert(1))"),
        ("[here](/relative)", "[here](/relative)"),
        ("a[i](x) and b[0]", "a[i](x) and b[0]"),
        ("[not finished", "[not finished"),
        # What we read as no link, and a renderer may.
        ("[x\\](https://evil.example)", "[x\\ (evil.example)](https://evil.example)"),
        ("[a`]`](https://evil.example)", "[a`]` (evil.example)](https://evil.example)"),
        ("[x\\](https://evil.example", "[x\\] (https://evil.example"),
        ("[x](\u00a0https://evil.example)", "[x] (\u00a0https://evil.example)"),
        ("[x](<https://evil.example)", "[x] (<https://evil.example)"),
        ("[x](https://evil.example/a(b)", "[x] (https://evil.example/a(b)"),
        ('[x](https://evil.example "a\\") b', "[x (evil.example)](https://evil.example) b"),
        ("[x](&#104;ttps://evil.example)", "[x] (&#104;ttps://evil.example)"),
        ("[x](\\https://evil.example)", "[x] (\\https://evil.example)"),
        ("[x](https\\://evil.example)", "[x] (https\\://evil.example)"),
        ("[x](https://evil.example&sol;@good.example)", "[x] (https://evil.example&sol;@good.example)"),
        ("[x](https://e.example/?a=1&copy=2)", "[x (e.example)](https://e.example/?a=1&copy=2)"),
        ("[x](//evil.example)", "[x] (//evil.example)"),
        ("[x](https:evil.example)", "[x] (https:evil.example)"),
        ("[Bank][1]\n\n[1]: https://evil.example", "[Bank][1]\n\n[1] : https://evil.example"),
        # An address in which another reader finds a second link.
        (
            "[a](https://ok.example/`[Bank](https://evil.example/login))",
            "[a] (https://ok.example/`[Bank (evil.example)](https://evil.example/login))",
        ),
        (
            "\\[a](https://ok.example/*[Bank](https://evil.example))",
            "\\[a] (https://ok.example/*[Bank (evil.example)](https://evil.example))",
        ),
        ("[x](https://ok.example/*(a)", "[x] (https://ok.example/*(a)"),
        ("[x](https://ok.example/*a*)", "[x (ok.example)](https://ok.example/%2Aa%2A)"),
        ("[x](https://_a_.example/)", "[x (\\_a\\_.example)](https://_a_.example/)"),
        # Neither a mailbox nor a number is hidden.
        ("[Your bank](mailto:x@evil.example)", "[Your bank (x@evil.example)](mailto:x@evil.example)"),
        ("[a@b.example](mailto:a@b.example)", "[a@b.example](mailto:a@b.example)"),
        ("[x](mailto:a@b.example?subject=Hi)", "[x (a@b.example)](mailto:a@b.example?subject=Hi)"),
        ("[x](mailto:a@b.example?cc=c@d.example)", "[x] (mailto:a@b.example?cc=c@d.example)"),
        ("[x](mailto:a@b.example?subject=Hi&amp;to=c@d)", "[x] (mailto:a@b.example?subject=Hi&amp;to=c@d)"),
        ("[Call us](tel:+1900555)", "[Call us (+1900555)](tel:+1900555)"),
        ("[+1 (900) 555](tel:+1900555)", "[+1 (900) 555](tel:+1900555)"),
        ("[x](tel:javascript)", "[x] (tel:javascript)"),
        ("f[0](x) and [1] (b)", "f[0](x) and [1] (b)"),
        ("Wow![", "Wow!["),
        ("Wow![1]", "Wow![1]"),
        ("![a [b]](https://spy.example/p.png)", "! [a [b] (spy.example)](https://spy.example/p.png)"),
        ("Really!", "Really!"),
        ("a\x00b\u202ec\x1bd\ufeff", "abcd"),
        ("line\r\nend", "line\nend"),
    ],
)
def test_where_a_link_leads_is_said_and_nothing_is_fetched(written: str, shown: str) -> None:
    assert disclosed(written) == shown


def test_an_address_is_held_back_until_it_is_whole_and_nothing_else_is() -> None:
    output = SafeOutput()
    assert output.take("See [our") == "See [our"
    assert output.take(" offer](https://evil.exa") == " offer"
    assert output.take("mple) now, [a]") == " (evil.example)](https://evil.example) now, [a"
    assert output.take(" b") == "] b"
    assert output.take(" Look: ![a") == " Look: "
    assert output.take(" b] c") == "![a b] c"
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
                "*",
                "_",
                "~~",
                "[Bank](https://evil.example/x)",
                "https://ok.example/",
                "mailto:a@b.example",
                "tel:+1900555",
                "?to=c@d.example",
                ":",
                "\n",
                "- ",
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


_HREF = re.compile(r'<a href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_AROUND = st.sampled_from(["{}", "[a](https://evil.example {}](https://evil.example)", "[a](https://ok.example/{})"])


def _hides(address: str, label: str) -> bool:
    """Whether a link doesn't say where it leads."""
    if label == address:
        return False
    if address.lower().startswith(("mailto:", "tel:")):
        target, _, more = address.partition(":")[2].partition("?")
        is_said = target in label or _digits(label) == _digits(target)
        return not is_said or "to=" in more
    return httpx.URL(address).raw_host.decode("ascii").lower() not in label.lower()


def _digits(text: str) -> str:
    return re.sub("[^0-9]", "", text)


@settings(max_examples=500, deadline=None)
@given(pieces=_PIECES, around=_AROUND)
def test_no_link_that_our_pages_draw_leads_anywhere_without_saying_where(pieces: list[str], around: str) -> None:
    drawn = render_markdown(disclosed(around.format("".join(pieces))))
    for address, label in _HREF.findall(drawn):
        assert not _hides(html.unescape(address), html.unescape(re.sub(r"<[^>]*>", "", label))), drawn


@pytest.fixture(scope="module")
def widget() -> Iterator[widget_reader.Reader]:
    with widget_reader.running() as reader:
        yield reader


def test_the_widget_s_reader_finds_links(widget: widget_reader.Reader) -> None:
    assert widget.links("- [*a*](https://e.example)") == [("https://e.example", "a")]


@settings(max_examples=500, deadline=None)
@given(pieces=_PIECES, around=_AROUND)
def test_no_link_that_the_widget_draws_leads_anywhere_without_saying_where(
    widget: widget_reader.Reader, pieces: list[str], around: str
) -> None:
    text = disclosed(around.format("".join(pieces)))
    for address, label in widget.links(text):
        assert not _hides(address, label), text


@pytest.mark.parametrize(
    "unit", ["[", "](", "](https://", "![", "![a](", "[a](https://e.example", '](https://a "', "](https://a/(", "[]("]
)
@pytest.mark.parametrize("is_by_character", [False, True])
def test_no_answer_is_much_more_work_than_to_walk_over_it(unit: str, is_by_character: bool) -> None:
    """Held against a plain loop over the same text, which a busy machine slows as much."""
    text = (unit * 8_000)[:8_000]

    def read() -> None:
        output = SafeOutput()
        for piece in text if is_by_character else [text]:
            output.take(piece)
        output.rest()

    def walk() -> None:
        for character in text:
            ord(character)

    assert _seconds(read) < 1_500 * _seconds(walk)


def _seconds(work: Callable[[], None]) -> float:
    """Of the processor, the best of three."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)
