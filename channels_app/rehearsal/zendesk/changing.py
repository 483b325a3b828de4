"""What a request or an agent does to a ticket, field by field.

Fields: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ (its JSON format). Statuses:
https://support.zendesk.com/hc/en-us/articles/8263915942938 (a ticket that was opened is never new again; a new ticket
that gets an assignee is open). What is said in the name of an end user doesn't open a ticket again, as the actor is an
agent: https://support.zendesk.com/hc/en-us/articles/4408825831962 ("include status: open").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from channels_app.rehearsal.zendesk.access import acting_user
from channels_app.rehearsal.zendesk.answers import invalid_attribute, record_invalid
from channels_app.rehearsal.zendesk.books import Books, Record, dict_of, named
from channels_app.rehearsal.zendesk.comments import make_comment

# Name, value, and the one before it.
Changes = list[tuple[str, object, object]]
_PLAIN = ("subject", "priority", "type", "external_id")


def begin(books: Books, wanted: Mapping[str, Any]) -> tuple[Record, Record, Changes]:
    """A new ticket, its first comment, and what is told of it. It is not kept yet."""
    parent = _parent(books, wanted)
    requester_id = _requester(books, wanted)
    at = books.now()
    ticket: Record = {
        "id": 0,
        "external_id": None,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": at,
        "updated_at": at,
        "generated_timestamp": 0,
        "type": None,
        "subject": "",
        "description": "",
        "priority": None,
        "status": "new",
        "requester_id": requester_id,
        "submitter_id": wanted.get("submitter_id", acting_user()),
        "assignee_id": None,
        "group_id": None,
        "tags": [],
        "custom_fields": [],
        "followup_ids": [],
        "comments": [],
        "log": [],
    }
    if books.user(ticket["submitter_id"]) is None:
        raise record_invalid("submitter", "Submitter: is invalid", code="InvalidValue")
    if parent is not None:
        # "Follow-up tickets inherit the tags from the parent ticket ... those tags will replace the parent ticket's".
        ticket["tags"] = list(parent["tags"])
        origin = {"ticket_id": parent["id"], "subject": parent["subject"]}
        ticket["via"] = {"channel": "api", "source": {"from": origin, "to": {}, "rel": "follow_up"}}
    rest = {name: value for name, value in wanted.items() if name not in {"requester_id", "comment"}}
    rest.setdefault("subject", wanted.get("raw_subject", ""))
    _, changes = change(books, ticket, rest, acting_user())
    ticket["id"] = books.next("ticket")
    author = wanted["comment"].get("author_id", ticket["submitter_id"])
    comment = make_comment(books, ticket, {**wanted["comment"], "author_id": author}, author_id=author)
    ticket["description"] = comment["body"]
    # Without a subject Zendesk shows the beginning of the description in its place; the field itself is that.
    ticket["subject"] = ticket["subject"] or comment["body"][:80]
    if parent is not None:
        parent["followup_ids"].append(ticket["id"])
    return ticket, comment, changes


def change(books: Books, ticket: Record, wanted: Mapping[str, Any], author_id: int) -> tuple[Record | None, Changes]:
    """Change what is wanted of a ticket: the comment that was made, and what has changed. Nothing is changed where
    something is refused.
    """
    new = _new_values(books, ticket, wanted)
    comment = None
    if "comment" in wanted:
        comment = make_comment(books, ticket, wanted["comment"], author_id=author_id)
    changes = [(name, value, ticket[name]) for name, value in new.items() if ticket[name] != value]
    ticket.update(new)
    _log(books, ticket, changes, author_id)
    ticket["updated_at"] = ticket["kept_at"] = books.now()
    ticket["generated_timestamp"] = books.next("moment", 1_700_000_000)
    return comment, changes


def _log(books: Books, ticket: Record, changes: Changes, author_id: int) -> None:
    """What the agent's screen tells beside the comments."""
    who = named(books.user(author_id)) or "Zendesk"
    for name, value, _ in changes:
        if name == "status" and ticket["id"]:
            ticket["log"].append({"at": books.now(), "name": who, "text": f"Status: {value}"})
        elif name == "assignee_id" and value:
            text = f"Assignee: {named(books.user(value))}"
            ticket["log"].append({"at": books.now(), "name": who, "text": text})


