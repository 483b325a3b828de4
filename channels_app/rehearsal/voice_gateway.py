"""A gateway: somebody's telephone exchange, which brings what a caller says and speaks what it is given."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from channels_app.models import Connection, Delivery, Rehearsal, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.providers.voice_gateway import SIGNATURE, TICKET_PART, TIMESTAMP, VoiceGateway, signature
from channels_app.rehearsal import sound_screen
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
from channels_app.voice.media import dialects

GONE = Fault("gone", "The call is over there", "410: it has this call no more.")
KEYS = frozenset("0123456789*#")
CALLER = "+4930901820"
LONGEST_SAID = 4000


class Gateway(StandIn):
    """JSON both ways, signed with the inbound secret."""

    kind = VoiceGateway.kind
    title = "A gateway"
    screen = "channels_app/rehearsal/gateway.html"
    faults = (*FAULTS, GONE)

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """As the connection that it is like; the address is never called, and a browser writes sound as Twilio does."""
        if like.get("mode") == "stream":
            return {**like, "dialect": dialects.DEFAULT, "gateway_url": ""}
        return {**like, "mode": "turns", "gateway_url": "https://stand-in.example/say"}

    @classmethod
    def set_up(cls, config: Mapping[str, Any]) -> type[StandIn]:
        """Turn by turn, or by sound."""
        return SoundGateway if config.get("mode") == "stream" else Gateway

    def refuse(self, call: Call) -> Answer | None:
        """X-Convoship-Signature over timestamp and body."""
        sent_at, offered = call.headers.get(TIMESTAMP, ""), call.headers.get(SIGNATURE, "")
        values = self.account.secrets.get("inbound_secret", ())
        if call.method == "POST" and any(same(signature(one, call.body, sent_at), offered) for one in values):
            return None if read(call.body) is not None else NOT_READABLE
        said_so = json.dumps({"message": "Not signed"})
        return Answer(401, said_so, kind=LineKind.REFUSED, note="Refused: the signature doesn't fit.")

    def take(self, call: Call) -> Answer:
        """Speak it."""
        reply = read(call.body) or {}
        is_test = reply.get("type") == "connection.test"
        call_id = str(reply.get("call_id", ""))
        # A reply names its call alone. Of a call's deliveries one is in hand at a time: the one that this is.
        in_hand = Delivery.objects.filter(connection=self.connection, address=call_id, claim__isnull=False).first()
        return Answer(
            200,
            "{}",
            kind=LineKind.ASKED if is_test else LineKind.CAUGHT,
            address=call_id,
            delivery_id=str(in_hand.id) if in_hand else "",
            text=str(reply.get("text", "")),
            note="A test: it belongs to no call." if is_test else _ending(reply),
        )

    def fail(self, call: Call, fault: str) -> Answer:
        """410 beside what every stand-in knows."""
        if fault == GONE.word:
            return turned_away(self.take(call), 410, "Not taken: there is no such call any more.")
        return super().fail(call, fault)

    def say(self, typed: Mapping[str, str]) -> Saying:
        """What a caller does: call, speak, press keys, hang up."""
        does, call_id = said(typed, "does", 20), said(typed, "address", 100)
        turn, shown = self._turn("call" if not call_id else does, said(typed, "text", LONGEST_SAID))
        call_id = call_id if call_id and does != "call" else f"call-{secrets.token_hex(4)}"
        before = RehearsalLine.objects.filter(connection=self.connection, kind=LineKind.SAID, address=call_id)
        body = {"call_id": call_id, **turn, "turn": before.count()}
        url = self.account.inbound_url + ("?reply=inline" if typed.get("inline") else "")
        return Saying(url, json.dumps(body, ensure_ascii=False), call_id, shown)

    def _turn(self, does: str, text: str) -> tuple[dict[str, Any], str]:
        """What is posted of it, and what the screen shows."""
        match does:
            case "call":
                return {"transcript": "", "from": CALLER}, "Calls"
            case "silence":
                return {"transcript": ""}, "Says nothing"
            case "hang_up":
                return {"hangup": True}, "Hangs up"
            case "keys":
                keys = "".join(text.split())
                if not keys or not set(keys) <= KEYS:
                    raise Unsayable({"text": ["Keys are 0 to 9, * and #."]})
                return {"transcript": "", "dtmf": keys}, f"Presses {keys}"
        if not text:
            raise Unsayable({"text": ["Write what the caller says, or press Silence."]})
        return {"transcript": text}, text

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """Signature and timestamp."""
        sent_at = str(int(time.time()))
        value = "another secret" if wrongly else next(iter(self.account.secrets.get("inbound_secret", ())), "")
        return {TIMESTAMP: sent_at, SIGNATURE: signature(value, body.encode(), sent_at)}

    def heard(self, answer: str) -> str:
        """The reply of `?reply=inline`."""
        try:
            reply = json.loads(answer)
        except ValueError:
            return ""
        return str(reply.get("text", "")) if isinstance(reply, dict) else ""


class SoundGateway(Gateway):
    """A gateway that sends sound: the telephone is the browser's microphone and loudspeaker."""

    title = "A telephone"
    screen = "channels_app/rehearsal/sound.html"
    page = "channels_app/rehearsal/sound_page.html"
    talk = "channels_app/rehearsal/sound_talk.html"
    style = "app/css/telephone.css"
    has_sound = True

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """The latest call, what is missing before there can be one, and what it listens and speaks with."""
        return sound_screen.shown(connection)

    def say(self, typed: Mapping[str, str]) -> Saying:
        """Nothing: its calls have a socket."""
        raise Unsayable({"text": ["This connection works by sound: call with the telephone."]})

    def asks_for_ticket(self, call_id: str) -> Saying:
        """The request that begins a call."""
        body = {"call_id": call_id, "nonce": secrets.token_hex(16), "from": CALLER}
        return Saying(f"{self.account.inbound_url}/{TICKET_PART}", json.dumps(body), call_id, "Calls")


def _ending(reply: Mapping[str, Any]) -> str:
    return "end_call: the call ends after this." if reply.get("end_call") else ""
