"""Calls that a provider listens to and speaks in: the call, what was heard and said in it turn by turn, and its story.

What was said is in the conversation's messages; these rows tell when, how fast, and how much of it was heard.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models import Conversation, File, Handoff, Message


class CallDirection(models.TextChoices):
    """Who rang whom."""

    INBOUND = "inbound", "They called"
    OUTBOUND = "outbound", "Convoship called"


class CallMode(models.TextChoices):
    """How it is listened: by the provider, word by word over a socket or sentence by sentence; or by ourselves."""

    RELAY = "relay", "Word by word (ConversationRelay)"
    GATHER = "gather", "Sentence by sentence (Gather)"
    STREAM = "stream", "By its sound, with speech engines of your own"


class CallState(models.TextChoices):
    """Where a call stands."""

    RINGING = "ringing", "Ringing"
    ACTIVE = "active", "With the assistant"
    TRANSFERRING = "transferring", "Being put through"
    WITH_PERSON = "with_person", "With a person"
    VOICEMAIL = "voicemail", "Leaving a message"
    ENDED = "ended", "Ended"


class CallOutcome(models.TextChoices):
    """How a call ended."""

    COMPLETED = "completed", "Completed"
    HUNG_UP = "hung_up", "The caller hung up"
    TRANSFERRED = "transferred", "Put through"
    VOICEMAIL = "voicemail", "Left a message"
    NO_ANSWER = "no_answer", "Nobody answered"
    BUSY = "busy", "Busy"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Given up before it was answered"
    TOO_LONG = "too_long", "Longest call reached"
    LOST = "lost", "Lost"


class Call(TenantModel):
    """One call. It is its conversation's place: one call, one conversation. Never without an end that is told."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="calls")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="call")
    # The provider's id of the call.
    sid = models.CharField(max_length=64)
    direction = models.CharField(max_length=8, choices=CallDirection, default=CallDirection.INBOUND)
    # E.164, or as the provider told it ("anonymous").
    caller = models.CharField(max_length=64)
    called = models.CharField(max_length=64)
    # As it goes now: a relay that fails falls back to gather.
    mode = models.CharField(max_length=6, choices=CallMode, default=CallMode.GATHER)
    state = models.CharField(max_length=12, choices=CallState, default=CallState.RINGING)
    began_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # When the provider was last heard of in it.
    last_sign_at = models.DateTimeField()
    # The longest call: past it the call is ended.
    ends_by = models.DateTimeField()
    # When it is looked after next if nothing is heard of it, and who does so now (`channels_app.voice.sweeping`).
    due_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=CallOutcome, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    # The highest turn so far; the greeting is 0.
    turn = models.PositiveIntegerField(default=0)
    # Silences in a row.
    silences = models.PositiveSmallIntegerField(default=0)
    # What is spoken and listened for now, a BCP 47 tag.
    language = models.CharField(max_length=35, blank=True)
    # As the provider bills it; None: not told.
    seconds = models.PositiveIntegerField(null=True, blank=True)
    # Begun minutes that were counted among the connection's of the day (`channels_app.voice.minutes`).
    minutes = models.PositiveIntegerField(default=0)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "sid"], name="one_call_per_sid"),
            models.CheckConstraint(
                condition=models.Q(state=CallState.ENDED, ended_at__isnull=False) & ~models.Q(outcome="")
                | ~models.Q(state=CallState.ENDED) & models.Q(ended_at__isnull=True, outcome=""),
                name="an_ended_call_says_how",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "-began_at"], name="call_newest"),
            models.Index(fields=["due_at"], condition=~models.Q(state="ended"), name="call_due"),
        ]

    def __str__(self) -> str:
        # Not with whom: the audit log keeps this for ever.
        return f"call {str(self.id)[:8]}"

    @property
    def other_end(self) -> str:
        """The number of the person that it is with."""
        return self.called if self.direction == CallDirection.OUTBOUND else self.caller

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self.state != CallState.ENDED


