"""What the editor keeps of a draft that is not finished: the form as it was typed, until it is content."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from convoship.lib.actors import Actor
from deployments.models import Assistant
from workspaces import audit

# Typing for hours is one line of the audit log in this time, not one for every pause.
EDITING = dt.timedelta(minutes=10)


def keep_typed(actor: Actor, assistant: Assistant, typed: dict[str, Any]) -> Assistant:
    """Keep the form as it was typed, beside the draft that can be published; the next valid draft ends it."""
    if typed != assistant.draft_typed:
        assistant.draft_typed = typed
        assistant.draft_changed_at = timezone.now()
        assistant.save(update_fields=["draft_typed", "draft_changed_at"])
        audit.record_once(actor, "assistant.changed", assistant, within=EDITING, changed=["unfinished"])
    return assistant


def drop_typed(actor: Actor, assistant: Assistant) -> Assistant:
    """Throw away what is unfinished: the editor shows the draft again."""
    if assistant.draft_typed is not None:
        assistant.draft_typed = None
        assistant.draft_changed_at = timezone.now()
        assistant.save(update_fields=["draft_typed", "draft_changed_at"])
        audit.record(actor, "assistant.changed", assistant, changed=["unfinished"])
    return assistant
