"""Rows of headers in a form (`responders.own_headers`): a name, and a value or a secret, which may be new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from convoship.lib.actors import Actor
from deployments.pages.answers_typed import place_of, text_of
from deployments.pages.secret_fields import SecretField
from deployments.responders.own_headers import MOST_HEADERS


@dataclass
class Header:
    """One row. `errors` are its name's and value's."""

    name: str = ""
    value: str = ""
    secret: SecretField = field(default_factory=lambda: SecretField(""))
    errors: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed in it."""
        secret = self.secret
        return not (self.name or self.value or secret.chosen or secret.new_key or secret.new_value.strip())

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong in it."""
        return bool(self.errors or self.secret.has_errors)


@dataclass
class HeaderRows:
    """The rows of one call."""

    rows: list[Header] = field(default_factory=list)

    @classmethod
    def of_content(cls, content: Sequence[Mapping[str, Any]]) -> HeaderRows:
        """The rows as these (checked) headers are."""
        return cls(
            [Header(each["name"], each.get("value", ""), SecretField("", each.get("secret", ""))) for each in content]
        )

    @classmethod
    def of_post(cls, data: QueryDict, at: str) -> HeaderRows:
        """The rows as they were sent, under `<at>-header_<row>-...`."""
        made = cls()
        while len(made.rows) < MOST_HEADERS and f"{at}-header_{len(made.rows)}-name" in data:
            row = f"{at}-header_{len(made.rows)}"
            secret = SecretField.of_post(f"{row}-secret", data)
            made.rows.append(Header(text_of(data, f"{row}-name"), text_of(data, f"{row}-value"), secret))
        return made.named(at)

    def named(self, at: str) -> HeaderRows:
        """The rows with each secret's fields called by where they stand."""
        for row, header in enumerate(self.rows):
            header.secret.name = f"{at}-header_{row}-secret"
        return self

    def add(self) -> None:
        """Another row, where one fits."""
        if self.has_room:
            self.rows.append(Header())

    def take_out(self, row: str) -> None:
        """Take out this row, where there is one."""
        if (place := place_of(row, self.rows)) is not None:
            del self.rows[place]

    def drop_empty(self) -> None:
        """Take out rows in which nothing was typed."""
        self.rows = [each for each in self.rows if not each.is_empty]

    def write_secrets(self, actor: Actor) -> bool:
        """Write the secrets that were typed right here; False where one can't be."""
        written = [self._write(each.secret, actor) for each in self.rows]  # each of them, whatever the others say
        return all(written)

    @staticmethod
    def _write(secret: SecretField, actor: Actor) -> bool:
        if secret.new_key and not secret.new_value.strip():
            secret.value_errors = ["Give the new secret its value, too, or leave its key empty."]
            return False
        return secret.write(actor)

    def content(self) -> list[dict[str, Any]]:
        """The headers that were meant, unchecked."""
        return [
            {
                "name": each.name,
                **({"value": each.value} if each.value else {}),
                **({"secret": each.secret.chosen} if each.secret.chosen else {}),
            }
            for each in self.rows
        ]

    @property
    def secrets(self) -> Iterator[SecretField]:
        """The field of each row's secret."""
        return (each.secret for each in self.rows)

    def put(self, row: int, name: str | None, said: Sequence[str]) -> bool:
        """Put what is wrong with a row's `name`, `value` or `secret` beside it; whether there is such a row."""
        if row >= len(self.rows):
            return False
        header = self.rows[row]
        (header.secret.errors if name == "secret" else header.errors).extend(said)
        return True

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong in a row."""
        return any(each.has_errors for each in self.rows)

    @property
    def has_room(self) -> bool:
        """Whether another row fits."""
        return len(self.rows) < MOST_HEADERS
