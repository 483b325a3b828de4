"""What Genesys calls us with: an integration's notifications, and the data action of an Architect flow.

developer.genesys.cloud/commdigital/digital/openmessaging/validate: `X-Hub-Signature-256: sha256=` and base64 of
HMAC-SHA256 over the body. No moment is signed: a replay is known by its key. A request that isn't answered with 2xx
within 10 s is repeated five times, 5 s apart; what is lost after that is found by looking.

A data action can't sign, so it has a header with the secret (`X-Convoship-Secret`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from channels_app.providers.base import BadEvent, InboundRequest, SignatureInvalid, same
from channels_app.providers.code_words import in_words
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent, StatusReported
from channels_app.providers.genesys import normalized
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.plain_errors import PlainValidator, failures

RETURN = "return"
SIGNATURE, SECRET, CHECK = "x-hub-signature-256", "x-convoship-secret", "x-convoship-check"
# The same request again is a copy for so long; later it is about another hand-over of the conversation.
COPY_SECONDS = 60.0
LONGEST_SUMMARY = 4000
# So begin the ids of the customer that *Test* writes as, and of what it writes: no hand-over waits to hear of them.
OF_A_TEST = "convoship-test-"
_STATUS: Mapping[str, str] = {
    "Sent": "sent",
    "Delivered": "delivered",
    "Published": "delivered",
    "Read": "read",
    "Failed": "failed",
}
_DATA_ACTION = PlainValidator(
    {
        "type": "object",
        "required": ["conversation_id", "does"],
        "additionalProperties": False,
        "properties": {
            "conversation_id": {"type": "string", "minLength": 1, "maxLength": 100},
            "does": {"enum": ["return", "end"]},
            "summary": {"type": ["string", "null"], "maxLength": LONGEST_SUMMARY},
        },
    }
)


def signature(secret: str, body: bytes) -> str:
    """What a genuine request has in its header."""
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def second_check(secret: str) -> str:
    """The value of the static header that “Set the addresses” adds: made of the secret, which it doesn't tell."""
    return hmac.new(secret.encode(), b"convoship: genesys webhook header", hashlib.sha256).hexdigest()


def check(secret: str, request: InboundRequest) -> None:
    """`SignatureInvalid` unless the request is genuine."""
    if not secret:
        words = "The connection has no webhook secret: press “Set the addresses at Genesys”, or write it."
        raise SignatureInvalid("no_secret", words)
    if request.part == RETURN:
        _check_header(secret, request)
        return
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise SignatureInvalid("signature_missing", "The request has no X-Hub-Signature-256.")
    if not same(signature(secret, request.body), given):
        words = "The signature is not that of the webhook's secret: set the addresses anew, or compare the two."
        raise SignatureInvalid("signature_wrong", words)
    # An integration that was set by hand has no such header; one that has it, has the right one.
    also = request.headers.get(CHECK)
    if also is not None and not same(second_check(secret), also):
        words = "The header X-Convoship-Check is not that of this connection: set the addresses anew."
        raise SignatureInvalid("header_wrong", words)


def _check_header(secret: str, request: InboundRequest) -> None:
    given = request.headers.get(SECRET, "")
    if not given:
        raise SignatureInvalid("signature_missing", "The data action has no header X-Convoship-Secret.")
    if not same(secret, given):
        words = "The data action's X-Convoship-Secret is not the webhook's secret of the connection."
        raise SignatureInvalid("signature_wrong", words)


def parse(request: InboundRequest) -> list[ProviderEvent]:
    """One event; what is of no use here is kept and answered like all else, for Genesys would repeat it."""
    try:
        body = loads(request.body)
    except BadJSON as error:
        raise BadEvent({"body": [str(error)]}) from None
    if not isinstance(body, dict):
        raise BadEvent({"body": ["This must be an object."]})
    if request.part == RETURN:
        return [_data_action(request.body, body)]
    return [_notification(request.body, body)]


