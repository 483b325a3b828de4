"""Beginning a conversation: whether somebody may be written to first, what it takes, and doing it.

`standing` finds out and is shown before anything is sent; `start` asks the same again, in the transaction that sends.
What may change until a message leaves (consent, window, what may be spent, quiet hours) the claim asks once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.utils import timezone

from channels_app import (
    accounts,
    address_locks,
    consents,
    incoming_messages,
    quiet_hours,
    spending,
    template_use,
    windows,
)
from channels_app.models import Connection, Consent, ConversationLink, MessageTemplate, ServiceWindow
from channels_app.models.connection import ConnectionState
from channels_app.models.consent import ConsentState
from channels_app.providers import numbers
from channels_app.providers.base import Capability, Provider
from channels_app.providers.events import MessageReceived
from channels_app.quiet_hours import Quiet, QuietHours
from channels_app.spending import Refusal
from convoship.lib import same_number
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import blocking, conversations, handoff
from deployments.carriers import Filled
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message, Person
from deployments.models.conversation import AuthorKind
from deployments.safe_text import TextRefused, clean_text
from deployments.starting import Started, Wanted
from workspaces import audit
from workspaces.models import User

LONGEST_CONSENT = 150
_NO_CODE = "Write the number with + and the country's code: +14155552671."


@dataclass(frozen=True)
class Standing:
    """How it stands with writing to a number over a connection now."""

    connection: Connection
    kind: type[Provider]
    number: str
    country: str | None
    country_refused: Refusal | None
    withdrawn: Consent | None
    # What the ledger says; None: they never said anything about it.
    consent: Consent | None
    # Whether they ever wrote over this connection.
    has_written: bool
    has_window: bool
    window: ServiceWindow | None
    quiet: Quiet | None
    # Their conversation that goes on.
    current: UUID | None
    # Who it is, where they are blocked.
    blocked: Person | None
    # So many units (segments, messages) the text takes.
    units: int = 0

    @property
    def is_window_open(self) -> bool:
        """Whether free words may be sent."""
        return not self.has_window or windows.is_open(self.window)


def startable() -> list[Connection]:
    """The connections over which somebody may be written to first, in the order of their names."""
    kinds = accounts.kinds_that(Capability.CONSENT)
    return list(Connection.objects.filter(kind__in=kinds).order_by("name"))


def standing(connection: Connection, number: str, text: str = "") -> Standing:
    """How it stands now. Only reads."""
    kind = accounts.kind_of(connection)
    hours = QuietHours.of(str(connection.config.get("quiet_hours") or ""))
    forms = same_number.forms(number)
    link = ConversationLink.objects.filter(
        connection=connection, address__in=forms, is_current=True, conversation__status="active"
    ).first()
    return Standing(
        connection=connection,
        kind=kind,
        number=number,
        country=numbers.country_of(number),
        country_refused=spending.country_of_a_test(connection, number),
        withdrawn=consents.withdrawal(connection, number),
        consent=consents.own_of(connection, number),
        has_written=Conversation.objects.filter(
            link__connection=connection, link__address__in=forms, visitor_messages__gt=0
        ).exists(),
        has_window=kind.can(Capability.WINDOW),
        window=windows.of(connection, number) if kind.can(Capability.WINDOW) else None,
        quiet=quiet_hours.now_at(number, hours, timezone.now()),
        current=link.conversation_id if link else None,
        blocked=blocking.blocked_at(incoming_messages.identities_of(connection, _as_if(number))),
        units=_units(connection, kind, text) if text else 0,
    )


def _units(connection: Connection, kind: type[Provider], text: str) -> int:
    planned = accounts.to_plan(connection).plan(Conversation(), [Message(author_kind=AuthorKind.AGENT, text=text)])
    return sum(kind.units(one.content) for one in planned)


@dataclass(frozen=True)
class _Checked:
    connection: Connection
    number: str
    text: str


class Starting:
    """The starter that connections are (`deployments.starting`)."""

    def start(self, actor: Actor, user: User | None, wanted: Wanted) -> Started:
        """Begin the conversation, with its first message in the outbox."""
        checked = _checked(wanted)
        connection, number = checked.connection, checked.number
        # No STOP comes between what is found out of consent here and what is written of it.
        address_locks.own(connection, number)
        incoming_messages.one_at_a_time(connection, number)
        _require(standing(connection, number), is_template=bool(wanted.template))
        filled = _filled(connection, number, wanted) if wanted.template else None
        text = filled.text if filled else checked.text
        if wanted.consent:
            source = f"{actor.label}: {clean_text(wanted.consent).strip()[:LONGEST_CONSENT]}"
            consents.note_told(connection, number, source)
        # As if they had written: whose conversation it is, and which version it meets, is found the same way.
        conversation = incoming_messages.open_at(connection, _as_if(number, text))
        conversation = conversations.lock(conversation.id)
        template, blocks = (filled.template, filled.blocks) if filled else (None, ())
        if wanted.control == "human":
            handoff.begin_with(actor, user, conversation)
            message = handoff.reply(actor, user, conversation, text, None, template=template, blocks=blocks)
        else:
            new = NewMessage(author_kind=AuthorKind.ASSISTANT, text=text, template=template, blocks=blocks)
            message = conversations.post_message(conversation, new)
        audit.record(actor, "conversation.started", conversation, connection=str(connection.id))
        return Started(conversation, message)


def _as_if(number: str, text: str = "") -> MessageReceived:
    """As if they had written."""
    return MessageReceived(key="", address=number, text=text)


def _checked(wanted: Wanted) -> _Checked:
    """What was asked for, as far as it can be judged by itself; 422 with everything that is wrong."""
    errors: dict[str, list[str]] = {}
    connection = Connection.objects.select_related("assistant__published").filter(id=wanted.connection_id).first()
    if connection is None:
        errors["connection_id"] = ["Choose one of the workspace's connections."]
    elif not accounts.kind_of(connection).can(Capability.CONSENT):
        label = accounts.kind_of(connection).label
        errors["connection_id"] = [f"Over {label} nobody can be written to first: they have to begin."]
    elif connection.state == ConnectionState.DISABLED:
        errors["connection_id"] = [f"{connection.name} is disabled: {connection.state_reason} Enable it first."]
    number = ""
    try:
        number = numbers.e164(wanted.to)
    except forms.ValidationError as wrong:
        has_code = wanted.to.strip().startswith("+")
        errors["to"] = list(wrong.messages) if has_code else [_NO_CODE]
    text = _clean(wanted.text, "text", errors).strip()
    _clean(wanted.consent, "consent", errors)
    if wanted.template and text:
        errors["text"] = ["Not beside a template, which has its own words."]
    elif wanted.template and connection is not None and not windows.has_one(connection):
        errors["template"] = ["Templates are WhatsApp's: over this connection write a text."]
    elif not wanted.template and wanted.variables:
        errors["variables"] = ["Only with a template."]
    elif not wanted.template and not text and "text" not in errors:
        errors["text"] = ["Write what they are to read."]
    if errors or connection is None:
        raise invalid(errors)
    return _Checked(connection, number, text)


def _clean(typed: str, field: str, errors: dict[str, list[str]]) -> str:
    """The text as it can be stored; what is wrong with it is added to `errors`."""
    try:
        return clean_text(typed)
    except TextRefused as refused:
        errors[field] = [refused.message]
        return ""


def _filled(connection: Connection, number: str, wanted: Wanted) -> Filled:
    """The template with its values; it is named by its id at the provider, or by its name where only one has that."""
    named = template_use.usable(connection).filter(name=wanted.template).values_list("sid", flat=True)[:2]
    sid = named[0] if len(named) == 1 else wanted.template
    return template_use.fill(ConversationLink(connection=connection, address=number), sid, wanted.variables)


def _require(found: Standing, *, is_template: bool) -> None:
    """409 or 422 where they may not be written to."""
    if found.withdrawn is not None:
        reason, remedy = consents.words_of(found.withdrawn, found.connection)
        raise Problem("conflict", reason, hint=remedy)
    if found.blocked is not None:
        raise Problem("conflict", blocking.HELD_BACK, hint="Unblock them on their page under People first.")
    if found.current is not None:
        raise Problem(
            "conflict",
            "They are in a conversation over this connection already.",
            hint="Write in that one.",
            extra={"conversation_id": str(found.current)},
        )
    if found.country_refused is not None:
        raise invalid({"to": [f"{found.country_refused.words} {found.country_refused.remedy}"]})
    if not found.is_window_open and not is_template:
        reason = windows.reason(found.connection, found.number)
        raise invalid({"text": [f"{reason} Choose a template."]}, hint="Give `template` and `variables`.")


def cost_words(found: Standing, template: MessageTemplate | None = None) -> str:
    """What the message is billed as; `template`: the one that is chosen."""
    unit = found.kind.unit
    if found.has_window and (template is not None or not found.is_window_open):
        named = f"A template of the category {template.category.title()}" if template and template.category else ""
        by = "the country of who gets it" if named else "its category and the country of who gets it"
        return f"{named or 'A template'}: WhatsApp charges for it by {by}, and Twilio for each message."
    if found.has_window:
        return "Free words while the window is open: see WhatsApp's rates. Twilio charges for each message."
    if not found.units:
        return f"Billed by the {unit}, at the price of the country."
    return f"{found.units} {unit}{'' if found.units == 1 else 's'}, each billed at the price of the country."


def consent_words(found: Standing) -> str:
    """How they stand to being written to, in words for who is about to."""
    if found.withdrawn is not None:
        return consents.words_of(found.withdrawn, found.connection)[0]
    if found.consent is not None and found.consent.state == ConsentState.GIVEN:
        return "They agreed to be written to."
    if found.has_written:
        return "They wrote to you before."
    return "Nothing is known of their having agreed. Say below how they did."
