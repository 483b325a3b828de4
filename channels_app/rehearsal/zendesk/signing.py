"""What makes a call of Zendesk's genuine.

Headers: https://developer.zendesk.com/documentation/webhooks/anatomy-of-a-webhook-request/ ; the signature:
https://developer.zendesk.com/documentation/webhooks/verifying/ ("base64(HMACSHA256(TIMESTAMP + BODY))", the time stamp
as 2021-03-25T05:09:27Z); authentication and headers that a webhook was given: .../documentation/webhooks/
webhook-security-and-authentication/ . Messaging: the secret "is included as an X-API-Key header
with each webhook request" (github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1, Webhooks).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from channels_app.rehearsal.zendesk import firing
from channels_app.rehearsal.zendesk.books import ACCOUNT, Books
from channels_app.rehearsal.zendesk.hooks import new_secret


def signature(secret: str, timestamp: str, body: str) -> str:
    """The signature of a body that goes at a time."""
    digest = hmac.new(secret.encode(), f"{timestamp}{body}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return b64encode(digest).decode()


def ticket_headers(books: Books, body: str, *, wrongly: bool) -> dict[str, str]:
    """The headers of a webhook that a trigger calls, with the secret of that webhook, or the one that was pasted."""
    webhook = firing.webhook_of(books, body)
    secret = webhook["secret"] if webhook else books.account.credentials.get("webhook_secret", "")
    at = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **(_authentication(webhook) if webhook else {}),
        "x-zendesk-account-id": str(ACCOUNT),
        "x-zendesk-webhook-id": str(webhook["id"]) if webhook else "01REHEARSEDBYHAND000000000",
        "x-zendesk-webhook-invocation-id": str(secrets.randbelow(10**10)),
        "x-zendesk-webhook-signature": signature(new_secret() if wrongly else secret, at, body),
        "x-zendesk-webhook-signature-timestamp": at,
    }


def _authentication(webhook: Mapping[str, Any]) -> dict[str, str]:
    headers = {str(name).lower(): str(value) for name, value in (webhook.get("custom_headers") or {}).items()}
    told = webhook.get("authentication") or {}
    data = told.get("data", {})
    match told.get("type"):
        case "basic_auth":
            both = f"{data.get('username', '')}:{data.get('password', '')}"
            headers["authorization"] = f"Basic {b64encode(both.encode()).decode()}"
        case "bearer_token":
            headers["authorization"] = f"Bearer {data.get('token', '')}"
        case "api_key":
            headers[_header_name(data)] = str(data.get("value", ""))
    return headers


def _header_name(data: Mapping[str, Any]) -> str:
    name = str(data.get("name") or "").lower()
    return name if name.replace("-", "").isalnum() else "x-api-key"


def messaging_headers(secret: str, *, wrongly: bool) -> dict[str, str]:
    """The header of a messaging webhook."""
    return {"x-api-key": new_secret() if wrongly else secret}
