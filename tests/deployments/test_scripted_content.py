"""The content of a scripted assistant: what is accepted, and the plain words for what isn't."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.responders import content
from deployments.responders.content import ContentRefused, validate
from deployments.responders.placeholders import filled
from deployments.responders.templates import TEMPLATES


def refused(value: object) -> dict[str, list[str]]:
    with pytest.raises(ContentRefused) as error:
        validate(value)
    return error.value.errors


def intent(**changes: Any) -> dict[str, Any]:
    return {"name": "Hours", "phrases": ["when are you open"], "answers": [{"text": "9 to 5"}], **changes}


@pytest.mark.parametrize("key", TEMPLATES)
def test_every_template_is_valid_as_it_stands_and_copied_afresh(key: str) -> None:
    fresh = TEMPLATES[key].content()
    assert validate(fresh) == fresh
    fresh["intents"].clear()
    assert TEMPLATES[key].content()["intents"]
    assert TEMPLATES[key].name
    assert TEMPLATES[key].description


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "text":
                yield item
            else:
                yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


@pytest.mark.parametrize("key", TEMPLATES)
def test_every_text_of_a_template_reads_well_for_a_visitor_whose_name_is_unknown(key: str) -> None:
    made = TEMPLATES[key].content()
    known = {question["slot"]: "x" for intent in made["intents"] for question in intent.get("ask", ())}
    known |= {variable["name"]: "x" for variable in made.get("variables", ())}
    for text in texts_of(made):
        said = filled(text, known)
        assert not re.search(r" [!?.,:;]|  |^ |[ ,]$", said), said


def test_what_is_left_out_comes_from_the_empty_assistant() -> None:
    assert validate({}) == content.EMPTY
    assert validate({})["welcome"] is not content.EMPTY["welcome"]


def test_the_normal_form_is_trimmed_holds_no_phrase_twice_and_leaves_the_input_alone() -> None:
    given_ = {"intents": [intent(phrases=["Open? ", "open?", "closed"], answers=[{"text": " a\r\nb \n"}])]}
    before = copy.deepcopy(given_)
    made = validate(given_)["intents"][0]
    assert made["phrases"] == ["Open?", "closed"]
    assert made["answers"] == [{"text": "a\nb"}]
    assert given_ == before
    assert validate({"intents": [made]})["intents"][0] == made


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (None, "", "This must be an object with named fields."),
        ([], "", "This must be an object with named fields."),
        ({"wellcome": {}}, "wellcome", "This key isn't known. Did you mean “welcome”?"),
        ({"zzz": 1}, "zzz", "This key isn't known. Take it out."),
        ({"welcome": {}}, "welcome.text", "This is missing."),
        ({"welcome": {"text": " \n"}}, "welcome.text", "This must not be empty."),
        ({"welcome": {"text": 5}}, "welcome.text", "This must be text."),
        ({"welcome": {"text": "x" * 2001}}, "welcome.text", "This is too long: 2001 characters, at most 2000"),
        ({"small_talk": "yes"}, "small_talk", "This must be true or false."),
        ({"intents": {}}, "intents", "This must be a list."),
        ({"intents": [intent(name=f"n{i}") for i in range(201)]}, "intents", "These are too many: 201, at most 200"),
        (
            {"intents": [intent(), intent(name="HOURS")]},
            "intents[1].name",
            "Another intent is called “HOURS” already, number 1.",
        ),
        ({"intents": [intent(name="")]}, "intents[0].name", "Give it a name."),
        ({"intents": [intent(name="a:b")]}, "intents[0].name", "Use a short name without a colon"),
        ({"intents": [intent(name="a\n")]}, "intents[0].name", "Use a short name"),
        ({"intents": [intent(phrases=[])]}, "intents[0].phrases", "Add at least one phrase"),
        ({"intents": [intent(phrases=["x"] * 101)]}, "intents[0].phrases", "These are too many"),
        ({"intents": [intent(phrases=[""])]}, "intents[0].phrases[0]", "This must not be empty."),
        ({"intents": [intent(answers=[])]}, "intents[0].answers", "Add at least one answer, or an action."),
        (
            {"intents": [intent(action={"type": "fly"})]},
            "intents[0].action.type",
            "This must be one of: hand_over, end",
        ),
        ({"intents": [intent(slots=[])]}, "intents[0].slots", "This key isn't known."),
        ({"fallback": {"text": "a\x00"}}, "fallback.text", "can't be stored"),
        ({"fallback": {"text": "a\ud800"}}, "fallback.text", "can't be stored"),
        ({"a\ud800\x00" + "b" * 500: 1}, "a��" + "b" * 56 + "…", "This key isn't known."),
    ],
)
def test_a_fault_is_told_in_plain_words_under_its_path(value: object, path: str, words: str) -> None:
    errors = refused(value)
    assert list(errors) == [path]
    assert errors[path][0].startswith(words) or words in errors[path][0]
    str(errors).encode()


@pytest.mark.parametrize(
    ("button", "path"),
    [
        ({"label": "x"}, ""),
        ({"label": "x", "payload": "a", "url": "https://a.de"}, ""),
        ({"payload": "a"}, ".label"),
        ({"label": "x", "payload": "intent:Nowhere"}, ".payload"),
        ({"label": "x", "url": "javascript:alert(1)"}, ".url"),
        ({"label": "x", "url": "JAVASCRIPT:alert(1)"}, ".url"),
        ({"label": "x", "url": "java\tscript:alert(1)"}, ".url"),
        ({"label": "x", "url": "data:text/html,x"}, ".url"),
        ({"label": "x", "url": "//evil.example"}, ".url"),
        ({"label": "x", "url": "https://user@evil.example"}, ".url"),
        ({"label": "x", "url": "https://a.de/\n"}, ".url"),
    ],
)
def test_a_button_has_a_label_and_leads_somewhere_safe(button: dict[str, str], path: str) -> None:
    assert list(refused({"welcome": {"text": "Hi", "buttons": [button]}})) == [f"welcome.buttons[0]{path}"]


@pytest.mark.parametrize(
    "button",
    [
        {"label": "x", "payload": "anything"},
        {"label": "x", "payload": "intent:hours"},
        {"label": "x", "url": "https://example.com/a?b=c#d"},
        {"label": "x", "url": "mailto:help@example.com"},
        {"label": "x", "url": "tel:+49 30 123456"},
    ],
)
def test_good_buttons_are_taken(button: dict[str, str]) -> None:
    made = validate({"welcome": {"text": "Hi", "buttons": [button]}, "intents": [intent()]})
    assert made["welcome"]["buttons"] == [button]


def test_an_intent_needs_no_phrase_when_a_button_anywhere_leads_to_it() -> None:
    card = {"type": "card", "title": "More", "buttons": [{"label": "Hours", "payload": "intent:hours"}]}
    validate({"intents": [intent(phrases=[]), intent(name="b", answers=[{"text": "x", "blocks": [card]}])]})


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({}, ".type"),
        (5, ""),
        ({"type": "video"}, ".type"),
        ({"type": "buttons", "buttons": []}, ".buttons"),
        ({"type": "card"}, ".title"),
        ({"type": "card", "title": "a", "html": "<b>"}, ".html"),
        ({"type": "card", "title": "a", "image_url": "http://a.de/x.png"}, ".image_url"),
        ({"type": "carousel", "cards": [{}]}, ".cards[0].title"),
        ({"type": "list", "items": [{"title": "a", "url": "javascript:1"}]}, ".items[0].url"),
    ],
)
def test_blocks_have_the_shape_of_the_contract(block: object, path: str) -> None:
    errors = refused({"intents": [intent(answers=[{"text": "x", "blocks": [block]}])]})
    assert list(errors) == [f"intents[0].answers[0].blocks[0]{path}"]


def test_an_answer_that_would_not_fit_into_a_frame_is_refused() -> None:
    cards = [{"title": "t", "text": "x" * 2000}] * 10
    errors = refused({"intents": [intent(answers=[{"text": "x", "blocks": [{"type": "carousel", "cards": cards}]}])]})
    assert "too large" in errors["intents[0].answers[0]"][0]


def test_a_flood_of_faults_is_cut_short() -> None:
    assert len(refused({"intents": [0] * 200})) == 50
    assert len(refused({f"k{i}": 0 for i in range(20_000)})) == 50
    assert len(refused({"intents": [0] * 500_000})) == 1


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "buttons", "name", "phrases", "answers", "type", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["welcome", "intents", "small_talk", "fallback", "x"]), _json, max_size=4))
def test_any_json_is_either_taken_or_refused_in_words(value: dict[str, Any]) -> None:
    try:
        made = validate(value)
    except ContentRefused as error:
        told = error.errors
    else:
        assert validate(made) == made
        return
    assert told
    assert all(all(words) for words in told.values())


def test_what_is_wrong_with_one_value_hides_nothing_else() -> None:
    with pytest.raises(ContentRefused) as refused:
        validate({"welcome": {"text": "{{nonsense}}"}, "intents": [intent(name=""), intent(name="a:b")]})
    assert list(refused.value.errors) == ["welcome.text", "intents[0].name", "intents[1].name"]
    assert "Nothing is called" in refused.value.errors["welcome.text"][0]


def test_a_wrong_value_beside_what_cannot_be_stored_is_refused_in_words() -> None:
    with pytest.raises(ContentRefused) as refused:
        validate({"welcome": {"text": "\ud800"}, "intents": [intent(name="a:b", answers=[{"text": "\ud800"}])]})
    assert "Use a short name" in refused.value.errors["intents[0].name"][0]
