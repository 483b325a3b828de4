"""The paths of the Support API that are played; `.json` at their end may be left out or not, as at Zendesk."""

from __future__ import annotations

import json
import re

from channels_app.rehearsal.base import Answer, Call
from channels_app.rehearsal.zendesk import comments, hooks, people, tickets
from channels_app.rehearsal.zendesk.access import give_token, refused_caller, refused_client
from channels_app.rehearsal.zendesk.answers import answered, forbidden, no_such_path, only
from channels_app.rehearsal.zendesk.books import CATEGORY, Books
from channels_app.rehearsal.zendesk.comments import paged

# https://developer.zendesk.com/api-reference/introduction/rate-limits/ (429 with Retry-After in seconds); the bodies as
# customers quote them.
LIMITED = '{"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"}'
NO_ACCESS = json.dumps(forbidden("").body)
BROKEN = '{"error": "InternalServerError", "description": "Something went wrong"}'
_TOKENS_PATH = "/oauth/tokens"
_FILES = "/attachments/token/"
_TICKET = re.compile(r"/api/v2/tickets/([^/]+?)(?:\.json)?(?:/(tags|comments)(?:\.json)?)?")


def refuse(call: Call, books: Books) -> Answer | None:
    """The answer to a caller who isn't known; what gives tokens and files asks for none."""
    if call.path == _TOKENS_PATH:
        return refused_client(call, books)
    is_open = call.method == "GET" and call.path.startswith(_FILES)
    return None if is_open else refused_caller(call, books)


def is_sent(call: Call) -> bool:
    """What people see: tickets made and changed. Files, users, webhooks and triggers are steps on the way."""
    if call.method == "POST" and call.path.removesuffix(".json") == "/api/v2/tickets":
        return True
    found = _TICKET.fullmatch(call.path)
    if found is None or call.method not in {"PUT", "POST"}:
        return False
    return found.group(2) == "tags" or (call.method == "PUT" and found.group(2) is None)


def changed_ticket(call: Call) -> str:
    """The id of the ticket that a call changes; empty where it changes none."""
    found = _TICKET.fullmatch(call.path)
    return found.group(1) if found and is_sent(call) else ""


def route(call: Call, books: Books) -> Answer:
    """What a call is answered; `Refused` where it isn't taken."""
    if call.path == _TOKENS_PATH and call.method == "POST":
        return give_token(call, books)
    if call.path.startswith(_FILES) and call.method == "GET":
        return comments.file_bytes(call, books)
    found = _TICKET.fullmatch(call.path)
    if found is not None:
        return _ticket(call, books, *found.groups())
    path = call.path.removesuffix(".json")
    for name, play in (("webhooks", hooks.webhooks), ("triggers", hooks.triggers)):
        if path == f"/api/v2/{name}" or path.startswith(f"/api/v2/{name}/"):
            return play(call, books, path.removeprefix(f"/api/v2/{name}"))
    return _whole(call, books, path)


def _ticket(call: Call, books: Books, ticket_id: str, part: str | None) -> Answer:
    ticket = tickets.ticket_of(books, ticket_id)
    if call.method != "GET":
        only(call.query, ())
    match call.method, part:
        case "GET", None:
            return tickets.show(call, books, ticket)
        case "PUT", None:
            return tickets.update(call, books, ticket)
        case "GET", "comments":
            return comments.list_comments(call, books, ticket)
        case "PUT" | "POST", "tags":
            return tickets.change_tags(call, books, ticket)
    raise no_such_path(call)


def _whole(call: Call, books: Books, path: str) -> Answer:
    match call.method, path.removeprefix("/api/v2"):
        case "GET", "/tickets":
            return tickets.list_tickets(call, books)
        case "POST", "/tickets":
            # `async` is a parameter of it that the rehearsal doesn't play.
            only(call.query, ())
            return tickets.create(call, books)
        case "POST", "/uploads":
            return comments.upload(call, books)
        case "GET", "/users/me":
            return people.me(call, books)
        case "POST", "/users/create_or_update":
            return people.create_or_update(call, books)
        case "GET", "/groups":
            return people.groups(call, books)
        case "GET", "/ticket_fields":
            return people.ticket_fields(call, books)
        case "GET", "/search":
            return people.search(call, books)
        case "GET", "/trigger_categories":
            return _categories(call, books)
        case "GET", user if re.fullmatch(r"/users/\d{1,18}", user):
            return people.show_user(call, books, user.rpartition("/")[2])
    raise no_such_path(call)


def _categories(call: Call, books: Books) -> Answer:
    """https://developer.zendesk.com/api-reference/ticketing/business-rules/trigger_categories/ ."""
    at = books.groups()[0]["created_at"]
    row = {"id": CATEGORY, "name": "Notifications", "position": 0, "created_at": at, "updated_at": at}
    page, around = paged(call, books, [row], call.path)
    return answered({"trigger_categories": page, **around}, "Listed the trigger categories.")
