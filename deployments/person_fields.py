"""Fields that a workspace keeps of its people beside name and e-mail: defined by it, and their values checked."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid, not_found
from deployments.models import Person, PersonField
from deployments.models.person_parts import FieldKind
from workspaces import audit

MOST_FIELDS, MOST_CHOICES = 50, 50
LONGEST_LABEL, LONGEST_CHOICE, LONGEST_TEXT = 60, 60, 500
LARGEST_NUMBER = 1e15
KEY_WORDS = "1 to 40 characters: a-z, digits and _, beginning with a letter."
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Value:
    """A field with what is kept in it of somebody; `words` is that for people, "" where nothing is."""

    field: PersonField
    value: Any
    words: str


def all_of() -> list[PersonField]:
    """The workspace's fields, the oldest first."""
    return list(PersonField.objects.order_by("created_at", "id"))


def get(field_id: UUID) -> PersonField:
    """The field; 404 where there is none."""
    row = PersonField.objects.filter(id=field_id).first()
    if row is None:
        raise not_found()
    return row


def create(actor: Actor, *, key: str, label: str, kind: str, choices: Sequence[str] = ()) -> PersonField:
    """Keep something more of each person; 422 that names what is wrong with it."""
    errors: dict[str, list[str]] = {}
    if not _KEY.fullmatch(key):
        errors["key"] = [KEY_WORDS]
    if kind not in FieldKind.values:
        errors["kind"] = [f"One of: {', '.join(FieldKind.values)}."]
    clean, wrong = _checked(label, kind, choices)
    if errors or wrong:
        raise invalid({**errors, **wrong})
    if PersonField.objects.count() >= MOST_FIELDS:
        raise Problem("quota_exceeded", f"A workspace has {MOST_FIELDS} fields at most.", hint="Delete one first.")
    row = PersonField(key=key, label=label.strip(), kind=kind, choices=clean)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        words = f"There is a field {key} already. Choose another key."
        raise invalid({"key": [words]}) from None
    audit.record(actor, "person_field.created", row, kind=kind)
    return row


def change(actor: Actor, row: PersonField, *, label: str, choices: Sequence[str]) -> None:
    """Change how it is called and what can be chosen. What was chosen before stays until somebody chooses anew."""
    clean, wrong = _checked(label, row.kind, choices)
    if wrong:
        raise invalid(wrong)
    if (row.label, row.choices) == (label.strip(), clean):
        return
    row.label, row.choices = label.strip(), clean
    row.save(update_fields=["label", "choices"])
    audit.record(actor, "person_field.changed", row)


def delete(actor: Actor, row: PersonField) -> int:
    """Delete the field and what is kept in it of anybody; of how many that was."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE deployments_person SET fields = fields - %s WHERE fields ? %s", [row.key, row.key])
        people = cursor.rowcount
    audit.record(actor, "person_field.deleted", row, people=people)
    row.delete()
    return people


def _checked(label: str, kind: str, choices: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    errors: dict[str, list[str]] = {}
    if not label.strip() or "\x00" in label or len(label.strip()) > LONGEST_LABEL:
        errors["label"] = [f"1 to {LONGEST_LABEL} characters."]
    clean = list(dict.fromkeys(choice.strip() for choice in choices if choice.strip()))
    if kind != FieldKind.CHOICE:
        if clean:
            errors["choices"] = ["Only a field of the kind choice has choices."]
    elif not clean or len(clean) > MOST_CHOICES:
        errors["choices"] = [f"1 to {MOST_CHOICES} of them, one on each line."]
    elif any(len(choice) > LONGEST_CHOICE or "\x00" in choice for choice in clean):
        errors["choices"] = [f"Each has at most {LONGEST_CHOICE} characters."]
    return clean, errors


# --- Values -----------------------------------------------------------------------------------------------------------


def values_of(person: Person, fields: Sequence[PersonField] | None = None) -> list[Value]:
    """Each of the workspace's fields with what is kept of this person in it."""
    rows = all_of() if fields is None else fields
    return [Value(row, person.fields.get(row.key), _words(row, person.fields.get(row.key))) for row in rows]


def _words(row: PersonField, value: Any) -> str:
    if value is None:
        return ""
    if row.kind == FieldKind.YES_NO:
        return "Yes" if value else "No"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def checked(given: Mapping[str, Any], fields: Sequence[PersonField]) -> dict[str, Any]:
    """The values as they are kept, None for those to be cleared; 422 with the path of each that is wrong."""
    known = {row.key: row for row in fields}
    errors: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    for key, value in given.items():
        row = known.get(key)
        if row is None:
            shown = "".join(character if character.isprintable() else "?" for character in key[:40])
            errors[f"fields.{shown}"] = ["This workspace has no such field. Its fields are at /v1/person-fields."]
            continue
        try:
            found[key] = None if value is None or value == "" else _READERS[FieldKind(row.kind)](row, value)
        except ValueError as error:
            errors[f"fields.{key}"] = [str(error)]
    if errors:
        raise invalid(errors)
    return found


def _text(row: PersonField, value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value or len(value.strip()) > LONGEST_TEXT:
        raise ValueError(f"A text of at most {LONGEST_TEXT} characters.")
    return value.strip()


def _number(row: PersonField, value: Any) -> int | float:
    try:
        number = float(value.strip().replace(",", ".") if isinstance(value, str) and len(value) < 40 else value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or abs(number) > LARGEST_NUMBER:
        raise ValueError("A number, such as 12 or 3.5.")
    return int(number) if number.is_integer() else number


def _date(row: PersonField, value: Any) -> str:
    try:
        return dt.date.fromisoformat(value.strip() if isinstance(value, str) else "").isoformat()
    except ValueError:
        raise ValueError("A date, such as 2026-11-27.") from None


def _yes_no(row: PersonField, value: Any) -> bool:
    if value in ("yes", "no"):
        return bool(value == "yes")
    if not isinstance(value, bool):
        raise ValueError("true or false.")
    return value


def _choice(row: PersonField, value: Any) -> str:
    if value not in row.choices:
        raise ValueError(f"One of: {', '.join(row.choices)}."[:300])
    return str(value)


_READERS: Mapping[FieldKind, Any] = {
    FieldKind.TEXT: _text,
    FieldKind.NUMBER: _number,
    FieldKind.DATE: _date,
    FieldKind.YES_NO: _yes_no,
    FieldKind.CHOICE: _choice,
}
