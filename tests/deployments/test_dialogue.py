"""Scripted conversations: questions, digressions, giving up, languages, silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.responders.base import End, HandOver, IfSilent, Remember, Reply, Say, Trace, TurnInput
from deployments.responders.content import ContentRefused, validate
from deployments.responders.scripted import ScriptedResponder
from deployments.responders.templates import TEMPLATES

RESPONDER = ScriptedResponder()
MONDAY = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)


@dataclass
class Talk:
    """A conversation with a script."""

    content: dict[str, Any]
    locale: str = "en"
    channel: str = "web"
    about: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.content = validate(self.content)

    def say(self, text: str, payload: str | None = None) -> str:
        """What the assistant says to this, message by message."""
        turn = TurnInput(
            text, payload, self.locale, self.channel, (), self.state, self.content, about=self.about, at=MONDAY
        )
        self.replies = RESPONDER.replies(turn)
        for reply in self.replies:
            if isinstance(reply, Remember):
                self.state = reply.state
        return "\n".join(reply.text for reply in self.replies if isinstance(reply, Say))

    def tap(self, label: str, payload: str) -> str:
        return self.say(label, payload)

    @property
    def trace(self) -> Mapping[str, Any]:
        (trace,) = [reply.data for reply in self.replies if isinstance(reply, Trace)]
        return trace

    def last(self, kind: type[Any]) -> Any:
        found = [reply for reply in self.replies if isinstance(reply, kind)]
        return found[-1] if found else None

    @property
    def slots(self) -> dict[str, Any]:
        return dict(self.trace["slots"])


def intent(name: str, *phrases: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "phrases": list(phrases), "answers": [{"text": f"({name})"}], **more}


def ask(slot: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"slot": slot, "kind": kind, "prompt": {"text": f"{slot}?"}, **more}


def order(*questions: dict[str, Any], **more: Any) -> dict[str, Any]:
    answers = [{"text": "Done: " + ", ".join(f"{{{{{question['slot']}}}}}" for question in questions)}]
    return intent("Order", "I want to order chairs", ask=list(questions), **{"answers": answers, **more})


HOURS = intent("Hours", "when are you open", "opening hours")


def script(*intents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"intents": list(intents), "small_talk": False, "fallback": {"text": "What?"}, **more}


# --- Questions ----------------------------------------------------------------------------------------------------


def test_questions_are_asked_one_by_one_and_their_answers_stand_in_the_texts() -> None:
    talk = Talk(script(order(ask("name"), ask("count", "number"))))
    assert talk.say("I want to order chairs") == "name?"
    assert talk.trace["asking"] == "name"
    assert talk.say("Ada *L*") == "count?"
    assert talk.say("four") == "Done: Ada \\*L\\*, 4"
    assert talk.slots == {"name": "Ada *L*", "count": 4}
    assert talk.trace["asking"] is None


def test_a_wrong_answer_is_explained_and_asked_for_again_up_to_the_last_attempt() -> None:
    question = ask("mail", "email", attempts=2, reprompt={"text": "Which address?"})
    talk = Talk(script(order(question)))
    talk.say("I want to order chairs")
    assert "name@example.com" in (said := talk.say("no"))
    assert said.endswith("Which address?")
    assert "invalid" in talk.trace
    assert "start again" in talk.say("no")
    assert talk.trace["asking"] is None
    assert talk.say("a@example.com") == "What?"


def test_the_authors_own_validation_words_and_way_out_are_used() -> None:
    question = ask(
        "n", "number", attempts=1, invalid={"text": "Digits!"}, give_up={"text": "A person helps.", "then": "hand_over"}
    )
    talk = Talk(script(order({**question, "attempts": 2})))
    talk.say("I want to order chairs")
    assert talk.say("lots").startswith("Digits!")
    assert talk.say("lots") == "A person helps."
    assert talk.last(HandOver)
    talk = Talk(script(order({**question, "give_up": {"text": "Bye.", "then": "end"}})))
    talk.say("I want to order chairs")
    assert talk.say("lots") == "Bye."
    assert talk.last(End)


def test_cancel_leaves_the_questions() -> None:
    talk = Talk(script(order(ask("name"))))
    talk.say("I want to order chairs")
    assert "leave that" in talk.say("never mind")
    assert talk.trace["by"] == "cancel"
    assert talk.say("Ada") == "What?"


def test_something_else_in_the_middle_is_answered_and_the_question_comes_again() -> None:
    talk = Talk(script(order(ask("n", "number")), HOURS))
    talk.say("I want to order chairs")
    assert talk.say("when are you open") == "(Hours)\nn?"
    assert talk.tap("Hours", "intent:Hours") == "(Hours)\nn?"
    assert talk.say("3") == "Done: 3"


def test_free_words_are_an_answer_unless_they_plainly_ask_something_else() -> None:
    talk = Talk(script(order(ask("wish")), HOURS))
    talk.say("I want to order chairs")
    assert talk.say("When are you open?") == "(Hours)\nwish?"
    assert talk.say("opening hours from nine") == "Done: opening hours from nine"


def test_another_intent_with_questions_takes_the_place_of_the_first() -> None:
    other = intent("Return", "I want to send it back", ask=[ask("number")])
    talk = Talk(script(order(ask("n", "number")), other))
    talk.say("I want to order chairs")
    assert talk.say("I want to send it back") == "number?"
    assert talk.say("A7") == "(Return)"
    assert talk.trace["asking"] is None


def test_choices_become_buttons_and_a_tap_is_an_answer() -> None:
    choices = [{"label": "Red", "value": "r"}, {"label": "Blue"}]
    talk = Talk(script(order(ask("colour", "choice", choices=choices), ask("sure", "yes_no")), intent("Blue", "sky")))
    talk.say("I want to order chairs")
    (block,) = talk.last(Say).blocks
    assert block["buttons"] == [{"label": "Red", "payload": "r"}, {"label": "Blue", "payload": "Blue"}]
    talk.tap("Blue", "Blue")  # the choice, not the intent of that name
    assert talk.slots == {"colour": "Blue"}
    assert [button["label"] for button in talk.last(Say).blocks[0]["buttons"]] == ["Yes", "No"]
    assert talk.tap("Yes", "yes") == "Done: Blue, Yes"
    assert talk.slots["sure"] is True


def test_going_to_another_intent_asks_only_what_is_not_known_yet() -> None:
    first = order(ask("name"), action={"type": "go_to", "intent": "Delivery"}, answers=[])
    then = intent("Delivery", "delivery please", ask=[ask("name"), ask("street")])
    talk = Talk(script(first, then))
    talk.say("I want to order chairs")
    assert talk.say("Ada") == "street?"
    assert talk.say("Elm 3") == "(Delivery)"
    assert talk.say("delivery please") == "name?"  # entered anew, everything is asked


# --- Misses, silence ----------------------------------------------------------------------------------------------


def test_the_second_miss_in_a_row_is_answered_differently_and_may_call_a_person() -> None:
    again = {"text": "Still nothing.", "then": "hand_over"}
    talk = Talk(script(HOURS, fallback_again=again))
    assert talk.say("qwertz") == "What?"
    assert talk.trace["misses"] == 1
    assert talk.say("opening hours") == "(Hours)"
    assert talk.say("qwertz") == "What?"
    assert talk.say("asdfgh") == "Still nothing."
    assert talk.last(HandOver)


def test_silence_is_answered_unless_the_conversation_is_over() -> None:
    quiet = {"after_seconds": 60, "text": "Still there, {{visitor.name|friend}}?", "then": "end"}
    talk = Talk(script(HOURS, intent("Bye", "goodbye", action={"type": "end"}), no_input=quiet))
    talk.say("opening hours")
    assert talk.last(IfSilent) == IfSilent(60, Say("Still there, friend?"), "end")
    talk.say("goodbye")
    assert talk.last(IfSilent) is None


# --- Languages, channels, values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "channel", "said"),
    [
        ("en", "web", "base"),
        ("de", "web", "de"),
        ("de-AT", "web", "de"),
        ("de_CH", "web", "de-CH"),
        ("pt", "web", "pt-BR"),
        ("pt-PT", "web", "base"),
        ("en", "sms", "sms"),
        ("de", "sms", "de sms"),
        ("de-CH", "sms", "de-CH"),
        ("", "web", "base"),
    ],
)
def test_the_words_that_fit_best_are_said_and_the_language_decides_first(locale: str, channel: str, said: str) -> None:
    also = [
        {"channel": "sms", "text": "sms"},
        {"language": "de", "text": "de"},
        {"language": "de", "channel": "sms", "text": "de sms"},
        {"language": "de-CH", "text": "de-CH"},
        {"language": "pt-BR", "text": "pt-BR"},
    ]
    talk = Talk(script(fallback={"text": "base", "also": also}), locale=locale, channel=channel)
    assert talk.say("qwertz") == said


def test_what_is_known_of_the_visitor_and_the_page_stands_in_texts_buttons_and_links() -> None:
    about: dict[str, Mapping[str, Any]] = {
        "visitor": {"name": "Ada [x](y)", "plan": "gold"},
        "page": {"title": "A & B"},
        "assistant": {"name": "Bo"},
    }
    fallback = {
        "text": "Hi {{visitor.name}}, I'm {{assistant.name}} of {{shop}}, you read {{page.title}}.",
        "buttons": [
            {"label": "Go {{visitor.plan}}", "url": "https://a.example/?n={{visitor.name}}"},
        ],
    }
    talk = Talk(script(fallback=fallback, variables=[{"name": "shop", "value": "Acme"}]), about=about)
    assert talk.say("qwertz") == "Hi Ada \\[x\\]\\(y\\), I'm Bo of Acme, you read A \\& B."
    (button,) = talk.last(Say).blocks[0]["buttons"]
    assert button == {"label": "Go gold", "url": "https://a.example/?n=Ada%20%5Bx%5D%28y%29"}


def test_the_welcome_knows_the_visitor_too() -> None:
    content = validate(script(welcome={"text": "Hi {{visitor.name|there}}"}))
    (say,) = RESPONDER.welcome(content, "en", "web", {"visitor": {"name": "Ada"}})
    assert say.text == "Hi Ada"


# --- What is refused on save --------------------------------------------------------------------------------------


TWICE = [{"label": "x"}, {"label": "X"}]


def also(*entries: dict[str, str]) -> dict[str, Any]:
    return {"text": "x", "also": list(entries)}


@pytest.mark.parametrize(
    ("content", "path", "words"),
    [
        (script(intent("A", "a", action={"type": "go_to"})), "intents[0].action.intent", "to which intent"),
        (script(intent("A", "a", action={"type": "go_to", "intent": "X"})), "intents[0].action.intent", "No intent"),
        (script(intent("A", "a", action={"type": "end", "intent": "A"})), "intents[0].action.intent", "Take this out"),
        (script(intent("A", "a", action={"type": "go_to", "intent": "A"})), "intents[0].action.intent", "circle"),
        (script(order(ask("a"), ask("a"))), "intents[0].ask[1].slot", "already"),
        (script(order(ask("Big"))), "intents[0].ask[0].slot", "small letters"),
        (script(order(ask("a", "choice"))), "intents[0].ask[0].choices", "at least two"),
        (script(order(ask("a", "choice", choices=TWICE))), "intents[0].ask[0].choices[1]", "choice 1"),
        (script(order(ask("a", choices=[{"label": "x"}]))), "intents[0].ask[0].choices", "Only a question"),
        (script(order(ask("a", "email", min=3))), "intents[0].ask[0].min", "has no min"),
        (script(order(ask("a", "number", min="x"))), "intents[0].ask[0].min", "number"),
        (script(order(ask("a", "number", min=3, max=2))), "intents[0].ask[0].max", "less than"),
        (script(order(ask("a", "date", min="soon"))), "intents[0].ask[0].min", "2027-01-31"),
        (script(order(ask("a", "fly"))), "intents[0].ask[0].kind", "one of"),
        (script(order(ask("a", attempts=9))), "intents[0].ask[0].attempts", "5 or less"),
        (script(fallback={"text": "{{nme}}"}), "fallback.text", "Nothing is called"),
        (script(fallback=also({"text": "y"})), "fallback.also[0]", "which language or channel"),
        (
            script(fallback={"text": "x", "also": [{"language": "de", "text": "y"}, {"language": "de", "text": "z"}]}),
            "fallback.also[1]",
            "already",
        ),
        (
            script(fallback=also({"language": "DE!", "text": "y"})),
            "fallback.also[0].language",
            "tag",
        ),
        (script(no_input={"text": "x", "after_seconds": 1}), "no_input.after_seconds", "10 or more"),
        (script(variables=[{"name": "a", "value": "x"}, {"name": "a", "value": "y"}]), "variables[1].name", "already"),
        (script(order(ask("a")), variables=[{"name": "a", "value": "x"}]), "intents[0].ask[0].slot", "variables"),
    ],
)
def test_what_would_go_wrong_is_refused_by_its_path(content: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        validate(content)
    assert words in " ".join(refused.value.errors[path]), refused.value.errors


def test_all_unknown_names_of_a_text_are_named() -> None:
    with pytest.raises(ContentRefused) as refused:
        validate(script(fallback={"text": "{{one}} {{two|x}} {{three}} {{one}} {{visitor.name}} {{four}}"}))
    (said,) = refused.value.errors["fallback.text"]
    assert said.startswith("Nothing is called “one”, “three” or “four”. ")
    assert said.endswith("{{one|other words}}.")
    with pytest.raises(ContentRefused) as refused:
        validate(script(fallback={"text": " ".join(f"{{{{n{number}}}}}" for number in range(200))}))
    (said,) = refused.value.errors["fallback.text"]
    assert "“n9” or 190 more." in said
    assert len(said) < 300


def test_a_longer_circle_names_its_way() -> None:
    names = ["A", "B", "C"]
    intents = [
        intent(name, name * 3, action={"type": "go_to", "intent": names[(place + 1) % 3]})
        for place, name in enumerate(names)
    ]
    with pytest.raises(ContentRefused) as refused:
        validate(script(*intents))
    assert refused.value.errors["intents[0].action.intent"] == ["This goes round in a circle: “A” → “B” → “C” → “A”."]


# --- Nothing a visitor says breaks it -----------------------------------------------------------------------------


USUAL = """book an appointment|get in touch|tomorrow|3|a@example.com|+4930901820|yes|cancel|Check-up|Ada
when are you open?|intent:Book|talk to a person|no|Something else|next friday""".replace("\n", "|").split("|")


@given(
    template=st.sampled_from(sorted(TEMPLATES)),
    texts=st.lists(st.one_of(st.text(max_size=60), st.sampled_from(USUAL)), min_size=1, max_size=12),
    locale=st.sampled_from(["en", "de-AT", "fr", ""]),
)
@settings(deadline=None, max_examples=150)
def test_whatever_is_said_the_assistant_answers_and_its_state_stays_sound(
    template: str, texts: list[str], locale: str
) -> None:
    talk = Talk(TEMPLATES[template].content(), locale=locale)
    for text in texts:
        said = talk.say(text, text if text.startswith("intent:") else None)
        assert said or talk.last(HandOver) or talk.last(End)
        assert set(talk.state) <= {"said", "misses", "slots", "form"}
        asking = talk.trace["asking"]
        assert (asking is not None) == ("form" in talk.state)
        assert all(0 < len(reply.text) <= 8000 for reply in talk.replies if isinstance(reply, Say))
