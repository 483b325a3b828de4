"""What a scripted assistant is made of: its shape, its limits, and what is wrong with it in plain words.

Content (CONTRACT 7, `scripted`): `{welcome, intents, small_talk, uses_knowledge?, fallback, fallback_again?,
no_input?, variables?, languages?}`, where

    spoken          {text, buttons?, blocks?, also?}; blocks as CONTRACT 4
    also            other words for a language or a channel: [{language?, channel?, text, buttons?, blocks?}]
    welcome, fallback   spoken
    fallback_again  spoken and {then?: "hand_over" | "end"}: said from the second miss in a row on
    no_input        spoken and {after_seconds, then?}: said once to a visitor who stays silent
    uses_knowledge  true: what isn't understood is looked for in the assistant's knowledge before the fallback is said
    variables       [{name, value}]: the script's own constants, for `{{name}}` in texts
    languages       the languages that its author writes in
    intent          {name, phrases, ask?, answers, action?}
    ask             questions, one after another, before the answer: [{slot, kind, prompt, reprompt?, invalid?,
                    attempts?, choices?, min?, max?, give_up?}]; prompt, reprompt and invalid are spoken, give_up is
                    spoken and {then: "cancel" | "hand_over" | "end"}
    answers         [spoken]
    action          {type: "hand_over" | "end"} or {type: "go_to", intent}, done after the answer
    button          {label, payload} or {label, url}; the payload `intent:NAME` leads to that intent

`validate` gives the normal form: every key of the content there, texts trimmed, line ends as newlines, phrases and
synonyms on one line, no phrase twice, no list that is empty where it may be left out.
"""

from __future__ import annotations

from typing import Any, cast

from convoship.lib.plain_errors import PlainValidator, failures, has_its_shape
from deployments.responders.checks import INTENT_PAYLOAD, faults, name_key
from deployments.responders.schema import (
    LONGEST_NAME,
    LONGEST_PHRASE,
    LONGEST_TEXT,
    MOST_ANSWERS,
    MOST_INTENTS,
    MOST_PHRASES,
    SCHEMA,
)

__all__ = [
    "EMPTY",
    "INTENT_PAYLOAD",
    "LONGEST_NAME",
    "LONGEST_PHRASE",
    "LONGEST_TEXT",
    "MOST_ANSWERS",
    "MOST_INTENTS",
    "MOST_PHRASES",
    "SCHEMA",
    "ContentRefused",
    "name_key",
    "validate",
]

EMPTY: dict[str, Any] = {
    "welcome": {"text": "Hello! How can I help you?", "buttons": []},
    "intents": [],
    "small_talk": True,
    "fallback": {"text": "Sorry, I didn't understand that. Could you say it in other words?", "buttons": []},
}

# Lists that stand in the content though empty.
_ALWAYS = frozenset({"intents", "phrases", "answers"})

_validator = PlainValidator(SCHEMA)


class ContentRefused(ValueError):
    """The content can't be used. `errors`: path (`intents[2].phrases`) -> messages in plain words; the whole is ""."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(words)}" for path, words in errors.items()))
        self.errors = errors


def validate(content: object) -> dict[str, Any]:
    """The content in normal form; ContentRefused with every fault found. The input isn't changed."""
    errors = failures(_validator, content)
    if errors and not has_its_shape(_validator, content):
        raise ContentRefused(errors)
    whole: dict[str, Any] = _trimmed({**EMPTY, **cast("dict[str, Any]", content)})
    if not whole.get("uses_knowledge", True):
        del whole["uses_knowledge"]
    for part in ("welcome", "fallback"):
        whole[part].setdefault("buttons", [])
    for intent in whole["intents"]:
        phrases = [" ".join(phrase.splitlines()) for phrase in intent["phrases"]]
        intent["phrases"] = list({_phrase_key(phrase): phrase for phrase in reversed(phrases)}.values())[::-1]
    errors = {**faults(whole), **errors}
    if errors:
        raise ContentRefused(errors)
    return whole


def _phrase_key(phrase: str) -> str:
    return " ".join(name_key(phrase).split())


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if isinstance(value, dict):
        trimmed = {key: _trimmed(item) for key, item in value.items() if item != [] or key in _ALWAYS}
        if "synonyms" in trimmed:
            trimmed["synonyms"] = [" ".join(synonym.splitlines()) for synonym in trimmed["synonyms"]]
        return trimmed
    if isinstance(value, list):
        return [_trimmed(item) for item in value]
    return value
