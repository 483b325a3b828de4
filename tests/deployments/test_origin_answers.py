"""What is said of an origin while it is typed; each example is what the door itself would say."""

from __future__ import annotations

import pytest

from deployments import origin_answers, origins
from deployments.origin_answers import of_typed

GOOD = [
    "https://www.example.com",
    "https://example.com",
    "http://example.com",
    "https://example.com:8080",
    "https://*.example.com",
    "https://*.shop.example.co.uk",
    "http://localhost",
    "https://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:8000",
    "http://192.168.0.4",
    "https://xn--bcher-kva.example",
    "https://app.localhost",
]


@pytest.mark.parametrize("origin", GOOD)
def test_every_example_is_what_the_door_says(origin: str) -> None:
    answer = of_typed(origin)
    assert answer.is_good
    assert answer.lets_in
    assert answer.leaves_out
    for example in answer.lets_in:
        assert origins.matches(example.origin, [answer.origin]), example
    for example in answer.leaves_out:
        assert origins.of_url(example.origin) == example.origin, "an example is an origin that a browser sends"
        assert not origins.matches(example.origin, [answer.origin]), example


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("https://www.example.com/", "https://www.example.com"),
        ("WWW.Example.com/shop?x=1", "https://www.example.com"),
        ("http://*.example.com", "https://*.example.com"),
        ("localhost:3000", "http://localhost:3000"),
        ("null", ""),
        ("*", ""),
        ("https://*.co.uk", ""),
        ("", ""),
        ("\x00", ""),
        ("x" * 5000, ""),
    ],
)
def test_what_can_not_be_saved_has_words_and_mostly_a_correction(typed: str, suggestion: str) -> None:
    answer = of_typed(typed)
    assert not answer.is_good
    assert answer.message
    assert answer.suggestion == suggestion
    if suggestion:
        assert of_typed(suggestion).is_good


def test_a_wildcard_says_which_name_it_is_about_and_that_the_name_itself_is_left_out() -> None:
    answer = of_typed("https://*.example.com")
    assert answer.wildcard == "example.com"
    assert "https://example.com" in [example.origin for example in answer.leaves_out]
    assert of_typed("https://example.com").wildcard == ""


@pytest.mark.parametrize("typed", ["capacitor://localhost", "ionic://localhost", "file:///index.html", "tauri://x"])
def test_apps_are_told_what_to_do_instead(typed: str) -> None:
    answer = of_typed(typed)
    assert not answer.is_good
    assert any("web view" in note for note in answer.notes)


def test_development_hosts_are_explained() -> None:
    assert any("port" in note for note in of_typed("http://localhost").notes)
    assert any("Capacitor" in note for note in of_typed("https://localhost").notes)
    assert not any("Capacitor" in note for note in of_typed("http://localhost:3000").notes)
    assert any("https" in note for note in of_typed("http://example.com").notes)
    assert of_typed("https://example.com").notes == ()
    assert origin_answers.LONGEST_TYPED >= 2000
