"""The scripted responder: what it understands, what it leaves to the fallback, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.responders import content
from deployments.responders.base import End, HandOver, Line, Remember, Reply, Responder, Say, Trace, TurnInput
from deployments.responders.matching import ENOUGH
from deployments.responders.scripted import ScriptedResponder
from deployments.responders.templates import TEMPLATES
from tests.processor import milliseconds

FAQ = content.validate(TEMPLATES["faq"].content())
NAMES = [intent["name"] for intent in FAQ["intents"]]
RESPONDER = ScriptedResponder()


def script(*intents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return content.validate({"intents": list(intents), **more})


def intent(name: str, *phrases: str, answers: Sequence[str] = ("Answer",), **more: Any) -> dict[str, Any]:
    return {"name": name, "phrases": list(phrases), "answers": [{"text": text} for text in answers], **more}


def turn(
    text: str,
    payload: str | None = None,
    *,
    of: Mapping[str, Any] = FAQ,
    locale: str | None = None,
    state: Mapping[str, Any] | None = None,
) -> TurnInput:
    return TurnInput(text, payload, locale, "web", (), state or {}, of)


def ask(text: str, payload: str | None = None, **more: Any) -> list[Reply]:
    return RESPONDER.replies(turn(text, payload, **more))


def trace(replies: Sequence[Reply]) -> Mapping[str, Any]:
    return next(reply.data for reply in replies if isinstance(reply, Trace))


def said(replies: Sequence[Reply]) -> list[str]:
    return [reply.text for reply in replies if isinstance(reply, Say)]


def understood(text: str, payload: str | None = None, **more: Any) -> str | None:
    found = trace(ask(text, payload, **more))["intent"]
    assert found is None or isinstance(found, str)
    return found


def test_it_is_a_responder_and_its_answer_is_a_stream() -> None:
    responder: Responder = RESPONDER
    assert isinstance(responder, Responder)
    assert responder.kind == "scripted"


async def test_the_stream_gives_the_same_replies_in_the_same_order() -> None:
    asked = turn("where is my order")
    assert [reply async for reply in RESPONDER.answer(asked)] == RESPONDER.replies(asked)


def test_the_welcome_is_the_scripts_text_with_its_buttons() -> None:
    (welcome,) = RESPONDER.welcome(FAQ, None, "web")
    assert welcome.text == FAQ["welcome"]["text"]
    assert welcome.blocks == ({"type": "buttons", "buttons": FAQ["welcome"]["buttons"]},)


def test_the_demos_assistant_answers_hello() -> None:
    assert understood("hello") == "Greeting"
    assert said(ask("hello"))[0].startswith("Hello!")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wher is my pakcage", "Order status"),
        ("shippng cost", "Delivery"),
        ("reutrn an item", "Returns"),
        ("tlak to a persn", "Talk to a person"),
        ("openning huors", "Opening hours"),
        ("OPENING HOURS!!!", "Opening hours"),
        ("hours opening your are what", "Opening hours"),
        ("is my order where", "Order status"),
        ("🙂 where is my order 📦", "Order status"),
        ("where\nis\tmy   order", "Order status"),
        ("where is my order", "Order status"),
        ("Whére is my ördér", "Order status"),
        ("Hello! My name is Ann. I bought a chair. Can I get a refund? Thanks and kind regards", "Returns"),
        ("opening_hours", "Opening hours"),
    ],
)
def test_typos_word_order_case_accents_and_padding_do_not_matter(text: str, name: str) -> None:
    assert understood(text) == name


@pytest.mark.parametrize("text", ["", " ", "\n", "?!", "😂", "weather in paris", "hello what's the weather", "0" * 300])
def test_what_the_script_does_not_know_goes_to_the_fallback_with_its_buttons(text: str) -> None:
    replies = ask(text)
    assert trace(replies)["by"] == "fallback"
    (say,) = [reply for reply in replies if isinstance(reply, Say)]
    assert say.text == FAQ["fallback"]["text"]
    assert say.blocks[0]["buttons"] == FAQ["fallback"]["buttons"]


def test_a_german_script_is_understood_as_well() -> None:
    german = script(
        intent("Öffnungszeiten", "Wann haben Sie geöffnet?", "Haben Sie samstags offen?"),
        intent("Versand", "Was kostet der Versand?", "Wie lange dauert die Lieferung?"),
        intent("Mensch", "Ich möchte mit einem Menschen sprechen", "Mitarbeiter bitte"),
    )
    assert understood("oeffnungszeiten", of=german) == "Öffnungszeiten"
    assert understood("samstag offen?", of=german) == "Öffnungszeiten"
    assert understood("wie viel kostet der versnad", of=german) == "Versand"
    assert understood("bitte einen Mitarbeiter", of=german) == "Mensch"
    assert understood("wie wird das wetter morgen", of=german) is None


def test_scripts_without_spaces_are_understood() -> None:
    japanese = script(intent("営業時間", "営業時間を教えてください", "何時まで開いていますか"))
    assert understood("営業時間を教えて下さい", of=japanese) == "営業時間"
    assert understood("天気はどうですか", of=japanese) is None


def test_a_phrase_without_words_is_found_as_it_is() -> None:
    assert understood("👍", of=script(intent("Yes", "👍", "yes"))) == "Yes"


@pytest.mark.parametrize("payload", ["intent:Order status", "intent:order STATUS", "Order status", "order status"])
def test_a_tapped_button_leads_to_its_intent_whatever_its_label_says(payload: str) -> None:
    replies = ask("bye", payload)
    assert trace(replies)["by"] == "button"
    assert trace(replies)["intent"] == "Order status"


def test_a_payload_that_names_no_intent_speaks_for_the_visitor() -> None:
    assert understood("Tap me", "do you ship abroad") == "Delivery"


def test_a_button_to_an_intent_that_is_gone_counts_by_its_label() -> None:
    assert understood("Opening hours", "intent:Gone") == "Opening hours"
    assert understood("", "intent:Gone") is None


def test_actions_follow_the_answer() -> None:
    *_, say, hand_over = ask("let me talk to a human")
    assert isinstance(say, Say)
    assert isinstance(hand_over, HandOver)
    assert "Talk to a person" in hand_over.reason
    assert isinstance(ask("goodbye")[-1], End)


def test_an_intent_may_act_without_words() -> None:
    replies = ask("stop", of=script({"name": "Stop", "phrases": ["stop"], "answers": [], "action": {"type": "end"}}))
    assert [type(reply) for reply in replies] == [Trace, End]


def test_an_answers_blocks_and_buttons_come_with_it() -> None:
    card = {"type": "card", "title": "A card"}
    button = {"label": "Site", "url": "https://example.com"}
    made = script({"name": "a", "phrases": ["card"], "answers": [{"text": "x", "blocks": [card], "buttons": [button]}]})
    (say,) = [reply for reply in ask("card", of=made) if isinstance(reply, Say)]
    assert say.blocks == (card, {"type": "buttons", "buttons": [button]})


def test_a_value_in_the_text_of_a_card_is_no_markdown_and_in_its_title_it_is_as_it_is() -> None:
    card = {"type": "card", "title": "For {{who}}", "text": "**Dear** {{who}}"}
    named = [{"name": "who", "value": "*A*_"}]
    made = script({"name": "a", "phrases": ["card"], "answers": [{"text": "x", "blocks": [card]}]}, variables=named)
    (say,) = [reply for reply in ask("card", of=made) if isinstance(reply, Say)]
    assert say.blocks == ({"type": "card", "title": "For *A*_", "text": r"**Dear** \*A\*\_"},)


def test_variants_are_given_in_turn_and_other_state_is_kept() -> None:
    made = script(intent("a", "tell me", answers=["one", "two", "three"]))
    state: Mapping[str, Any] = {"other": 1}
    heard = []
    for _ in range(4):
        replies = ask("tell me", of=made, state=state)
        heard += said(replies)
        (state,) = [reply.state for reply in replies if isinstance(reply, Remember)]
    assert heard == ["one", "two", "three", "one"]
    assert state["other"] == 1


def test_the_same_question_gets_the_same_answer_from_any_process() -> None:
    asked = turn("can I return it and where is my order")
    assert ScriptedResponder().replies(asked) == ScriptedResponder().replies(asked)


def test_of_equal_intents_the_first_in_the_script_is_taken() -> None:
    assert understood("same words", of=script(intent("b", "same words"), intent("a", "same words"))) == "b"
    assert understood("words same", of=script(intent("b", "same words"), intent("a", "same words"))) == "b"


def test_the_trace_names_intent_score_phrase_and_runners_up() -> None:
    data = trace(ask("when does my order arrive"))
    assert data["by"] == "words"
    assert data["intent"] == "Order status"
    assert ENOUGH <= data["score"] <= 1
    assert data["phrase"] in FAQ["intents"][NAMES.index("Order status")]["phrases"]
    assert "Delivery" in [other["intent"] for other in data["runners_up"]]
    assert all(other["score"] <= data["score"] for other in data["runners_up"])


@pytest.mark.parametrize(
    ("text", "locale", "topic", "start"),
    [
        ("hello", None, "hello", "Hello!"),
        ("Helo", None, "hello", "Hello!"),
        ("Hallo!", None, "hello", "Hallo!"),
        ("hallo", "en", "hello", "Hallo!"),
        ("thanks a lot", None, "thanks", "You're welcome!"),
        ("Vielen Dank!!", "de-AT", "thanks", "Gern geschehen!"),
        ("danke schoen", None, "thanks", "Gern geschehen!"),
        ("Hi, how are you?", None, "how_are_you", "All is well"),
        ("Wie geht's?", None, "how_are_you", "Alles bestens"),
        ("thanks, bye", None, "bye", "Goodbye"),
        ("tschüß", None, "bye", "Auf Wiedersehen"),
    ],
)
def test_small_talk_is_answered_in_the_language_of_the_visitor(
    text: str, locale: str | None, topic: str, start: str
) -> None:
    replies = ask(text, of=content.EMPTY, locale=locale)
    assert trace(replies)["by"] == "small_talk"
    assert trace(replies)["topic"] == topic
    assert said(replies)[0].startswith(start)


@pytest.mark.parametrize(
    "text", ["how much are you", "hello where is it", "hi hi hi you there robot", "ok", "thanks for nothing"]
)
def test_what_says_more_than_small_talk_is_none(text: str) -> None:
    assert trace(ask(text, of=content.EMPTY))["by"] == "fallback"


def test_an_intent_goes_before_small_talk_and_small_talk_can_be_turned_off() -> None:
    own = script(intent("Own hello", "hello", answers=["Ahoy"]))
    assert said(ask("hello", of=own)) == ["Ahoy"]
    assert trace(ask("hello", of=script(small_talk=False)))["by"] == "fallback"


def test_one_version_is_compiled_once_and_another_one_anew() -> None:
    responder = ScriptedResponder()
    first = responder.script(script(intent("a", "one")))
    assert responder.script(script(intent("a", "one"))) is first
    assert responder.script(script(intent("a", "two"))) is not first


def test_the_cache_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.responders.scripted.MOST_CACHED_PHRASES", 10)
    responder = ScriptedResponder()
    for number in range(50):
        responder.script(script(intent("a", f"phrase {number}")))
    assert len(responder._scripts) == 5


def test_an_answer_costs_less_than_a_millisecond(capsys: pytest.CaptureFixture[str]) -> None:
    costs = {
        text: milliseconds(partial(RESPONDER.replies, turn(text)), 10)
        for text in ["where is my order", "waht do you chrage for shippng to Itlay"]
    }
    with capsys.disabled():
        print("\n  CPU per answer:", ", ".join(f"{cost:.3f} ms" for cost in costs.values()), end=" ")
    assert max(costs.values()) < 1


@pytest.mark.parametrize("text", ["where is my order " * 444, "x" * 8000, "é, " * 2666, "wörd " * 1600])
def test_a_message_of_8000_characters_is_answered_quickly(text: str) -> None:
    assert milliseconds(partial(RESPONDER.replies, turn(text))) < 25


@given(st.text(max_size=200), st.none() | st.text(max_size=40), st.sampled_from([None, "", "de", "xx-YY"]))
def test_any_message_gets_words_and_never_an_error(text: str, payload: str | None, locale: str | None) -> None:
    replies = ask(text, payload, locale=locale)
    assert all(said(replies))
    assert 0 <= trace(replies)["score"] <= 1


def test_history_is_not_needed() -> None:
    line = Line("visitor", "hello", None, datetime.now(UTC))
    asked = turn("thanks")
    with_history = TurnInput(asked.text, None, None, "web", [line], {}, FAQ)
    assert RESPONDER.replies(asked) == RESPONDER.replies(with_history)
    assert not RESPONDER.reads_history
