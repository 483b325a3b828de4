"""What Genesys answers with: conversations, messages, integrations, as the platform's kits describe them.

github MyPureCloud/platform-client-sdk-python, build/docs/: MessageConversation.md, MessageMediaParticipant.md,
MessageDetails.md, MessageData.md, ConversationNormalizedMessage.md, OpenIntegration.md, TokenInfo.md,
OpenIntegrationEntityListing.md; the answers to what comes in: OpenMessageNormalizedMessage and its kin in
`genesys_open_messaging.DERIVED.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.rehearsal.genesys.cases import Case, connected

API = "/api/v2/conversations"


def conversation(case: Case) -> dict[str, Any]:
    """`MessageConversation`. That it ended shows in its participants alone: all are disconnected."""
    return {
        "id": case["id"],
        "participants": [_participant(case, one) for one in case["participants"]],
        "otherMediaUris": [],
        "selfUri": f"{API}/messages/{case['id']}",
    }


def patched_conversation(case: Case) -> dict[str, Any]:
    """`Conversation`, as a PATCH of a message conversation answers it."""
    ended = {"endTime": case["disconnected_at"]} if case["disconnected_at"] else {}
    return {
        "id": case["id"],
        "startTime": case["started_at"],
        **ended,
        "address": case["address"],
        "participants": [
            {"id": one["id"], "name": one["name"], "purpose": one["purpose"], "startTime": one["startTime"]}
            for one in case["participants"]
        ],
        "state": "disconnected" if case["disconnected_at"] else "connected",
        "selfUri": f"{API}/{case['id']}",
    }


def _participant(case: Case, one: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in one.items() if name != "user_id"}
    if one["purpose"] == "customer":
        own |= {"address": case["address"], "attributes": case["attributes"]}
        own["messages"] = [_details(case, message) for message in case["messages"] if message["is_inbound"]]
        failed = next((m for m in reversed(case["messages"]) if m["status"] == "delivery-failed"), None)
        if failed is not None:
            # https://developer.genesys.cloud/forum/t/30668: the reason "will be on the Conversation (errorInfo ...)".
            own["errorInfo"] = _reason(failed)
    elif one["purpose"] == "agent":
        own["user"] = _user(one["user_id"])
        own["messages"] = [_details(case, m) for m in case["messages"] if m["by"].get("id") == one["user_id"]]
    here = {"name": "", "nameRaw": ""}
    customer = {**here, "addressNormalized": case["address"], "addressRaw": case["address"]}
    integration = {**here, "addressNormalized": case["integration_id"], "addressRaw": case["integration_id"]}
    from_us = case["is_inbound"]
    return {
        **own,
        "held": False,
        "wrapupRequired": False,
        "provider": "PureCloud Messaging",
        "type": "open",
        "fromAddress": customer if from_us else integration,
        "toAddress": integration if from_us else customer,
    }


def _user(user_id: str) -> dict[str, str]:
    return {"id": user_id, "selfUri": f"/api/v2/users/{user_id}"}


def _details(case: Case, message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["id"],
        "messageURI": f"{API}/messages/{case['id']}/messages/{message['id']}",
        "messageStatus": message["status"],
        "messageTime": message["time"],
    }


def _reason(message: Mapping[str, Any]) -> dict[str, Any]:
    reasons = message["receipts"][-1].get("reasons") or [{}] if message["receipts"] else [{}]
    return {"code": reasons[0].get("code", "GeneralError"), "message": reasons[0].get("message", "")}


def message_data(case: Case, message: Mapping[str, Any]) -> dict[str, Any]:
    """`MessageData`.

    Without `textBody` and `media`, which are "Deprecated - Instead use normalizedMessage" in the kits and gone from
    version 10727 of the platform's description (release notes of the Java kit).
    """
    inbound = message["is_inbound"]
    who = {"createdBy": {**message["by"], "selfUri": f"/api/v2/users/{message['by']['id']}"}} if message["by"] else {}
    return {
        "id": message["id"],
        "providerMessageId": message["provider_id"],
        "timestamp": message["time"],
        "fromAddress": case["address"] if inbound else case["integration_id"],
        "toAddress": case["integration_id"] if inbound else case["address"],
        "direction": "inbound" if inbound else "outbound",
        "messengerType": "open",
        "status": message["status"],
        "normalizedMessage": normalized(case, message),
        "normalizedReceipts": list(message["receipts"]),
        **who,
        "conversationId": case["id"],
        "selfUri": f"{API}/messages/{case['id']}/messages/{message['id']}",
    }


def normalized(case: Case, message: Mapping[str, Any], nickname: str = "") -> dict[str, Any]:
    """A message in the form that goes out to the webhook, too.

    Its fields are those of messages that organisations sent (github pypestream/contact-center-connect,
    genesys.controller.spec.ts, of 2021; gildas/go-gcloudcx, testdata/openmessaging-inbound-quickreply.json, of 2025);
    `nickname`: what the integration is called, and not the agent.
    """
    inbound = message["is_inbound"]
    name = {"nickname": nickname} if nickname else {}
    found: dict[str, Any] = {
        "id": message["id"],
        "channel": {
            "id": case["integration_id"],
            "platform": "Open",
            "type": "Private",
            "to": {"id": case["integration_id"]} if inbound else {"id": case["address"], "idType": case["id_type"]},
            "from": dict(case["sender"]) if inbound else {**name, "id": case["integration_id"], "idType": "Opaque"},
            "time": message["time"],
            "messageId": message["provider_id"],
        },
        "type": message["type"],
    }
    found |= {name: message[name] for name in ("text", "content", "metadata") if message[name]}
    if not inbound and message["entity"]:
        found["originatingEntity"] = message["entity"]
    return {**found, "direction": "Inbound" if inbound else "Outbound"}


def taken_message(case: Case, message: Mapping[str, Any], *, with_conversation: bool) -> dict[str, Any]:
    """`OpenMessageNormalizedMessage`: the conversation's id is there where it was asked for ahead."""
    body = {name: value for name, value in normalized(case, message).items() if name != "direction"}
    return {**body, **({"conversationId": case["id"]} if with_conversation else {})}


