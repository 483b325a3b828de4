"""Policies as text: how they are taken apart, and the line that lets something through.

What they block is held against Chromium in tests/e2e/test_install_csp.py.
"""

from __future__ import annotations

import pytest

from deployments import csp
from deployments.csp import Need

PAGE = "https://shop.example/help"
HOST = "https://chat.example"
API = Need("connect-src", f"{HOST}/v1/public/runtime/config")
SOCKET = Need("connect-src", "wss://chat.example/v1/public/runtime/sessions/x/socket")
LOADER = Need("script-src-elem", f"{HOST}/embed/v1.js")


def test_a_header_that_stands_twice_and_has_commas_is_several_policies() -> None:
    found = csp.parse_headers(["default-src 'self', img-src *", "connect-src 'none'", " , "])
    assert [list(policy.directives) for policy in found] == [["default-src"], ["img-src"], ["connect-src"]]


def test_of_a_directive_that_stands_twice_the_first_counts() -> None:
    assert csp.parse("img-src a.example; IMG-SRC b.example").directives == {"img-src": ("a.example",)}


def test_what_a_browser_does_not_take_from_meta_is_not_taken() -> None:
    policy = csp.parse("sandbox; frame-ancestors 'none'; img-src *", place="meta")
    assert list(policy.directives) == ["img-src"]
    assert policy.sandbox() is None
    assert csp.parse("sandbox allow-scripts").sandbox() == frozenset({"allow-scripts"})


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ("connect-src 'self'", "connect-src 'self' https://chat.example wss://chat.example"),
        ("connect-src 'none'", "connect-src https://chat.example wss://chat.example"),
        ("default-src 'self' data:", "connect-src 'self' data: https://chat.example wss://chat.example"),
        ("default-src 'none'", "connect-src https://chat.example wss://chat.example"),
        ("connect-src https://chat.example", "connect-src https://chat.example wss://chat.example"),
    ],
)
def test_the_line_that_lets_the_widget_talk_keeps_what_was_let_through_before(policy: str, line: str) -> None:
    parsed = csp.parse(policy)
    assert not (parsed.allows(API, PAGE) and parsed.allows(SOCKET, PAGE))
    fixed = csp.with_sources(parsed, "connect-src", [HOST, "wss://chat.example"])
    assert fixed == line
    mended = csp.parse(fixed)
    assert mended.allows(API, PAGE)
    assert mended.allows(SOCKET, PAGE)


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        ("script-src 'self'", "script-src 'self' https://chat.example"),
        ("script-src-elem 'self'; script-src *", "script-src-elem 'self' https://chat.example"),
        ("default-src 'self'", "script-src 'self' https://chat.example"),
    ],
)
def test_the_line_for_scripts_changes_the_directive_that_was_asked(policy: str, line: str) -> None:
    parsed = csp.parse(policy)
    assert not parsed.allows(LOADER, PAGE)
    assert csp.with_sources(parsed, "script-src-elem", [HOST]) == line
    assert csp.parse(line).allows(LOADER, PAGE)


def test_a_page_by_https_is_not_served_by_what_is_listed_for_http_alone_but_the_safer_form_passes() -> None:
    assert csp.parse("connect-src http://chat.example").allows(API, PAGE)
    assert not csp.parse("connect-src https://chat.example").allows(Need("connect-src", "http://chat.example/"), PAGE)
    assert csp.parse("connect-src http://chat.example:80").allows(API, PAGE)


def test_a_star_stands_for_sub_domains_of_any_depth_and_not_for_the_name() -> None:
    policy = csp.parse("connect-src https://*.example")
    assert policy.allows(API, PAGE)
    assert policy.allows(Need("connect-src", "https://a.b.example/"), PAGE)
    assert not policy.allows(Need("connect-src", "https://example/"), PAGE)


def test_a_hash_may_be_written_in_either_base64() -> None:
    text = "let a = 'ÿ~?'"
    other = csp.hash_of(text).replace("+", "-").replace("/", "_")
    for source in (csp.hash_of(text), other):
        assert csp.parse(f"script-src {source}").allows(Need("script-src-elem", text=text), PAGE)
        assert not csp.parse(f"script-src {source}").allows(Need("script-src-elem", text=text + " "), PAGE)


@pytest.mark.parametrize("text", ["", ";;;", "script-src", "script-src 'sha256-é'", "script-src 'sha256-x' http://["])
def test_whatever_a_server_sends_can_be_read(text: str) -> None:
    policy = csp.parse(text)
    assert policy.allows(LOADER, PAGE) is ("script-src" not in policy.directives)
