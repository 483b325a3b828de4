"""What Genesys posts to an integration's webhook, and how it signs that.

https://developer.genesys.cloud/commdigital/digital/openmessaging/outboundMessages and .../validate.html. Nothing is
posted when an agent leaves or a conversation ends: https://community.genesys.com/discussion/
inquiry-about-agent-disconnect-event-in-open-messaging-webhook.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from channels_app.rehearsal.genesys import answers
from channels_app.rehearsal.genesys.cases import Case, now

# Of our own making, not of Genesys': what a flow's data action calls when it gives a conversation back.
RETURN = "/return"
RETURN_HEADER = "X-Convoship-Secret"
SIGNATURE_HEADER = "X-Hub-Signature-256"
WRONG_SECRET = "another secret than the one that was agreed"  # noqa: S105 (made to be refused)


def text(case: Case, message: Mapping[str, Any], integration: Mapping[str, Any]) -> str:
    """An agent's or a bot's message.

    With the conversation's id beside it, as organisations sent it in 2025 (gildas/go-gcloudcx, testdata); in 2021, in
    the pages' examples and in Genesys' own schema of it (there, openmessaging-outbound-message-schema.json) it is not.
    """
    body = answers.normalized(case, message, str(integration["name"]))
    return _json({**body, "conversationId": case["id"]})


def typing(case: Case, integration: Mapping[str, Any]) -> str:
    """An agent is typing.

    As a member of Genesys' community quotes it from the pages (the thread above), the 5000 milliseconds, too.
    """
    event_id = secrets.token_hex(16)
    sender = {"nickname": integration["name"], "id": case["integration_id"], "idType": "Opaque"}
    channel = {
        "id": case["integration_id"],
        "platform": "Open",
        "type": "Private",
        "to": {"id": case["address"], "idType": case["id_type"]},
        "from": sender,
        "time": now(),
        "messageId": event_id,
    }
    events = [{"eventType": "Typing", "typing": {"type": "On", "duration": 5000}}]
    more = {"direction": "Outbound", "conversationId": case["id"]}
    return _json({"id": event_id, "channel": channel, "type": "Event", "events": events, **more})


def receipt(case: Case, message: Mapping[str, Any]) -> str:
    """What became of a message of ours: it is published in the organisation.

    The page of receipts (https://developer.genesys.cloud/api/digital/openmessaging/receipts) could not be had. The
    fields are those of OpenReceiptNormalizedMessage; `"Published" (Inbound)` notes gildas/go-gcloudcx
    (openmessaging_message_receipt.go), which names that page.
    """
    sent = {"channel": {"time": now()}, "status": "Published", "isFinalReceipt": True}
    return _json(answers.receipt(case, message, sent))


def data_action(case: Case, does: str, summary: str) -> str:
    """What the flow's data action posts: {conversation_id, does: "return" or "end", summary}."""
    return _json({"conversation_id": case["id"], "does": does, "summary": summary})


def signature(secret: str, body: str) -> str:
    """`sha256=` and the base64 of the HMAC: the page's own code says `.digest('base64')`, no hexadecimal digits."""
    return "sha256=" + b64encode(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()).decode()


def _json(body: Mapping[str, Any]) -> str:
    # As JSON.stringify writes it: the page's check serializes the body anew.
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
