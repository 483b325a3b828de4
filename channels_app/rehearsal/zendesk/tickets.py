"""Tickets made, changed and read, as an integration asks for it.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ ; keys:
https://developer.zendesk.com/api-reference/ticketing/introduction/#idempotency (x-idempotency-lookup: miss or hit;
"keys expire after 2 hours"; 400 IdempotentRequestError for the same key with another body) ; follow-ups:
https://developer.zendesk.com/documentation/ticketing/managing-tickets/creating-and-updating-tickets .
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.zendesk import changing, firing
from channels_app.rehearsal.zendesk.access import acting_user
from channels_app.rehearsal.zendesk.answers import (
    Refused,
    answered,
    check,
    delivery_of,
    invalid_attribute,
    not_found,
    object_of,
    only,
    record_invalid,
)
from channels_app.rehearsal.zendesk.books import MOST_CASES, Books, Record, at_of
from channels_app.rehearsal.zendesk.comments import paged
from channels_app.rehearsal.zendesk.ticket_answers import audit_json, ticket_json, user_json
from channels_app.rehearsal.zendesk.ticket_shapes import CREATE, TAGS, UPDATE

KEY_LASTS = dt.timedelta(hours=2)
_LONGEST_KEY = 255


def ticket_of(books: Books, text: str) -> Record:
    """A ticket by the id of a path; 404 where there is none, 400 for what is no number."""
    if not (text.isascii() and text.isdigit()):
        raise invalid_attribute("id", "Invalid parameter: id must be an integer from api/v2/tickets/show")
    found: Record | None = books.part("tickets").get(text)
    if found is None:
        raise not_found(f"ticket {text[:20]}")
    return found


def create(call: Call, books: Books) -> Answer:
    """`POST /api/v2/tickets`: 201 with the ticket and its audit; the same answer for the same key."""
    asked = object_of(call)
    key = call.headers.get("idempotency-key", "")
    if len(key) > _LONGEST_KEY:
        raise invalid_attribute("Idempotency-Key", f"It must be at most {_LONGEST_KEY} characters")
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
    before = _before(books, key, digest) if key else None
    if before is not None:
        return before
    check(CREATE, asked)
    wanted = asked["ticket"]
    ticket, comment, changes = changing.begin(books, wanted)
    metadata = wanted.get("metadata", {})
    comment["metadata"] = metadata
    audit = audit_json(
        books,
        ticket,
        audit_id=comment["audit_id"],
        comment=comment,
        changes=changes,
        author_id=acting_user(),
        metadata=metadata,
        is_new=True,
    )
    books.keep("tickets", str(ticket["id"]), ticket, most=MOST_CASES)
    body = {"ticket": ticket_json(books, ticket), "audit": audit}
    change = firing.Change(None, ticket, comment, acting_user(), "Create")
    headers = {"Location": books.url(f"/api/v2/tickets/{ticket['id']}.json")}
    if key:
        kept = {
            "digest": digest,
            "at": timezone.now().isoformat(),
            "created_at": timezone.now().isoformat(),
            "body": body,
        }
        books.keep("keys", key, kept, most=MOST_CASES)
        headers["x-idempotency-lookup"] = "miss"
    return answered(
        body,
        f"Made ticket {ticket['id']}: {ticket['subject'][:80]}",
        201,
        headers=headers,
        kind=LineKind.CAUGHT,
        address=str(ticket["id"]),
        text=comment["body"],
        provider_id=str(comment["id"]),
        delivery_id=delivery_of(key, metadata, wanted.get("external_id") or ""),
        reports=firing.reports(books, change),
        reports_to=books.account.inbound_url,
    )


def _before(books: Books, key: str, digest: str) -> Answer | None:
    """The answer that a key already had. Only what succeeded is kept: the page shows nothing else."""
    kept = books.part("keys").get(key)
    if kept is None or at_of(kept["at"]) + KEY_LASTS < timezone.now():
        return None
    if kept["digest"] != digest:
        words = "Request parameters don't match the given idempotency key"
        body = {"error": "IdempotentRequestError", "description": words}
        raise Refused(400, body, "Not taken: this key came with another body before.")
    return answered(
        kept["body"],
        "A copy, by its Idempotency-Key. Nothing done.",
        201,
        headers={"x-idempotency-lookup": "hit"},
        kind=LineKind.COPY,
        address=str(kept["body"]["ticket"]["id"]),
        provider_id=str(kept["body"]["audit"]["events"][0]["id"]),
        delivery_id=delivery_of(key),
    )


def update(call: Call, books: Books, ticket: Record) -> Answer:
    """`PUT /api/v2/tickets/{id}`: 200 with the ticket and the audit; 409 and 422 as Zendesk says them."""
    asked = object_of(call)
    check(UPDATE, asked)
    wanted = asked["ticket"]
    refuse_closed(ticket)
    refuse_stale(ticket, wanted)
    before = copy.deepcopy(ticket)
    comment, changes = changing.change(books, ticket, wanted, acting_user())
    metadata = wanted.get("metadata", {})
    if comment is not None:
        comment["metadata"] = metadata
    audit = audit_json(
        books,
        ticket,
        audit_id=comment["audit_id"] if comment else books.next("event", 30_000_000_000_001),
        comment=comment,
        changes=changes,
        author_id=acting_user(),
        metadata=metadata,
        is_new=False,
    )
    change = firing.Change(before, ticket, comment, acting_user(), "Change")
    names = ", ".join(name for name, *_ in changes)
    return answered(
        {"ticket": ticket_json(books, ticket), "audit": audit},
        f"Ticket {ticket['id']}: {_what(comment, names)}{_no_key(call)}",
        kind=LineKind.CAUGHT,
        address=str(ticket["id"]),
        text=comment["body"] if comment else "",
        provider_id=str(comment["id"] if comment else audit["id"]),
        delivery_id=delivery_of(metadata, call.headers.get("idempotency-key", "")),
        reports=firing.reports(books, change),
        reports_to=books.account.inbound_url,
    )


def _no_key(call: Call) -> str:
    return ". Its Idempotency-Key does nothing: Zendesk knows keys of new tickets only" * (
        "idempotency-key" in call.headers
    )


def _what(comment: Mapping[str, Any] | None, names: str) -> str:
    said = "" if comment is None else "a public comment" if comment["public"] else "an internal note"
    return "; ".join(part for part in (said, f"changed {names}" if names else "") if part) or "nothing changed"


def change_tags(call: Call, books: Books, ticket: Record) -> Answer:
    """`PUT` adds tags (200), `POST` sets them (201): `{tags}`."""
    asked = object_of(call)
    check(TAGS, asked)
    refuse_closed(ticket)
    refuse_stale(ticket, asked)
    before = copy.deepcopy(ticket)
    wanted = {"additional_tags" if call.method == "PUT" else "tags": asked["tags"]}
    changing.change(books, ticket, wanted, acting_user())
    change = firing.Change(before, ticket, None, acting_user(), "Change")
    return answered(
        {"tags": ticket["tags"]},
        f"Ticket {ticket['id']}: tags {' '.join(ticket['tags'])[:200] or 'none'}",
        200 if call.method == "PUT" else 201,
        kind=LineKind.CAUGHT,
        address=str(ticket["id"]),
        reports=firing.reports(books, change),
        reports_to=books.account.inbound_url,
    )


def refuse_closed(ticket: Mapping[str, Any]) -> None:
    """A closed ticket takes nothing more; the words are those that Zendesk's customers quote."""
    if ticket["status"] == "closed":
        raise closed()


