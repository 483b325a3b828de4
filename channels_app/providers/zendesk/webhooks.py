"""What Zendesk calls us with: signed, and read no further than which ticket it is about.

developer.zendesk.com/documentation/webhooks/verifying: `X-Zendesk-Webhook-Signature` is base64 of HMAC-SHA256 over the
timestamp's text (`X-Zendesk-Webhook-Signature-Timestamp`) and the raw body.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Sequence

from channels_app.providers.base import BadEvent, InboundRequest, SignatureInvalid, same
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent
from convoship.lib.parsers import BadJSON, loads

SIGNATURE, TIMESTAMP = "x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp"
INVOCATION = "x-zendesk-webhook-invocation-id"
TOLERANCE = dt.timedelta(minutes=5)
# That of the documentation, with which the console's own test signs before a webhook is made.
SAMPLE_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 (it stands in the documentation)
_TICKET = re.compile(r"[1-9][0-9]{0,18}")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a genuine request has in its header."""
    return base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


def check(secrets: Sequence[str], request: InboundRequest) -> None:
    """`SignatureInvalid` unless one of these secrets signed it, lately."""
    usable = [one for one in secrets if one and not same(one, SAMPLE_SECRET)]
    if not usable:
        words = (
            "The connection has no signing secret of its webhook: press “Set the addresses at Zendesk”, or write it."
        )
        raise SignatureInvalid("no_secret", words)
    given, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not given or not timestamp:
        raise SignatureInvalid(
            "signature_missing", "The request has no X-Zendesk-Webhook-Signature with its timestamp."
        )
    if not any(same(signature(one, timestamp, request.body), given) for one in usable):
        words = "The signature is not that of the webhook's signing secret: fetch it anew, or compare the two."
        raise SignatureInvalid("signature_wrong", words)
    try:
        at = dt.datetime.fromisoformat(timestamp)
    except ValueError:
        raise SignatureInvalid("timestamp_wrong", "The signature's timestamp is no moment of ISO 8601.") from None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    if abs(request.arrived_at - at) > TOLERANCE:
        raise SignatureInvalid("timestamp_old", "It was signed more than five minutes ago, or the clocks differ.")


def parse(request: InboundRequest) -> list[ProviderEvent]:
    """That something happened in a ticket: of a trigger `{ticket_id}`, of an event `{type, subject, detail: {id}}`."""
    try:
        body = loads(request.body)
    except BadJSON as error:
        raise BadEvent({"body": [str(error)]}) from None
    if not isinstance(body, dict):
        raise BadEvent({"body": ["This must be an object."]})
    stamp = f"{request.headers.get(TIMESTAMP, '')}:".encode()
    made = hashlib.sha256(stamp + request.body).hexdigest()
    detail = body.get("detail")
    ticket = str(body.get("ticket_id") or (detail.get("id", "") if isinstance(detail, dict) else ""))
    invocation = request.headers.get(INVOCATION, "")[:100]
    key = f"invocation:{invocation}" if invocation else f"body:{made}"
    if not _TICKET.fullmatch(ticket):
        return [NotUsed(key=key, what="a request that names no ticket, such as Zendesk's own test")]
    return [DeskSaid(key=key, address=ticket, says="changed")]
