"""Where a call is led while people have its conversation, and at which number members take calls."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from channels_app.models.call import Call, CallTransfer
from convoship.lib.tenancy import TenantManager, TenantModel


class CoursePlace(models.TextChoices):
    """What a call is given to do while people have its conversation."""

    ASSISTANT = "assistant", "With the assistant"
    HOLD = "hold", "Waiting"
    DIAL = "dial", "Being put through"
    TALK = "talk", "Talking through the inbox"


class CallCourse(TenantModel):
    """Where a call was led since people were asked for, and the moment by which it is led again unless it moves.

    `place` and `transfer` are what the provider was told last. `due_at` is set whenever the conversation wants
    something else than that, or nothing is heard from there: a worker then leads the call by the provider's API.
    """

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="course")
    place = models.CharField(max_length=9, choices=CoursePlace, default=CoursePlace.ASSISTANT)
    transfer = models.ForeignKey(CallTransfer, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    placed_at = models.DateTimeField(null=True, blank=True)
    # Rounds of waiting so far: what is said in each.
    rounds = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # The last request that was answered here, and the answer: the same one again gets the same.
    asked = models.CharField(max_length=64, blank=True)
    answer = models.TextField(blank=True)
    # The hand-over whose vain end was last acted on, as the connection says.
    ended_handoff = models.UUIDField(null=True, blank=True)
    # Why it could not be led, while that is so.
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="course_due"),
        ]

    def __str__(self) -> str:
        return f"course of {self.call_id}"


class MemberTelephone(TenantModel):
    """The number at which a member has calls put through to them."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    number = models.CharField(max_length=20)
    changed_at = models.DateTimeField(auto_now=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "member"], name="one_telephone_per_member"),
        ]

    def __str__(self) -> str:
        return f"telephone of {self.member_id}"
