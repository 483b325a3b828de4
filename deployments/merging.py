"""Two people who are one: merged by a member who says so, and parted again within thirty days.

Nothing merges by itself: an e-mail address that was typed, or a browser that was the same, proves nothing. The kept
person gets the other's addresses, conversations and notes; the other's row stays as it was and leads there. All that
goes over is written down row by row, so that parting them puts each back. Every function runs inside `tenant()`.

Locks are taken in one order, that of whoever takes a message: identities, conversations, people, each by their ids.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, not_found
from deployments import blocking, person_holders
from deployments.models import Conversation, Identity, Person, PersonMerge, PersonNote
from workspaces import audit

UNDO_FOR = dt.timedelta(days=30)
TWO_PROVED = "Both are proved by your own server to be different users, so they can't be one person."
_BUSY = "One of them is writing just now, or is being changed."


@dataclass(frozen=True)
class Outcome:
    """What merging would make of two people: what goes over, and which values the kept one has afterwards.

    `fields` are (what, the kept one's, the other's, what stays).
    """

    kept: Person
    merged: Person
    identities: Sequence[Identity]
    conversations: int
    notes: int
    name: str
    email: str
    fields: dict[str, Any]
    is_blocked: bool


def outcome(kept: Person, merged: Person) -> Outcome:
    """What merging these would do; 409 with words where it can't be."""
    _require_mergeable(kept, merged)
    return Outcome(
        kept=kept,
        merged=merged,
        identities=list(Identity.objects.filter(person=merged).order_by("created_at")),
        conversations=Conversation.objects.filter(person=merged, is_test=False).count(),
        notes=PersonNote.objects.filter(person=merged).count(),
        name=kept.name or merged.name,
        email=kept.email or merged.email,
        fields={**merged.fields, **kept.fields},
        is_blocked=kept.blocked_at is not None or merged.blocked_at is not None,
    )


def _require_mergeable(kept: Person, merged: Person) -> None:
    if kept.id == merged.id:
        raise Problem("conflict", "That is the same person.", hint="Choose another one.")
    for person in (kept, merged):
        if person.state in {"erasing", "erased"}:
            raise Problem("conflict", f"{person.label} is being erased.", hint="Choose another person.")
        if person.merged_into_id is not None:
            raise Problem(
                "conflict", f"{person.label} was merged into another person already.", hint="Choose that one instead."
            )
    if kept.external_id is not None and merged.external_id is not None:
        raise Problem("conflict", TWO_PROVED, hint="Keep them apart, or make their ids one on your own server first.")


def merge(actor: Actor, kept: Person, merged: Person) -> PersonMerge:
    """Make them one. What they wrote stays where it was written. 404 and 409 with words."""
    with _at_once():
        held = _hold(kept.id, merged.id)
        into, out = held.get(kept.id), held.get(merged.id)
        if into is None or out is None:
            raise not_found()
        _require_mergeable(into, out)
        before = {"kept": _values(into), "merged": _values(out)}
        moved = _give(out, into)
        _take_values(into, out)
        out.merged_into = into
        external = (out.external_id, out.verified_at)
        if out.external_id is not None:
            # Let go of before it is taken: no two have the same.
            out.external_id, out.verified_at = None, None
        out.save(update_fields=["merged_into", "external_id", "verified_at"])
        if external[0] is not None:
            into.external_id, into.verified_at = external
        into.save(update_fields=list(_KEPT))
        ended = 0
        if into.blocked_at is not None:
            ended = blocking.end_all(into, f"{actor.label} merged them with a person who is blocked.")
        row = PersonMerge.objects.create(
            kept=into,
            merged=out,
            before=before,
            after=_values(into),
            moved=moved,
            made_by=actor.label[:254],
            undo_until=timezone.now() + UNDO_FOR,
        )
        counts = {what: len(ids) for what, ids in moved.items()}
        told = {"merged": str(out.id), "merge": str(row.id), "conversations_ended": ended}
        audit.record(actor, "person.merged", into, **told, **counts)
        return row


_KEPT = ("name", "email", "known_by", "fields", "blocked_at", "blocked_reason", "external_id", "verified_at")


def _values(person: Person) -> dict[str, Any]:
    """What a person is, as it can be put back."""
    found = {name: getattr(person, name) for name in _KEPT}
    return {name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in found.items()}


def _take_values(kept: Person, merged: Person) -> None:
    """The kept one's own values stay; what it lacks it gets. Where one of them is blocked, so is the one they are."""
    known_by = dict(kept.known_by)
    for name in ("name", "email"):
        if not getattr(kept, name) and getattr(merged, name):
            setattr(kept, name, getattr(merged, name))
            known_by.pop(name, None)
            if name in merged.known_by:
                known_by[name] = merged.known_by[name]
    kept.known_by, kept.fields = known_by, {**merged.fields, **kept.fields}
    if kept.blocked_at is None and merged.blocked_at is not None:
        kept.blocked_at, kept.blocked_reason = merged.blocked_at, merged.blocked_reason


def _hold(*person_ids: UUID) -> dict[UUID, Person]:
    """Lock all of theirs, in the one order."""
    ids = sorted(person_ids)
    list(Identity.objects.select_for_update(no_key=True).filter(person__in=ids).order_by("id").values_list("id"))
    of_theirs = Conversation.objects.filter(person__in=ids).order_by("id").values_list("id")
    list(of_theirs.select_for_update(no_key=True))
    held = Person.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id")
    found = {person.id: person for person in held}
    # What began between the two is theirs as well; who holds it now may be waiting for the person, so nobody waits.
    list(of_theirs.select_for_update(no_key=True, nowait=True))
    return found


