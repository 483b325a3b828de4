"""Theme JSON: what is accepted, the words for what isn't, and colours that everyone can read."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deployments import contrast, theme
from deployments.theme import DEFAULT_THEME, THEME_SCHEMA, ThemeRefused, resolved, validate


def refused(value: object) -> dict[str, list[str]]:
    with pytest.raises(ThemeRefused) as error:
        validate(value)
    return error.value.errors


def test_the_schema_is_a_good_json_schema() -> None:
    Draft202012Validator.check_schema(THEME_SCHEMA)


def test_an_empty_theme_is_the_default_theme() -> None:
    assert validate({}) == {}
    assert resolved({}) == DEFAULT_THEME
    assert Draft202012Validator(THEME_SCHEMA).is_valid(DEFAULT_THEME)


def test_a_full_theme_is_taken_in_normal_form_and_the_input_is_left_alone() -> None:
    full: dict[str, Any] = {
        "primaryColor": "#FFF",
        "textColor": "#123",
        "mode": "dark",
        "position": "bottom-left",
        "offset": {"x": 0, "y": 200},
        "launcher": {"color": "#AbCdEf", "icon": "help", "label": " Chat\twith us "},
        "header": {"title": "Shop", "subtitle": "Here for you", "avatarUrl": "https://example.com/a.png?x=1"},
        "greeting": " Hi!\r\nHow are you? ",
        "avatarUrl": "http://localhost:8000/a.png",
        "radius": 32,
        "zIndex": 2147483647,
        "customTexts": {"placeholder": "Ask away", "reason_invalid": ""},
    }
    before = copy.deepcopy(full)
    made = validate(full)
    assert full == before
    assert made["primaryColor"] == "#ffffff"
    assert made["textColor"] == "#112233"
    assert made["launcher"] == {"color": "#abcdef", "icon": "help", "label": "Chat with us"}
    assert made["greeting"] == "Hi!\nHow are you?"
    assert made["customTexts"] == {"placeholder": "Ask away", "reason_invalid": ""}
    assert validate(made) == made


def test_texts_by_language_are_taken_and_a_text_for_everybody_alone_is_a_plain_one() -> None:
    texts: dict[str, Any] = {
        "send": {"de": " Los ", "*": "Go", "pt-BR": ""},
        "close": {"*": "Away"},
        "menu": {},
        "greeting": {"de": "Moin,\nwas gibt es?"},
    }
    assert validate({"customTexts": texts})["customTexts"] == {
        "send": {"de": "Los", "*": "Go", "pt-BR": ""},
        "close": "Away",
        "greeting": {"de": "Moin,\nwas gibt es?"},
    }
    assert Draft202012Validator(THEME_SCHEMA).is_valid({"customTexts": texts})


def test_themes_from_before_texts_had_languages_stay_as_they_are() -> None:
    old = {"customTexts": {"send": "Go", "subtitle": "", "greeting": "Never shown", "launcherLabel": "x" * 300}}
    assert validate(old) == old
    assert resolved(old, "de")["launcher"]["label"] == ""


@pytest.mark.parametrize(
    ("locale", "languages", "label"),
    [
        ("de", [], "Plausch"),
        ("de_ch", [], "Schwatz"),
        ("de-CH-1996", [], "Schwatz"),
        ("pt", [], "Papo"),
        ("fr", [], "Chat"),
        ("", [], "Chat"),
        ("nonsense \x00", [], "Chat"),
        ("fr", ["de", "en"], "Plausch"),
        ("en-GB", ["de", "en"], "Chat"),
    ],
)
def test_the_launchers_label_is_in_the_visitors_language(locale: str, languages: list[str], label: str) -> None:
    texts = {"launcherLabel": {"de": "Plausch", "de-CH": "Schwatz", "pt-BR": "Papo"}}
    whole = resolved({"launcher": {"label": "Chat"}, "customTexts": texts}, locale, languages)
    assert whole["launcher"]["label"] == label


def test_what_is_empty_counts_as_not_set() -> None:
    assert validate({"textColor": "", "launcher": {"color": "", "icon": ""}, "header": {}, "greeting": " "}) == {}


def test_resolving_merges_groups_key_by_key_and_shares_nothing() -> None:
    whole = resolved({"launcher": {"label": "Chat"}, "offset": {"x": 5}, "radius": 0})
    assert whole["launcher"] == {"color": "", "icon": "chat", "label": "Chat"}
    assert whole["offset"] == {"x": 5, "y": 0}
    assert whole["radius"] == 0
    whole["header"]["title"] = "changed"
    assert DEFAULT_THEME["header"]["title"] == ""


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (None, "", "This must be an object with named fields."),
        ([], "", "This must be an object"),
        ({"primarycolor": "#fff"}, "primarycolor", "Did you mean “primaryColor”?"),
        ({"launcher": {"colour": "#fff"}}, "launcher.colour", "Did you mean “color”?"),
        ({"css": "*{}"}, "css", "This key isn't known. Take it out."),
        ({"primaryColor": "red"}, "primaryColor", "Use a colour such as #2f54d6."),
        ({"primaryColor": ""}, "primaryColor", "Use a colour"),
        ({"primaryColor": "#ffff"}, "primaryColor", "Use a colour"),
        ({"primaryColor": "#ffffff\n"}, "primaryColor", "Use a colour"),
        ({"primaryColor": "#fff;}*{x:y"}, "primaryColor", "Use a colour"),
        ({"primaryColor": None}, "primaryColor", "This must be text."),
        ({"textColor": "rgb(0,0,0)"}, "textColor", "Use a colour"),
        ({"launcher": {"color": "#12"}}, "launcher.color", "Use a colour"),
        ({"launcher": "#fff"}, "launcher", "This must be an object"),
        ({"launcher": {"icon": "rocket"}}, "launcher.icon", "Use chat or help, or the address of an image"),
        ({"launcher": {"label": "x" * 41}}, "launcher.label", "41 characters, at most 40"),
        ({"mode": "sepia"}, "mode", "This must be one of: light, dark, auto. It is “sepia”."),
        ({"position": "top-left"}, "position", "bottom-right, bottom-left"),
        ({"offset": {"x": 201}}, "offset.x", "200 or less"),
        ({"offset": {"y": -1}}, "offset.y", "0 or more"),
        ({"offset": {"z": 1}}, "offset.z", "isn't known"),
        ({"radius": 33}, "radius", "32 or less"),
        ({"radius": 1.5}, "radius", "a whole number"),
        ({"radius": True}, "radius", "a whole number"),
        ({"radius": "16"}, "radius", "a whole number"),
        ({"radius": float("nan")}, "radius", "a whole number"),
        ({"zIndex": 2147483648}, "zIndex", "2147483647 or less"),
        ({"zIndex": float("inf")}, "zIndex", "a whole number"),
        ({"greeting": "x" * 301}, "greeting", "too long"),
        ({"greeting": "a\x00"}, "greeting", "can't be stored"),
        ({"greeting": "a\udc00"}, "greeting", "can't be stored"),
        ({"customTexts": {"a": 1}}, "customTexts.a", "This must be text, or texts by language"),
        ({"customTexts": {"a": {"german": "x"}}}, "customTexts.a.german", "Use a language tag such as en, de or pt-BR"),
        ({"customTexts": {"a": {"pt_BR": "x"}}}, "customTexts.a.pt_BR", "Use a language tag"),
        ({"customTexts": {"a": {"de": 1}}}, "customTexts.a.de", "This must be text."),
        ({"customTexts": {"a": {"de": {"at": "x"}}}}, "customTexts.a.de", "This must be text."),
        ({"customTexts": {"a": {f"de-{i:03}": "" for i in range(41)}}}, "customTexts.a", "too many: 41"),
        ({"customTexts": {"greeting": {"*": "x"}}}, "customTexts.greeting.*", "Use a language tag"),
        ({"customTexts": {"launcherLabel": {"de": "x" * 41}}}, "customTexts.launcherLabel.de", "at most 40"),
        ({"customTexts": {"a b": "x"}}, "customTexts.a b", "letters, digits and underscores"),
        ({"customTexts": {"a": "x" * 301}}, "customTexts.a", "too long"),
        ({"customTexts": {f"k{i}": "" for i in range(201)}}, "customTexts", "too many: 201"),
    ],
)
def test_a_fault_is_told_in_plain_words_under_its_path(value: object, path: str, words: str) -> None:
    errors = refused(value)
    assert list(errors) == [path]
    assert words in errors[path][0]


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/a.png",
        "http://localhost.evil.example/a.png",
        "javascript:alert(1)",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "//example.com/a.png",
        "/a.png",
        "https://",
        "https://user@example.com/a.png",
        "https://example.com/a b.png",
        "https://example.com/a.png\n",
        "https://example.com/a\x00.png",
        "https://example.com/');background:url(x",
        'https://example.com/"onerror="x',
        "https://example.com\\a.png",
        "ftp://example.com/a.png",
        "https://example.com/" + "x" * 2000,
    ],
)
def test_an_image_comes_by_https_from_an_honest_address(address: str) -> None:
    assert list(refused({"avatarUrl": address})) == ["avatarUrl"]
    assert list(refused({"header": {"avatarUrl": address}})) == ["header.avatarUrl"]
    assert list(refused({"launcher": {"icon": address}})) == ["launcher.icon"]


@pytest.mark.parametrize(
    "address",
    ["https://example.com", "https://cdn.example.com:8443/ä/a.png?b=c&d=%20#e", "http://127.0.0.1:8000/a.png"],
)
def test_good_addresses_are_taken(address: str) -> None:
    assert validate({"avatarUrl": address}) == {"avatarUrl": address}


def test_every_fault_is_told_at_once_up_to_a_bound() -> None:
    assert set(refused({"primaryColor": 1, "mode": 2, "x": 3})) == {"primaryColor", "mode", "x"}
    assert len(refused({f"k{i}": 1 for i in range(10_000)})) == 50


def test_text_that_cannot_be_read_is_refused_with_the_nearest_colour_that_can() -> None:
    (words,) = refused({"primaryColor": "#fc0", "textColor": "#fff"})["textColor"]
    assert "#ffffff on #ffcc00" in words
    assert "1.5:1" in words
    assert "The nearest colour that passes is #5a5a5a." in words
    with pytest.raises(ThemeRefused) as error:
        validate({"primaryColor": "#fc0", "textColor": "#fff"})
    assert error.value.better == {"textColor": "#5a5a5a"}
    assert list(refused({"textColor": "#2f54d6"})) == ["textColor"]  # upon the default colour
    validate({"primaryColor": "#fc0", "textColor": "#5a5a5a"})


_colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@given(_colours, _colours)
def test_the_colour_that_is_offered_passes_and_is_always_the_same(primary: str, text: str) -> None:
    try:
        made = validate({"primaryColor": primary, "textColor": text})
    except ThemeRefused as error:
        told = error.errors
    else:
        assert contrast.ratio(made["textColor"], made["primaryColor"]) >= 4.5
        return
    offered = re.search(r"passes is (#[0-9a-f]{6})", told["textColor"][0])
    assert offered is not None
    validate({"primaryColor": primary, "textColor": offered[1]})
    assert refused({"primaryColor": primary, "textColor": text}) == told


@given(_colours)
def test_without_a_text_colour_any_colour_passes_as_black_or_white_reads_on_it(primary: str) -> None:
    validate({"primaryColor": primary, "launcher": {"color": primary}})
    assert contrast.ratio(contrast.black_or_white(primary), primary) >= 4.5


def test_contrast_is_wcags() -> None:
    assert contrast.ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast.ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast.ratio("#ff0000", "#ffffff") == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize(("text", "upon"), [("#ff0000", "#ffffff"), ("#00a000", "#ffffff"), ("#3060ff", "#000000")])
def test_the_nearest_colour_keeps_its_hue(text: str, upon: str) -> None:
    near = contrast.nearest(text, [upon])
    assert near is not None

    def strongest(colour: str) -> int:
        parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        return parts.index(max(parts))

    assert strongest(near) == strongest(text)
    assert contrast.ratio(near, upon) < 5


def test_a_colour_between_two_others_may_have_no_reading_on_both() -> None:
    assert contrast.nearest("#808080", ["#000000", "#ffffff"]) is not None
    assert contrast.nearest("#808080", ["#000000", "#ffffff"], least=7) is None


_theme = st.fixed_dictionaries(
    {},
    optional={
        "primaryColor": _colours,
        "mode": st.sampled_from(["light", "dark", "auto"]),
        "offset": st.fixed_dictionaries({}, optional={"x": st.integers(0, 200), "y": st.integers(0, 200)}),
        "launcher": st.fixed_dictionaries(
            {},
            optional={"color": _colours, "icon": st.sampled_from(theme.ICONS), "label": st.text("ab \n", max_size=9)},
        ),
        "greeting": st.text("ab é\n", max_size=20),
        "radius": st.integers(0, 32) | st.just(16.0),
        "zIndex": st.integers(0, 2147483647),
        "customTexts": st.dictionaries(
            st.sampled_from(["title", "send"]),
            st.text("xy ", max_size=9)
            | st.dictionaries(st.sampled_from(["de", "pt-BR", "*"]), st.text("xy ", max_size=9)),
        ),
    },
)


@given(_theme)
def test_a_good_theme_is_stable_and_so_is_what_a_widget_is_given(value: dict[str, Any]) -> None:
    made = validate(value)
    assert validate(made) == made
    whole = resolved(made)
    assert set(DEFAULT_THEME) <= set(whole)
    assert resolved(validate(whole)) == whole


def test_a_colour_that_cannot_be_read_is_told_beside_whatever_else_is_wrong() -> None:
    with pytest.raises(ThemeRefused) as error:
        validate({"textColor": "#fff", "primaryColor": "#FC0", "radius": 99, "launcher": {"colour": "#fff"}})
    assert set(error.value.errors) == {"launcher.colour", "radius", "textColor"}
    assert error.value.better == {"textColor": "#5a5a5a"}
    # A colour that is none is not compared.
    assert set(refused({"textColor": "#fff", "primaryColor": "yellow"})) == {"primaryColor"}
    assert set(refused({"textColor": 5, "primaryColor": "#fff"})) == {"textColor"}