class CallTurn(TenantModel):
    """What the caller said or pressed once, and how long the answer took, by stage.

    `responder_ms` is the responder's own time (asked to first word); `platform_ms` ours: heard to the first thing that
    was given to the provider, less `responder_ms`. Where we hear and speak ourselves, there is more: `endpoint_ms` from
    their last sound until they were taken to be done, `speech_ms` from the first words until their sound was there.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    # What the caller said; None: the greeting, or a key that is no message.
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    keys = models.CharField(max_length=64, blank=True)
    confidence = models.FloatField(null=True)
    heard_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    first_word_at = models.DateTimeField(null=True)
    spoken_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    responder_ms = models.PositiveIntegerField(null=True)
    platform_ms = models.PositiveIntegerField(null=True)
    endpoint_ms = models.PositiveIntegerField(null=True)
    speech_ms = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call", "number"], name="one_turn_per_number"),
        ]

    def __str__(self) -> str:
        return f"turn {self.number}"


class SpeechState(models.TextChoices):
    """How much of an answer the caller heard."""

    SPOKEN = "spoken", "Spoken"
    CUT = "cut", "Cut off"
    UNHEARD = "unheard", "Never heard"


class CallSpeech(TenantModel):
    """An answer as it was to be said and as far as it was heard. The stored message is cut to what was heard."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="speeches")
    turn = models.ForeignKey(CallTurn, null=True, on_delete=models.SET_NULL, related_name="speeches")
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="speech")
    state = models.CharField(max_length=8, choices=SpeechState, default=SpeechState.SPOKEN)
    whole = models.TextField(blank=True)
    heard = models.TextField(blank=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"speech {str(self.id)[:8]}"


class StepKind(models.TextChoices):
    """What happened in a call, beside what was said."""

    RINGING = "ringing", "Rang"
    ANSWERED = "answered", "Answered"
    MODE = "mode", "How it listens"
    DTMF = "dtmf", "Key pressed"
    LANGUAGE = "language", "Language"
    HOLD = "hold", "Asked to wait"
    SILENCE = "silence", "Silence"
    INTERRUPTED = "interrupted", "Interrupted"
    RELAY_CONNECTED = "relay_connected", "Socket opened"
    RELAY_LOST = "relay_lost", "Socket lost"
    FALLBACK = "fallback", "Fell back"
    TRANSFER = "transfer", "Putting through"
    TRANSFER_FAILED = "transfer_failed", "Not put through"
    BRIDGED = "bridged", "Put through"
    VOICEMAIL = "voicemail", "Message left"
    RECORDING = "recording", "Recording"
    ERROR = "error", "Error"
    ENDED = "ended", "Ended"


class CallStep(TenantModel):
    """One line of a call's story, as its page tells it."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField()
    kind = models.CharField(max_length=16, choices=StepKind)
    words = models.CharField(max_length=500, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    data = models.JSONField(default=dict)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["call", "at"], name="step_by_call")]

    def __str__(self) -> str:
        return str(StepKind(self.kind).label)


class RelayTicket(TenantModel):
    """Lets one socket into one call, once: spent by one conditional UPDATE. Only its SHA-256 is kept."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="tickets")
    digest = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)
    # Of the request that asked for it, where a gateway did; each asks once.
    nonce_digest = models.BinaryField(max_length=32, null=True)
    # The provider's id of the session that spent it.
    session = models.CharField(max_length=64, blank=True)
    # What a session over our own socket said of its end, for the request that asks what comes next. None: nothing.
    handed = models.JSONField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call", "nonce_digest"], name="one_ticket_per_nonce"),
        ]

    def __str__(self) -> str:
        return f"ticket of {self.call_id}"


class TransferManner(models.TextChoices):
    """How a call is put through."""

    COLD = "cold", "Put through at once"
    WARM = "warm", "Announced first"
    QUEUE = "queue", "Into a queue"


class TransferState(models.TextChoices):
    """Where a transfer stands."""

    DIALLING = "dialling", "Dialling"
    WHISPERING = "whispering", "Being announced"
    BRIDGED = "bridged", "Put through"
    FAILED = "failed", "Failed"
    ENDED = "ended", "Ended"


