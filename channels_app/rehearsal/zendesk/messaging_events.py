"""Conversations as they are kept, and the events that are told of them.

Shapes: github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1, `x-webhooks` and its examples
(`{app, webhook, events: [...]}`, "contains an array of events"); conversationTruncated with
`activeSwitchboardIntegration` and `pendingSwitchboardIntegration`, left out where there is none.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app.rehearsal.zendesk.books import MOST_CASES, Books, Record

OWN, AGENTS = "own", "agents"
AGENT_TYPE = "zd:agentWorkspace"
MOST_MESSAGES = 500
# What a webhook that was set up by hand is told of; of deliveries only those that fail are played, and no clients.
_BY_HAND = (
    *("conversation:create", "conversation:message", "conversation:postback", "conversation:read"),
    "conversation:message:delivery:failure",
    *("conversation:typing", "switchboard:acceptControl", "switchboard:offerControl", "switchboard:passControl"),
    "switchboard:releaseControl",
)


def stamp() -> str:
    """`YYYY-MM-DDThh:mm:ss.SSSZ`."""
    now = timezone.now()
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"


def integration(books: Books, which: str) -> Record:
    """A switchboard integration: ours, or the agents' workspace. Ours is told what happens while it stands by.

    Without `deliverStandbyEvents` a standby integration would not hear the agents: it has to be on at Zendesk, too.
    """
    ids = books.switchboard()
    if which == OWN:
        return {
            "id": ids["own"],
            "name": "convoship",
            "integrationId": ids["own_integration"],
            "integrationType": "custom",
            "deliverStandbyEvents": True,
            "nextSwitchboardIntegrationId": ids["agents"],
        }
    return {
        "id": ids["agents"],
        "name": "zd-agentWorkspace",
        "integrationId": ids["desk"],
        "integrationType": AGENT_TYPE,
        "deliverStandbyEvents": False,
    }


def _short(books: Books, which: str) -> Record:
    whole = integration(books, which)
    return {name: whole[name] for name in ("id", "name", "integrationId", "integrationType")}


def short_conversation(books: Books, conversation: Mapping[str, Any]) -> Record:
    """A conversation as events have it."""
    found: Record = {"id": conversation["id"], "type": "personal"}
    if conversation["metadata"]:
        found["metadata"] = conversation["metadata"]
    if conversation["active"]:
        found["activeSwitchboardIntegration"] = _short(books, conversation["active"])
    if conversation["pending"]:
        found["pendingSwitchboardIntegration"] = _short(books, conversation["pending"])
    return found


def whole_conversation(books: Books, conversation: Mapping[str, Any]) -> Record:
    """A conversation as it is fetched."""
    return {
        **short_conversation(books, conversation),
        "isDefault": True,
        "displayName": None,
        "description": None,
        "iconUrl": None,
        "businessLastRead": conversation["read_at"],
        "lastUpdatedAt": conversation["lastUpdatedAt"],
        "createdAt": conversation["createdAt"],
    }


def begin(books: Books, name: str) -> Record:
    """A customer's new conversation, which is ours at first: we are the switchboard's default."""
    at = stamp()
    made: Record = {
        "id": secrets.token_hex(12),
        "metadata": {},
        "active": OWN,
        "pending": None,
        "user": {"id": secrets.token_hex(12), "name": name},
        "messages": [],
        "log": [],
        "read_at": None,
        "createdAt": at,
        "lastUpdatedAt": at,
        "kept_at": at,
        "order": books.next("moment", 1_700_000_000),
    }
    books.keep("conversations", made["id"], made, most=MOST_CASES)
    return made


def user_json(books: Books, conversation: Mapping[str, Any]) -> Record:
    """The customer, as events have them: somebody who didn't sign in; their profile where the webhook wants it."""
    user = {"id": conversation["user"]["id"], "authenticated": False}
    if not (webhook_of(books) or {}).get("includeFullUser"):
        return user
    first, _, last = conversation["user"]["name"].partition(" ")
    return {**user, "profile": {"givenName": first, "surname": last or None, "email": None, "locale": "en-US"}}


def customer(books: Books, conversation: Mapping[str, Any]) -> Record:
    """The customer as an author."""
    user = conversation["user"]
    shown = {"type": "user", "userId": user["id"], "displayName": user["name"]}
    return {**shown, "user": user_json(books, conversation)}


def web_source(books: Books) -> Record:
    """The customer's web widget."""
    return {"type": "web", "integrationId": books.switchboard()["web"]}


def add_message(
    books: Books, conversation: Record, author: Record, content: Record, source: Record, metadata: Record | None = None
) -> Record:
    """A message, which changes the conversation."""
    made: Record = {
        "id": secrets.token_hex(12),
        "received": stamp(),
        "author": author,
        "content": content,
        "source": source,
    }
    if metadata:
        made["metadata"] = metadata
    conversation["messages"] = [*conversation["messages"], made][-MOST_MESSAGES:]
    conversation["lastUpdatedAt"] = made["received"]
    touch(books, conversation)
    return made


def touch(books: Books, conversation: Record) -> None:
    """It is the one that changed last."""
    conversation["kept_at"], conversation["order"] = stamp(), books.next("moment", 1_700_000_000)


def log(books: Books, conversation: Record, name: str, text: str) -> None:
    """What the screen tells beside the messages."""
    conversation["log"].append({"at": stamp(), "name": name, "text": text})
    touch(books, conversation)


def event(kind: str, payload: Record) -> Record:
    """One event."""
    return {"id": secrets.token_hex(12), "createdAt": stamp(), "type": kind, "payload": payload}


def message_event(books: Books, conversation: Mapping[str, Any], message: Mapping[str, Any]) -> Record:
    """`conversation:message`, of anybody's message."""
    payload = {"conversation": short_conversation(books, conversation), "message": dict(message)}
    return event("conversation:message", payload)


def switchboard_event(
    books: Books, what: str, conversation: Mapping[str, Any], metadata: object = None, reason: str = ""
) -> Record:
    """`switchboard:passControl` and its kin; `reason` is ticketClosed or transferToEmail."""
    payload: Record = {"conversation": short_conversation(books, conversation)}
    if metadata:
        payload["metadata"] = metadata
    if reason:
        payload["reason"] = reason
    return event(f"switchboard:{what}", payload)


def webhook_of(books: Books) -> Record | None:
    """The webhook that the API made for our inbound address; None where it was set up by hand."""
    own = [one for one in books.part("sc_webhooks").values() if one["target"] == books.account.inbound_url]
    return own[0] if own else None


def bodies(books: Books, events: Sequence[Record]) -> list[str]:
    """The one call that tells them all, of those that the webhook wants; none where it wants none of them.

    Webhooks that go elsewhere are not called.
    """
    webhook = webhook_of(books)
    if webhook is None and books.part("sc_webhooks"):
        return []
    wanted = webhook["triggers"] if webhook else _BY_HAND
    told = [one for one in events if one["type"] in wanted]
    if not told:
        return []
    webhook_id = webhook["id"] if webhook else books.switchboard()["desk"]
    app = {"id": str(books.account.config.get("app_id", ""))}
    whole = {"app": app, "webhook": {"id": webhook_id, "version": "v2"}, "events": told}
    return [json.dumps(whole, ensure_ascii=False)]
