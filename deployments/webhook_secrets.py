"""What the questions to an assistant's own bot are signed with: made with its first webhook, and rotated.

The secret stands beside the versions and not in them: whichever version asks, the bot knows the same one.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from convoship.lib import crypto, standard_webhooks
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments.deploying import MAX_OVERLAP_SECONDS
from deployments.models import Assistant, WebhookSecret
from deployments.responders.base import ResponderError
from workspaces import audit

logger = logging.getLogger(__name__)

PART = "webhook"


@dataclass(frozen=True)
class NewSecret:
    """A secret with its value, which is shown this once."""

    row: WebhookSecret
    value: str


def live(assistant: Assistant) -> list[WebhookSecret]:
    """Those that sign now, the newest first."""
    still = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return list(WebhookSecret.objects.filter(still, assistant=assistant).order_by("-created_at"))


def first(actor: Actor, assistant: Assistant) -> NewSecret | None:
    """The first secret of a held assistant whose draft has a webhook now; None where there is one, or no webhook."""
    if PART not in assistant.draft or WebhookSecret.objects.filter(assistant=assistant).exists():
        return None
    made = _new(assistant)
    audit.record(actor, "assistant.webhook_secret_made", assistant, hint=made.row.hint)
    return made


def is_wanted(assistant: Assistant) -> bool:
    """Whether the draft has a webhook, or what visitors meet."""
    published = assistant.published.content if assistant.published else {}
    return PART in assistant.draft or PART in published


def rotate(actor: Actor, assistant: Assistant, *, overlap_seconds: int = 0) -> NewSecret:
    """A new secret of a held assistant; the earlier ones sign beside it for `overlap_seconds` more."""
    if not is_wanted(assistant):
        raise Problem("conflict", "This assistant has no webhook.", hint="Give it one first: that makes its secret.")
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise invalid({"overlap_seconds": [f"A whole number from 0 to {MAX_OVERLAP_SECONDS} (30 days)."]})
    ends = timezone.now() + dt.timedelta(seconds=overlap_seconds)
    earlier = WebhookSecret.objects.filter(assistant=assistant)
    is_first = not earlier.exists()
    earlier.filter(Q(expires_at=None) | Q(expires_at__gt=ends)).update(expires_at=ends)
    made = _new(assistant)
    what = "assistant.webhook_secret_made" if is_first else "assistant.webhook_secret_rotated"
    audit.record(actor, what, assistant, hint=made.row.hint, overlap_seconds=overlap_seconds)
    return made


def check(assistant: Assistant) -> None:
    """Before publishing: 422 where a webhook is to answer whose questions nothing signs."""
    if assistant.responder == PART and not live(assistant):
        raise invalid(
            {PART: ["It has no signing secret, so its bot could not be asked."]},
            hint="Make one on the assistant's tab Answers, or by POST /v1/assistants/{id}/webhook/rotate.",
        )


def signers(assistant: Assistant) -> list[str]:
    """The values of those that sign now, the newest first; ResponderError where there is none that can be read."""
    rows = live(assistant)
    if not rows:
        raise ResponderError(
            "This assistant has no signing secret, so its webhook can't be asked.",
            "Make one for its webhook, and give it to the bot.",
            code="key",
        )
    try:
        return [crypto.unseal(row.sealed, workspace_id=row.workspace_id, purpose=purpose(row)) for row in rows]
    except crypto.Unreadable as unreadable:
        logger.error("a webhook secret of assistant %s: %s", assistant.id, unreadable)
        raise ResponderError(
            "The signing secret of this assistant can't be read.",
            "Set CONVOSHIP_SECRETS_KEYS as it was, or make a new secret for the webhook.",
            code="key",
        ) from None


def purpose(row: WebhookSecret) -> str:
    """What the encryption of a webhook's secret is bound to, beside the workspace."""
    return f"webhook_secret:{row.id}"


def _new(assistant: Assistant) -> NewSecret:
    value = standard_webhooks.new_secret()
    row = WebhookSecret(assistant=assistant, hint=value[-4:])
    row.sealed = crypto.seal(value, workspace_id=assistant.workspace_id, purpose=purpose(row))
    row.save()
    return NewSecret(row, value)
