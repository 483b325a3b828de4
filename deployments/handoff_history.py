"""The hand-overs that a conversation has had: for members, for programs, and for the assistant that goes on."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q

from convoship.lib.times import maybe_moment, moment
from deployments.models import Conversation, Handoff
from deployments.models.conversation import Status
from deployments.models.handoff import HandoffOutcome

LONGEST_SUMMARY = 2000
MOST_SHOWN = 50


def of(conversation: Conversation) -> list[Handoff]:
    """The last hand-overs of a conversation, the newest first."""
    rows = Handoff.objects.filter(conversation=conversation).select_related("holder")
    return list(rows.order_by("-requested_at")[:MOST_SHOWN])


def for_assistant(conversation: Conversation) -> dict[str, str]:
    """What the assistant may know of the last hand-over that is over: `{summary, outcome}`; empty without one."""
    if conversation.person_wanted_at is None:
        return {}
    ended = Handoff.objects.filter(conversation=conversation, ended_at__isnull=False).order_by("-ended_at")
    last = ended.values("summary", "outcome").first()
    return {"summary": last["summary"], "outcome": last["outcome"]} if last else {}


def holders(case: Handoff) -> list[str]:
    """All who had it, as members read them, each once in the order in which they first did."""
    had = [str(each["who"]) for each in case.tried if each.get("who")]
    return list(dict.fromkeys([*had, case.shown_holder] if case.shown_holder else had))


def missed() -> Q:
    """Of conversations: those whose visitor asked for a person, and nobody came or was there, then or since.

    Who takes the conversation later begins another hand-over; one that was ended properly needs nobody any more.
    """
    later = Handoff.objects.filter(
        conversation_id=OuterRef("conversation_id"), requested_at__gt=OuterRef("requested_at")
    )
    failed = Handoff.objects.filter(
        ~Exists(later),
        conversation_id=OuterRef("pk"),
        outcome__in=(HandoffOutcome.NOBODY_CAME, HandoffOutcome.NOBODY_THERE),
    )
    return Q(Exists(failed)) & ~Q(status=Status.COMPLETED)


def as_json(case: Handoff | None) -> dict[str, Any] | None:
    """A hand-over as the admin API shows it."""
    if case is None:
        return None
    return {
        "id": str(case.id),
        "state": case.state,
        "cause": case.cause,
        "reason": case.reason,
        "desk": case.desk or None,
        "holder": case.shown_holder or None,
        "answers": case.answers,
        "opens_at": maybe_moment(case.back_at),
        "wait_until": maybe_moment(case.wait_until),
        "requested_at": moment(case.requested_at),
    }
