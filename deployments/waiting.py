"""What a conversation waits for, as its visitor is told: their answer, people, or a person who was asked."""

from __future__ import annotations

from deployments.models import Conversation, Handoff
from deployments.models.conversation import Control
from deployments.models.handoff import HandoffState

# `form`: the visitor is asked something before; `people`: nobody is there, until people are back or one comes on duty;
# `person`: somebody was asked, or said that they will come.
FORM, PEOPLE, PERSON = WAITS_FOR = ("form", "people", "person")


def note(conversation: Conversation) -> None:
    """Find out, for `waits_for`: where it goes on, none. Inside `tenant()`."""
    conversation.waits_for = _found(conversation) if conversation.control == Control.WAITING else None


def _found(conversation: Conversation) -> str | None:
    case = Handoff.objects.filter(conversation=conversation, ended_at=None).values("state", "form_left").first()
    if case is None:
        return None
    if case["form_left"]:
        return FORM
    return PEOPLE if case["state"] == HandoffState.REQUESTED else PERSON
