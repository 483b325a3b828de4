"""A bridge: takes events as a customer's own server does, and brings what people write on its side."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels_app.models import RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.providers.custom_webhook import EVENTS, LONGEST_KEY, CustomWebhook
from channels_app.rehearsal import pictures
from channels_app.rehearsal.base import (
    FAULTS,
    NOT_READABLE,
    Answer,
    Call,
    Fault,
    Saying,
    StandIn,
    Unsayable,
    read,
    said,
    turned_away,
)
from convoship.lib import standard_webhooks

GONE = Fault("gone", "Wants nothing more", "410: the connection is disabled, and its owner told.")
_NOT_GENUINE = "whsec_" + "AAAA" * 10 + "AAA="


class Bridge(StandIn):
    """Standard Webhooks' receiver and sender."""

    kind = CustomWebhook.kind
    title = "A webhook receiver"
    screen = "channels_app/rehearsal/bridge.html"
    faults = (*FAULTS, GONE)
    sends_files = True

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """All events, or those of the connection that it is like. The address is never called."""
        return {"url": "https://stand-in.example/events", "events": list(like.get("events", EVENTS))}

    def refuse(self, call: Call) -> Answer | None:
        """The three headers, with the signing secret."""
        if pictures.is_open(call):
            return None
        if call.method != "POST":
            return Answer(405, kind=LineKind.REFUSED, note="Events are posted.")
        try:
            standard_webhooks.verify(self.account.secrets.get("signing_secret", ()), call.headers, call.body)
        except standard_webhooks.NotGenuine as error:
            said = json.dumps({"message": error.words})
            return Answer(401, said, kind=LineKind.REFUSED, note=f"Refused: {error.words}")
        return None if read(call.body) is not None else NOT_READABLE

    def is_sent(self, call: Call) -> bool:
        """An event."""
        return call.method == "POST"

    def look(self, call: Call) -> Answer:
        """Where its files are."""
        return pictures.answer(self.connection, call, self.account.base_url) or super().look(call)

    def take(self, call: Call) -> Answer:
        """204; a copy is known by its id."""
        message_id = call.headers.get("webhook-id", "")
        event = read(call.body) or {}
        data = _part(event, "data")
        text = str(_part(data, "message").get("text", "") or data.get("reason", ""))
        files = _part(data, "message").get("attachments") or []
        kind, place = str(event.get("type", "")), data.get("sequence")
        seen = Answer(
            204,
            content_type="",
            kind=LineKind.CAUGHT,
            address=str(data.get("conversation_key", "")),
            text=text,
            provider_id=message_id,
            delivery_id=message_id.removeprefix("msg_"),
            media=[{"url": str(one["url"])[:1000]} for one in files if isinstance(one, dict) and "url" in one],
            note=f"{kind}, sequence {place}" if place else kind,
        )
        before = RehearsalLine.objects.filter(connection=self.connection, kind=LineKind.CAUGHT, provider_id=message_id)
        if before.exists():
            return replace(seen, kind=LineKind.COPY, note=f"{kind}: a copy, by its webhook-id. Nothing done.")
        return seen

    def fail(self, call: Call, fault: str) -> Answer:
        """410 beside what every stand-in knows."""
        if fault == GONE.word:
            return turned_away(self.take(call), 410, "Not taken, for good: it wants nothing more.")
        return super().fail(call, fault)

    def say(self, typed: Mapping[str, str]) -> Saying:
        """A message of somebody's in a room of the bridge's, with the address of a file that goes with it."""
        key, text = said(typed, "address", LONGEST_KEY) or "room-1", said(typed, "text", 8000)
        if not text and self.sent is None:
            raise Unsayable({"text": ["Write something, or choose a file."]})
        name, event_id, media = said(typed, "name", 100), uuid.uuid4().hex, []
        body: dict[str, Any] = {"event_id": event_id, "conversation_key": key, "text": text}
        body |= {"user": {"name": name}} if name else {}
        if self.sent is not None:
            kept = pictures.keep(self.connection, event_id, self.sent)
            body["attachments"], media = [f"{self.account.base_url}/media/{kept.sid}"], [{"sid": kept.sid}]
        return Saying(self.account.inbound_url, json.dumps(body, ensure_ascii=False), key, text, media=media)

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """Standard Webhooks' headers with the inbound secret."""
        values = [_NOT_GENUINE] if wrongly else list(self.account.secrets.get("inbound_secret", ()))[:1]
        return standard_webhooks.headers_for(values, f"msg_{uuid.uuid4().hex}", body.encode())


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}
