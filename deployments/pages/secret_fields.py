"""A secret in a form: the key of one that there is, a new one written right here, or its value typed once more.

No value is ever shown. What was typed and could not be taken has to be typed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from django.db import transaction
from django.http import QueryDict

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from workspaces import secret_store
from workspaces.models import Secret

# As providers begin their keys. What is typed as a name is shown to everybody, so one of these is not kept as such.
_CREDENTIAL = re.compile(r"(sk|pk|rk|gsk|xai|whsec|AIza|key)[-_]?[-_.A-Za-z0-9]{16,}", re.ASCII)


@dataclass
class SecretField:
    """One secret; `name` is what its fields are called by. `errors` is put there by whoever checks the content."""

    name: str
    chosen: str = ""
    new_key: str = ""
    new_value: str = ""
    again: str = ""  # the value of the chosen one, for a host that it has not been sent to
    errors: list[str] = field(default_factory=list)
    key_errors: list[str] = field(default_factory=list)
    value_errors: list[str] = field(default_factory=list)

    @classmethod
    def of_post(cls, name: str, data: QueryDict) -> SecretField:
        """As it was sent."""
        return cls(
            name,
            data.get(name, "").strip()[:200],
            data.get(f"{name}-new_key", "").strip()[:200],
            data.get(f"{name}-new_value", ""),
            data.get(f"{name}-again", ""),
        )

    def write(self, actor: Actor) -> bool:
        """Write the secret that was typed, if one was, and choose it; False where it can't be written.

        One that is written stays, whatever else is wrong with the form: its value could not be given back.
        """
        if _CREDENTIAL.fullmatch(self.new_key) and any(each.isdigit() for each in self.new_key):
            self.new_key = ""
            self.key_errors = ["This looks like the key itself, which belongs into the other field. Give a name here."]
            return False
        if not self.new_value.strip():
            return True
        if Secret.objects.filter(key=self.new_key.replace("\x00", "")).exists():
            self.key_errors = ["There is a secret by this name. Choose it above, or give this one another name."]
            return False
        try:
            with transaction.atomic():
                secret_store.write(actor, self.new_key, self.new_value)
        except Problem as problem:
            self.key_errors = problem.errors.get("key", [])
            self.value_errors = problem.errors.get("value", [])
            if not self.key_errors and not self.value_errors:
                self.value_errors = [problem.detail]
            return False
        self.chosen, self.new_key, self.new_value = self.new_key, "", ""
        return True

    # --- Drawing ------------------------------------------------------------------------------------------------------

    @property
    def options(self) -> list[tuple[str, str]]:
        """Keys, and what they are called; one that has no secret any more says so."""
        keys = list(Secret.objects.order_by("key").values_list("key", flat=True))
        missing = [(self.chosen, f"{self.chosen} (missing)")] if self.chosen and self.chosen not in keys else []
        return [*missing, *((key, key) for key in keys)]

    @property
    def is_new(self) -> bool:
        """Whether the part for a new secret stands open."""
        return bool(self.key_errors or self.value_errors or self.new_value)

    @property
    def wants_again(self) -> bool:
        """Whether the value of the one that is chosen is asked for: it was refused, and is there."""
        return bool(self.errors and self.chosen and Secret.objects.filter(key=self.chosen).exists())

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong with it."""
        return bool(self.errors or self.key_errors or self.value_errors)