def _new_values(books: Books, ticket: Mapping[str, Any], wanted: Mapping[str, Any]) -> Record:
    new: Record = {name: wanted[name] for name in _PLAIN if name in wanted}
    new |= _people_and_group(books, wanted)
    new |= _tags(ticket, wanted)
    if "custom_fields" in wanted:
        new["custom_fields"] = _custom_fields(books, ticket, wanted)
    status = wanted.get("status")
    if status == "new" and ticket["id"] and ticket["status"] != "new":
        raise record_invalid("status", "Status: cannot be set back to new", "Not taken: an open ticket is never new.")
    assignee = new.get("assignee_id", ticket["assignee_id"])
    if status in {"solved", "closed"} and not assignee:
        # Told by customers of the API; the agent's own screen assigns whoever solves it.
        raise record_invalid("base", "Assignee: is required when solving a ticket")
    if status is not None:
        new["status"] = status
    elif new.get("assignee_id") and ticket["status"] == "new":
        new["status"] = "open"
    return new


def _people_and_group(books: Books, wanted: Mapping[str, Any]) -> Record:
    new: Record = {}
    if "assignee_id" in wanted:
        found = books.user(wanted["assignee_id"]) if wanted["assignee_id"] else None
        if wanted["assignee_id"] and (found is None or found["role"] == "end-user"):
            raise record_invalid("assignee", "Assignee: is invalid", code="InvalidValue")
        new["assignee_id"] = wanted["assignee_id"]
    if "group_id" in wanted:
        known = {one["id"] for one in books.groups()}
        if wanted["group_id"] is not None and wanted["group_id"] not in known:
            raise record_invalid("group", "Group: is invalid", code="InvalidValue")
        new["group_id"] = wanted["group_id"]
    if "requester_id" in wanted:
        if books.user(wanted["requester_id"]) is None:
            raise record_invalid("requester", "Requester: is invalid", code="InvalidValue")
        new["requester_id"] = wanted["requester_id"]
    return new


def _tags(ticket: Mapping[str, Any], wanted: Mapping[str, Any]) -> Record:
    if not {"tags", "additional_tags", "remove_tags"} & set(wanted):
        return {}
    if "tags" in wanted and len({"additional_tags", "remove_tags"} & set(wanted)):
        raise invalid_attribute("tags", "It replaces all tags and can't be sent with additional_tags or remove_tags")
    tags = wanted.get("tags", [*ticket["tags"], *wanted.get("additional_tags", ())])
    gone = {one.lower() for one in wanted.get("remove_tags", ())}
    return {"tags": sorted({one.lower() for one in tags} - gone)}


def _custom_fields(books: Books, ticket: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Record]:
    """Only fields that the connection's settings name; Zendesk ignores others without a word."""
    values = {one["id"]: one["value"] for one in ticket["custom_fields"]}
    settings = json.dumps(dict(books.account.config))
    for one in wanted["custom_fields"]:
        if str(one["id"]) not in settings:
            name = f"custom_fields.{one['id']}"
            words = f"Not taken: no setting names the custom field {one['id']}. Zendesk would silently ignore it."
            raise invalid_attribute(name, "There is no such ticket field", words)
        values[one["id"]] = one["value"]
    return [{"id": field_id, "value": value} for field_id, value in values.items()]


def _parent(books: Books, wanted: Mapping[str, Any]) -> Record | None:
    if "via_followup_source_id" not in wanted:
        return None
    parent = books.part("tickets").get(str(wanted["via_followup_source_id"]))
    if parent is None or parent["status"] != "closed":
        # "The parameter only works with closed tickets. It has no effect with other tickets."
        words = "Not taken: a follow-up is made of a closed ticket. Of another Zendesk would make an unconnected one."
        raise invalid_attribute("via_followup_source_id", "It is not the id of a closed ticket", words)
    return dict_of(parent)


def _requester(books: Books, wanted: Mapping[str, Any]) -> int:
    """Who asks: by id, by what is told of them, or whoever calls."""
    if "requester" not in wanted:
        requester_id = wanted.get("requester_id", acting_user())
        if books.user(requester_id) is None:
            raise record_invalid("requester", "Requester: is invalid", code="InvalidValue")
        return int(requester_id)
    if "requester_id" in wanted:
        raise invalid_attribute("requester", "requester or requester_id can be given, not both")
    told = wanted["requester"]
    found = books.find_user(email=told.get("email"), external_id=told.get("external_id"))
    if found is not None:
        return int(found["id"])
    if not str(told.get("name") or "").strip():
        raise record_invalid("requester", "Requester: Name: is too short (minimum one character)")
    made = books.make_user(told["name"], told.get("email"), "end-user", told.get("external_id"))
    return int(made["id"])