def receipt(case: Case, message: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """`OpenReceiptNormalizedMessage`: "Message receipts will have the same ID as the message they reference"."""
    base = normalized(case, message)
    more = {name: sent[name] for name in ("reasons", "isFinalReceipt") if name in sent}
    channel = {**base["channel"], "time": sent["channel"]["time"]}
    return {
        "id": message["id"],
        "channel": channel,
        "type": "Receipt",
        "status": sent["status"],
        **more,
        "direction": base["direction"],
    }


def event(event_id: str, integration_id: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """`OpenEventNormalizedMessage`."""
    return {
        "id": event_id,
        "channel": {
            "id": integration_id,
            "platform": "Open",
            "type": "Private",
            "to": {"id": integration_id},
            "from": sent["channel"]["from"],
            "time": sent["channel"]["time"],
            "messageId": event_id,
        },
        "type": "Event",
        "events": [{"eventType": "Typing", "typing": {"type": "On", "duration": 5000}}],
    }


def agentless(case: Case, message: Mapping[str, Any], *, uses_existing: bool) -> dict[str, Any]:
    """`SendAgentlessOutboundMessageResponse`."""
    return {
        "id": message["id"],
        "conversationId": case["id"],
        "fromAddress": case["integration_id"],
        "toAddress": case["address"],
        "messengerType": "open",
        "useExistingActiveConversation": uses_existing,
        "message": message_data(case, message),
        "timestamp": message["time"],
        "selfUri": f"{API}/messages/agentless/{message['id']}",
    }


def integration(one: Mapping[str, Any]) -> dict[str, Any]:
    """`OpenIntegration`."""
    return {
        **one,
        "status": "active",
        "recipient": {"id": one["id"], "selfUri": f"/api/v2/routing/message/recipients/{one['id']}"},
        "selfUri": f"{API}/messaging/integrations/open/{one['id']}",
    }


def listing(entities: Sequence[Mapping[str, Any]], size: int, number: int) -> dict[str, Any]:
    """`OpenIntegrationEntityListing`: a page of it."""
    pages = max(1, -(-len(entities) // size))
    address = f"{API}/messaging/integrations/open?pageSize={size}&pageNumber="
    more = {"nextUri": f"{address}{number + 1}"} if number < pages else {}
    before = {"previousUri": f"{address}{number - 1}"} if number > 1 else {}
    return {
        "entities": [integration(one) for one in entities[(number - 1) * size : number * size]],
        "pageSize": size,
        "pageNumber": number,
        "total": len(entities),
        "firstUri": f"{address}1",
        "lastUri": f"{address}{pages}",
        "selfUri": f"{address}{number}",
        **more,
        **before,
        "pageCount": pages,
    }


def token_info(client_id: str) -> dict[str, Any]:
    """`TokenInfo` of a client's token: it has no user (seen at an organisation: `authenticatedUser: null`)."""
    here = {"id": "00000000-0000-4000-8000-000000000001", "name": "Rehearsal"}
    return {
        "organization": here,
        "homeOrganization": here,
        "authorizedScope": [],
        "authenticatedUser": None,
        "OAuthClient": {"id": client_id, "name": "Convoship", "organization": here},
    }


def status_of(case: Case) -> str:
    """How it stands, for people."""
    if case["disconnected_at"]:
        return "Disconnected"
    return "Connected" if connected(case, "agent") is not None else "Waiting in the queue"
