"""Allowed origins: what may be listed, what a request's Origin matches, and what a refusal says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.origins import OriginRefused, explain, matches, of_url, parse_allowed

GOOD = [
    "https://example.com",
    "https://www.example.com",
    "http://example.com",
    "https://example.com:8443",
    "http://example.com:443",
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:8000",
    "http://192.0.2.10",
    "http://intranet",
    "https://xn--bcher-kva.de",
    "https://my_site.example.com",
    "https://r3---sn-abc.example.com",
    "https://*.example.com",
    "https://*.a.b.example.co.uk",
    "https://*.convoship.github.io",
]

CORRECTED = {
    "https://Example.com/": "https://example.com",
    "https://example.com/": "https://example.com",
    "HTTPS://EXAMPLE.COM": "https://example.com",
    "https://example.com/shop?x=1#top": "https://example.com",
    "https://example.com/a,b;c": "https://example.com",
    "https://example.com:443": "https://example.com",
    "http://example.com:80/": "http://example.com",
    "https://example.com:": "https://example.com",
    "https://example.com:08443": "https://example.com:8443",
    "https://example.com.": "https://example.com",
    "example.com": "https://example.com",
    "//example.com/x": "https://example.com",
    "www.example.com:8443/x": "https://www.example.com:8443",
    "localhost:3000": "http://localhost:3000",
    "127.0.0.1": "http://127.0.0.1",
    "ftp://example.com": "https://example.com",
    "wss://example.com/socket": "https://example.com",
    "ws://localhost:8000": "http://localhost:8000",
    "https:\\\\example.com": "https://example.com",
    "  https://example.com\n": "https://example.com",
    "https://bücher.de": "https://xn--bcher-kva.de",
    "https://faß.de": "https://xn--fa-hia.de",
    "https://EXAMPLE。com": "https://example.com",
    "*.example.com": "https://*.example.com",
    "http://*.example.com": "https://*.example.com",
    "https://*.Example.com/": "https://*.example.com",
    "https://*.bücher.de": "https://*.xn--bcher-kva.de",
}

HOPELESS = [
    "",
    " ",
    "null",
    "NULL",
    "*",
    "https://*",
    "https://",
    "https:///path",
    "file:///home/me/page.html",
    "javascript:alert(1)",
    "javascript://example.com",
    "data:text/html,x",
    "chrome-extension://abcdefghijklmnop",
    "https://user@example.com",
    "https://user:pass@example.com",
    "https://example.com@evil.example",
    "https://example.com\\@evil.example",
    "https://example.com\\evil",
    "https://exa mple.com",
    "https://exam\tple.com",
    "https://exam\nple.com",
    "https://exam\x00ple.com",
    "https://example.com\x00",
    "https://exam\u200bple.com",
    "https://exam\ud800ple.com",
    "https://exam\u202eple.com",
    "https://[::1]",
    "https://[::1]:8000",
    "https://::1",
    "https://example.com:0",
    "https://example.com:65536",
    "https://example.com:8a",
    "https://example.com:-1",
    "https://example.com:99999999999999999999",
    "https://example.com:８０",
    "https://a:1:2",
    "https://.",
    "https://.example.com",
    "https://example..com",
    "https://example.com..",
    "https://-example.com",
    "https://example-.com",
    "https://ex%61mple.com",
    "https://exa!mple.com",
    "https://☃.example",
    "https://127.1",
    "https://256.1.1.1",
    "https://0x7f.0.0.1",
    "https://0x7f000001",
    "https://2130706433",
    "https://010.0.0.1",
    "https://" + "a" * 64 + ".com",
    "https://" + "a." * 130 + "com",
    "https://" + "ü" * 300 + ".com",
    "https://example.com/" + "x" * 3000,
    "https://a.example,https://b.example",
    "https://a.example https://b.example",
    "a.example; b.example",
    "https://*.com",
    "https://*.co.uk",
    "https://*.github.io",
    "https://*.localhost",
    "https://*.internal",
    "https://*.127.0.0.1",
    "https://*.*.example.com",
    "https://www.*.example.com",
    "https://*example.com",
    "https://ex*mple.com",
    "https://example.*",
    "https://*.",
    "https://*.example.com:8443",
    "http://*.co.uk",
]


@pytest.mark.parametrize("value", GOOD)
def test_an_origin_in_normal_form_is_taken_as_it_is(value: str) -> None:
    assert parse_allowed(value) == value


@pytest.mark.parametrize(("value", "corrected"), CORRECTED.items())
def test_anything_else_is_refused_with_the_corrected_value_in_words_and_as_a_suggestion(
    value: str, corrected: str
) -> None:
    with pytest.raises(OriginRefused) as refused:
        parse_allowed(value)
    assert refused.value.suggestion == corrected
    assert parse_allowed(corrected) == corrected
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("value", HOPELESS)
def test_what_can_never_be_an_origin_is_refused_without_guessing(value: str) -> None:
    with pytest.raises(OriginRefused) as refused:
        parse_allowed(value)
    assert refused.value.suggestion is None
    refused.value.message.encode()


def test_a_trailing_slash_is_named_in_the_message() -> None:
    with pytest.raises(OriginRefused, match=r"no slash at its end\. Use https://example\.com instead"):
        parse_allowed("https://example.com/")


def corrected(value: str) -> str | None:
    """The value if it is taken, else the suggestion."""
    try:
        return parse_allowed(value)
    except OriginRefused as refused:
        return refused.suggestion


@given(st.text(max_size=80))
def test_any_text_is_either_taken_unchanged_or_refused_with_a_suggestion_that_is_taken(value: str) -> None:
    allowed = corrected(value)
    assert allowed is None or parse_allowed(allowed) == allowed


_host = st.lists(st.from_regex(r"[a-zA-Z0-9üß_-]{1,12}", fullmatch=True), min_size=1, max_size=4).map(".".join)
_near = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["https://", "http://", "HTTPS://", "//", "", "https://*.", "*.", "ftp://", "https:/"]),
    _host,
    st.sampled_from(["", ".", ".com", ".co.uk", "@x.de"]),
    st.sampled_from(["", ":", ":80", ":443", ":0443", ":8443", ":70000"]),
    st.sampled_from(["", "/", "/a?b", "#x", " "]),
)


@given(_near)
def test_what_is_allowed_matches_itself_and_a_suggestion_is_always_allowed(value: str) -> None:
    allowed = corrected(value)
    if allowed is None:
        return
    if "*" in allowed:
        assert matches(allowed.replace("*", "shop"), [allowed])
        assert not matches(allowed.replace("*.", ""), [allowed])
    else:
        assert matches(allowed, [allowed])
        assert of_url(f"{allowed}/some/page?x=1") == allowed


LISTED = ["https://example.com", "http://localhost:3000", "https://*.shop.example"]

HOSTILE = [
    "null",
    "",
    "*",
    "https://*.shop.example",
    "https://example.com/",
    "https://example.com.",
    "https://example.com:443",
    "https://example.com:8443",
    "http://example.com",
    "HTTPS://example.com",
    "https://EXAMPLE.com",
    "https://www.example.com",
    "https://sub.example.com",
    "https://example.com.evil.example",
    "https://evilexample.com",
    "https://example.comevil",
    "https://example.co",
    "https://evil.example?https://example.com",
    "https://evil.example/https://example.com",
    "https://example.com@evil.example",
    "https://user@example.com",
    "https://example.com\n",
    " https://example.com",
    "https://example.com https://evil.example",
    "https://example.com\x00",
    "https://example.com\x0b",
    "https://example.com\x85",
    "https://еxample.com",
    "https://xn--xample-2of.com",
    "https://shop.example",
    "https://.shop.example",
    "https://a..shop.example",
    "https://-.shop.example.",
    "https://evil/a.shop.example",
    "https://evil?.shop.example",
    "https://evil#.shop.example",
    "https://u@a.shop.example",
    "https://u:p@a.shop.example",
    "https://evil:1.shop.example",
    "https://a.shop.example:8443",
    "https://a.shop.example/",
    "https://a.shop.example.",
    "https://a.shop.example\n",
    "https://A.shop.example",
    "https://a.Shop.example",
    "https://evil\\.shop.example",
    "https://ü.shop.example",
    "https://a b.shop.example",
    "https://evilshop.example",
    "https://shop.example.evil.example",
    "http://a.shop.example",
    "wss://a.shop.example",
    "http://localhost",
    "http://localhost:30000",
    "http://127.0.0.1:3000",
    "https://" + "a" * 10_000 + ".shop.example",
    "https://" + "a." * 5_000 + "shop.example",
]


@pytest.mark.parametrize("origin", HOSTILE)
def test_nothing_that_only_resembles_an_allowed_origin_gets_in(origin: str) -> None:
    assert not matches(origin, LISTED)
    refusal = explain(origin, LISTED)
    assert len(refusal.seen) <= 200
    assert refusal.seen.isprintable()
    told = f"{refusal.detail} {refusal.hint}".replace(refusal.seen, "")
    told.encode()
    for other in LISTED:
        assert other in (refusal.seen, refusal.nearest) or other not in told


@pytest.mark.parametrize(
    "origin", ["https://example.com", "http://localhost:3000", "https://a.shop.example", "https://b.a.shop.example"]
)
def test_what_is_listed_gets_in(origin: str) -> None:
    assert matches(origin, LISTED)


def test_null_is_refused_even_if_the_list_itself_holds_it() -> None:
    assert not matches("null", ["null"])
    assert not matches("https://*.shop.example", ["https://*.shop.example"])


@given(st.text(max_size=60), st.lists(st.one_of(st.sampled_from(LISTED), st.text(max_size=30)), max_size=4))
def test_neither_matching_nor_explaining_ever_fails(origin: str, allowed: list[str]) -> None:
    matches(origin, allowed)
    explain(origin, allowed)


@pytest.mark.parametrize(
    ("origin", "rule", "nearest"),
    [
        ("null", "null", None),
        ("", "not_an_origin", None),
        ("https://user@example.com", "not_an_origin", None),
        ("https://*.shop.example", "not_an_origin", None),
        ("https://example.com/", "trailing_slash", "https://example.com"),
        ("https://other.example/", "trailing_slash", None),
        ("https://Example.com", "not_normal_form", "https://example.com"),
        ("https://example.com:443", "not_normal_form", "https://example.com"),
        ("https://example.com/path", "not_normal_form", "https://example.com"),
        ("http://example.com", "scheme_differs", "https://example.com"),
        ("https://example.com:8443", "port_differs", "https://example.com"),
        ("http://example.com:8080", "scheme_and_port_differ", "https://example.com"),
        ("http://localhost:8000", "port_differs", "http://localhost:3000"),
        ("http://a.shop.example", "scheme_differs", "https://a.shop.example"),
        ("https://a.shop.example:1", "port_differs", "https://a.shop.example"),
        ("https://shop.example", "wildcard_excludes_apex", None),
        ("https://www.example.com", "host_not_listed", None),
        ("http://[::1]:8000", "host_not_listed", None),
    ],
)
def test_a_refusal_names_the_rule_and_at_most_the_origin_with_the_same_host(
    origin: str, rule: str, nearest: str | None
) -> None:
    refusal = explain(origin, LISTED)
    assert (refusal.seen, refusal.rule, refusal.nearest) == (origin, rule, nearest)
    assert refusal.detail.endswith(".")
    assert refusal.hint.endswith(".")


def test_a_refusal_says_how_the_origin_differs() -> None:
    assert explain("http://example.com", LISTED).detail == (
        "http://example.com is not https://example.com, which is allowed: the page came by http, allowed is https."
    )
    assert "the page's port is 443 (that of https), allowed is 8443" in (
        explain("https://a.de", ["https://a.de:8443"]).detail
    )


def test_of_several_with_the_same_host_the_one_that_differs_least_is_named() -> None:
    allowed = ["https://a.de:1", "https://a.de", "http://a.de:8080"]
    assert explain("http://a.de", allowed).nearest == "https://a.de"
    assert explain("https://a.de:2", allowed).nearest == "https://a.de"
    assert explain("http://a.de:1", allowed).nearest == "https://a.de:1"


def test_an_empty_list_is_named_as_the_reason() -> None:
    assert explain("https://example.com", []).rule == "no_origins_listed"


def test_an_endless_origin_is_cut_short_in_the_words() -> None:
    refusal = explain("https://" + "a" * 10_000, LISTED)
    assert len(refusal.seen) == 200
    assert len(refusal.detail) < 400


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.com:443/a/b?c#d", "https://example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
        ("http://[0:0::1]", "http://[::1]"),
        ("https://bücher.de/straße", "https://xn--bcher-kva.de"),
        ("https://example.com/a b", "https://example.com"),
        ("https://user:pass@example.com/", None),
        ("http://[::1", None),
        ("http://[:::1]/", None),
        ("https://*.example.com/", None),
        ("mailto:a@b.de", None),
        ("example.com", None),
        ("", None),
    ],
)
def test_the_origin_of_an_address(url: str, origin: str | None) -> None:
    assert of_url(url) == origin