@contextmanager
def _at_once() -> Iterator[None]:
    """One step; where others hold what it needs it is refused with words, and nothing has changed."""
    try:
        with transaction.atomic():
            yield
    except OperationalError as error:
        # PostgreSQL's appendix A: lock_not_available, deadlock_detected.
        if getattr(error.__cause__, "sqlstate", "") not in {"55P03", "40P01"}:
            raise
        raise Problem("conflict", _BUSY, hint="Nothing was changed. Try again in a moment.") from error


def _give(out: Person, into: Person) -> dict[str, list[str]]:
    """Give what is one person's to another: the ids of the rows."""
    moved: dict[str, list[str]] = {}
    rows: dict[str, Any] = {
        "identities": Identity.objects.filter(person=out),
        "conversations": Conversation.objects.filter(person=out),
        "notes": PersonNote.objects.filter(person=out),
    }
    for what, found in rows.items():
        moved[what] = [str(row_id) for row_id in found.order_by("id").values_list("id", flat=True)]
        found.update(person=into)
    return moved


# --- Apart again ------------------------------------------------------------------------------------------------------


def merges_of(person: Person) -> list[PersonMerge]:
    """What was merged into this person and can be undone, the newest first."""
    found = PersonMerge.objects.select_related("merged").filter(kept=person, undone_at=None)
    return list(found.filter(undo_until__gt=timezone.now()).order_by("-created_at")[:50])


def get(merge_id: UUID) -> PersonMerge:
    """The merge; 404 where there is none."""
    row = PersonMerge.objects.select_related("kept", "merged").filter(id=merge_id).first()
    if row is None:
        raise not_found()
    return row


def undo(actor: Actor, row: PersonMerge) -> Person:
    """Part them again: each gets back what was theirs. What came in since at an address goes with that address.

    The one who was merged, as they are now; 409 with words where it can't be.
    """
    with _at_once():
        held = _hold(row.kept_id, row.merged_id)
        row = PersonMerge.objects.select_for_update().get(id=row.id)
        into, out = held[row.kept_id], held[row.merged_id]
        _require_undoable(row, into, out)
        identities = list(Identity.objects.filter(id__in=row.moved["identities"], person=into))
        since = person_holders.begun_at(identities, row.created_at)
        Identity.objects.filter(id__in=[identity.id for identity in identities]).update(person=out)
        moved = Q(id__in=row.moved["conversations"]) | Q(id__in=since)
        back = Conversation.objects.filter(moved, person=into).update(person=out)
        PersonNote.objects.filter(id__in=row.moved["notes"], person=into).update(person=out)
        # Nobody knows for which of the two they were blocked since: neither gets in again by being parted.
        if into.blocked_at is not None and _values(into)["blocked_at"] != row.after["blocked_at"]:
            out.blocked_at, out.blocked_reason = out.blocked_at or into.blocked_at, into.blocked_reason
        _give_back_values(row, into, out)
        row.undone_at = timezone.now()
        row.save(update_fields=["undone_at"])
        audit.record(actor, "person.parted", into, parted=str(out.id), merge=str(row.id), conversations=back)
        return out


def _require_undoable(row: PersonMerge, into: Person, out: Person) -> None:
    if row.undone_at is not None:
        raise Problem("conflict", "This merge was undone already.", hint="Open the person to see how they are now.")
    if row.undo_until <= timezone.now():
        raise Problem(
            "conflict",
            f"This merge is older than {UNDO_FOR.days} days, so it can't be undone any more.",
            hint="Change the person's name, e-mail and fields by hand.",
        )
    if into.state in {"erasing", "erased"}:
        raise Problem("conflict", "They are being erased, so nothing can be put back.", hint="There is nothing to do.")
    if into.merged_into_id is not None:
        raise Problem(
            "conflict",
            "They were merged into another person since.",
            hint="Undo that later merge first, then this one.",
        )
    if out.merged_into_id != into.id:
        raise Problem("conflict", "They are two people already.", hint="Open each of them to see how they are now.")


def _give_back_values(row: PersonMerge, into: Person, out: Person) -> None:
    """Of the kept one each value as it was before, but for those that were changed since."""
    before, after, now = row.before["kept"], row.after, _values(into)
    took_proof = after["external_id"] != before["external_id"] and now["external_id"] == after["external_id"]
    known_by = dict(into.known_by)
    for name in ("name", "email"):
        was, is_now = (after[name], after["known_by"].get(name)), (now[name], now["known_by"].get(name))
        if was == is_now:
            setattr(into, name, before[name])
            known_by.pop(name, None)
            if name in before["known_by"]:
                known_by[name] = before["known_by"][name]
    into.known_by = known_by
    if now["blocked_at"] == after["blocked_at"]:
        into.blocked_at, into.blocked_reason = _moment(before["blocked_at"]), before["blocked_reason"]
    into.fields = {
        key: value
        for key, value in now["fields"].items()
        if key in before["fields"] or value != after["fields"].get(key)
    }
    if took_proof:
        into.external_id, into.verified_at = before["external_id"], _moment(before["verified_at"])
    into.save(update_fields=list(_KEPT))
    out.merged_into = None
    if took_proof:
        proof = row.before["merged"]
        out.external_id, out.verified_at = proof["external_id"], _moment(proof["verified_at"])
    out.save(update_fields=["merged_into", "external_id", "verified_at", "blocked_at", "blocked_reason"])


def _moment(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None
