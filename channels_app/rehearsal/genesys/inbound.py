"""What is sent to the organisation: messages, answers to choices, receipts, events, messages without an agent.

`POST /api/v2/conversations/messages/{integrationId}/inbound/open/…`, `…/agentless`, sources in `shapes` and
`answers`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call, Report
from channels_app.rehearsal.genesys import answers, cases, problems, shapes, webhooks
from channels_app.rehearsal.genesys.cases import Case
from channels_app.rehearsal.genesys.organisation import Organisation


def message(org: Organisation, call: Call, integration_id: str) -> Answer:
    """Take what a customer wrote. The same id at the same time again is the same message, and has no second effect."""
    prefetch = call.query.get("prefetchConversationId", "false")
    strange = set(call.query) - {"prefetchConversationId"}
    if strange or prefetch not in {"true", "false"}:
        return problems.unknown_query(strange or {"prefetchConversationId"})
    body, refused = shapes.parsed(shapes.MESSAGE, call.headers, call.body)
    if refused is not None:
        return refused
    if not body.get("text") and not body.get("content"):
        note = "Refused: there is neither a text nor a file."
        return problems.bad_request(note, dict.fromkeys(("text", "content"), "required"), problems.NOTHING_SAID)
    files = [one["attachment"] for one in body.get("content", [])]
    said = {
        "type": "Text",
        "text": body.get("text", ""),
        "content": [{"contentType": "Attachment", "attachment": one} for one in files],
        "metadata": body.get("metadata", {}),
    }
    return _take(org, integration_id, body["channel"], said, wants_conversation=prefetch == "true")


def response(org: Organisation, call: Call, integration_id: str) -> Answer:
    """Take which of a bot's choices a customer tapped (`…/inbound/open/structured/response`).

    That it has to answer a message with choices, and one of its own, no page says; anything else would be of no use.
    """
    if call.query:
        return problems.unknown_query(call.query)
    body, refused = shapes.parsed(shapes.RESPONSE, call.headers, call.body)
    if refused is not None:
        return refused
    asked = org.cases.find_message(body["originatingMessageId"])
    if asked is None or asked[1]["type"] != "Structured" or asked[0]["address"] != body["channel"]["from"]["id"]:
        return problems.not_found("Not taken: it answers no message with choices that was sent to them.")
    tapped = body["buttonResponse"]
    if not any(
        (one["quickReply"]["text"], one["quickReply"]["payload"]) == (tapped["text"], tapped["payload"])
        for one in asked[1]["content"]
    ):
        note = "Refused: buttonResponse: It is none of the choices."
        return problems.bad_request(note, {"buttonResponse.payload": "invalid.value"})
    content = [{"contentType": "ButtonResponse", "buttonResponse": tapped}]
    said = {"type": "Structured", "text": tapped["text"], "content": content, "metadata": {}}
    return _take(org, integration_id, body["channel"], said, wants_conversation=False)


def _take(
    org: Organisation,
    integration_id: str,
    channel: Mapping[str, Any],
    said: dict[str, Any],
    *,
    wants_conversation: bool,
) -> Answer:
    integration = org.integration(integration_id)
    if integration is None:
        return problems.not_found("Not taken: there is no such integration.")
    provider_id = channel.get("messageId", "")
    before = org.cases.sent_before(integration_id, provider_id, channel["time"]) if provider_id else None
    if before is not None:
        return _seen(*before, LineKind.COPY, "A copy: the same messageId and time.", wants_conversation)
    case = org.cases.going_on(integration_id, channel["from"]["id"]) or cases.begun(integration_id, channel["from"])
    cases.queued(case)
    case["sender"] = dict(channel["from"])
    case["attributes"] |= channel.get("metadata", {}).get("customAttributes", {})
    taken = cases.added(
        case, provider_id=provider_id, time=channel["time"], is_inbound=True, status="received", entity="", **said
    )
    files = [{"name": one.get("filename") or one["mediaType"], "url": one["url"]} for one in _files(taken)]
    cases.entered(case, "customer", case["name"], said["text"], files)
    org.cases.touch(case)
    org.save()
    given = _seen(case, taken, LineKind.CAUGHT, "Their message.", wants_conversation)
    return _reported(org, integration, given, Report("delivered", webhooks.receipt(case, taken)))


def _files(taken: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one["attachment"] for one in taken["content"] if "attachment" in one]


def _seen(case: Case, taken: Mapping[str, Any], kind: LineKind, note: str, wants_conversation: bool) -> Answer:
    body = answers.taken_message(case, taken, with_conversation=wants_conversation)
    return Answer(
        200,
        json.dumps(body, ensure_ascii=False),
        kind=kind,
        address=case["id"],
        text=taken["text"],
        provider_id=taken["id"],
        delivery_id=taken["provider_id"],
        media=[{"url": one["url"][:1000]} for one in _files(taken)],
        note=note,
    )


def _reported(org: Organisation, integration: Mapping[str, Any], given: Answer, report: Report) -> Answer:
    """With what goes to the webhook afterwards, where that is ours: Genesys calls the address that was set, alone."""
    if integration["outboundNotificationWebhookUrl"] != org.account.inbound_url:
        return given
    return replace(given, reports=[report], reports_to=org.account.inbound_url)


def receipt(org: Organisation, call: Call, integration_id: str) -> Answer:
    """Take what became of an agent's message."""
    if call.query:
        return problems.unknown_query(call.query)
    body, refused = shapes.parsed(shapes.RECEIPT, call.headers, call.body)
    if refused is not None:
        return refused
    if org.integration(integration_id) is None:
        return problems.not_found("Not taken: there is no such integration.")
    found = org.cases.find_message(body["id"])
    # No page says what a receipt for a message that isn't known gets; it would be of no use.
    if found is None or found[1]["is_inbound"] or found[0]["integration_id"] != integration_id:
        return problems.not_found("Not taken: a receipt for a message that the organisation never sent.")
    case, sent = found
    if body["channel"]["to"]["id"] != case["address"]:
        note = "Refused: channel.to.id: It is not whom the message was sent to."
        return problems.bad_request(note, {"channel.to.id": "invalid.value"})
    sent["status"] = "delivery-success" if body["status"] == "Delivered" else "delivery-failed"
    kept = answers.receipt(case, sent, body)
    sent["receipts"] = [*sent["receipts"], kept][-10:]
    if body["status"] == "Failed":
        why = next((one.get("message", "") for one in body.get("reasons", [])), "")
        cases.entered(case, "event", "Genesys Cloud", f"A message was not delivered. {why}".strip())
    org.cases.touch(case)
    org.save()
    note = f"A receipt: {body['status']}."
    return Answer(200, json.dumps(kept, ensure_ascii=False), address=case["id"], provider_id=sent["id"], note=note)


