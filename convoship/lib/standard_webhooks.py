"""Standard Webhooks 1.0: signing and checking (github.com/standard-webhooks/standard-webhooks, spec).

`webhook-signature` is `v1,` and base64 of HMAC-SHA256 over `{id}.{timestamp}.{raw body}`; several stand side by side,
with spaces between, while a secret is rotated. The key is the decoded base64 after `whsec_`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300
LONGEST_ID = 255


class NotGenuine(Exception):
    """The headers don't prove that the sender has the secret. `reason` is a short stable word, `words` say why."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason, self.words = reason, words


def new_secret() -> str:
    """A fresh secret, as it is shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The key's bytes; ValueError for what is no base64 of 24 to 64 bytes."""
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is not base64") from error
    if not 24 <= len(key) <= 64:
        raise ValueError("the secret has to be 24 to 64 bytes")
    return key


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    return hmac.new(key, signed, hashlib.sha256).digest()


def headers_for(values: Sequence[str], message_id: str, body: bytes, now: float | None = None) -> dict[str, str]:
    """The three headers of a request, signed with each of the secrets; the timestamp is this attempt's."""
    timestamp = str(int(time.time() if now is None else now))
    signatures = [
        "v1," + base64.b64encode(_signature(key_of(value), message_id, timestamp, body)).decode() for value in values
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def verify(values: Sequence[str], headers: Mapping[str, str], body: bytes, now: float | None = None) -> str:
    """The message's id, if one of the secrets signed this; `NotGenuine` otherwise."""
    message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    offered = headers.get("webhook-signature", "")
    lacking = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not headers.get(name)]
    if lacking:
        raise NotGenuine("headers_missing", f"The request lacks {', '.join(lacking)}.")
    if len(message_id) > LONGEST_ID:
        raise NotGenuine("id_too_long", f"webhook-id is longer than {LONGEST_ID} characters.")
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 13):
        raise NotGenuine("timestamp_malformed", "webhook-timestamp is no whole number of seconds.")
    apart = int(sent_at) - (time.time() if now is None else now)
    if abs(apart) > TOLERANCE_SECONDS:
        side = "in the future" if apart > 0 else "old"
        raise NotGenuine(
            "timestamp_stale",
            f"webhook-timestamp is {abs(apart):.0f} seconds {side}; 300 are allowed. Check the clock.",
        )
    wanted = [_signature(key_of(value), message_id, sent_at, body) for value in values]
    is_good = False
    for part in offered.split(" "):
        version, _, signature = part.partition(",")
        if version != "v1":
            continue
        try:
            given = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            continue
        for digest in wanted:
            is_good |= hmac.compare_digest(digest, given)
    if not is_good:
        raise NotGenuine(
            "signature_wrong", "No v1 signature fits: another secret, or the body was changed after it was signed."
        )
    return message_id
