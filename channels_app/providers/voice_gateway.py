"""Voice gateway: a customer's own telephony, which sends what callers say and speaks the answers (CONTRACT section 6).

Turn by turn, as JSON. Both ways the body is signed with the connection's inbound secret: `X-Convoship-Signature` is the
lower-case hex of HMAC-SHA256, its key the UTF-8 bytes of the whole secret as it was shown. With `X-Convoship-Timestamp`
(Unix seconds) the signed bytes are `{timestamp}.{raw body}`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse, JsonResponse

from channels_app import replies
from channels_app.providers import http_errors
from channels_app.providers.base import (
    BadEvent,
    Capability,
    Finding,
    Health,
    InboundRequest,
    Outgoing,
    Planned,
    Provider,
    ProviderError,
    Receipt,
    SignatureInvalid,
    Stored,
    TicketRequest,
    same,
)
from channels_app.providers.events import CallEnded, MessageReceived, ProviderEvent
from channels_app.providers.speech_fields import STREAM
from channels_app.providers.voice_gateway_form import VoiceGatewayForm
from channels_app.voice.media import dialects, speech_check
from convoship.lib import same_number
from convoship.lib.outbound.sending import send
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.plain_errors import PlainValidator, failures
from deployments.models import Conversation, Message

SIGNATURE, TIMESTAMP = "x-convoship-signature", "x-convoship-timestamp"
TOLERANCE_SECONDS = 300
SECONDS = 15.0
# Where a ticket for the socket of a call's sound is asked for.
TICKET_PART = "ticket"
# Without a turn or an event_id the same body is a copy for so long at least.
COPY_SECONDS = 5.0

_OPTIONAL = ("turn", "event_id", "from", "to", "language", "dtmf", "hangup")
# What else a gateway sends is its own business and left alone.
_FIELDS: Mapping[str, Any] = {
    "call_id": {"type": "string", "minLength": 1, "maxLength": 200},
    "transcript": {"type": "string", "maxLength": 8000},
    "turn": {"type": "integer", "minimum": 0, "maximum": 2**53},
    "event_id": {"type": "string", "minLength": 1, "maxLength": 200},
    "from": {"type": "string", "maxLength": 255},
    "to": {"type": "string", "maxLength": 255},
    "language": {"type": "string", "maxLength": 35},
    "dtmf": {"type": "string", "maxLength": 64, "pattern": "^[0-9A-D*#]*$"},
    "hangup": {"type": "boolean"},
}
_TURN = PlainValidator({"type": "object", "properties": _FIELDS, "required": ["call_id", "transcript"]})
_HANG_UP = PlainValidator({"type": "object", "properties": _FIELDS, "required": ["call_id"]})

# A call's id becomes its provider's id here, which has this length.
_TICKET = PlainValidator(
    {
        "type": "object",
        "properties": {
            "call_id": {"type": "string", "minLength": 1, "maxLength": 64},
            "nonce": {"type": "string", "minLength": 8, "maxLength": 200},
            **{name: _FIELDS[name] for name in ("from", "to", "language")},
        },
        "required": ["call_id", "nonce"],
    }
)

# ITU-T E.164: at most fifteen digits, the first of the country code never 0.
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")


class VoiceGateway(Provider):
    """JSON for each thing that a caller says, and for each answer; the inbound secret signs both."""

    kind = "voice_gateway"
    label = "Voice gateway"
    purpose = "Your own telephony: it sends what callers say and speaks the answers."
    channel = "voice"
    icon = "phone-call"
    capabilities = frozenset(
        {
            Capability.INTERACTIVE,
            Capability.CALLS,
            Capability.INLINE,
            Capability.OPENS_AT_ONCE,
            Capability.STREAMED,
        }
    )
    parts = (TICKET_PART,)
    config_form = VoiceGatewayForm
    # Of the speech engines that take keys.
    hosts = ("api.deepgram.com", "api.elevenlabs.io", "api.openai.com")
    own_secrets = ("inbound_secret",)

    # --- What comes in ------------------------------------------------------------------------------------------------

    def validate_request(self, request: InboundRequest) -> None:
        """The signature over the raw body, with each live secret; the timestamp where there is one."""
        self._signer(request)

    def validate_handshake(self, request: InboundRequest) -> None:
        """Nothing: gateways sign no handshake. What lets a socket in is its ticket, which was signed for."""
        if self.account.config.get("mode") != "stream":
            words = "The connection works turn by turn: set its mode to streaming before sound is sent to it."
            raise SignatureInvalid("mode_wrong", words)
        if self.account.config.get("dialect") == dialects.SIP:
            raise SignatureInvalid("dialect_wrong", dialects.NO_SOCKET)

    def ticket_request(self, request: InboundRequest) -> TicketRequest:
        """What a request for a ticket asks; `BadEvent`."""
        try:
            body = loads(request.body)
        except BadJSON as error:
            raise BadEvent({"body": [str(error)]}) from None
        if isinstance(body, dict):
            body = {name: value for name, value in body.items() if value is not None}
        errors = failures(_TICKET, body)
        if errors:
            raise BadEvent(errors)
        return TicketRequest(
            call_id=body["call_id"],
            nonce=body["nonce"],
            caller=phone_number(body.get("from", "")) or body.get("from", "")[:64],
            called=body.get("to", "")[:64],
            language=body.get("language") or "",
        )

    def _signer(self, request: InboundRequest) -> str:
        """The secret that signed the request; `SignatureInvalid` otherwise."""
        values = self.live("inbound_secret")
        offered = request.headers.get(SIGNATURE)
        if not offered:
            raise SignatureInvalid("signature_missing", "The request has no X-Convoship-Signature.")
        sent_at = request.headers.get(TIMESTAMP)
        is_needed = request.part == TICKET_PART or bool(self.account.config.get("require_timestamp"))
        if sent_at is None and is_needed:
            raise SignatureInvalid(
                "timestamp_missing", "The request has no X-Convoship-Timestamp, which is required here."
            )
        if sent_at is not None:
            _check_time(sent_at)
        good = [value for value in values if same(signature(value, request.body, sent_at), offered)]
        if not good:
            raise SignatureInvalid(
                "signature_wrong",
                "X-Convoship-Signature doesn't fit: another secret, the body was changed after it was signed, "
                "or it isn't lower-case hex of HMAC-SHA256.",
            )
        return good[0]

    def parse_events(self, request: InboundRequest) -> list[ProviderEvent]:
        """What was said, or pressed, and whether they hung up."""
        is_inline = self._is_inline(request)
        body = _read(request.body)
        call_id = body["call_id"]
        # The gateway's own secret at this moment, by its last characters: what goes back is signed with the same one.
        echo: dict[str, Any] = {"signed_with": self._signer(request)[-4:]}
        if "turn" in body:
            echo["turn"] = int(body["turn"])
        key, copy_seconds = _key(body, request.body)
        text = " ".join(filter(None, (body.get("transcript", "").strip(), _pressed(body.get("dtmf", "")))))
        events: list[ProviderEvent] = []
        if text or not body.get("hangup"):
            events.append(
                MessageReceived(
                    key=key,
                    address=call_id,
                    copy_seconds=copy_seconds,
                    is_inline=is_inline,
                    text=text,
                    locale=body.get("language") or self.account.config.get("language", ""),
                    person_address=phone_number(body.get("from", "")),
                    echo=echo,
                )
            )
        if body.get("hangup"):
            events.append(CallEnded(key=CallEnded.key_of(call_id), address=call_id, is_inline=is_inline, echo=echo))
        return events

    def _is_inline(self, request: InboundRequest) -> bool:
        wanted = request.query.get("reply", "")
        if wanted not in {"", "inline"}:
            raise BadEvent({"reply": ["It is inline, or left out."]})
        if not wanted and self.is_fetched:
            raise BadEvent(
                {"reply": ["This connection has no gateway_url to post answers to: ask for them with ?reply=inline."]}
            )
        return bool(wanted)

    @property
    def is_fetched(self) -> bool:
        """Without `gateway_url` answers are given in responses alone."""
        return not self._url()

    def build_response(self, request: InboundRequest, stored: Sequence[Stored]) -> HttpResponse:
        """202: it is stored, and the answer comes by a request of ours."""
        conversation_id = stored[0].conversation_id
        answer = {"accepted": True, "conversation_id": str(conversation_id) if conversation_id else None}
        return JsonResponse(answer, status=202)

    def build_inline(self, outgoing: Outgoing) -> HttpResponse:
        """The reply, as it would be posted."""
        return JsonResponse(_reply(outgoing), headers={"Cache-Control": "no-store"})

    # --- What goes out ------------------------------------------------------------------------------------------------

    def plan(self, conversation: Conversation, messages: Sequence[Message]) -> list[Planned]:
        """One reply for all that an answer says, as it is spoken."""
        return [Planned("reply", {"text": replies.as_speech(messages)}, messages)]

    async def send(self, outgoing: Outgoing) -> Receipt:
        """POST the reply; any 2xx is a receipt."""
        values = self.signers("inbound_secret")
        if self.is_fetched:
            raise ProviderError(
                "The connection has no address to post answers to.",
                "Give the gateway's address, or let the gateway ask with ?reply=inline.",
                permanent=True,
                blame="connection",
            )
        hint = outgoing.content.get("signed_with")
        secret = next((value for value in values if value[-4:] == hint), values[0])
        body = json.dumps(_reply(outgoing), ensure_ascii=False, separators=(",", ":")).encode()
        sent_at = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "X-Convoship-Timestamp": sent_at,
            "X-Convoship-Signature": signature(secret, body, sent_at),
        }
        with http_errors.as_provider_errors():
            answer = await send("POST", self._url(), seconds=SECONDS, headers=headers, content=body)
        if answer.is_success:
            return Receipt("delivered", http_status=answer.status, answer=http_errors.excerpt(answer))
        if answer.status == 410:
            raise ProviderError(
                "The gateway answered 410: it has this call no more.",
                permanent=True,
                blame="address",
                http_status=answer.status,
                answer=http_errors.excerpt(answer),
            )
        raise http_errors.of_endpoint(answer, what="gateway", signer="inbound secret")

    async def check(self) -> Health:
        """Post a reply that says by its `type` that it belongs to no call."""
        if self.account.config.get("mode") == STREAM:
            return Health(await speech_check.check(self.account.config, self.account.credentials))
        if self.is_fetched:
            words = (
                "There is no gateway_url: answers are given in the response to ?reply=inline, and nothing is posted."
            )
            return Health([Finding(True, words)])
        content = {"type": "connection.test", "text": "This is a test of the connection."}
        try:
            receipt = await self.send(Outgoing(key="test", address="connection-test", content=content, is_over=True))
        except ProviderError as error:
            return Health([Finding.of(error)])
        host = urlsplit(self._url()).hostname
        return Health([Finding(True, f"{host} took a signed test reply and answered {receipt.http_status}.")])

    def _url(self) -> str:
        return self.account.base_url or str(self.account.config.get("gateway_url", ""))


def signature(secret: str, body: bytes, timestamp: str | None = None) -> str:
    """`X-Convoship-Signature` of a raw body, with `X-Convoship-Timestamp` or without."""
    signed = body if timestamp is None else timestamp.encode("utf-8", "surrogatepass") + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _check_time(sent_at: str) -> None:
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 13):
        raise SignatureInvalid("timestamp_malformed", "X-Convoship-Timestamp is no whole number of seconds.")
    apart = int(sent_at) - time.time()
    if abs(apart) > TOLERANCE_SECONDS:
        side = "in the future" if apart > 0 else "old"
        words = f"X-Convoship-Timestamp is {abs(apart):.0f} seconds {side}; {TOLERANCE_SECONDS} are allowed."
        raise SignatureInvalid("timestamp_stale", f"{words} Check the clock.")


def _read(raw: bytes) -> Mapping[str, Any]:
    """The body, checked; what may be left out may be null as well."""
    try:
        body = loads(raw)
    except BadJSON as error:
        raise BadEvent({"body": [str(error)]}) from None
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if value is not None or name not in _OPTIONAL}
    # Who only hangs up has said nothing.
    only_hangs_up = isinstance(body, dict) and body.get("hangup") is True
    errors = failures(_HANG_UP if only_hangs_up else _TURN, body)
    if errors:
        raise BadEvent(errors)
    found: Mapping[str, Any] = body
    return found


def _key(body: Mapping[str, Any], raw: bytes) -> tuple[str, float | None]:
    """What makes a turn one of a kind in its connection, and for how long its copies are copies."""
    call = hashlib.sha256(body["call_id"].encode()).hexdigest()
    if "turn" in body:
        return f"turn:{call}:{int(body['turn'])}", None
    if "event_id" in body:
        return f"event:{call}:{hashlib.sha256(body['event_id'].encode()).hexdigest()}", None
    return f"body:{hashlib.sha256(raw).hexdigest()}", COPY_SECONDS


def _pressed(keys: str) -> str:
    """Keys as what was said; a # at the end only ends the entry."""
    return keys.rstrip("#") or keys


def phone_number(value: str) -> str:
    """The caller's number in E.164; empty where it is withheld, or none."""
    number = re.sub(r"[\s().-]", "", value.strip().removeprefix("tel:"))
    return same_number.plain(number) if _E164.fullmatch(number) else ""


def _reply(outgoing: Outgoing) -> dict[str, Any]:
    reply = {"call_id": outgoing.address, "text": outgoing.content["text"], "end_call": outgoing.is_over}
    return {**reply, **{name: outgoing.content[name] for name in ("turn", "type") if name in outgoing.content}}