def event(org: Organisation, call: Call, integration_id: str) -> Answer:
    """Take that a customer is typing. It is shown to whoever looks just then, and not kept."""
    if call.query:
        return problems.unknown_query(call.query)
    body, refused = shapes.parsed(shapes.EVENT, call.headers, call.body)
    if refused is not None:
        return refused
    if org.integration(integration_id) is None:
        return problems.not_found("Not taken: there is no such integration.")
    case = org.cases.going_on(integration_id, body["channel"]["from"]["id"])
    made = answers.event(secrets.token_hex(16), integration_id, body)
    note = "They are typing." if case else "They are typing, and have no conversation: nobody sees it."
    return Answer(200, json.dumps(made, ensure_ascii=False), address=case["id"] if case else "", note=note)


def agentless(org: Organisation, call: Call) -> Answer:
    """Send words to a customer with no agent behind them. They go to our own webhook, as an agent's do."""
    if call.query:
        return problems.unknown_query(call.query)
    body, refused = shapes.parsed(shapes.AGENTLESS, call.headers, call.body)
    if refused is not None:
        return refused
    integration = org.integration(body["fromAddress"])
    if integration is None:
        return problems.not_found("Not taken: there is no such integration.")
    uses_existing = bool(body.get("useExistingActiveConversation", False))
    case = org.cases.going_on(body["fromAddress"], body["toAddress"])
    if case is None:
        case = cases.begun(body["fromAddress"], {"id": body["toAddress"], "idType": "Opaque"}, is_inbound=False)
    sent = cases.added(case, time=cases.now(), is_inbound=False, text=body["textBody"], status="sent", entity="")
    cases.entered(case, "bot", "Agentless", body["textBody"])
    org.cases.touch(case)
    org.save()
    given = Answer(
        200,
        json.dumps(answers.agentless(case, sent, uses_existing=uses_existing), ensure_ascii=False),
        kind=LineKind.CAUGHT,
        address=case["id"],
        text=body["textBody"],
        provider_id=sent["id"],
        note="A message without an agent.",
    )
    return _reported(org, integration, given, Report("sent", webhooks.text(case, sent, integration)))
