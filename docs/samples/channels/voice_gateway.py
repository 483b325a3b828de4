"""Both directions of a voice gateway. Nothing to install."""

import hashlib
import hmac
import json
import time


def signature(secret: str, body: bytes, timestamp: str) -> str:
    """The key is the whole secret as it was shown, whsec_ included."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def turn(secret: str, **fields: object) -> tuple[bytes, dict]:
    """Body and headers of a turn: turn(secret, call_id="c-1", transcript="hello", turn=1)."""
    body, timestamp = json.dumps(fields).encode(), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-Convoship-Timestamp": timestamp,
        "X-Convoship-Signature": signature(secret, body, timestamp),
    }
    return body, headers


def read_reply(secret: str, body: bytes, headers: dict) -> dict:
    """A reply that Convoship posted; raises ValueError for anything else. `body` as it came, not parsed."""
    given = {name.lower(): value for name, value in headers.items()}
    timestamp = given.get("x-convoship-timestamp", "")
    wanted = signature(secret, body, timestamp)
    if not hmac.compare_digest(wanted.encode(), given.get("x-convoship-signature", "").encode()):
        raise ValueError("not signed by Convoship")
    if abs(time.time() - int(timestamp)) > 300:
        raise ValueError("too old or too new")
    return json.loads(body)