def closed() -> Refused:
    """422 for a closed ticket."""
    return record_invalid("status", "Status: closed prevents ticket update", "Not taken: the ticket is closed.")


def refuse_stale(ticket: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """409 where `safe_update` was asked for, and the ticket has changed since `updated_stamp`."""
    if wanted.get("safe_update") not in {True, "true"}:
        if "updated_stamp" in wanted:
            raise invalid_attribute("updated_stamp", "It does nothing without safe_update")
        return
    stamp = wanted.get("updated_stamp")
    if not stamp:
        raise invalid_attribute("updated_stamp", "Parameter updated_stamp is required with safe_update")
    try:
        is_same = at_of(stamp) == at_of(ticket["updated_at"])
    except (ValueError, TypeError):
        raise invalid_attribute("updated_stamp", "Invalid parameter: it must be an ISO 8601 time") from None
    if not is_same:
        words = "Safe Update prevented the update due to outdated ticket data. "
        words += "Please fetch the latest ticket data and try again."
        body = {"description": words, "error": "UpdateConflict"}
        raise Refused(409, body, "Not taken: the ticket has changed since.")


def show(call: Call, books: Books, ticket: Mapping[str, Any]) -> Answer:
    """`GET /api/v2/tickets/{id}`.

    `include=users` brings who has to do with it beside it
    (developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading).
    """
    only(call.query, ("include",))
    body: Record = {"ticket": ticket_json(books, ticket)}
    wanted = call.query.get("include", "")
    if wanted not in {"", "users"}:
        raise invalid_attribute("include", f"Invalid parameter: {wanted[:40]}")
    if wanted:
        ids = dict.fromkeys(ticket[name] for name in ("requester_id", "submitter_id", "assignee_id"))
        body["users"] = [user_json(books, found) for one in ids if (found := books.user(one))]
    return answered(body, f"Looked at ticket {ticket['id']}.", address=str(ticket["id"]))


def list_tickets(call: Call, books: Books) -> Answer:
    """`GET /api/v2/tickets`, `external_id` narrows it; in the order of their ids, as the page names no other."""
    only(call.query, ("external_id", "page", "per_page", "page[size]", "page[after]", "page[before]"))
    tickets = sorted(books.part("tickets").values(), key=lambda one: one["id"])
    if "external_id" in call.query:
        tickets = [one for one in tickets if one["external_id"] == call.query["external_id"]]
    page, around = paged(call, books, [ticket_json(books, one) for one in tickets], call.path)
    note = f"Listed tickets{' by external id' if 'external_id' in call.query else ''}: {len(tickets)}."
    return answered({"tickets": page, **around}, note)
