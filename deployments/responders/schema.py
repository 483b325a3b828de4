"""The shape of a scripted assistant's content as JSON Schema, which its editor, its API and its documentation share.

What a schema can't say (names that lead nowhere, cycles, unknown placeholders) is in `checks`.
"""

from __future__ import annotations

from typing import Any

MOST_INTENTS, MOST_PHRASES, MOST_ANSWERS, MOST_QUESTIONS, MOST_CHOICES = 200, 100, 20, 20, 10
MOST_VARIABLES, MOST_OTHER_WORDS, MOST_LANGUAGES = 50, 40, 20
LONGEST_TEXT, LONGEST_PHRASE, LONGEST_NAME = 2000, 300, 80
LONGEST_VALUE = 500
MOST_ATTEMPTS = 5
CHANNELS = ("web", "whatsapp", "sms", "voice", "webhook")
KINDS = ("text", "number", "email", "phone", "date", "choice", "yes_no")

_LINK = r"^(https?://[^\s/?#@\\\x00-\x1f]+([/?#][^\s\x00-\x1f]*)?|mailto:[^\s\x00-\x1f]+|tel:[+0-9()./ -]+)$(?!\n)"
_IMAGE = r"^(https://[^\s/?#@\\\x00-\x1f]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)([/?#][^\s\x00-\x1f]*)?$(?!\n)"
_EMPTY_WORDS = {"pattern": "This must not be empty."}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "pattern": r"\S", "x-words": _EMPTY_WORDS}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def _list(items: dict[str, Any], most: int, **more: Any) -> dict[str, Any]:
    return {"type": "array", "maxItems": most, "items": items, **more}


# --- What is said -------------------------------------------------------------------------------------------------

_url = {
    "type": "string",
    "maxLength": 2000,
    "pattern": _LINK,
    "x-words": {"pattern": "Use an address that begins with https://, http://, mailto: or tel:."},
}
_image = {
    "type": "string",
    "maxLength": 2000,
    "pattern": _IMAGE,
    "x-words": {"pattern": "Use the address of an image that begins with https://."},
}
_button = {
    **_object(["label"], label=_text(80), payload=_text(256), url=_url),
    "oneOf": [{"required": ["payload"]}, {"required": ["url"]}],
    "x-words": {"oneOf": "A button has either a payload (what it says) or a url (where it leads)."},
}
_buttons = _list(_button, 10)
_card = {"title": _text(200), "text": _text(LONGEST_TEXT), "image_url": _image, "buttons": _buttons}
_BLOCKS: dict[str, dict[str, Any]] = {
    "buttons": _object(["type", "buttons"], type=True, buttons={**_buttons, "minItems": 1}),
    "card": _object(["type", "title"], type=True, **_card),
    "carousel": _object(["type", "cards"], type=True, cards=_list(_object(["title"], **_card), 10, minItems=1)),
    "list": _object(
        ["type", "items"],
        type=True,
        items=_list(_object(["title"], title=_text(200), text=_text(LONGEST_TEXT), url=_url), 20, minItems=1),
    ),
}
_block = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": list(_BLOCKS)}},
    "allOf": [
        {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": schema}
        for kind, schema in _BLOCKS.items()
    ],
}
BLOCKS = _list(_block, 5)
_words: dict[str, Any] = {"text": _text(LONGEST_TEXT), "buttons": _buttons, "blocks": BLOCKS}
_language = {
    "type": "string",
    "pattern": r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$(?!\n)",
    "x-words": {"pattern": "Use a language tag such as en, de or pt-BR."},
}
_other_words = {
    **_object(["text"], language=_language, channel={"enum": list(CHANNELS)}, **_words),
    "anyOf": [{"required": ["language"]}, {"required": ["channel"]}],
    "x-words": {"anyOf": "Say for which language or channel these words are."},
}
_said: dict[str, Any] = {**_words, "also": _list(_other_words, MOST_OTHER_WORDS)}
_spoken = _object(["text"], **_said)
# Words without blocks: {text, also?: [{language?, channel?, text}]}.
PLAIN_WORDS = _object(
    ["text"],
    text=_text(LONGEST_TEXT),
    also=_list(
        {
            **_object(["text"], language=_language, channel={"enum": list(CHANNELS)}, text=_text(LONGEST_TEXT)),
            "anyOf": [{"required": ["language"]}, {"required": ["channel"]}],
            "x-words": {"anyOf": "Say for which language or channel these words are."},
        },
        MOST_LANGUAGES,
    ),
)

# --- Questions and intents ----------------------------------------------------------------------------------------

_slot = {
    "type": "string",
    "pattern": r"^[a-z][a-z0-9_]{0,39}$(?!\n)",
    "x-words": {"pattern": "Use a short name of small letters, digits and _, such as order_number."},
}
_choice = _object(
    ["label"],
    label=_text(80),
    value=_text(200),
    synonyms=_list(_text(LONGEST_PHRASE), 20),
)
_bound = {
    "type": ["number", "string"],
    "maxLength": 20,
    "x-words": {"type": "This must be a number, or a day such as 2027-01-31."},
}
_question = _object(
    ["slot", "kind", "prompt"],
    slot=_slot,
    kind={"enum": list(KINDS)},
    prompt=_spoken,
    reprompt=_spoken,
    invalid=_spoken,
    attempts={"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
    choices=_list(_choice, MOST_CHOICES),
    min=_bound,
    max=_bound,
    give_up=_object(["text", "then"], **_said, then={"enum": ["cancel", "hand_over", "end"]}),
)
_name: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_NAME,
    "pattern": r"^([^\s\x00-\x1f:]([^\x00-\x1f:]*[^\s\x00-\x1f:])?)?$(?!\n)",
    "x-words": {
        "minLength": "Give it a name.",
        "pattern": "Use a short name without a colon, and without white space around it.",
    },
}
_led_to = {**_name, "x-words": {**_name["x-words"], "minLength": "Choose the intent that this goes to."}}
_intent = _object(
    ["name", "phrases", "answers"],
    name=_name,
    phrases=_list(_text(LONGEST_PHRASE), MOST_PHRASES),
    ask=_list(_question, MOST_QUESTIONS),
    answers=_list(_spoken, MOST_ANSWERS),
    action=_object(["type"], type={"enum": ["hand_over", "end", "go_to"]}, intent=_led_to),
)
_then = {"enum": ["hand_over", "end"]}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Scripted assistant",
    **_object(
        [],
        welcome=_spoken,
        intents=_list(_intent, MOST_INTENTS),
        small_talk={"type": "boolean"},
        uses_knowledge={"type": "boolean"},
        fallback=_spoken,
        fallback_again=_object(["text"], **_said, then=_then),
        no_input=_object(
            ["after_seconds", "text"],
            after_seconds={"type": "integer", "minimum": 10, "maximum": 3600},
            **_said,
            then=_then,
        ),
        variables=_list(_object(["name", "value"], name=_slot, value=_text(LONGEST_VALUE)), MOST_VARIABLES),
        languages=_list(_language, MOST_LANGUAGES),
    ),
}