class CallTransfer(TenantModel):
    """One attempt to put a call through to a person."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="transfers")
    handoff = models.ForeignKey(Handoff, null=True, on_delete=models.SET_NULL, related_name="+")
    manner = models.CharField(max_length=5, choices=TransferManner)
    # The number that is dialled, or the queue's name.
    to = models.CharField(max_length=100)
    child_sid = models.CharField(max_length=64, blank=True)
    # The case at its desk that this serves (`deployments.desks.Case.key`); "" where a member has themselves called.
    key = models.CharField(max_length=60, blank=True, default="", db_default="")
    # Who is rung, for people: a desk's name or a member's.
    name = models.CharField(max_length=100, blank=True, default="", db_default="")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # When the provider was last told to ring, and how often it was; None: asked for, and not rung yet.
    dialled_at = models.DateTimeField(null=True, blank=True)
    rings = models.PositiveSmallIntegerField(default=0, db_default=0)
    # When it is rung again, in a queue; None: at once.
    ring_at = models.DateTimeField(null=True, blank=True)
    # How long they talked; None: they didn't, or it isn't known.
    seconds = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=TransferState, default=TransferState.DIALLING)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    began_at = models.DateTimeField(auto_now_add=True)
    bridged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["call", "began_at"], name="transfer_by_call")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["call"], condition=models.Q(ended_at__isnull=True), name="one_open_transfer"
            ),
        ]

    def __str__(self) -> str:
        return f"transfer {str(self.id)[:8]}"


class RecordingKind(models.TextChoices):
    """What was recorded."""

    RECORDING = "recording", "The call"
    VOICEMAIL = "voicemail", "A message"


class RecordingState(models.TextChoices):
    """Where a recording stands."""

    MADE = "made", "Made at the provider"
    FETCHING = "fetching", "Being fetched"
    KEPT = "kept", "Kept"
    FAILED = "failed", "Not fetched"
    DELETED = "deleted", "Deleted"


class CallRecording(TenantModel):
    """Audio of a call: fetched from the provider that made it, or put together of our own parts; played from our files.

    Parts are there where the call's sound was ours (`RecordingPart`); once it is kept they go.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="recordings")
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="recordings")
    sid = models.CharField(max_length=64)
    kind = models.CharField(max_length=9, choices=RecordingKind)
    state = models.CharField(max_length=8, choices=RecordingState, default=RecordingState.MADE)
    seconds = models.PositiveIntegerField(null=True)
    file = models.ForeignKey(File, null=True, on_delete=models.SET_NULL, related_name="+")
    # Where it is at the provider; nothing is believed of it.
    url = models.CharField(max_length=2000, blank=True)
    transcript = models.TextField(blank=True)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    # We recorded it ourselves.
    is_own = models.BooleanField(default=False, db_default=False)
    # What of the call is not on it, in words: it broke off.
    missing = models.CharField(max_length=300, blank=True, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "sid"], name="one_recording_per_sid"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(state__in=["made", "fetching"]), name="recording_due"),
            # Erased here, and still to be deleted at the provider, while its address there is known.
            models.Index(
                fields=["due_at"], condition=models.Q(state="deleted") & ~models.Q(url=""), name="recording_gone"
            ),
        ]

    def __str__(self) -> str:
        return f"recording {str(self.id)[:8]}"


class RecordingPart(TenantModel):
    """Some seconds of a recording of ours, written while the call goes on: so a process that dies loses little.

    Both sides, a byte of G.711 mu-law of each in turn: the caller's, the assistant's.
    """

    recording = models.ForeignKey(CallRecording, on_delete=models.CASCADE, related_name="parts")
    # They count 0, 1, 2 ...
    number = models.PositiveIntegerField()
    sound = models.BinaryField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["recording", "number"], name="one_part_per_number"),
        ]

    def __str__(self) -> str:
        return f"part {self.number}"
