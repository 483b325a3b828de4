"""How the admin API shows things (CONTRACT section 7)."""

from __future__ import annotations

from typing import Any

from convoship.lib.times import maybe_moment, moment
from deployments import deploying, file_settings, handoff, handoff_history, handoff_rules, responder_health
from deployments.models import Assistant, Conversation, Deployment, ReplyMail
from deployments.responders import failing


def assistant_json(assistant: Assistant) -> dict[str, Any]:
    """The draft, and how it stands to what is published."""
    return {
        "id": str(assistant.id),
        "name": assistant.name,
        "responder": assistant.responder,
        "scripted": assistant.draft["scripted"],
        **{part: assistant.draft[part] for part in ("llm", "webhook") if part in assistant.draft},
        "on_failure": failing.whole(assistant.draft.get("on_failure", {})),
        "health": health_json(assistant),
        "handoff": handoff_rules.whole(assistant.draft.get("handoff", {})),
        "published_version": assistant.published.number if assistant.published else None,
        "has_unpublished_changes": assistant.has_unpublished_changes,
        "created_at": moment(assistant.created_at),
    }


def health_json(assistant: Assistant) -> dict[str, Any]:
    """How whatever answers for it has answered lately; a script always does."""
    row = responder_health.of(assistant)
    return {
        "ok": row is None or not row.code,
        "code": row.code if row else "",
        "reason": row.reason if row else "",
        "remedy": row.remedy if row else "",
        "since": maybe_moment(row.since if row else None),
    }


def deployment_json(deployment: Deployment) -> dict[str, Any]:
    """A deployment; never its token."""
    return {
        "id": str(deployment.id),
        "name": deployment.name,
        "assistant_id": str(deployment.assistant_id),
        "token_prefix": deploying.current_token(deployment).prefix,
        "allowed_origins": deployment.allowed_origins,
        "theme": deployment.theme,
        "label": deployment.label,
        "limits": deployment.limits,
        "languages": deployment.languages,
        "hours_text": deployment.hours_text,
        "expires_at": maybe_moment(deployment.expires_at),
        "allow_server_callers": deployment.allow_server_callers,
        "identity_required": deployment.identity_required,
        "files": file_settings.of(deployment.files).as_json(),
        "paused_at": maybe_moment(deployment.paused_at),
        "status": deployment.status,
        "last_used_at": maybe_moment(deployment.last_used_at),
        "last_used_origin": deployment.last_used_origin or None,
        "created_at": moment(deployment.created_at),
        "revoked_at": maybe_moment(deployment.revoked_at),
    }


def conversation_with_handoff_json(conversation: Conversation) -> dict[str, Any]:
    """One conversation, with the hand-over that goes on."""
    return {**conversation_json(conversation), "handoff": handoff_history.as_json(handoff.current(conversation))}


def conversation_json(conversation: Conversation) -> dict[str, Any]:
    """A conversation without its messages."""
    person, member = conversation.person, conversation.assigned_to
    return {
        "id": str(conversation.id),
        "assistant_id": str(conversation.assistant_id),
        "deployment_id": str(conversation.deployment_id) if conversation.deployment_id else None,
        "channel": conversation.channel,
        "status": conversation.status,
        "control": conversation.control,
        "person": {"id": str(person.id), "label": person.label, "name": person.name, "email": person.email},
        "assigned_to": {"id": str(member.id), "name": member.display_name} if member else None,
        "tags": [tagged.tag.name for tagged in conversation.tagged.all()],
        "snoozed_until": maybe_moment(conversation.snoozed_until),
        "head_seq": conversation.head_seq,
        "rev": conversation.rev,
        "last_text": conversation.last_text,
        "locale": conversation.locale,
        "origin": conversation.origin,
        "page": {
            "url": conversation.page_url,
            "title": conversation.page_title,
            "referrer": conversation.referrer,
        },
        "waiting_since": maybe_moment(conversation.waiting_since),
        "handoff_reason": conversation.handoff_reason,
        "ended_reason": conversation.ended_reason,
        "started_at": moment(conversation.started_at),
        "last_activity_at": moment(conversation.last_activity_at),
        "ended_at": maybe_moment(conversation.ended_at),
    }


def reply_mail_json(mail: ReplyMail) -> dict[str, Any]:
    """A mail to a visitor who had left; never its link."""
    return {
        "id": str(mail.id),
        "address": mail.address,
        "from_seq": mail.from_seq,
        "to_seq": mail.to_seq,
        "state": mail.state,
        "reason": mail.reason,
        "remedy": mail.remedy,
        "attempts": mail.attempts,
        "due_at": moment(mail.due_at),
        "sent_at": maybe_moment(mail.sent_at),
        "continued_at": maybe_moment(mail.used_at),
        "stopped_at": maybe_moment(mail.stopped_at),
        "created_at": moment(mail.created_at),
    }
