"""Which version of the assistant and which theme a visitor meets: what stands, or their variant of a staged rollout.

Variant `a` is what stood when the rollout began, `b` is what is tried. Whose `visitor_id` falls below the share gets
`b`, and the number it falls on never changes: raising the share only moves visitors from `a` to `b`. A conversation
keeps what it began with, whatever becomes of the rollout.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from deployments import publishing
from deployments.models import AssistantVersion, Conversation, Deployment, Rollout

Variant = Literal["a", "b"]


@dataclass(frozen=True)
class Met:
    """What a visitor meets. `version` is None where nothing is published; without a rollout there is no `variant`."""

    version: AssistantVersion | None
    theme: Mapping[str, Any]
    rollout: Rollout | None = None
    variant: Variant | Literal[""] = ""


def standing(deployment: Deployment) -> Met:
    """What every visitor meets while no rollout runs. `assistant.published` is loaded where it is set."""
    return Met(deployment.assistant.published, deployment.theme)


def of_rollout(deployment: Deployment, rollout: Rollout, variant: Variant) -> Met:
    """What a variant of the rollout is. Inside `tenant()`."""
    tried = rollout.version_id if variant == "b" else None
    version = publishing.version(deployment.workspace_id, tried or rollout.base_version_id)
    theme = rollout.theme if variant == "b" and rollout.theme is not None else deployment.theme
    return Met(version, theme, rollout, variant)


def of_conversation(deployment: Deployment, running: Rollout | None, conversation: Conversation) -> Met:
    """What a conversation began with: its version, and its theme where that is kept. Inside `tenant()`."""
    version = publishing.version(conversation.workspace_id, conversation.version_id)
    theme: Mapping[str, Any] = deployment.theme
    if conversation.variant == "b" and conversation.rollout_id is not None:
        rollout = running if running is not None and running.id == conversation.rollout_id else None
        rollout = rollout or Rollout.objects.filter(id=conversation.rollout_id).first()
        if rollout is not None and rollout.theme is not None:
            theme = rollout.theme
    return Met(version, theme)


def chosen(rollout: Rollout, visitor_id: str) -> Variant:
    """The visitor's variant, by lot for one who has no id."""
    number = place(rollout.id, visitor_id) if visitor_id else secrets.randbelow(100)
    return "b" if number < rollout.share else "a"


def place(rollout_id: UUID, visitor_id: str) -> int:
    """The number from 0 to 99 that a visitor falls on: another in every rollout, always the same in one."""
    digest = hashlib.sha256(rollout_id.bytes + visitor_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % 100


def new_visitor_id() -> str:
    """An id for a visitor who has none yet, to be kept by their browser."""
    return str(uuid4())
