"""Hand-overs: each time that a person is asked for, from the asking to its end."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.conversation import Conversation


class HandoffState(models.TextChoices):
    """Where a hand-over stands; `deployments/handoff.py` alone moves it."""

    REQUESTED = "requested", "Asked for"
    OFFERED = "offered", "Offered"
    ACCEPTED = "accepted", "Accepted"
    LIVE = "live", "With a person"
    RETURNED = "returned", "Back at the assistant"
    CLOSED = "closed", "Closed"


WAITING = (HandoffState.REQUESTED, HandoffState.OFFERED, HandoffState.ACCEPTED)
OPEN = (*WAITING, HandoffState.LIVE)


class HandoffCause(models.TextChoices):
    """What asked for a person."""

    VISITOR = "visitor", "The visitor asked"
    INTENT = "intent", "The script hands over here"
    FAILURES = "failures", "The assistant failed or missed too often"
    KEYWORD = "keyword", "A word that asks for a person"
    SILENCE = "silence", "The visitor said nothing more"
    MEMBER = "member", "A member"
    PROGRAM = "program", "A program"


class HandoffOutcome(models.TextChoices):
    """How a hand-over ended."""

    BY_PERSON = "by_person", "Handed back by a person"
    BY_DESK = "by_desk", "Handed back by the desk"
    BY_VISITOR = "by_visitor", "The visitor went back to the assistant"
    NOBODY_CAME = "nobody_came", "Nobody came in time"
    NOBODY_THERE = "nobody_there", "Nobody was there"
    RESOLVED = "resolved", "Resolved"
    ENDED = "ended", "The conversation ended"


_UNTOLD = "No desk could be told of it"
_MAYBE_UNTOLD = "It could not be told whether anybody took it"


class Handoff(TenantModel):
    """One hand-over. While it is open it stands for the conversation's `control`, and has a moment of its next step."""

    State = HandoffState
    Outcome = HandoffOutcome

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="handoffs")
    state = models.CharField(max_length=10, choices=HandoffState, default=HandoffState.REQUESTED)
    cause = models.CharField(max_length=10, choices=HandoffCause)
    reason = models.CharField(max_length=300, blank=True)
    # The desk that has the case now or had it last ("inbox" or a connection's id), and its own name for the case.
    desk = models.CharField(max_length=40, blank=True)
    case_ref = models.CharField(max_length=200, blank=True)
    # From when the desk is offered the case until it, or we, closed it there.
    is_at_desk = models.BooleanField(default=False)
    # How often the case was offered: each time it is another one to its desk.
    offers = models.PositiveIntegerField(default=0)
    # Desks yet to be asked this time, in order.
    desks_left = models.JSONField(default=list, blank=True)
    # [{desk, words, at, who?, untold?}]: those that could not take it, did not, or lost it; `who` had it live there;
    # `untold`, where it was offered and the desk was "surely" or "maybe" never told.
    tried = models.JSONField(default=list, blank=True)
    # What is asked before: the fields yet to be answered, how often the first was asked, and the answers.
    form_left = models.JSONField(default=list, blank=True)
    form_tries = models.PositiveSmallIntegerField(default=0)
    answers = models.JSONField(default=dict, blank=True)
    # Who has it: a member, or only a name (a desk's person, a program).
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    holder_name = models.CharField(max_length=100, blank=True)
    # As the version's rules said when it began.
    longest_wait = models.DurationField()
    longest_silence = models.DurationField()
    # People are back at this moment; before it nobody is expected, and nobody called. Once past it says that the case
    # has waited for an opening: it does so once.
    opens_at = models.DateTimeField(null=True, blank=True)
    # Until when the visitor waits at most, and when the next step happens though nobody does anything.
    wait_until = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    # Since when the person owes an answer, and the last sign of them.
    unanswered_since = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=14, choices=HandoffOutcome, blank=True)
    # What the person who gave it back says was done; the assistant may read it.
    summary = models.TextField(blank=True)
    # Why no member could be mailed that somebody waits; "" once one was.
    mail_trouble = models.CharField(max_length=300, blank=True, default="", db_default="")
    requested_at = models.DateTimeField(auto_now_add=True)
    offered_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    live_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(ended_at__isnull=True), name="handoff_due"),
            models.Index(fields=["workspace", "-requested_at"], name="handoff_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(ended_at__isnull=True), name="one_open_handoff"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=OPEN, ended_at__isnull=True, outcome="")
                | (~models.Q(state__in=OPEN) & models.Q(ended_at__isnull=False) & ~models.Q(outcome="")),
                name="an_ended_handoff_says_how",
            ),
            # Nobody waits without an end: who waits, or waits for an answer, has a moment of the next step.
            models.CheckConstraint(
                condition=~models.Q(state__in=WAITING) | models.Q(due_at__isnull=False, wait_until__isnull=False),
                name="waiting_ends",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=HandoffState.LIVE)
                | models.Q(unanswered_since__isnull=True)
                | models.Q(due_at__isnull=False),
                name="an_unanswered_person_is_missed",
            ),
        ]

    def __str__(self) -> str:
        return f"hand-over {str(self.id)[:8]}"

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.state in OPEN

    @property
    def back_at(self) -> dt.datetime | None:
        """When people are back, where it waits for that."""
        is_ahead = self.opens_at is not None and self.opens_at > timezone.now()
        return self.opens_at if is_ahead and self.state == HandoffState.REQUESTED else None

    @property
    def shown_outcome(self) -> str:
        """How it ended, as members read it. Where no desk that it was offered to was told, nobody could have come."""
        untold = [str(each["untold"]) for each in self.tried if each.get("untold")]
        if self.outcome != HandoffOutcome.NOBODY_CAME or not untold or len(untold) < self.offers:
            return self.get_outcome_display()
        return _MAYBE_UNTOLD if "maybe" in untold else _UNTOLD

    @property
    def shown_holder(self) -> str:
        """Who has it, as members read it."""
        return self.holder.display_name if self.holder else self.holder_name
