"""How the admin API shows connections, events and deliveries (CONTRACT section 7)."""

from __future__ import annotations

from typing import Any

from channels_app import accounts, connections, health, template_making
from channels_app.models import (
    Connection,
    Delivery,
    DeliveryAttempt,
    InboundEvent,
    MessageTemplate,
    RefusedRequest,
    TemplateSync,
)
from channels_app.providers.base import Capability, Health
from convoship.lib.times import maybe_moment, moment


def connection_json(connection: Connection) -> dict[str, Any]:
    """A connection, without any secret."""
    standing = health.standing(connection)
    return {
        "id": str(connection.id),
        "kind": connection.kind,
        "name": connection.name,
        "assistant_id": str(connection.assistant_id) if connection.assistant_id else None,
        "config": connection.config,
        "credentials": connection.credentials,
        "state": connection.state,
        "state_reason": connection.state_reason,
        "health": {
            "is_good": standing.tone == "good",
            "words": standing.words,
            "remedy": standing.remedy,
            "failures": connection.failures,
            "failing_since": maybe_moment(connection.failing_since),
            "last_inbound_at": maybe_moment(connection.last_inbound_at),
            "last_outbound_at": maybe_moment(connection.last_outbound_at),
        },
        "last_test": _last_test(connection),
        "is_rehearsal": connection.is_rehearsal,
        **addresses(connection),
        "created_at": moment(connection.created_at),
    }


def addresses(connection: Connection) -> dict[str, Any]:
    """Where the provider calls us."""
    has_status = accounts.kind_of(connection).can(Capability.STATUS)
    return {
        "inbound_url": accounts.inbound_url(connection),
        "status_url": accounts.inbound_url(connection, "status") if has_status else None,
    }


def _last_test(connection: Connection) -> dict[str, Any] | None:
    found = connections.last_test(connection)
    return {"at": maybe_moment(connection.tested_at), **health_json(found)} if found is not None else None


def health_json(found: Health) -> dict[str, Any]:
    """What *Test* found."""
    return {
        "is_good": found.is_good,
        "findings": [
            {"is_good": finding.is_good, "words": finding.words, "remedy": finding.remedy} for finding in found.findings
        ],
    }


def template_json(row: MessageTemplate) -> dict[str, Any]:
    """A message template; its connection is loaded."""
    return {
        "sid": row.sid,
        "name": row.name,
        "language": row.language,
        "category": row.category,
        "content_type": row.content_type,
        "body": row.body,
        "content": row.extras,
        "variables": row.variables,
        "approval": row.approval,
        "rejection_reason": row.rejection_reason,
        "is_gone": row.is_gone,
        "is_usable": row.is_usable,
        "is_for_window": template_making.is_for_window(row),
        "synced_at": moment(row.synced_at),
    }


def sync_json(sync: TemplateSync | None) -> dict[str, Any]:
    """When templates were last fetched, and what was wrong then."""
    return {
        "synced_at": maybe_moment(sync.synced_at) if sync else None,
        "fault": sync.fault if sync else "",
        "remedy": sync.fault_remedy if sync else "",
    }


def event_json(event: InboundEvent) -> dict[str, Any]:
    """An event; what was said in it is in its conversation."""
    return {
        "id": str(event.id),
        "key": event.key,
        "kind": event.kind,
        "address": event.lane,
        "state": event.state,
        "reason": event.reason,
        "remedy": event.remedy,
        "copies": event.copies,
        "attempts": event.attempts,
        "conversation_id": str(event.conversation_id) if event.conversation_id else None,
        "delivery_id": str(event.delivery_id) if event.delivery_id else None,
        "received_at": moment(event.received_at),
        "handled_at": maybe_moment(event.handled_at),
    }


def refused_json(row: RefusedRequest) -> dict[str, Any]:
    """Requests that were not genuine, of one reason in one hour."""
    return {
        "reason": row.reason,
        "detail": row.detail,
        "hour": moment(row.hour),
        "count": row.count,
        "last_at": moment(row.last_at),
    }


def delivery_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery."""
    is_queued = delivery.status == "queued"
    return {
        "id": str(delivery.id),
        "connection_id": str(delivery.connection_id),
        "conversation_id": str(delivery.conversation_id) if delivery.conversation_id else None,
        "message_id": str(delivery.message_id) if delivery.message_id else None,
        "what": delivery.what,
        "address": delivery.address,
        "status": delivery.standing.value,
        "reason": delivery.reason,
        "remedy": delivery.remedy,
        "code": delivery.code,
        "provider_id": delivery.provider_id,
        "is_test": delivery.is_test,
        "attempts": delivery.attempts,
        "next_attempt_at": moment(delivery.due_at) if is_queued else None,
        "created_at": moment(delivery.created_at),
        "settled_at": maybe_moment(delivery.settled_at),
        "dismissed_at": maybe_moment(delivery.dismissed_at),
    }


def attempt_json(attempt: DeliveryAttempt) -> dict[str, Any]:
    """One try."""
    return {
        "number": attempt.number,
        "outcome": attempt.outcome,
        "http_status": attempt.http_status,
        "code": attempt.code,
        "reason": attempt.reason,
        "answer": attempt.answer,
        "milliseconds": attempt.milliseconds,
        "started_at": moment(attempt.started_at),
    }
