"""Cases as desks outside the house know them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models import Conversation, Handoff


class DeskCase(TenantModel):
    """What a desk calls a case that it was told of, and when somebody looks there next for what was said.

    Written with the delivery that opens the case, and filled in once that has been taken. The desk's own record (a
    ticket) may stand for several of a conversation's cases, one after the other: the last of them is the one meant.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cases")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="cases")
    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="cases")
    # Ours (`deployments.desks.Case.key`).
    key = models.CharField(max_length=60)
    # Theirs: the id by which it is asked for, what people there call it, and where they open it.
    ref = models.CharField(max_length=100, blank=True)
    number = models.CharField(max_length=60, blank=True)
    url = models.CharField(max_length=500, blank=True)
    # What its provider has to remember of it; what was read there so far is a part of that.
    about = models.JSONField(default=dict, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    # When the desk took it.
    taken_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # The next look, if one is to come; whoever looks has a lease on it.
    look_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    # Looks in vain since the last that was not, and why.
    failures = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True)
    trouble_remedy = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "key"], name="one_desk_case_per_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "ref"], condition=~models.Q(ref=""), name="desk_case_by_ref"),
            models.Index(fields=["look_at"], condition=models.Q(look_at__isnull=False), name="desk_case_look"),
        ]

    def __str__(self) -> str:
        return f"case {self.number or self.key[:8]}"
