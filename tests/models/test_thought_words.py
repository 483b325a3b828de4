"""What a model's answer was made of, as its owner reads it."""

from __future__ import annotations

from typing import Any

from deployments.pages import thought_words
from deployments.pages.trace_words import explain

TRACE: dict[str, Any] = {
    "responder": "llm",
    "by": "llm",
    "model": "m-1",
    "calls": 2,
    "tokens_in": 120,
    "tokens_out": 40,
    "first_ms": 310,
    "ms": 1240,
    "finish": "length",
    "knowledge": [{"title": "Parcels", "cited": True}, {"title": "Returns", "cited": False}],
    "tools": [
        {"name": "order_status", "ok": True, "ms": 100, "words": ""},
        {"name": "x", "ok": False, "ms": 0, "words": "There is no tool called x."},
    ],
    "fields": {"order": "A-1"},
}


def test_an_answer_says_what_it_took_and_what_it_used() -> None:
    assert thought_words.facts(TRACE) == [
        ("Model", "m-1"),
        ("Took", "1.2 s, the first words after 0.3 s"),
        ("Tokens", "120 read, 40 written"),
        ("Asked", "2 times"),
        ("Read", "Parcels (cited); Returns"),
        ("Tools", "order_status (0.1 s); x (0.0 s): There is no tool called x."),
        ("Kept", "order: A-1"),
        ("Ended", "It was cut at the longest answer that is allowed."),
    ]
    explained = explain(TRACE)
    assert explained is not None
    assert (explained.level, explained.words) == ("good", "Written by m-1")


def test_what_it_cost_is_said_by_itself() -> None:
    told = thought_words.facts({**TRACE, "cost": "0.0025 USD"})
    assert told[2:4] == [("Tokens", "120 read, 40 written"), ("Cost", "0.0025 USD")]


def test_what_was_read_in_several_passages_is_named_once() -> None:
    read = [{"title": "Shipping", "cited": False}, {"title": "Returns"}, {"title": "Shipping", "cited": True}]
    assert dict(thought_words.facts({**TRACE, "knowledge": read}))["Read"] == "Shipping (cited); Returns"


def test_a_failure_says_why_and_what_to_do_whoever_answered_then() -> None:
    failure = {"code": "key", "reason": "m.example does not accept the key.", "remedy": "Write it again."}
    told = ("Failed", "m.example does not accept the key. Write it again.")
    assert thought_words.facts({"responder": "llm", "failure": failure}) == [told]
    explained = explain({"responder": "llm", "failure": failure})
    assert explained is not None
    assert (explained.level, explained.words, explained.facts) == ("warn", "The model could not answer", [told])
    by_script = explain({"responder": "scripted", "by": "words", "intent": "hours", "failure": failure})
    assert by_script is not None
    assert (by_script.words, by_script.facts) == ("Understood as “hours”", [told])


def test_a_bots_answer_says_who_gave_it_and_how() -> None:
    trace = {"responder": "webhook", "by": "webhook", "host": "bot.example", "how": "callback", "calls": 2, "ms": 5200}
    assert thought_words.facts(trace) == [
        ("Bot", "bot.example"),
        ("Answered", "By a call back"),
        ("Took", "5.2 s"),
        ("Asked", "2 times"),
    ]
    explained = explain(trace)
    assert explained is not None
    assert (explained.level, explained.words) == ("good", "Answered by the bot at bot.example")
    failed = explain({"responder": "webhook", "failure": {"code": "key", "reason": "No.", "remedy": "Do."}})
    assert failed is not None
    assert failed.words == "The bot could not answer"
