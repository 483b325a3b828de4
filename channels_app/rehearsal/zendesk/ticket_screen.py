"""The agent's screen for tickets: what it shows, and what an agent does there.

Statuses: https://support.zendesk.com/hc/en-us/articles/8263915942938 (a new ticket's status can't be set back; closing
is the work of a business rule, so Zendesk's own user does it here; a closed ticket takes nothing more). That who solves
a ticket of nobody's becomes its assignee stands on no page that was found.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from channels_app.rehearsal.base import Unsayable, said
from channels_app.rehearsal.desk import Act, Entry, Role, ShownCase
from channels_app.rehearsal.zendesk import changing, firing
from channels_app.rehearsal.zendesk.answers import Refused
from channels_app.rehearsal.zendesk.books import INTEGRATION_USER, SYSTEM_USER, Books, Record, named
from channels_app.rehearsal.zendesk.comments import make_comment
from channels_app.rehearsal.zendesk.ticket_shapes import LONGEST_COMMENT

REPLY, NOTE = Act("reply", "Public reply"), Act("note", "Internal note")
ASSIGN = Act("assign", "Assign to me")
PENDING = Act("pending", "Submit as Pending")
SOLVE = Act("solve", "Submit as Solved")
CLOSE = Act("close", "Close, as the automation does")
REOPEN = Act("reopen", "Submit as Open")
SUBMITS = frozenset({PENDING.word, SOLVE.word, REOPEN.word})
_STATUSES = {PENDING.word: "pending", SOLVE.word: "solved", CLOSE.word: "closed", REOPEN.word: "open"}
# What a webhook and trigger that were made by hand are set off by: the text that is shipped for pasting says so.
_TOLD_BY_HAND = frozenset({REPLY.word, NOTE.word, PENDING.word, SOLVE.word, REOPEN.word, ASSIGN.word})


def cases(books: Books) -> list[ShownCase]:
    """All tickets, the one that changed last first."""
    found = sorted(books.part("tickets").values(), key=lambda one: one["generated_timestamp"], reverse=True)
    return [_shown(books, one) for one in found]


def _shown(books: Books, ticket: Mapping[str, Any]) -> ShownCase:
    group = next((one["name"] for one in books.groups() if one["id"] == ticket["group_id"]), "")
    requester = books.user(ticket["requester_id"]) or {}
    facts = (
        ("Requester", named(requester)),
        ("E-mail", requester.get("email") or ""),
        ("Assignee", named(books.user(ticket["assignee_id"]))),
        ("Group", group),
        ("Priority", ticket["priority"] or ""),
        ("Tags", " ".join(ticket["tags"])),
        ("External id", ticket["external_id"] or ""),
        ("Follow-up of", str(ticket["via"]["source"]["from"].get("ticket_id", ""))),
    )
    entries = [_entry(books, ticket, one) for one in ticket["comments"]]
    entries += [Entry("event", one["name"], one["text"], one["at"]) for one in ticket["log"]]
    is_open = ticket["status"] != "closed"
    return ShownCase(
        ref=str(ticket["id"]),
        number=f"#{ticket['id']}",
        title=ticket["subject"],
        status=ticket["status"],
        facts=[(name, value) for name, value in facts if value],
        entries=sorted(entries, key=lambda one: one.at),
        writes=(REPLY, NOTE) if is_open else (),
        acts=_acts(ticket["status"]),
    )


def _entry(books: Books, ticket: Mapping[str, Any], comment: Mapping[str, Any]) -> Entry:
    role: Role = "agent"
    if not comment["public"]:
        role = "note"
    elif comment["author_id"] == ticket["requester_id"] and comment["author_id"] != INTEGRATION_USER:
        role = "customer"
    elif comment["author_id"] == INTEGRATION_USER:
        role = "bot"
    files = [{"name": one["name"]} for one in comment["attachments"]]
    return Entry(role, named(books.user(comment["author_id"])), comment["body"], comment["created_at"], files)


def _acts(status: str) -> tuple[Act, ...]:
    if status == "closed":
        return ()
    if status == "solved":
        return (REOPEN, CLOSE)
    return (ASSIGN, *((REOPEN,) if status in {"pending", "hold"} else (PENDING,)), SOLVE, CLOSE)


def done(books: Books, typed: Mapping[str, str]) -> tuple[Record, str, list[str]]:
    """Do what an agent does: the ticket, what is told of it in words, and the bodies that are posted to us."""
    ticket = books.part("tickets").get(said(typed, "address", 20))
    if ticket is None:
        raise Unsayable({"address": ["There is no such ticket."]})
    does, text = typed.get("does", ""), said(typed, "text", LONGEST_COMMENT)
    shown = _shown(books, ticket)
    if does not in {one.word for one in (*shown.writes, *shown.acts)}:
        words = "The ticket is closed and takes nothing more." if not shown.writes else "That can't be done here now."
        raise Unsayable({"does": [words]})
    is_said = does in {REPLY.word, NOTE.word}
    if is_said and not text:
        raise Unsayable({"text": ["Write something."]})
    # What stands in the field goes along with a submit, publicly, as it does there.
    is_said = is_said or (bool(text) and does in SUBMITS)
    actor_id = SYSTEM_USER if does == CLOSE.word else int(books.agent(said(typed, "name", 100))["id"])
    before = copy.deepcopy(ticket)
    comment = None
    if is_said:
        wanted = {"body": text, "public": does != NOTE.word}
        comment = make_comment(books, ticket, wanted, author_id=actor_id, via="web")
    try:
        changing.change(books, ticket, _wanted(books, ticket, does, actor_id), actor_id)
    except Refused as refused:
        raise Unsayable({"does": [refused.note]}) from None
    change = firing.Change(before, ticket, comment, actor_id, "Change", via="web")
    bodies = firing.bodies(books, change)
    if firing.is_made_by_hand(books) and does in _TOLD_BY_HAND:
        bodies = [json.dumps({"ticket_id": str(ticket["id"])})]
    return ticket, text or next(one.label for one in shown.acts if one.word == does), bodies


def _wanted(books: Books, ticket: Mapping[str, Any], does: str, actor_id: int) -> Record:
    if does == ASSIGN.word:
        return {"assignee_id": actor_id, "group_id": ticket["group_id"] or books.groups()[0]["id"]}
    if does == REPLY.word and ticket["status"] == "new":
        return {"status": "open"}
    if does not in _STATUSES:
        return {}
    wanted: Record = {"status": _STATUSES[does]}
    if does in {SOLVE.word, CLOSE.word} and not ticket["assignee_id"]:
        # Who solves a ticket that is nobody's becomes its assignee.
        agents = [one["id"] for one in books.part("users").values() if one["role"] == "agent"]
        wanted["assignee_id"] = actor_id if actor_id != SYSTEM_USER else (agents or [INTEGRATION_USER])[0]
    return wanted
