"""What stands in double braces in a trigger's body.

https://support.zendesk.com/hc/en-us/articles/4408886858138-Zendesk-placeholders-reference ("when a placeholder is sent
to a URL target or webhook, unformatted text is used to render the placeholder, not HTML"; "they are case sensitive").
Values stand there as they are: quotes and line breaks of a comment are not escaped for JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from channels_app.rehearsal.zendesk.books import ACCOUNT, Books, Record, named

_HOLE = re.compile(r"\{\{\s*([^{}|]*?)\s*\}\}")
_OTHER = re.compile(r"\{%.*?%\}|\{\{[^{}]*\|[^{}]*\}\}", re.DOTALL)
_PEOPLE = ("ticket.requester", "ticket.assignee", "ticket.submitter", "current_user")
_OF_PEOPLE = ("id", "name", "first_name", "last_name", "email", "phone", "external_id", "language", "role")
_COMMENTS = ("ticket.latest_comment", "ticket.latest_public_comment")
_OF_COMMENTS = ("is_public", "value", "created_at", "created_at_with_time", "author.name", "author.id", "author.email")
_STATUS_WORDS = {"hold": "On-hold"}
_ROLES = {"end-user": "End-user", "agent": "Agent", "admin": "Admin"}

_OF_TICKETS: Mapping[str, Callable[[Books, Mapping[str, Any]], object]] = {
    "ticket.id": lambda _, ticket: ticket["id"],
    "ticket.external_id": lambda _, ticket: ticket["external_id"],
    "ticket.title": lambda _, ticket: ticket["subject"],
    "ticket.description": lambda _, ticket: ticket["description"],
    "ticket.status": lambda _, ticket: _STATUS_WORDS.get(ticket["status"], ticket["status"].capitalize()),
    "ticket.priority": lambda _, ticket: (ticket["priority"] or "").capitalize(),
    "ticket.ticket_type": lambda _, ticket: (ticket["type"] or "").capitalize(),
    "ticket.tags": lambda _, ticket: " ".join(ticket["tags"]),
    "ticket.via": lambda _, ticket: "Web Service" if ticket["via"]["channel"] == "api" else "Web Form",
    "ticket.account": lambda books, _: books.account.config.get("subdomain", ""),
    "ticket.url": lambda books, ticket: (
        f"{books.account.config.get('subdomain', '')}.zendesk.com/agent/tickets/{ticket['id']}"
    ),
    "ticket.link": lambda books, ticket: (
        f"https://{books.account.config.get('subdomain', '')}.zendesk.com/agent/tickets/{ticket['id']}"
    ),
    "ticket.created_at_with_timestamp": lambda _, ticket: ticket["created_at"],
    "ticket.updated_at_with_timestamp": lambda _, ticket: ticket["updated_at"],
    "ticket.group.name": lambda books, ticket: next(
        (one["name"] for one in books.groups() if one["id"] == ticket["group_id"]), ""
    ),
    "ticket.group.id": lambda _, ticket: ticket["group_id"],
    "ticket.brand.name": lambda _, __: "Rehearsal",
    "account.id": lambda _, __: ACCOUNT,
}
KNOWN = frozenset(
    {
        *_OF_TICKETS,
        *(f"{who}.{what}" for who in _PEOPLE for what in _OF_PEOPLE),
        *_COMMENTS,
        *(f"{which}_{form}" for which in _COMMENTS for form in ("html", "rich", "formatted")),
        *(f"{which}.{what}" for which in _COMMENTS for what in _OF_COMMENTS),
    }
)


def unknown_in(template: str) -> list[str]:
    """What in a template is no placeholder that is known here; Liquid's tags and filters are not played."""
    strange = [found.group()[:80] for found in _OTHER.finditer(template)]
    return strange + [found.group()[:80] for found in _HOLE.finditer(template) if found.group(1) not in KNOWN]


def filled(template: str, books: Books, ticket: Mapping[str, Any], actor_id: int) -> str:
    """A template with its values, once: what a value says is not looked through again."""
    return _HOLE.sub(lambda hole: _value(hole.group(1), books, ticket, actor_id), template)


def _value(name: str, books: Books, ticket: Mapping[str, Any], actor_id: int) -> str:
    found: object = None
    if name in _OF_TICKETS:
        found = _OF_TICKETS[name](books, ticket)
    elif name.startswith(_COMMENTS):
        found = _of_comment(name, books, ticket)
    else:
        who, _, what = name.rpartition(".")
        found = _of_person(what, _person(who, books, ticket, actor_id))
    return "" if found is None else str(found)


def _person(who: str, books: Books, ticket: Mapping[str, Any], actor_id: int) -> Record | None:
    if who == "current_user":
        system: Record = {
            "id": actor_id,
            "name": "Zendesk",
            "email": None,
            "role": "admin",
            "phone": None,
            "external_id": None,
        }
        return books.user(actor_id) or system
    return books.user(ticket[f"{who.removeprefix('ticket.')}_id"])


def _of_person(what: str, person: Record | None) -> object:
    if person is None:
        return ""
    first, _, last = person["name"].partition(" ")
    told = {"first_name": first, "last_name": last, "language": "English", "role": _ROLES[person["role"]]}
    return told[what] if what in told else person.get(what)


def _of_comment(name: str, books: Books, ticket: Mapping[str, Any]) -> object:
    public_only = name.startswith("ticket.latest_public_comment")
    comments = [one for one in ticket["comments"] if one["public"] or not public_only]
    if not comments:
        return ""
    comment = max(comments, key=lambda one: one["id"])
    author = books.user(comment["author_id"])
    rest = name.removeprefix("ticket.latest_public_comment" if public_only else "ticket.latest_comment")
    match rest:
        case "_html" | "_rich" | "" | ".value":
            # "unformatted text is used to render the placeholder, not HTML".
            return comment["body"]
        case "_formatted":
            return "\n\n".join(("-" * 46, f"{named(author)}, {comment['created_at']}", comment["body"]))
        case ".is_public":
            return str(comment["public"]).lower()
        case ".created_at" | ".created_at_with_time":
            return comment["created_at"]
    return _of_person(rest.removeprefix(".author."), author)
