"""Files: which conversation and message they belong to, who sent them up, and under which key their content is kept."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.conversation import AuthorKind, Conversation, Message


class File(TenantModel):
    """A file that somebody sent up: attached to one message of theirs, or (`message` None) not yet.

    Its content is in the storage `files` under `key`, which is random. The row is there before the content, and
    `stored_at` says that the content is, too: so no content is ever without a row that leads to it.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="files")
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="files")
    # The visitor's, or (`agent`) a member's or a program's, who is named as its messages are.
    author_kind = models.CharField(
        max_length=10, choices=AuthorKind, default=AuthorKind.VISITOR, db_default=AuthorKind.VISITOR.value
    )
    author_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=100, blank=True, default="", db_default="")
    key = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=150)  # as people see it; cleaned (`file_kinds.clean_name`)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()  # bytes, as they are stored
    created_at = models.DateTimeField(auto_now_add=True)
    stored_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["created_at"], condition=models.Q(message__isnull=True), name="file_unattached"),
        ]

    def __str__(self) -> str:
        return self.name


class GoneFile(models.Model):
    """The key of a file whose row was deleted, however that happened: its content is still to be deleted.

    Written by a trigger, so in the transaction that deletes the row. Belongs to no workspace: that may be gone as well.
    """

    key = models.CharField(max_length=100, primary_key=True)
    # Moved on when deleting it fails: so what can't be deleted keeps nothing else waiting.
    due_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="gone_file_due")]

    def __str__(self) -> str:
        return self.key
