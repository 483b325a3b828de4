"""What ServiceNow calls us with: our business rule, signed; or the Virtual Agent, which can only send a header along.

What the rule says is read no further than which record it is about. Signing outbound messages of the Virtual Agent is
not supported (ServiceNowDocs: configure-response-endpoint-auth-va-api.md knows credentials and at most ten headers).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from channels_app.providers.base import BadEvent, InboundRequest, SignatureInvalid, same
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent
from channels_app.providers.servicenow.api import SYS_ID
from convoship.lib.parsers import BadJSON, loads

SIGNATURE, TIMESTAMP, SECRET = "x-convoship-signature", "x-convoship-timestamp", "x-convoship-secret"
TOLERANCE_SECONDS = 300


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a genuine call of the business rule has in its header."""
    signed = timestamp.encode() + b"." + body
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def check_signature(secret: str, request: InboundRequest) -> None:
    """`SignatureInvalid` unless this secret signed it, lately."""
    _require(secret)
    given, timestamp = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not given or not timestamp:
        words = "The request has no X-Convoship-Signature with its X-Convoship-Timestamp: paste the business rule anew."
        raise SignatureInvalid("signature_missing", words)
    if not same(signature(secret, timestamp, request.body), given):
        words = "The signature is not that of the secret: the system property at ServiceNow has another value."
        raise SignatureInvalid("signature_wrong", words)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13):
        raise SignatureInvalid("timestamp_wrong", "The signature's timestamp is no number of seconds.")
    if abs(request.arrived_at.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise SignatureInvalid("timestamp_old", "It was signed more than five minutes ago, or the clocks differ.")


def check_secret(secret: str, request: InboundRequest) -> None:
    """`SignatureInvalid` unless the secret came along."""
    _require(secret)
    given = request.headers.get(SECRET, "")
    if not given:
        words = "The request has no X-Convoship-Secret: add it to the attributes of the Virtual Agent's connection."
        raise SignatureInvalid("secret_missing", words)
    if not same(secret, given):
        raise SignatureInvalid("secret_wrong", "The X-Convoship-Secret is not the connection's secret.")


def _require(secret: str) -> None:
    if not secret:
        words = "The connection has no secret that ServiceNow signs with: write one into its settings."
        raise SignatureInvalid("no_secret", words)


def body_of(request: InboundRequest) -> dict[str, Any]:
    """The JSON object of a request; `BadEvent` where it is none."""
    try:
        body = loads(request.body)
    except BadJSON as error:
        raise BadEvent({"body": [str(error)]}) from None
    if not isinstance(body, dict):
        raise BadEvent({"body": ["This must be an object."]})
    return body


def parse(request: InboundRequest) -> list[ProviderEvent]:
    """That something happened in a record: `{event_id, table, sys_id, number, journal: {...}}`."""
    body = body_of(request)
    given = body.get("event_id")
    event_id = given[:150] if isinstance(given, str) else ""
    made = hashlib.sha256(request.headers.get(TIMESTAMP, "").encode() + b"." + request.body).hexdigest()
    key = f"rule:{event_id}" if event_id else f"body:{made}"
    sys_id = body.get("sys_id")
    if not isinstance(sys_id, str) or not SYS_ID.fullmatch(sys_id):
        return [NotUsed(key=key, what="a call that names no record")]
    return [DeskSaid(key=key, address=sys_id, says="changed")]
