"""Replies that are written once and used often: `/shortcut` in the composer gives the text, filled in.

A text is Markdown with `{{variables}}` (`responders.placeholders`, and `agent.name`). They are filled when the reply is
put into the composer, so that who sends it sees what will be sent; a value that isn't known stands there as a mark, and
one that would be Markdown is escaped where it would be, and only there.
Every function runs inside `tenant()`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from convoship.lib.actors import Actor
from convoship.lib.problems import invalid, not_found
from deployments.models import CannedReply, Conversation
from deployments.responders import placeholders
from deployments.safe_text import TextRefused, clean_text
from workspaces import audit
from workspaces.models import User

LONGEST_SHORTCUT, LONGEST_TITLE = 30, 100
MOST = 500
SHORTCUT_WORDS = "1 to 30 letters, digits, hyphens or underscores, beginning with a letter or digit."
VARIABLES: Mapping[str, str] = {
    "visitor.name": "the visitor's name",
    "visitor.email": "the visitor's e-mail address",
    "agent.name": "the name of who answers, as visitors see it",
    "assistant.name": "the assistant's name",
    "page.title": "the title of the visitor's page",
    "page.url": "the address of the visitor's page",
}

_SHORTCUT = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_OWN = frozenset({"agent.name"})


@dataclass(frozen=True)
class Filled:
    """A reply's text for one conversation; `missing` are the variables that have no value there, marked in the text."""

    text: str
    missing: tuple[str, ...]


def get(reply_id: UUID) -> CannedReply:
    """The workspace's canned reply; 404 where there is none by that id."""
    try:
        return CannedReply.objects.get(id=reply_id)
    except CannedReply.DoesNotExist:
        raise not_found() from None


def create(actor: Actor, *, shortcut: str, title: str, text: str) -> CannedReply:
    """Keep a new reply; 422 `invalid` names each field that can't be taken."""
    reply = CannedReply(**_checked(shortcut, title, text))
    if CannedReply.objects.count() >= MOST:
        raise invalid({"shortcut": [f"A workspace keeps at most {MOST} canned replies. Delete one first."]})
    _save(reply)
    audit.record(actor, "canned_reply.created", reply, title=reply.title)
    return reply


def change(actor: Actor, reply: CannedReply, *, shortcut: str, title: str, text: str) -> None:
    """Change a reply; what was sent with it stays as it was sent. What changes nothing is not recorded."""
    wanted = _checked(shortcut, title, text)
    changed = [name for name, value in wanted.items() if getattr(reply, name) != value]
    if not changed:
        return
    for name, value in wanted.items():
        setattr(reply, name, value)
    _save(reply)
    audit.record(actor, "canned_reply.changed", reply, changed=changed)


def delete(actor: Actor, reply: CannedReply) -> None:
    """Delete it."""
    audit.record(actor, "canned_reply.deleted", reply, title=reply.title)
    reply.delete()


def _checked(shortcut: str, title: str, text: str) -> dict[str, str]:
    errors: dict[str, list[str]] = {}
    wanted = {
        "shortcut": shortcut.strip().removeprefix("/").lower(),
        "title": " ".join(title.replace("\x00", "").split()),
        "text": "",
    }
    if not _SHORTCUT.fullmatch(wanted["shortcut"]):
        errors["shortcut"] = [SHORTCUT_WORDS]
    if not 0 < len(wanted["title"]) <= LONGEST_TITLE:
        errors["title"] = [f"Say in 1 to {LONGEST_TITLE} characters what it is for."]
    try:
        wanted["title"] = clean_text(wanted["title"])
        wanted["text"] = clean_text(text).strip()
    except TextRefused as refused:
        errors["text"] = [refused.message]
    else:
        if not wanted["text"]:
            errors["text"] = ["Write what shall be sent."]
        elif unknown := unknown_in(wanted["text"]):
            names = ", ".join(f"{{{{{name}}}}}" for name in unknown)
            errors["text"] = [
                f"There is no {names}. Known: {', '.join(VARIABLES)}, and visitor. + what your page tells."
            ]
    if errors:
        raise invalid(errors)
    return wanted


def _save(reply: CannedReply) -> None:
    try:
        with transaction.atomic():
            reply.save()
    except IntegrityError:
        raise invalid(
            {"shortcut": [f"/{reply.shortcut} is taken by another reply. Choose another shortcut."]}
        ) from None


def unknown_in(text: str) -> list[str]:
    """The variables of a text that can never have a value, each once."""
    return list(dict.fromkeys(name for name, _ in placeholders.names_in(text) if not placeholders.is_known(name, _OWN)))


def values_of(conversation: Conversation, agent_name: str) -> dict[str, Any]:
    """What variables stand for in this conversation."""
    person, page = conversation.person, conversation.page_now
    told = {f"visitor.{name}": value for name, value in conversation.visitor_data.items()}
    return {
        **told,
        "visitor.name": told.get("visitor.name") or person.name,
        "visitor.email": told.get("visitor.email") or person.email,
        "agent.name": agent_name,
        "assistant.name": conversation.assistant.name,
        "page.url": page.get("url") or conversation.page_url,
        "page.title": page.get("title") or conversation.page_title,
    }


def fill(reply: CannedReply, values: Mapping[str, Any]) -> Filled:
    """The reply's text with these values."""
    missing: dict[str, None] = {}

    def lacking(name: str) -> str:
        missing[name] = None
        return f"[{name}?]"

    return Filled(placeholders.filled_to_read(reply.text, values, lacking), tuple(missing))


def fill_for(reply: CannedReply, conversation: Conversation, user: User) -> Filled:
    """The reply's text as this member would send it in this conversation."""
    return fill(reply, values_of(conversation, user.public_name))
