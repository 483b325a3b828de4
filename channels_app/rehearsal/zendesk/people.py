"""Users, groups, ticket fields and the search.

https://developer.zendesk.com/api-reference/ticketing/users/users/ , .../groups/groups/ , .../tickets/ticket_fields/ ,
.../ticket-management/search/ (its examples of `type:`, `external_id:`, `status:`, `tags:`, `email:`).
"""

from __future__ import annotations

from typing import Any

from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.zendesk.access import acting_user
from channels_app.rehearsal.zendesk.answers import (
    answered,
    check,
    invalid_attribute,
    not_found,
    object_of,
    only,
    record_invalid,
)
from channels_app.rehearsal.zendesk.books import Books, Record, beginning
from channels_app.rehearsal.zendesk.comments import paged
from channels_app.rehearsal.zendesk.ticket_answers import ticket_json, user_json
from channels_app.rehearsal.zendesk.ticket_shapes import PRIORITIES, STATUSES, TYPES, USER

_PAGING = ("page", "per_page", "page[size]", "page[after]", "page[before]")


def me(call: Call, books: Books) -> Answer:
    """`GET /api/v2/users/me`: the user that the caller is."""
    only(call.query, ())
    user = books.user(acting_user()) or beginning()["users"][str(acting_user())]
    return answered({"user": {**user_json(books, user), "authenticity_token": "rehearsal"}}, "Asked who it is.")


def show_user(call: Call, books: Books, user_id: str) -> Answer:
    """`GET /api/v2/users/{id}`."""
    only(call.query, ())
    user = books.user(user_id)
    if user is None:
        raise not_found("user")
    return answered({"user": user_json(books, user)}, f"Looked at {user['name']}.")


def create_or_update(call: Call, books: Books) -> Answer:
    """`POST /api/v2/users/create_or_update`: 200 for one who is known by e-mail or external id, 201 for a new one."""
    asked = object_of(call)
    check(USER, asked)
    told = {name: value for name, value in asked["user"].items() if name not in {"skip_verify_email", "verified"}}
    found = books.find_user(email=told.get("email"), external_id=told.get("external_id"))
    if found is None:
        if not str(told.get("name") or "").strip():
            raise record_invalid("name", "Name: is too short (minimum one character)")
        role = told.get("role", "end-user")
        user = books.make_user(told["name"], told.get("email"), role, told.get("external_id"))
        status = 201
    else:
        user, status = found, 200
    user.update({**told, "updated_at": books.now()})
    headers = {"Location": books.url(f"/api/v2/users/{user['id']}.json")}
    words = "Made a user" if status == 201 else "Changed a user"
    return answered({"user": user_json(books, user)}, f"{words}: {user['name'][:80]}.", status, headers=headers)


def groups(call: Call, books: Books) -> Answer:
    """`GET /api/v2/groups`."""
    only(call.query, ("exclude_deleted", *_PAGING))
    rows = [
        {
            "url": books.url(f"/api/v2/groups/{one['id']}.json"),
            **one,
            "is_public": True,
            "description": "",
            "deleted": False,
        }
        for one in books.groups()
    ]
    page, around = paged(call, books, rows, call.path)
    return answered({"groups": page, **around}, "Listed the groups.")


def ticket_fields(call: Call, books: Books) -> Answer:
    """`GET /api/v2/ticket_fields`: those of the system, which no account can take out."""
    only(call.query, ("locale", "creator", *_PAGING))
    options = {"status": STATUSES, "priority": PRIORITIES, "tickettype": TYPES}
    at = beginning()["groups"][0]["created_at"]
    rows: list[Record] = []
    for place, kind in enumerate(("subject", "description", "status", "tickettype", "priority", "group", "assignee")):
        row: dict[str, Any] = {
            "id": 22_950_000_000_001 + place,
            "type": kind,
            "title": "Type" if kind == "tickettype" else kind.capitalize(),
            "position": place + 1,
            "active": True,
            "required": kind in {"description", "status"},
            "removable": False,
            "created_at": at,
            "updated_at": at,
        }
        if kind in options:
            row["system_field_options"] = [{"name": one.capitalize(), "value": one} for one in options[kind]]
        rows.append({"url": books.url(f"/api/v2/ticket_fields/{row['id']}.json"), **row})
    page, around = paged(call, books, rows, call.path)
    return answered({"ticket_fields": page, **around}, "Listed the ticket fields.")


def search(call: Call, books: Books) -> Answer:
    """`GET /api/v2/search?query=`: only `type:`, `external_id:`, `status:`, `tags:`, `email:` with whole values.

    Zendesk's index is behind what is new; here it is found at once.
    """
    only(call.query, ("query", "sort_by", "sort_order", "page", "per_page"))
    terms = [term.partition(":") for term in call.query.get("query", "").split()]
    if not terms:
        raise invalid_attribute("query", "Parameter query is required")
    known = {"type", "external_id", "status", "tags", "email"}
    wanted = {name: value.strip('"') for name, _, value in terms}
    for name in wanted:
        if name not in known:
            raise invalid_attribute("query", f"{name[:40]} is not searched here", "The rehearsal doesn't search that.")
    kind = wanted.pop("type", "ticket")
    found: list[Record] = []
    if kind == "ticket" and "email" not in wanted:
        rows = books.part("tickets").values()
        found = [{**ticket_json(books, one), "result_type": "ticket"} for one in rows if _fits(one, wanted)]
    elif kind == "user":
        rows = books.part("users").values()
        found = [{**user_json(books, one), "result_type": "user"} for one in rows if _fits(one, wanted)]
    page, around = paged(call, books, sorted(found, key=lambda one: -one["id"]), call.path)
    return answered({"results": page, "facets": None, **around}, f"Searched: {len(found)} found.")


def _fits(one: Record, wanted: dict[str, str]) -> bool:
    for name, value in wanted.items():
        has = value in one.get("tags", ()) if name == "tags" else str(one.get(name) or "") == value
        if not has:
            return False
    return True
