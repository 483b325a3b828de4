"""Both directions of a custom webhook, with the reference library: pip install standardwebhooks."""

import json
from datetime import UTC, datetime
from uuid import uuid4

from standardwebhooks.webhooks import Webhook


def read_event(body: bytes, headers: dict, signing_secret: str) -> dict:
    """An event of Convoship's; raises WebhookVerificationError for anything else. `body` as it came, not parsed."""
    return Webhook(signing_secret).verify(body, headers)


def message(text: str, conversation_key: str, inbound_secret: str) -> tuple[bytes, dict]:
    """Body and headers of a message to Convoship; send both again as they are when no answer came."""
    event_id, now = f"msg_{uuid4().hex}", datetime.now(UTC)
    body = json.dumps({"event_id": event_id, "conversation_key": conversation_key, "text": text})
    headers = {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(inbound_secret).sign(event_id, now, body),
    }
    return body.encode(), headers
