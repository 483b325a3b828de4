"""What answers: a draft that is edited, and the immutable versions that were published from it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel


class Responder(models.TextChoices):
    """What kind of thing answers."""

    SCRIPTED = "scripted", "Scripted"
    LLM = "llm", "Language model"
    WEBHOOK = "webhook", "Webhook"


def blank_draft() -> dict[str, Any]:
    """The draft of an assistant nobody has edited yet."""
    from deployments.responders.content import EMPTY

    return {"scripted": EMPTY}


class Assistant(TenantModel):
    """An assistant. `draft` is edited; visitors meet `published`."""

    name = models.CharField(max_length=100)
    responder = models.CharField(max_length=12, choices=Responder, default=Responder.SCRIPTED)
    draft = models.JSONField(default=blank_draft)
    # The editor's form as it was typed, while it isn't content yet (a field is empty, say): autosaving loses nothing.
    draft_typed = models.JSONField(null=True, blank=True, editable=False)
    draft_changed_at = models.DateTimeField(auto_now_add=True)
    published = models.ForeignKey(
        "AssistantVersion", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    # [{utterance, expected}]: what should lead to which intent ("" is the fallback). Run on publishing.
    test_cases = models.JSONField(default=list, blank=True)
    # The percentage of test cases that have to pass, or publishing is refused; None only reports.
    test_threshold = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["workspace", "name"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(test_threshold__isnull=True) | models.Q(test_threshold__lte=100),
                name="test_threshold_is_a_percentage",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_unpublished_changes(self) -> bool:
        """Whether visitors meet something else than the draft."""
        return self.published is None or self.published.content != self.content_of_draft()

    def content_of_draft(self) -> dict[str, Any]:
        """What publishing now would freeze."""
        return {"name": self.name, "responder": self.responder, **self.draft}


class AssistantVersion(TenantModel):
    """What an assistant was when it was published. Never changed."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    note = models.CharField(max_length=200, blank=True)
    # What the test cases said when this was frozen: {passed, total, failures: [{utterance, expected, got, score}]}.
    test_report = models.JSONField(default=dict, blank=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["assistant", "number"], name="one_version_per_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def responder(self) -> str:
        """The kind of responder that this version was published with."""
        return str(self.content["responder"])

    @property
    def responder_content(self) -> dict[str, Any]:
        """What the responder reads."""
        content: dict[str, Any] = self.content[self.responder]
        return content
