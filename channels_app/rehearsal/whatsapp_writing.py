"""What is done on the phone of a rehearsed WhatsApp, as Twilio posts it: words, taps, places and replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from channels_app.models import Connection, RehearsalLine
from channels_app.rehearsal.base import said
from deployments.file_kinds import Checked

LONGEST, LONGEST_NAME, LONGEST_PLACE = 1600, 100, 200
NAME = "Sam"

_KINDS = frozenset({"text", "image", "audio", "video"})

Errors = dict[str, list[str]]


@dataclass
class Written:
    """What was done: the words that the screen shows of it, Twilio's fields, and what is drawn beside the words."""

    text: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)


def written(connection: Connection, typed: Mapping[str, str], errors: Errors, sent: Checked | None) -> Written:
    """What the form says was done; what is wrong with it goes to `errors`. `sent`: a file that goes with it."""
    if typed.get("tap"):
        return _tapped(connection, typed["tap"], errors)
    done = _place(typed, errors) if typed.get("does") == "place" else _words(typed, errors, sent)
    replied = line_of(connection, typed.get("reply_to", ""))
    if replied is not None:
        done.extras["reply_to"] = " ".join(replied.text.split())[:120]
        done.fields["OriginalRepliedMessageSid"] = replied.provider_id
        done.fields["OriginalRepliedMessageSender"] = _sender(replied)
    return done


def who(number: str, name: str) -> dict[str, str]:
    """Whose phone it is, as WhatsApp tells it."""
    known = {"ProfileName": name, "WaId": number.removeprefix("+")}
    return {**known, "ChannelMetadata": json.dumps({"type": "whatsapp", "data": {"context": known}})}


def line_of(connection: Connection, line_id: str) -> RehearsalLine | None:
    """A message of the talk; None where there is none by that id."""
    try:
        found = UUID(line_id)
    except ValueError:
        return None
    rows = RehearsalLine.objects.filter(connection=connection, id=found).exclude(provider_id="")
    line: RehearsalLine | None = rows.first()
    return line


def _words(typed: Mapping[str, str], errors: Errors, sent: Checked | None) -> Written:
    text = said(typed, "text", LONGEST)
    if not (text or sent):
        errors["text"] = ["Write something, or choose a file."]
    kind = sent.content_type.partition("/")[0] if sent else "text"
    return Written(text, {"Body": text, "MessageType": kind if kind in _KINDS else "document"})


def _place(typed: Mapping[str, str], errors: Errors) -> Written:
    at = {name: _degrees(typed, name, most, errors) for name, most in (("latitude", 90), ("longitude", 180))}
    label, street = said(typed, "label", LONGEST_PLACE), said(typed, "street", LONGEST_PLACE)
    fields = {"Body": "", "MessageType": "location", "Latitude": at["latitude"], "Longitude": at["longitude"]}
    fields |= {name: value for name, value in (("Label", label), ("Address", street)) if value}
    where = f"{at['latitude']}, {at['longitude']}"
    return Written(
        label or where, fields, {"place": [one for one in (street, where if label else "") if one] or [where]}
    )


def _degrees(typed: Mapping[str, str], name: str, most: int, errors: Errors) -> str:
    text = said(typed, name, 20)
    try:
        value = float(text)
    except ValueError:
        value = most + 1.0
    # What is no number is not between them either.
    if not -most <= value <= most:
        errors[name] = [f"Write a number from -{most} to {most}, as {'52.5163' if most == 90 else '13.3777'}."]
    return text


def _tapped(connection: Connection, tap: str, errors: Errors) -> Written:
    """A tap: which line it is on, and which of its options, with a colon between."""
    line_id, _, number = tap.partition(":")
    line = line_of(connection, line_id)
    options = line.extras.get("options", []) if line is not None else []
    if line is None or not (number.isascii() and number.isdigit() and len(number) < 4 and int(number) < len(options)):
        errors["text"] = ["That can't be tapped any more. Write instead."]
        return Written()
    option = options[int(number)]
    label, payload = str(option["label"]), str(option["payload"])
    is_list = "opens_with" in line.extras
    names = ("ListTitle", "ListId", "interactive") if is_list else ("ButtonText", "ButtonPayload", "button")
    fields = {"Body": label, names[0]: label, names[1]: payload, "MessageType": names[2]}
    fields |= {"OriginalRepliedMessageSid": line.provider_id, "OriginalRepliedMessageSender": _sender(line)}
    return Written(label, fields, {"reply_to": " ".join(line.text.split())[:120]})


def _sender(line: RehearsalLine) -> str:
    """Who wrote what is replied to: they themselves, or the connection's number."""
    number = line.address if line.is_said else str(line.connection.config.get("from_number") or "")
    return f"whatsapp:{number}" if number else ""
