"""Connections without a provider behind them: how the stand-in behaves, and what passed between it and us."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from channels_app.models.outbound import Delivery
from convoship.lib.tenancy import TenantManager, TenantModel


class Reports(models.TextChoices):
    """How a stand-in reports on what it took."""

    STRAIGHT = "straight", "One after the other"
    TWICE = "twice", "Each of them twice"
    SHUFFLED = "shuffled", "The last one first"
    NEVER = "never", "Not at all"


class Rehearsal(TenantModel):
    """How the stand-in of a rehearsal connection behaves."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="rehearsal")
    # What it does with what is sent to it instead of taking it: a word of its `FAULTS`; empty: nothing.
    fault = models.CharField(max_length=20, blank=True)
    # For so many calls; None: until somebody says otherwise.
    fault_calls = models.PositiveSmallIntegerField(null=True, default=None)
    reports = models.CharField(max_length=10, choices=Reports, default=Reports.STRAIGHT)
    # Addresses whose person wrote STOP.
    opted_out = models.JSONField(default=list)
    # What was made at it and serves again, by its id there: contents of WhatsApp, say.
    contents = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # What it knows of who wrote, by their addresses: when they last did (`wrote_at`, ISO 8601), and their `name`.
    phones = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # Whether people there let it be known that they have read something.
    reads = models.BooleanField(default=True, db_default=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"rehearsal of {self.connection_id}"


class LineKind(models.TextChoices):
    """Who called whom, and for what."""

    SAID = "said", "The other side wrote"
    SAID_AGAIN = "again", "The other side sent the same again"
    ASIDE = "aside", "The provider answered by itself"
    CAUGHT = "caught", "Convoship sent"
    COPY = "copy", "Convoship sent again"
    TURNED_AWAY = "away", "Convoship sent, not taken"
    REPORT = "report", "The other side reported"
    ASKED = "asked", "Convoship asked"
    REFUSED = "refused", "Not genuine"
    # Of calls: what Twilio asks for a document with, and the frames of a relay.
    ASKS = "asks", "Twilio"
    FRAME_IN = "frame_in", "Twilio sent a frame"
    FRAME_OUT = "frame_out", "Convoship sent a frame"


class RehearsalLine(TenantModel):
    """One call between the stand-in and us, either way, as it went over the wire; credentials are left out."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="rehearsal_lines")
    kind = models.CharField(max_length=10, choices=LineKind)
    # Who is at the other end: a phone number, a conversation's key, a call.
    address = models.CharField(max_length=255, blank=True)
    text = models.TextField(blank=True)
    # Files with it: those that the phone sent by their `sid`, those that we sent by their address.
    media = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # The stand-in's id of what it took or reports on, and what it last reported of it.
    provider_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, blank=True)
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="+")
    method = models.CharField(max_length=10, default="POST")
    url = models.CharField(max_length=1000, blank=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    answer_status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)
    # What is remarkable about it, in words.
    note = models.CharField(max_length=300, blank=True)
    # Of what is still to be called: when, and who has it in hand.
    due_at = models.DateTimeField(null=True)
    # What is drawn beside the words: what can be tapped, which template it is, what it replies to.
    extras = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    is_signed_wrongly = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["connection", "-created_at"]),
            models.Index(fields=["connection", "due_at"], condition=models.Q(due_at__isnull=False), name="line_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.address}"

    @property
    def is_said(self) -> bool:
        """Whether the other side said it, and not we."""
        return self.kind in {LineKind.SAID, LineKind.SAID_AGAIN}

    @property
    def is_from_them(self) -> bool:
        """Whether the stand-in made the call."""
        return self.is_said or self.kind in {LineKind.REPORT, LineKind.ASIDE, LineKind.ASKS, LineKind.FRAME_IN}


class RehearsalCall(TenantModel):
    """A call as the stand-in's API knows it. What happens in it happens in the process that holds its telephone."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="rehearsal_calls")
    sid = models.CharField(max_length=34)
    # The call that dialled this one.
    parent_sid = models.CharField(max_length=34, blank=True)
    # Twilio's words: `inbound`, `outbound-api`, `outbound-dial`, and those of `CallStatus`.
    direction = models.CharField(max_length=13)
    status = models.CharField(max_length=11)
    caller = models.CharField(max_length=64, blank=True)
    called = models.CharField(max_length=64, blank=True)
    began_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    seconds = models.PositiveIntegerField(null=True)
    # Of a call that the API made: what runs once it is answered, and until when it rings.
    first = models.JSONField(default=dict)
    rings_until = models.DateTimeField(null=True)
    # Where its statuses are told, of which events, and how many were.
    status_url = models.CharField(max_length=1000, blank=True)
    status_events = models.CharField(max_length=100, blank=True)
    told = models.PositiveSmallIntegerField(default=0)
    # Which telephone holds it, and when that was last heard of: one that is gone has dropped its calls.
    holder = models.UUIDField(null=True)
    seen_at = models.DateTimeField()
    # What the API wants of a call that goes on, in order: {does, url, method, twiml, status}.
    orders = models.JSONField(default=list)
    # What was recorded: {sid, seconds, words, source, channels, began, url, is_done}.
    recordings = models.JSONField(default=list)
    # What Twilio's log says of it: {code, words, at}.
    faults = models.JSONField(default=list)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "sid"], name="one_rehearsed_call_per_sid"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "-began_at"], name="rehearsed_call_newest"),
        ]

    def __str__(self) -> str:
        return f"rehearsed call {self.sid[:8]}"
