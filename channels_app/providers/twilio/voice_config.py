"""How a connection for calls is set up, read from its config: each value with what holds where none is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Way = Literal["transfer", "voicemail", "goodbye"]
WAYS: tuple[Way, ...] = ("transfer", "voicemail", "goodbye")

LANGUAGE = "en-US"
SILENCE_SECONDS, MOST_SILENCES = 5, 3
LONGEST_CALL, DAILY_MINUTES = 30, 500
UNASKED_PER_HOUR, NEW_PER_RANGE = 3, 10
QUEUE = "callers"

_LINE = re.compile(r"\s*([0-9*#])\s*[=:]\s*(.+?)\s*")


class BadMenu(ValueError):
    """A menu that can't be read; its words say which line."""


def menu_of(text: str) -> dict[str, str]:
    """A menu, a key a line (`1 = What are your opening hours?`), by its keys; `BadMenu`."""
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        read = _LINE.fullmatch(line)
        if read is None:
            raise BadMenu(f"“{line.strip()[:40]}” is no line of a menu. Write a key, = and words: 1 = Opening hours.")
        key, words = read[1], read[2]
        if key in found:
            raise BadMenu(f"The key {key} stands in it twice.")
        found[key] = words.casefold() if words.casefold() in WAYS else words
    return found


@dataclass(frozen=True)
class VoiceConfig:
    """What the form of `voice_forms` holds. Words that are empty: the house's own, in the caller's language."""

    number: str = ""
    mode: Literal["relay", "gather", "stream"] = "relay"
    voice: str = ""
    language: str = LANGUAGE
    greeting: str = ""
    hints: str = ""
    barge_in: bool = True
    hold_words: str = ""
    # By key: what the assistant is told, or a `Way`.
    menu: Mapping[str, str] = field(default_factory=dict)
    silence_seconds: int = SILENCE_SECONDS
    silence_words: str = ""
    most_silences: int = MOST_SILENCES
    # After so many silences, and where nothing else helps.
    then: Way = "goodbye"
    transfer_to: str = ""
    manner: Literal["cold", "warm", "queue"] = "cold"
    queue: str = QUEUE
    # Where nobody takes the call.
    transfer_then: Literal["assistant", "voicemail", "goodbye"] = "assistant"
    # When they have talked, and the person hung up.
    transfer_after: Literal["goodbye", "assistant"] = "goodbye"
    whisper: bool = False
    voicemail: bool = False
    voicemail_words: str = ""
    goodbye_words: str = ""
    # Minutes.
    longest_call: int = LONGEST_CALL
    records: bool = False
    consent_words: str = ""
    daily_minutes: int = DAILY_MINUTES

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> VoiceConfig:
        """That of a connection; its form has seen to the values."""

        def text(name: str) -> str:
            return str(config.get(name) or "")

        def number(name: str, default: int) -> int:
            return int(config.get(name) or default)

        return cls(
            number=text("from_number"),
            mode=_one(config.get("mode"), ("relay", "gather", "stream"), "relay"),
            voice=text("voice"),
            language=text("language") or LANGUAGE,
            greeting=text("greeting"),
            hints=text("hints"),
            barge_in=config.get("barge_in") != "off",
            hold_words=text("hold_words"),
            menu=menu_of(text("menu")),
            silence_seconds=number("silence_seconds", SILENCE_SECONDS),
            silence_words=text("silence_words"),
            most_silences=number("most_silences", MOST_SILENCES),
            then=_one(config.get("then"), WAYS, "goodbye"),
            transfer_to=text("transfer_to"),
            manner=_one(config.get("manner"), ("cold", "warm", "queue"), "cold"),
            queue=text("queue") or QUEUE,
            transfer_then=_one(config.get("transfer_then"), ("assistant", "voicemail", "goodbye"), "assistant"),
            transfer_after=_one(config.get("transfer_after"), ("goodbye", "assistant"), "goodbye"),
            whisper=bool(config.get("whisper")),
            voicemail=bool(config.get("voicemail")),
            voicemail_words=text("voicemail_words"),
            goodbye_words=text("goodbye_words"),
            longest_call=number("longest_call", LONGEST_CALL),
            records=config.get("record") == "with_consent",
            consent_words=text("consent_words"),
            daily_minutes=number("daily_minutes", DAILY_MINUTES),
        )

    @property
    def can_transfer(self) -> bool:
        """Whether there is somebody to put a call through to."""
        return bool(self.transfer_to) or self.manner == "queue"


def _one(value: Any, known: tuple[Any, ...], default: str) -> Any:
    return value if value in known else default