def _data_action(raw: bytes, body: Mapping[str, Any]) -> ProviderEvent:
    errors = failures(_DATA_ACTION, body)
    if errors:
        raise BadEvent(errors)
    return DeskSaid(
        key=f"data-action:{hashlib.sha256(raw).hexdigest()}",
        address=body["conversation_id"].strip(),
        says="returned" if body["does"] == "return" else "closed",
        text=(body.get("summary") or "").strip(),
        copy_seconds=COPY_SECONDS,
    )


def _notification(raw: bytes, body: Mapping[str, Any]) -> ProviderEvent:
    channel = body.get("channel")
    channel = channel if isinstance(channel, Mapping) else {}
    to = channel.get("to")
    address = str(to.get("id") or "")[:200] if isinstance(to, Mapping) else ""
    message_id, kind = str(body.get("id") or "")[:100], str(body.get("type") or "")
    spare = f"body:{hashlib.sha256(raw).hexdigest()}"
    if kind == "Receipt":
        return _receipt(body, message_id, spare)
    if str(body.get("direction") or "Outbound") != "Outbound":
        return NotUsed(key=spare, what="a copy of what a customer wrote")
    if not address or not message_id:
        return NotUsed(key=spare, what="a notification that names no recipient or no message")
    if kind == "Event":
        return _typing(body, address, message_id, str(channel.get("time") or ""))
    if kind in {"Text", "Structured", "Message"}:
        return normalized.event_of(message_id, address, body)
    return NotUsed(key=spare, address=address, what=f"a notification that Genesys calls “{in_words(kind)}”")


def _typing(body: Mapping[str, Any], address: str, message_id: str, time: str) -> ProviderEvent:
    events = body.get("events")
    kinds = (
        [str(one.get("eventType")) for one in events if isinstance(one, Mapping)] if isinstance(events, list) else []
    )
    key = f"event:{message_id}:{time[:40]}"
    if "Typing" not in kinds:
        return NotUsed(
            key=key, address=address, what=f"an event that Genesys calls “{', '.join(map(in_words, kinds[:5]))}”"
        )
    return DeskSaid(key=key, address=address, says="typing")


def _is_of_a_test(channel: object) -> bool:
    """Whether a receipt is about the message of a *Test*: by its own id, or that of its customer."""
    if not isinstance(channel, Mapping):
        return False
    ends = [one.get("id") for one in (channel.get("from"), channel.get("to")) if isinstance(one, Mapping)]
    return any(str(one).startswith(OF_A_TEST) for one in (channel.get("messageId"), *ends))


def _receipt(body: Mapping[str, Any], message_id: str, spare: str) -> ProviderEvent:
    """What became of a message of ours: one that Genesys could not take ends the case here, for the next desk."""
    told = str(body.get("status") or "")
    status = _STATUS.get(told)
    # Of an agent's message: what became of it is ours to tell. A failure is never passed over.
    is_theirs = body.get("direction") == "Outbound" and status != "failed"
    if status is None or not message_id or is_theirs:
        return NotUsed(key=spare, what=f"a receipt that says “{in_words(told)}”")
    if _is_of_a_test(body.get("channel")):
        return NotUsed(key=spare, what=f"a receipt for what “Test” wrote, which says “{in_words(told)}”")
    key = f"receipt:{message_id}:{status}"
    if status != "failed":
        return StatusReported(key=key, provider_id=message_id, status=status)
    found = body.get("reasons")
    reasons = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    codes = [str(one.get("code") or "") for one in reasons]
    words = "; ".join(": ".join(str(one[name]) for name in ("code", "message") if one.get(name)) for one in reasons)
    return StatusReported(
        key=key,
        provider_id=message_id,
        status=status,
        code=(codes[0] if codes else "")[:40],
        reason=f"Genesys could not take it. {words}".strip()[:300],
        remedy="Look at the integration's content profile and its inbound message flow in Genesys.",
    )
