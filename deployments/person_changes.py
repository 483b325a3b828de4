"""What members write of a person: their name, e-mail, the workspace's fields, and notes. Inside `tenant()`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid, not_found
from deployments import person_fields
from deployments.models import Person, PersonNote
from workspaces import audit
from workspaces.models import User

LONGEST_NAME, LONGEST_EMAIL, LONGEST_NOTE = 100, 254, 4000
MOST_NOTES = 500


def get(person_id: UUID) -> Person:
    """The person, whom they were merged into where they were; 404 where there is none, or they are erased."""
    seen: set[UUID] = set()
    row = Person.objects.filter(id=person_id).first()
    while row is not None and row.merged_into_id is not None and row.id not in seen:
        seen.add(row.id)
        row = Person.objects.filter(id=row.merged_into_id).first()
    if row is None or row.erased_at is not None:
        raise not_found()
    return row


def change(actor: Actor, person: Person, wanted: Mapping[str, Any]) -> Person:
    """Write `name`, `email` and `fields` ({key: value, None clears it}), those that are there; 422 by field.

    What a member writes stays when the person types something else into a chat.
    """
    held = _held(person)
    errors: dict[str, list[str]] = {}
    said: dict[str, str] = {}
    for name, longest in (("name", LONGEST_NAME), ("email", LONGEST_EMAIL)):
        if name not in wanted:
            continue
        value = str(wanted[name]).strip()
        said[name] = value
        if len(value) > longest or "\x00" in value:
            errors[name] = [f"At most {longest} characters."]
        elif name == "email" and value and not _is_address(value):
            errors[name] = ["This is no e-mail address, such as ada@example.com."]
    values: dict[str, Any] = {}
    try:
        values = person_fields.checked(wanted.get("fields", {}), person_fields.all_of())
    except Problem as problem:
        errors |= problem.errors
    if errors:
        raise invalid(errors)
    changed = [name for name, value in said.items() if getattr(held, name) != value]
    fields = {key: value for key, value in {**held.fields, **values}.items() if value is not None}
    changed += [key for key in values if held.fields.get(key) != fields.get(key)]
    if not changed:
        return held
    for name in said:
        if name in changed:
            setattr(held, name, said[name])
            # Emptied: whoever says it next is heard again.
            kept = {known: by for known, by in held.known_by.items() if known != name}
            held.known_by = {**kept, **({name: "member"} if said[name] else {})}
    held.fields = fields
    held.save(update_fields=["name", "email", "known_by", "fields"])
    audit.record(actor, "person.changed", held, changed=changed)
    return held


def _held(person: Person) -> Person:
    """As they are now; 409 while they are being erased."""
    held = Person.objects.select_for_update(no_key=True).filter(id=person.id, merged_into=None, erased_at=None).first()
    if held is None:
        raise not_found()
    if held.erasing_at is not None:
        raise Problem("conflict", "They are being erased.", hint="There is nothing left to change.")
    return held


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


# --- Notes ------------------------------------------------------------------------------------------------------------


def notes_of(person: Person) -> QuerySet[PersonNote]:
    """What members noted, the newest first."""
    return PersonNote.objects.filter(person=person).order_by("-created_at", "-id")


def add_note(actor: Actor, person: Person, text: str) -> PersonNote:
    """Note something about them; 422 for nothing or too much."""
    held = _held(person)
    words = text.replace("\r\n", "\n").strip()
    if not words:
        raise invalid({"text": ["Write a note first."]})
    if len(words) > LONGEST_NOTE or "\x00" in words:
        raise invalid({"text": [f"At most {LONGEST_NOTE} characters, this has {len(words)}."]})
    if notes_of(held).count() >= MOST_NOTES:
        raise Problem("quota_exceeded", f"There are {MOST_NOTES} notes already.", hint="Delete some of them first.")
    author = User.objects.filter(id=actor.id).first() if actor.kind == "user" and actor.id else None
    name = author.display_name if author else actor.shown_as
    row = PersonNote.objects.create(person=held, author=author, author_name=name[:100], text=words)
    audit.record(actor, "person.noted", held, note=str(row.id))
    return row


def delete_note(actor: Actor, person: Person, note_id: UUID) -> None:
    """Delete a note; 404 where they have none by that id."""
    row = PersonNote.objects.filter(person=person, id=note_id).first()
    if row is None:
        raise not_found()
    audit.record(actor, "person.note_deleted", person, note=str(row.id))
    row.delete()
