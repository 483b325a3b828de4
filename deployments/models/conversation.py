"""Conversations, their messages, the turns that answer them, and the browser sessions that may read them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction

from convoship.lib.tenancy import TenantManager, TenantModel, TenantQuerySet
from deployments.models.assistant import Assistant, AssistantVersion
from deployments.models.deployment import Deployment, DeploymentToken, Rollout
from deployments.models.person import Person

# Of what a tap stands for, in characters.
LONGEST_PAYLOAD = 1000


class Channel(models.TextChoices):
    """Where a conversation takes place."""

    WEB = "web", "Web"
    WHATSAPP = "whatsapp", "WhatsApp"
    SMS = "sms", "SMS"
    VOICE = "voice", "Phone"
    WEBHOOK = "webhook", "Webhook"


class Control(models.TextChoices):
    """Who answers next."""

    ASSISTANT = "assistant", "Assistant"
    WAITING = "waiting", "Waiting for a person"
    HUMAN = "human", "Person"


class Status(models.TextChoices):
    """Whether a conversation goes on, and if not how it ended."""

    ACTIVE = "active", "Active"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    ABANDONED = "abandoned", "Abandoned"


# Who writes in a conversation holds its row first, then writes the others: turns, messages, files. Django deletes those
# others first. So whatever deletes conversations holds them before it looks for what belongs to them: it waits for who
# writes in one, and whoever comes then waits for it and finds nothing.


def held_cascade(collector: Any, field: Any, sub_objs: models.QuerySet[Any], using: str) -> None:
    """`CASCADE` for what conversations belong to: those that go along are held first."""
    list(sub_objs.select_for_update().order_by("pk").values_list("pk"))
    models.CASCADE(collector, field, sub_objs, using)


class ConversationQuerySet(TenantQuerySet["Conversation"]):
    """Conversations, many of which may be deleted at once."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete them with all that belongs to them, once whoever writes in one is done."""
        with transaction.atomic():
            held = self.model._base_manager.filter(pk__in=self.order_by().values("pk")).order_by("pk")
            list(held.select_for_update().values_list("pk"))
            return super().delete()


