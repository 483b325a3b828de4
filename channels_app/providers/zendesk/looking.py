"""What was said in a ticket since it was last looked at, and how it stands.

developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments (`public`, `author_id`, `via`, `attachments`,
`include=users`, cursor pages by `page[size]` and `sort`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_app.providers import transcripts
from channels_app.providers.base import ProviderError
from channels_app.providers.desk_port import CaseThere, KnownCase, Looked
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent
from channels_app.providers.zendesk.api import Api

# A webhook tells at once; this is for the one that was lost.
AGAIN_SECONDS, AGAIN_WHEN_QUIET = 60.0, 300.0
PAGE_SIZE, MOST_PAGES = 50, 10
ENDED = ("solved", "closed")


async def look_at(api: Api, case: KnownCase) -> Looked:
    """Replies as messages, an assignment as acceptance, a note with `/bot` as a return, solved as closed."""
    if case.there is None:
        return Looked([], AGAIN_WHEN_QUIET)
    ref = case.there.ref
    try:
        found = await api.call("GET", f"/api/v2/tickets/{ref}", query={"include": "users"})
    except ProviderError as error:
        if error.http_status != 404:
            raise
        words = f"Ticket #{ref} is not at Zendesk any more."
        return Looked(
            [DeskSaid(key=f"gone:{ref}:{case.key}", address=ref, says="unavailable", text=words)], AGAIN_WHEN_QUIET
        )
    ticket, people = found["ticket"], _people(found)
    comments, more = await _comments_since(api, ref, int(case.about.get("seen") or 0))
    people |= more
    names = {whose: person.name for whose, person in people.items()}
    events = _accepted(case, ticket, names) + [
        event for one in comments if (event := _said(case, ticket, one, people)) is not None
    ]
    is_back = any(isinstance(event, DeskSaid) and event.says == "returned" for event in events)
    if ticket["status"] in ENDED and case.about.get("status") not in ENDED and not is_back:
        name = names.get(ticket.get("assignee_id"), "")
        events.append(DeskSaid(key=f"closed:{ref}:{case.key}", address=ref, says="closed", name=name))
    seen = max([int(one["id"]) for one in comments], default=int(case.about.get("seen") or 0))
    about = {"seen": seen, "status": ticket["status"], "assignee_id": ticket.get("assignee_id")}
    there = CaseThere(ref, case.there.number, case.there.url, about)
    return Looked(events, AGAIN_SECONDS if comments else AGAIN_WHEN_QUIET, there)


@dataclass(frozen=True)
class Person:
    """A user at Zendesk; `role` is agent, admin or end-user."""

    name: str
    role: str


def _people(found: Mapping[str, Any]) -> dict[Any, Person]:
    rows = found.get("users") or ()
    return {one.get("id"): Person(str(one.get("name", "")), str(one.get("role", ""))) for one in rows}


async def _comments_since(api: Api, ref: str, seen: int) -> tuple[list[dict[str, Any]], dict[Any, Person]]:
    """Those that are newer than the last that was read, the oldest first; and who wrote them."""
    comments: list[dict[str, Any]] = []
    people: dict[Any, Person] = {}
    query: dict[str, Any] = {"sort": "-created_at", "include": "users", "page[size]": PAGE_SIZE}
    for _ in range(MOST_PAGES):
        found = await api.call("GET", f"/api/v2/tickets/{ref}/comments", query=query)
        page = found.get("comments") or []
        people |= _people(found)
        comments += [one for one in page if int(one["id"]) > seen]
        meta = found.get("meta") or {}
        if not meta.get("has_more") or any(int(one["id"]) <= seen for one in page):
            break
        query["page[after]"] = meta["after_cursor"]
    return sorted(comments, key=lambda one: int(one["id"])), people


def _accepted(case: KnownCase, ticket: Mapping[str, Any], names: Mapping[Any, str]) -> list[ProviderEvent]:
    assignee = ticket.get("assignee_id")
    if not assignee or assignee == case.about.get("assignee_id"):
        return []
    ref = str(ticket["id"])
    key = f"accepted:{ref}:{case.key}:{assignee}"
    return [DeskSaid(key=key, address=ref, says="accepted", name=names.get(assignee, ""))]


def _said(
    case: KnownCase, ticket: Mapping[str, Any], comment: Mapping[str, Any], people: Mapping[Any, Person]
) -> ProviderEvent | None:
    """What a comment means; nothing where we wrote it. Only agents and admins speak to the visitor."""
    ref, number = str(ticket["id"]), str(comment["id"])
    is_api = (comment.get("via") or {}).get("channel") == "api"
    is_requesters = comment.get("author_id") in {case.about.get("requester_id"), ticket.get("requester_id")}
    if number in case.sent or (is_api and is_requesters):
        return None
    author = people.get(comment.get("author_id"), Person("", ""))
    key, name = f"comment:{number}", author.name
    text = str(comment.get("plain_body") or comment.get("body") or "").strip()
    if not comment.get("public", True):
        back = transcripts.way_back(text)
        if back is None:
            return None
        return DeskSaid(key=key, address=ref, says="returned", name=name, text=back)
    if is_requesters:
        return NotUsed(key=key, address=ref, what=f"the visitor wrote to ticket #{ref} another way, by mail perhaps")
    if author.role == "end-user":
        return NotUsed(key=key, address=ref, what=f"somebody who is no agent wrote to ticket #{ref}")
    files = [f"{one.get('file_name', 'File')}: {one['content_url']}" for one in comment.get("attachments") or ()]
    words = "\n".join(filter(None, (text, *files)))
    return DeskSaid(key=key, address=ref, says="message", name=name, text=words)
