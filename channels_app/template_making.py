"""New templates: checked, made at the provider, handed in for approval. No transaction waits for the provider.

What was made before the handing-in failed is kept, so that trying again hands that in and makes no second one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from channels_app import accounts, bell, connections, message_templates, template_sync, template_use, windows
from channels_app.models import Connection, MessageTemplate, TemplateSync
from channels_app.models.template import Approval
from channels_app.providers.base import BadTemplate, Provider, ProviderError, Template
from convoship.lib.actors import Actor
from convoship.lib.outbound import sending
from convoship.lib.problems import Problem, invalid, not_found
from workspaces import audit

# May be handed in: nobody has looked at it yet.
OPEN = frozenset({Approval.UNSUBMITTED})


@dataclass(frozen=True)
class Handed:
    """What came of handing a template in: as it is now (without a `sid`: none was made), and what went wrong."""

    template: Template
    error: ProviderError | None = None


def require_templates(connection: Connection) -> None:
    """404 for a connection of a kind that has none."""
    if not windows.has_one(connection):
        raise not_found()


def draft(connection: Connection, given: Mapping[str, Any]) -> Template:
    """A new template of these fields (`name`, `language`, `category`, `body`, `variables`, `buttons`); 422 by field.

    Inside `tenant()`. A name that is taken in that language is refused: WhatsApp would refuse it, too.
    """
    try:
        template = accounts.kind_of(connection).draft(
            name=given["name"],
            language=given["language"],
            category=given["category"],
            body=given["body"],
            samples=given.get("variables", {}),
            buttons=given.get("buttons", ()),
        )
    except BadTemplate as bad:
        raise invalid({field: list(said) for field, said in bad.errors.items()}) from None
    rows = MessageTemplate.objects.filter(connection=connection, is_gone=False)
    if rows.filter(name=template.name, language=template.language).exists():
        words = "There is a template of this name in this language. Take another name, or hand that one in."
        raise invalid({"name": [words]})
    return template


def again(row: MessageTemplate, name: str, category: str) -> Template:
    """One that is there, to be handed in under this name and category; 422 by field, 409 where it was handed in."""
    if row.is_gone or row.approval not in OPEN:
        stands = "no longer at Twilio" if row.is_gone else row.get_approval_display().lower()
        raise Problem("conflict", f"This template is {stands}.", hint="Make a new one with other words instead.")
    try:
        accounts.kind_of(row.connection).check_handing_in(name, category)
    except BadTemplate as bad:
        raise invalid({field: list(said) for field, said in bad.errors.items()}) from None
    return replace(message_templates.as_template(row), name=name, category=category)


def provider_of(connection: Connection) -> Provider:
    """Who makes it; 409 where it can't be asked. Inside `tenant()`."""
    try:
        return accounts.to_send(connection)
    except ProviderError as error:
        raise refused(error) from None


def hand_in(provider: Provider, template: Template) -> Handed:
    """Make it, unless it has a `sid`, and hand it in. Outside of `tenant()`."""
    try:
        return Handed(sending.to_its_end(provider.submit(template)))
    except ProviderError as error:
        return Handed(replace(template, sid=template.sid or error.made), error)


def note(actor: Actor, connection_id: UUID, handed: Handed) -> MessageTemplate | None:
    """Keep what came of it; None where no template is there. 404 where the connection went away meanwhile."""
    connection = connections.held(connection_id)
    sync = TemplateSync.objects.filter(connection=connection)
    # Before the template's row, as whoever writes what was found holds it first.
    list(sync.select_for_update().values_list("id"))
    if not handed.template.sid:
        if handed.error is not None and handed.error.ambiguous:
            # It may be there all the same, and then the list has to say so.
            sync.update(due_at=timezone.now())
            transaction.on_commit(bell.ring)
        return None
    row = message_templates.keep(connection, handed.template)
    if handed.error is None:
        audit.record(actor, "connection.template_submitted", connection, template=row.name, sid=row.sid)
        # WhatsApp says within minutes what becomes of it.
        sync.update(due_at=timezone.now() + template_sync.WHILE_PENDING)
    else:
        audit.record(actor, "connection.template_made", connection, template=row.name, sid=row.sid)
    return row


def refused(error: ProviderError) -> Problem:
    """Why there is no template."""
    if error.ambiguous:
        words = f"{error.words} Nobody knows whether the template was made."
        return Problem(
            "unavailable", words, hint="Look in a minute whether it is in the list before you make it again."
        )
    return Problem("conflict", error.words, hint=error.remedy_once)


# --- Deleting -------------------------------------------------------------------------------------------------------

# Nothing can be sent with it any more, or ever could: what WhatsApp lets through, or may yet, is deleted at Twilio.
DELETABLE = frozenset({Approval.UNSUBMITTED, Approval.REJECTED, Approval.DISABLED})


def is_deletable(row: MessageTemplate) -> bool:
    """Whether it may be deleted here."""
    return row.is_gone or row.approval in DELETABLE


def require_deletable(row: MessageTemplate) -> None:
    """409 where it may not be deleted."""
    if not is_deletable(row):
        stands = row.get_approval_display().lower()
        raise Problem("conflict", f"This template is {stands}.", hint="Delete it in Twilio's Content Template Builder.")


def delete_there(provider: Provider, sid: str) -> ProviderError | None:
    """Delete it at the provider; what went wrong. Outside of `tenant()`."""
    try:
        sending.to_its_end(provider.delete_template(sid))
    except ProviderError as error:
        return error
    return None


def note_deleted(actor: Actor, connection_id: UUID, sid: str) -> None:
    """It is gone there, so it goes here. What was sent with it stays in its conversations."""
    connection = connections.held(connection_id)
    for row in MessageTemplate.objects.filter(connection=connection, sid=sid):
        audit.record(actor, "connection.template_deleted", connection, template=row.name, sid=row.sid)
        row.delete()


# --- The template for closed windows ----------------------------------------------------------------------------------


def fits_window(row: MessageTemplate) -> str:
    """Why a template can't carry what a closed window stops, in words; empty where it can."""
    if not row.is_usable:
        return "WhatsApp has not approved it."
    names = accounts.kind_of(row.connection).variables_of(message_templates.as_template(row))
    if len(names) != 1:
        return f"It has {len(names) or 'no'} variables, and the message has to fit into exactly one."
    return ""


def use_for_window(actor: Actor, row: MessageTemplate, *, on: bool) -> None:
    """Let a template carry what a closed window stops, or no more; 409 where it can't. Its connection is held."""
    connection = connections.held(row.connection_id)
    if on and (words := fits_window(row)):
        raise Problem("conflict", f"{row.name} can't carry messages. {words}", hint="Choose another template.")
    config = {name: value for name, value in connection.config.items() if name != "window_template"}
    if on:
        config["window_template"] = row.sid
    elif connection.config.get("window_template") != row.sid:
        return
    connections.change(actor, connection, {"config": config})


def is_for_window(row: MessageTemplate) -> bool:
    """Whether it carries what a closed window stops."""
    return bool(row.sid) and row.connection.config.get("window_template") == row.sid


def listed(connection: Connection) -> Sequence[MessageTemplate]:
    """All of a connection, those that may be sent first, those that are gone last."""
    rows = list(MessageTemplate.objects.filter(connection=connection).select_related("connection"))
    return sorted(rows, key=lambda row: (row.is_gone, not row.is_usable, row.name, row.language, row.sid))


def usable_for_window(connection: Connection) -> list[MessageTemplate]:
    """Those that could carry what a closed window stops."""
    return [row for row in template_use.usable(connection).select_related("connection") if not fits_window(row)]
