"""What members know of people: own fields, notes, merges; and how an erased address is remembered."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.person import Person


class FieldKind(models.TextChoices):
    """What a field's values are."""

    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    DATE = "date", "Date"
    YES_NO = "yes_no", "Yes or no"
    CHOICE = "choice", "One of several"


class PersonField(TenantModel):
    """Something that a workspace keeps of each person; the values are in `Person.fields`, under `key`."""

    key = models.CharField(max_length=40)
    label = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=FieldKind)
    # Of `choice`: what can be chosen, in order.
    choices = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "key"], name="one_person_field_per_key"),
        ]

    def __str__(self) -> str:
        return self.key


class PersonNote(TenantModel):
    """A note of a member about a person, never shown to them."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Kept beside the author: a key has no user, and a user may be deleted.
    author_name = models.CharField(max_length=100)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["person", "-created_at"], name="note_of_person")]

    def __str__(self) -> str:
        return f"note {str(self.id)[:8]}"


class PersonMerge(TenantModel):
    """That two people became one, with all it takes to part them again.

    `before` is what both were ({kept: {...}, merged: {...}}) and `after` what the kept one became; `moved` has the ids
    of the rows that went over ({conversations, identities, notes}).
    """

    kept = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    merged = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    before = models.JSONField()
    after = models.JSONField()
    moved = models.JSONField()
    made_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)
    undo_until = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["kept", "-created_at"], name="merge_into"),
            models.Index(fields=["merged", "-created_at"], name="merge_of"),
        ]

    def __str__(self) -> str:
        return f"merge {str(self.id)[:8]}"


class AddressKey(TenantModel):
    """The key of the digests by which a workspace goes on knowing addresses that it has erased. Sealed, one at most."""

    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace"], name="one_address_key")]

    def __str__(self) -> str:
        return "key of erased addresses"