class Conversation(TenantModel):
    """One person with one assistant over one channel. `head_seq` is the last message's seq, `rev` counts changes."""

    workspace = models.ForeignKey("workspaces.Workspace", on_delete=held_cascade, related_name="+", editable=False)
    assistant = models.ForeignKey(Assistant, on_delete=held_cascade, related_name="conversations")
    version = models.ForeignKey(AssistantVersion, on_delete=models.RESTRICT, related_name="+")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="conversations")
    person = models.ForeignKey(Person, on_delete=held_cascade, related_name="conversations")
    channel = models.CharField(max_length=10, choices=Channel)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    control = models.CharField(max_length=10, choices=Control, default=Control.ASSISTANT)
    head_seq = models.PositiveIntegerField(default=0)
    rev = models.PositiveIntegerField(default=0)
    # How many messages are the visitor's: 0 is somebody who opened the chat and said nothing.
    visitor_messages = models.PositiveIntegerField(default=0)
    flow_state = models.JSONField(default=dict)
    # What the page says of its user ({name, email, ...}); proved only where the person has an `external_id`.
    visitor_data = models.JSONField(default=dict, blank=True)
    # The `sub` of the `user_token` that came with this very conversation, "" where none did: what its person is proved
    # to be says nothing of who sits here, as members merge people.
    proved_as = models.CharField(max_length=255, blank=True, default="", db_default="")
    # Said if the visitor says nothing until `silent_at`: {text, blocks, then}.
    if_silent = models.JSONField(null=True, blank=True)
    silent_at = models.DateTimeField(null=True, blank=True)
    # Tried from our own pages (`cpt_`): counts nowhere.
    is_test = models.BooleanField(default=False)
    rollout = models.ForeignKey(Rollout, null=True, blank=True, on_delete=models.SET_NULL, related_name="conversations")
    variant = models.CharField(max_length=1, blank=True)
    # The first time that a person was asked for or took part; None: the assistant did it alone.
    person_wanted_at = models.DateTimeField(null=True, blank=True)
    # Answers in a row that failed, or understood nothing.
    misses = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Turns that failed.
    failures = models.PositiveIntegerField(default=0)
    locale = models.CharField(max_length=35, blank=True)
    page_url = models.CharField(max_length=2000, blank=True)
    page_title = models.CharField(max_length=300, blank=True)
    referrer = models.CharField(max_length=2000, blank=True)
    origin = models.CharField(max_length=300, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    waiting_since = models.DateTimeField(null=True, blank=True)
    handoff_reason = models.CharField(max_length=300, blank=True)
    # None: members are yet to be called. Then the lease of who mails them now, and when a mail last left for them.
    members_told_at = models.DateTimeField(null=True, blank=True)
    telling_until = models.DateTimeField(null=True, blank=True)
    members_mailed_at = models.DateTimeField(null=True, blank=True)
    # The last messages that were read, by the visitor and by the member whose conversation it is. Written apart from
    # all else (`deployments.reading`): they move no `rev`.
    visitor_read_seq = models.PositiveIntegerField(default=0, db_default=0)
    visitor_read_at = models.DateTimeField(null=True, blank=True)
    agent_read_seq = models.PositiveIntegerField(default=0, db_default=0)
    # Where the visitor was when their browser was heard of last ({url, title, at}); `page_url` is where it began.
    page_now = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    ended_reason = models.CharField(max_length=300, blank=True)
    last_text = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    last_activity_at = models.DateTimeField(auto_now_add=True)
    # Until then it stands in no list but that of the snoozed ones, unless the visitor writes before.
    snoozed_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # While it waits: what for. No column; `deployments.waiting` finds it where it is to be told.
    waits_for: str | None = None
    # When its person was erased, and with them all that was said in it.
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(ConversationQuerySet)()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-last_activity_at"]),
            models.Index(fields=["last_activity_at"], condition=models.Q(status="active"), name="conversation_idle"),
            models.Index(fields=["waiting_since"], condition=models.Q(control="waiting"), name="conversation_waiting"),
            models.Index(fields=["silent_at"], condition=models.Q(silent_at__isnull=False), name="conversation_silent"),
            models.Index(fields=["deployment", "-started_at"]),
            models.Index(
                fields=["snoozed_until"], condition=models.Q(snoozed_until__isnull=False), name="conversation_snoozed"
            ),
            models.Index(
                fields=["workspace", "-last_activity_at"],
                condition=models.Q(status="active"),
                name="conversation_open",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(control="waiting", waiting_since__isnull=False) | ~models.Q(control="waiting"),
                name="waiting_has_a_start",
            ),
            models.CheckConstraint(
                condition=models.Q(status="active", ended_at__isnull=True)
                | (~models.Q(status="active") & models.Q(ended_at__isnull=False)),
                name="ended_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"conversation {str(self.id)[:8]}"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete it with all that belongs to it, once whoever writes in it is done."""
        with transaction.atomic():
            list(type(self).objects.select_for_update().filter(pk=self.pk).values_list("pk"))
            return super().delete(*args, **kwargs)

    @property
    def is_spoken(self) -> bool:
        """Whether it is held by telephone."""
        return self.channel == Channel.VOICE

    @property
    def who(self) -> str:
        """With whom it is, as its page says."""
        return self.person.label_as("Caller" if self.is_spoken else "Visitor")

    @property
    def is_active(self) -> bool:
        """Whether it takes further messages."""
        return self.status == Status.ACTIVE


class AuthorKind(models.TextChoices):
    """Who wrote a message."""

    VISITOR = "visitor", "Visitor"
    ASSISTANT = "assistant", "Assistant"
    AGENT = "agent", "Person"
    SYSTEM = "system", "System"


class MessageStatus(models.TextChoices):
    """What became of a message (CONTRACT section 1); on the web a committed message is `received` or `sent`."""

    RECEIVED = "received", "Received"
    STREAMING = "streaming", "Being written"
    QUEUED = "queued", "Waiting to be sent"
    PARKED = "parked", "Parked"
    ACCEPTED = "accepted", "Taken by the provider"
    SENT = "sent", "Sent"
    DELIVERED = "delivered", "Delivered"
    READ = "read", "Read"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"
    SUPPRESSED = "suppressed", "Held back"


class Message(TenantModel):
    """One line of a conversation. Made by `conversations.post_message` and nowhere else."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    seq = models.PositiveIntegerField()
    rev = models.PositiveIntegerField()
    author_kind = models.CharField(max_length=10, choices=AuthorKind)
    author_name = models.CharField(max_length=100, blank=True)
    author_user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField(blank=True)
    payload = models.CharField(max_length=LONGEST_PAYLOAD, blank=True)
    blocks = models.JSONField(default=list)
    # What is shown of its files: [{id, name, size, content_type}]; their rows are `files`.
    attachments = models.JSONField(default=list, db_default=[])
    # The `seq` of the message that it replies to, where its channel says so.
    reply_to = models.PositiveIntegerField(null=True, blank=True)
    # Of a message that goes out as a template of its channel: {sid, name, variables}; `text` is what arrives.
    template = models.JSONField(null=True, blank=True)
    # Chosen by who sends it, so that sending it again makes no second one.
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (NULLs stay out of the unique index)
    body_digest = models.BinaryField(max_length=32, null=True)
    status = models.CharField(max_length=10, choices=MessageStatus)
    reason = models.CharField(max_length=300, blank=True)
    # What to do about the reason; for the workspace's people, never for visitors.
    remedy = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="one_message_per_seq"),
            models.UniqueConstraint(fields=["conversation", "client_id"], name="one_message_per_client_id"),
        ]
        indexes: ClassVar = [models.Index(fields=["conversation", "rev"])]

    def __str__(self) -> str:
        return f"message {self.seq}"

    @property
    def shown_author(self) -> str:
        """Who wrote it, as members read it."""
        if not self.author_name and self.author_user is not None:
            return self.author_user.display_name
        return self.author_name or AuthorKind(self.author_kind).label


class TurnStatus(models.TextChoices):
    """Where an answer stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Stop(models.TextChoices):
    """Why an answer was stopped before its end, and what is said of it on the timeline."""

    VISITOR = "visitor", "Stopped by the visitor."
    LEFT = "left", "Cut off: the visitor had left."
    ENDED = "ended", "Cut off: the conversation had ended."


class Turn(TenantModel):
    """The answering of one message: claimed with a lease, finished or failed, never lost."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="turn")
    seq = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=TurnStatus, default=TurnStatus.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    # A claim's fencing token and its end: an owner that overslept its lease can write nothing more.
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    # Somebody wants the answer to stop (`deployments.stopping`), whether or not its writer has seen that.
    stop = models.CharField(max_length=10, choices=Stop, blank=True, default="", db_default="")
    trace = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["conversation", "seq"],
                condition=models.Q(status__in=["queued", "running"]),
                name="turn_unfinished",
            ),
            models.Index(fields=["created_at"], condition=models.Q(status__in=["queued", "running"]), name="turn_due"),
        ]

    def __str__(self) -> str:
        return f"turn of message {self.seq}"


class VisitorSession(TenantModel):
    """A browser's right to one conversation."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="sessions")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="session")
    client_id = models.UUIDField(null=True)
    # The token that opened it; None: a preview's, or one that is gone.
    token = models.ForeignKey(DeploymentToken, null=True, on_delete=models.SET_NULL, related_name="+")
    body_digest = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    # When a mail's link opened it on a page of ours: from then on our own origin is let in beside the deployment's.
    continued_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["deployment", "client_id"], name="one_session_per_client_id"),
        ]

    def __str__(self) -> str:
        return f"session {str(self.id)[:8]}"


class SessionToken(TenantModel):
    """A `cst_` token of a session. A replayed session start makes another, and the earlier one stays good."""

    session = models.ForeignKey(VisitorSession, on_delete=models.CASCADE, related_name="tokens")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"token of {self.session_id}"
