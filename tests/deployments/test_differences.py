"""What changed between two contents of an assistant, in words."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.differences import Change, Kind, LineChange, Marker, compare, summary
from deployments.outline import parts
from deployments.responders import content
from deployments.responders.templates import TEMPLATES


def intent(name: str = "Hours", **changes: Any) -> dict[str, Any]:
    return {"name": name, "phrases": ["when are you open"], "answers": [{"text": "From 9 to 5."}], **changes}


def whole(name: str = "Ada", **script: Any) -> dict[str, Any]:
    """A version's content with this in its script."""
    return {"name": name, "responder": "scripted", "scripted": content.validate(script)}


def one(old: dict[str, Any], new: dict[str, Any]) -> Change:
    (change,) = compare(old, new)
    return change


def lines(change: Change) -> list[tuple[str, str, str, str]]:
    return [(line.kind.value, line.label, line.old, line.new) for line in change.lines]


# --- Always -------------------------------------------------------------------------------------------------------

_words = st.sampled_from(["open", "closed", "Café", "9 to 5", "<b>", "hours", "money", "back", "where is it", "a b"])
_language = st.fixed_dictionaries({"language": st.sampled_from(["de", "fr"]), "text": _words})
_button = st.one_of(
    st.fixed_dictionaries({"label": _words, "payload": _words}),
    st.fixed_dictionaries({"label": _words, "url": st.just("https://a.example")}),
)
_block = st.one_of(
    st.fixed_dictionaries({"type": st.just("card"), "title": _words}, optional={"text": _words}),
    st.fixed_dictionaries(
        {"type": st.just("list"), "items": st.lists(st.fixed_dictionaries({"title": _words}), min_size=1, max_size=3)}
    ),
)
_spoken = st.fixed_dictionaries(
    {"text": _words},
    optional={
        "buttons": st.lists(_button, max_size=3),
        "blocks": st.lists(_block, max_size=2),
        "also": st.lists(_language, max_size=1),
    },
)
_question = st.fixed_dictionaries(
    {"slot": st.just("day"), "kind": st.sampled_from(["text", "date"]), "prompt": _spoken},
    optional={"reprompt": _spoken, "attempts": st.integers(1, 5)},
)
_intent = st.fixed_dictionaries(
    {
        "name": _words,
        "phrases": st.lists(_words, min_size=1, max_size=4),
        "answers": st.lists(_spoken, min_size=1, max_size=3),
    },
    optional={
        "ask": st.lists(_question, max_size=1),
        "action": st.sampled_from([{"type": "end"}, {"type": "hand_over"}]),
    },
)
_script = st.fixed_dictionaries(
    {},
    optional={
        "welcome": _spoken,
        "intents": st.lists(_intent, max_size=4, unique_by=lambda each: content.name_key(str(each["name"]))),
        "small_talk": st.booleans(),
        "fallback": _spoken,
        "fallback_again": _spoken,
        "no_input": st.fixed_dictionaries({"after_seconds": st.integers(10, 12), "text": _words}),
        "variables": st.lists(st.fixed_dictionaries({"name": st.just("place"), "value": _words}), max_size=1),
        "languages": st.lists(st.sampled_from(["de", "fr"]), max_size=2),
    },
)  # fmt: skip
_contents = st.builds(lambda name, script: whole(name, **script), st.sampled_from(["Ada", "Bea"]), _script)


@given(old=_contents, new=_contents)
def test_equal_contents_give_no_change_and_different_ones_at_least_one(old: Any, new: Any) -> None:
    assert compare(old, copy.deepcopy(old)) == []
    assert bool(compare(old, new)) == (old != new)
    for change in compare(old, new):
        assert change.lines
        marker = Marker()
        for line in change.lines:
            pieces = marker.pieces(line)
            assert "".join(piece.text for piece in pieces if piece.kind is not Kind.ADDED) == line.old
            assert "".join(piece.text for piece in pieces if piece.kind is not Kind.REMOVED) == line.new
    assert summary(compare(old, new))


@given(content=_contents)
def test_every_part_of_a_content_can_be_read(content: Any) -> None:
    shown = parts(content)
    assert [part.title for part in shown if part.kind == "intent"] == [
        it["name"] for it in content["scripted"]["intents"]
    ]


@pytest.mark.parametrize("slug", TEMPLATES)
def test_a_template_against_nothing_is_all_new(slug: str) -> None:
    made = whole(**TEMPLATES[slug].content())
    changes = compare(None, made)
    assert {change.kind for change in changes} == {Kind.ADDED}
    assert summary(changes).startswith(f"{len(made['scripted']['intents'])} intents added")


# --- Intents ------------------------------------------------------------------------------------------------------


def test_phrases_and_answers_that_came_and_went_are_named() -> None:
    old = whole(intents=[intent(phrases=["when are you open", "opening times"])])
    new = whole(intents=[intent(phrases=["when are you open", "hours"], answers=[{"text": "From 9 to 6."}])])
    change = one(old, new)
    assert (change.part, change.kind, change.title) == ("intent", Kind.CHANGED, "Hours")
    assert lines(change) == [
        ("added", "Phrases", "", "hours"),
        ("removed", "Phrases", "opening times", ""),
        ("changed", "Answers", "From 9 to 5.", "From 9 to 6."),
    ]
    assert summary([change]) == "1 intent changed"


