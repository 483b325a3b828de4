"""What members write for each other: notes in a conversation, who is mentioned in them, and replies kept for reuse."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.conversation import Conversation


class Note(TenantModel):
    """A note of a member in a conversation, never shown to its visitor.

    No message: those are counted without holes (`seq`, `rev`) by who may not see this. `after_seq` is the last message
    when it was written: there it stands in the transcript.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Kept beside the author: a key has no user, and a user may be deleted.
    author_name = models.CharField(max_length=100)
    text = models.TextField()
    after_seq = models.PositiveIntegerField()
    # Chosen by who sends it, so that sending it again makes no second one.
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 (NULLs stay out of the unique index)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "client_id"], name="one_note_per_client_id"),
        ]
        indexes: ClassVar = [models.Index(fields=["conversation", "created_at"])]

    def __str__(self) -> str:
        return f"note of {self.author_name}"


class Mention(TenantModel):
    """A member who is named in a note, and the mail that tells them.

    `due_at` is when the mail is tried next: None once it was taken (`mailed_at`) or given up (`trouble` says why).
    """

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["note", "user"], name="one_mention_per_note"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"]),
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="mention_due"),
        ]

    def __str__(self) -> str:
        return f"mention of {self.user}"


class CannedReply(TenantModel):
    """A reply that is written once and used often. `text` is Markdown with `{{variables}}` (`deployments.canned`)."""

    # What is typed after a slash; lower case.
    shortcut = models.CharField(max_length=30)
    title = models.CharField(max_length=100)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        verbose_name_plural = "canned replies"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "shortcut"], name="one_canned_reply_per_shortcut"),
        ]

    def __str__(self) -> str:
        return f"/{self.shortcut}"
