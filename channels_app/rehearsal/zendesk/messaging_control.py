"""Control of a conversation, and the webhooks of our integration, in the Conversations API.

github zendesk/sunshine-conversations-api-spec, openapi.yaml 17.12.1 (passControlBody and its kin, webhookCreateBody);
https://developer.zendesk.com/documentation/conversations/messaging-platform/programmable-conversations/switchboard .
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call, Report
from channels_app.rehearsal.zendesk import messaging_events as events
from channels_app.rehearsal.zendesk import messaging_shapes as shapes
from channels_app.rehearsal.zendesk.answers import answered, delivery_of
from channels_app.rehearsal.zendesk.books import Books, Record
from channels_app.rehearsal.zendesk.messaging_answers import check, check_metadata, object_of, problem
from channels_app.rehearsal.zendesk.messaging_events import AGENTS, OWN


def control(call: Call, books: Books, conversation: Record, what: str) -> Answer:
    is_to_somebody = what in {"passControl", "offerControl"}
    asked = object_of(call, may_be_empty=not is_to_somebody)
    check(shapes.TO_SOMEBODY if is_to_somebody else shapes.TO_NOBODY, asked)
    check_metadata(asked.get("metadata"))
    has_changed = True
    if is_to_somebody:
        target = _target(books, str(asked["switchboardIntegration"]), conversation, what)
        has_changed = conversation["active"] != target
        change_control(conversation, what, target)
    elif what == "acceptControl":
        if conversation["pending"] is None:
            # Zendesk may tell it by switchboard:acceptControl:failure alone; the contract names no status.
            raise problem(400, "switchboard_invalid_action", "There is no pendingSwitchboardIntegration")
        change_control(conversation, what, conversation["pending"])
    else:
        change_control(conversation, what, None)
    told: list[str] = []
    if has_changed:
        events.log(books, conversation, "Convoship", f"{what}: control is now {whose(conversation)}")
        told = events.bodies(books, [events.switchboard_event(books, what, conversation, asked.get("metadata"))])
    return answered(
        {},
        f"{what}: control is {whose(conversation)}."
        if has_changed
        else "A copy: it has control already. Nothing done.",
        kind=LineKind.CAUGHT if has_changed else LineKind.COPY,
        address=conversation["id"],
        delivery_id=delivery_of(asked.get("metadata") or {}),
        reports=[Report("event", body) for body in told],
        reports_to=books.account.inbound_url,
    )


def change_control(conversation: Record, what: str, target: str | None) -> None:
    """Who has control then, or is offered it."""
    if what == "offerControl":
        conversation["pending"] = target
    else:
        conversation["active"], conversation["pending"] = target, None


def whose(conversation: Mapping[str, Any]) -> str:
    """Whose control it is, in words."""
    words = {OWN: "ours", AGENTS: "the agents'", None: "nobody's"}[conversation["active"]]
    return (
        f"{words}, offered to {'us' if conversation['pending'] == OWN else 'the agents'}"
        if conversation["pending"]
        else words
    )


def _target(books: Books, named: str, conversation: Mapping[str, Any], what: str) -> str:
    """By "its `id`, `name`, or `integrationType`, in that order", or `next`: whoever comes after us."""
    if named == "next":
        # Whoever calls is known by their key, so that a second "next" is disregarded.
        target: str | None = AGENTS
    else:
        both = {which: events.integration(books, which) for which in (OWN, AGENTS)}
        ranks = ("id", "name", "integrationType")
        target = next((which for rank in ranks for which, one in both.items() if one[rank] == named), None)
    if target is None:
        # The contract tells it as an event (switchboard:passControl:failure) and names no status.
        raise problem(400, "switchboard_invalid_target", "Switchboard invalid target")
    if what == "offerControl" and target == conversation["active"]:
        words = "Cannot offer control to the active switchboard integration"
        raise problem(400, "switchboard_invalid_target", words)
    return target


def webhooks(call: Call, books: Books, webhook_id: str) -> Answer:
    kept = books.part("sc_webhooks")
    if not webhook_id:
        if call.method == "GET":
            return answered({"webhooks": list(kept.values())}, f"Listed the webhooks: {len(kept)}.")
        if call.method == "POST":
            asked = object_of(call)
            check(shapes.WEBHOOK_CREATE, asked)
            if kept:
                # No page says how many there may be: strict, so that none is doubled unseen.
                raise problem(400, "bad_request", "The integration has a webhook already")
            made: Record = {
                "id": secrets.token_hex(12),
                "version": "v2",
                "includeFullUser": False,
                "includeFullSource": False,
            }
            made |= {**asked, "secret": secrets.token_hex(32)}
            kept[made["id"]] = made
            return answered({"webhook": made}, "Made a webhook.", 201)
    webhook = kept.get(webhook_id)
    if webhook is None:
        raise problem(404, "webhook_not_found", "Webhook not found", "There is no such webhook here.")
    match call.method:
        case "GET":
            return answered({"webhook": webhook}, "Looked at a webhook.")
        case "PATCH":
            asked = object_of(call)
            check(shapes.WEBHOOK_UPDATE, asked)
            webhook.update(asked)
            return answered({"webhook": webhook}, "Changed a webhook.")
        case "DELETE":
            del kept[webhook_id]
            return answered({}, "Took out a webhook.")
    raise problem(404, "not_found", "Resource not found", f"The rehearsal knows no {call.method} of a webhook.")