def test_intents_are_added_removed_renamed_and_moved() -> None:
    a, b, c, d = (intent(name, phrases=[f"say {name}", f"tell me {name}"]) for name in ("A", "B", "C", "D"))
    assert [(it.kind, it.title) for it in compare(whole(intents=[a, b]), whole(intents=[a, c, b]))] == [("added", "C")]
    assert [(it.kind, it.title) for it in compare(whole(intents=[a, b, c]), whole(intents=[a, c]))] == [
        ("removed", "B")
    ]
    renamed = one(whole(intents=[a, b]), whole(intents=[a, {**b, "name": "Better"}]))
    assert (renamed.kind, renamed.old_title, renamed.title) == (Kind.RENAMED, "B", "Better")
    assert lines(renamed) == [("changed", "Name", "B", "Better")]
    moved = one(whole(intents=[a, b, c]), whole(intents=[c, a, b]))
    assert lines(moved) == [("changed", "Order", "A\nB\nC", "C\nA\nB")]
    many = compare(
        whole(intents=[a, b, c]), whole(name="Bea", intents=[{**c, "action": {"type": "end"}}, d, {**a, "name": "Z"}])
    )
    assert summary(many) == "1 intent added, 1 removed, 1 renamed, 1 changed, name changed, intents in another order"


def test_an_intent_that_shares_too_little_is_another_one() -> None:
    kinds = [it.kind for it in compare(whole(intents=[intent("A")]), whole(intents=[intent("B", phrases=["x", "y"])]))]
    assert sorted(kinds) == ["added", "removed"]


def test_questions_and_actions_are_compared_by_what_they_ask_for() -> None:
    question = {"slot": "day", "kind": "date", "prompt": {"text": "Which day?"}, "min": "today"}
    old = whole(intents=[intent(ask=[question])])
    new = whole(
        intents=[
            intent(ask=[{**question, "prompt": {"text": "Which day, please?"}, "attempts": 2}], action={"type": "end"})
        ]
    )
    assert lines(one(old, new)) == [
        ("changed", "Question “day”, asked", "Which day?", "Which day, please?"),
        ("added", "Question “day”, attempts", "", "2"),
        ("added", "Action", "", "Ends the conversation"),
    ]


def test_the_same_phrases_in_another_order_are_said_to_be_that() -> None:
    old, new = (whole(intents=[intent(phrases=each)]) for each in (["a", "b"], ["b", "a"]))
    assert lines(one(old, new)) == [("moved", "Phrases", "a\nb", "b\na")]


# --- Everything else ----------------------------------------------------------------------------------------------


def test_each_other_part_has_its_name() -> None:
    old = whole(welcome={"text": "Hello"}, languages=["de"], variables=[{"name": "place", "value": "Bonn"}])
    new = whole(
        welcome={
            "text": "Hello",
            "buttons": [{"label": "Hi", "payload": "hi"}],
            "also": [{"language": "de", "text": "Hallo"}],
        },
        fallback={"text": "Pardon?"},
        fallback_again={"text": "I call somebody.", "then": "hand_over"},
        no_input={"after_seconds": 60, "text": "Still there?"},
        small_talk=False,
        variables=[{"name": "place", "value": "Köln"}],
        languages=["de", "fr"],
    )
    changes = compare(old, new)
    assert summary(changes) == (
        "welcome changed, fallback changed, second miss added, silence added, small talk off, variables changed, "
        "languages changed"
    )
    assert lines(changes[0]) == [
        ("added", "Buttons", "", "Hi → says “hi”"),
        ("added", "Other words in de", "", "Hallo"),
    ]
    assert lines(changes[5]) == [("changed", "{{place}}", "Bonn", "Köln")]


def test_what_reads_the_same_and_is_not_the_same_is_still_a_change() -> None:
    change = one(
        whole(welcome={"text": "Hello"}), {**whole(), "scripted": {**whole()["scripted"], "welcome": {"text": "Hello"}}}
    )
    assert [line.label for line in change.lines] == ["Stored form"]


def test_a_version_of_an_unknown_kind_is_compared_all_the_same() -> None:
    old, new = ({"name": "Ada", "responder": "oracle", "oracle": {"model": model}} for model in ("a", "b"))
    change = one(old, new)
    assert (change.part, change.lines[0].new) == ("oracle", '{\n "model": "b"\n}')


# --- Words --------------------------------------------------------------------------------------------------------


def test_words_are_marked_where_a_text_changed() -> None:
    pieces = Marker().pieces(LineChange(Kind.CHANGED, "Text", "We open at 9 on Monday.", "We open at 10 on Monday."))
    assert [(piece.text, piece.kind) for piece in pieces] == [
        ("We open at ", None),
        ("9", Kind.REMOVED),
        ("10", Kind.ADDED),
        (" on Monday.", None),
    ]
    pieces = Marker().pieces(LineChange(Kind.CHANGED, "Text", "Tell me more, please.", "Say it again, please."))
    assert [(piece.text, piece.kind) for piece in pieces] == [
        ("Tell me more", Kind.REMOVED),
        ("Say it again", Kind.ADDED),
        (", please.", None),
    ]


def test_after_very_many_words_whole_texts_are_marked() -> None:
    texts = ["a b " * 100, "a c " * 100]
    marker = Marker()
    counts = []
    for _ in range(20):
        pieces = marker.pieces(LineChange(Kind.CHANGED, "Text", *texts))
        counts.append(len(pieces))
        assert "".join(piece.text for piece in pieces if piece.kind is not Kind.ADDED) == texts[0]
    assert counts[0] > 100
    assert counts[-1] == 2
    assert marker.left >= 0
