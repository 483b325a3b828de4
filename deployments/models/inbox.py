"""How a workspace keeps its inbox in order: tags on conversations, and views that are saved."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.conversation import Conversation


class Tag(TenantModel):
    """A word that conversations are sorted by. Names differ by more than their case."""

    LONGEST_NAME = 40

    name = models.CharField(max_length=LONGEST_NAME)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", Lower("name"), name="one_tag_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ConversationTag(TenantModel):
    """That a conversation has a tag."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="tagged")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="tagged")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "tag"], name="one_of_a_tag_per_conversation"),
        ]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.conversation_id}"


class SavedView(TenantModel):
    """The inbox's filters under a name: its maker's own, or shared with the workspace."""

    LONGEST_NAME = 60

    # None: somebody who is gone; only a shared one is then still seen.
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=LONGEST_NAME)
    is_shared = models.BooleanField(default=False)
    # What stands in the list's address: {show, channel, assistant, deployment, tag, sort, q}, each a string.
    filters = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["workspace", "maker"], name="view_of_member")]

    def __str__(self) -> str:
        return self.name
