"""What the editor's choices, places and summaries are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deployments.pages.editor_kinds import Row

Choices = list[tuple[str, str]]

THEN: Mapping[str, str] = {"": "Nothing more", "hand_over": "Hand over to a person", "end": "End the conversation"}
CHANNELS: Mapping[str, str] = {
    "": "Every channel",
    "web": "Web widget",
    "whatsapp": "WhatsApp",
    "sms": "SMS",
    "voice": "Voice",
    "webhook": "Webhook",
}
# What the editor's selects offer.
OPTIONS: Mapping[str, Choices] = {
    "then": list(THEN.items()),
    "button": [("payload", "Says words"), ("url", "Opens a link")],
    "give_up": [("cancel", "Leave the questions"), *list(THEN.items())[1:]],
    "channels": list(CHANNELS.items()),
    "kinds": [
        ("text", "Free words"),
        ("number", "A number"),
        ("email", "An e-mail address"),
        ("phone", "A phone number"),
        ("date", "A day"),
        ("choice", "A choice"),
        ("yes_no", "Yes or no"),
    ],
}
# Offered where a language is typed; any other tag may be typed as well.
LANGUAGES: Choices = [
    ("en", "English"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("it", "Italian"),
    ("nl", "Dutch"),
    ("pl", "Polish"),
    ("pt", "Portuguese"),
    ("pt-BR", "Brazilian Portuguese"),
    ("sv", "Swedish"),
    ("tr", "Turkish"),
    ("uk", "Ukrainian"),
]
_LANGUAGE_NAMES = dict(LANGUAGES)

# Where a fault is: parts by their name, rows of a list by their kind.
PARTS: Mapping[str, str] = {
    "welcome": "Welcome",
    "fallback": "When it doesn't understand",
    "fallback_again": "When it doesn't understand again",
    "no_input": "When the visitor is silent",
    "prompt": "what it asks",
    "reprompt": "how it asks again",
    "invalid": "after a wrong answer",
    "give_up": "when it gives up",
}
_BLOCKS = {"card": "the card", "carousel": "the carousel", "list": "the list", "buttons": "a block of buttons"}
ROWS: Mapping[str, Callable[[Row, int], str]] = {
    "intent": lambda row, n: f"Intent “{row['name'].strip()}”" if row["name"].strip() else "An intent without a name",
    "spoken": lambda row, n: f"answer {n + 1}",
    "question": lambda row, n: f"question “{row['slot'].strip()}”" if row["slot"].strip() else f"question {n + 1}",
    "choice": lambda row, n: f"choice {n + 1}",
    "button": lambda row, n: f"button “{row['label'].strip()}”" if row["label"].strip() else "a button",
    "block": lambda row, n: _BLOCKS.get(row["type"], "a block"),
    "card": lambda row, n: f"card {n + 1}",
    "item": lambda row, n: f"entry {n + 1}",
    "other": lambda row, n: f"other words for {for_whom(row) or 'nobody yet'}",
    "variable": lambda row, n: f"Variable “{row['name'].strip()}”" if row["name"].strip() else f"Variable {n + 1}",
}


def for_whom(other: Row) -> str:
    """`German, SMS`: whom other words are for."""
    tag = other["language"].strip()
    channel = CHANNELS.get(other["channel"], other["channel"]) if other["channel"] else ""
    return " on ".join(word for word in (_LANGUAGE_NAMES.get(tag, tag), channel) if word)


def about(row: Row) -> str:
    """What a closed row says of itself: whom its other words are for, or the first thing that an intent says."""
    if row.kind == "intent":
        said = [question.parts["prompt"]["text"] for question in row.lists["ask"]]
        said += [answer["text"] for answer in row.lists["answers"]]
        return next((text.strip() for text in said if text.strip()), "")[:200]
    if row.kind == "question":
        return row.parts["prompt"]["text"].strip()[:200]
    return "; ".join(for_whom(other) or "nobody yet" for other in row.lists.get("also", ()))


_NOUNS = {"spoken": "answer", "item": "entry", "other": "other words"}
_LONGEST_CALLED = 40


def noun(row: Row) -> str:
    """What a row is: `button`, `carousel`."""
    return row["type"] if row.kind == "block" else _NOUNS.get(row.kind, row.kind)


def called(row: Row, number: int) -> str:
    """A row of a list by its place and its first words: `button 2 “Yes”` (`editor_names.js` says the same)."""
    words = " ".join(row[row.first_field].split()) if row.first_field else ""
    if len(words) > _LONGEST_CALLED:
        words = words[: _LONGEST_CALLED - 1] + "…"
    return f"{noun(row)} {number + 1}" + (f" “{words}”" if words else "")
