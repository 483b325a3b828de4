"""A telephone as a desk (`deployments.desks`): a connection for calls that has somebody to put them through to.

It takes calls only, and any call of its workspace: over whichever number it came in, it is put through to this
connection's telephone, in this connection's manner. What it is told are rows; who leads the call is `courses`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from channels_app import accounts
from channels_app.models import Call, Connection
from channels_app.models.call import CallState, TransferManner
from channels_app.models.connection import ConnectionState
from channels_app.providers import numbers
from channels_app.providers.base import Capability
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import transfers
from deployments import desks
from deployments.desks import Availability, Case, Choice, Desk, ShownCase
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import Channel

ONLY_CALLS = "It takes telephone calls only, and this is none."


class PhoneDesk:
    """The telephone of a connection for calls."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.config = VoiceConfig.of(connection.config)

    def name(self) -> str:
        """What members call it."""
        return f"{self.connection.name} (telephone)"

    def availability(self, now: dt.datetime, conversation: Conversation | None = None) -> Availability:
        """Whether a call would be put through to it now."""
        if self.connection.state != ConnectionState.ACTIVE:
            return Availability(False, f"{self.connection.name} is {self.connection.get_state_display().lower()}.")
        if self.connection.stopped_since is not None:
            return Availability(False, f"{self.connection.name} is stopped: {self.connection.fault}")
        if words := refused(self.connection, self.config.transfer_to):
            return Availability(False, words)
        if self.connection.spent_until is not None and self.connection.spent_until > now:
            return Availability(False, "Its minutes of today are used up.")
        if conversation is not None and call_of(conversation) is None:
            return Availability(False, ONLY_CALLS)
        return Availability(True)

    def open_case(self, case: Case) -> None:
        """Ask for the call to be put through."""
        call = call_of(case.conversation)
        if call is not None:
            transfers.ask(
                call,
                case.handoff,
                manner=TransferManner(self.config.manner),
                to=self.config.transfer_to or self.config.queue,
                name=self.connection.name,
                key=case.key,
            )

    def untold(self, case: Case) -> None:
        """It is told with the offer."""

    def add_turn(self, case: Case, message: Message) -> None:
        """Nothing: who is rung hears the summary, and then the caller."""

    def add_files(self, case: Case, message: Message) -> None:
        """Nothing: a call has no files."""

    def close_case(self, case: Case, outcome: str, words: str) -> None:
        """It is not put through there any more."""
        transfers.closed(case, words)


class PhoneDesks:
    """Finds the connections that are telephones."""

    def desk_of(self, ref: str) -> Desk | None:
        """The desk of a connection's id."""
        try:
            connection = Connection.objects.filter(id=UUID(ref)).first()
        except ValueError:
            return None
        return PhoneDesk(connection) if connection is not None and is_desk(connection) else None

    def choices(self) -> Sequence[Choice]:
        """Those of this workspace, by name."""
        rows = Connection.objects.order_by("name", "created_at")
        return [Choice(str(row.id), PhoneDesk(row).name(), row.is_rehearsal) for row in rows if is_desk(row)]

    def cases_of(self, handoff: Handoff) -> Sequence[ShownCase]:
        """None."""
        return ()

    def own_of(self, conversation: Conversation) -> Sequence[str]:
        """The telephone of the number that was called: who asks for a person there is put through to it."""
        call = call_of(conversation) if conversation.channel == Channel.VOICE else None
        return [str(call.connection_id)] if call is not None and is_desk(call.connection) else []


def is_desk(connection: Connection) -> bool:
    """Whether calls can be put through to its people."""
    kind = accounts.kind_of(connection)
    return kind.can(Capability.SPOKEN) and VoiceConfig.of(connection.config).can_transfer


def call_of(conversation: Conversation) -> Call | None:
    """The call that the conversation is, while it goes on."""
    found = Call.objects.filter(conversation=conversation).exclude(state=CallState.ENDED)
    return found.select_related("connection").first()


def refused(connection: Connection, number: str) -> str:
    """Why a number is not rung over this connection, in words; "" where it may be, or there is none (a queue).

    A number comes from settings and from members, never from what was said in a call; even so it must cost no more
    than a call does: none whose owner earns by it, and none of a country that the connection doesn't call.
    """
    if not number:
        return ""
    if number == VoiceConfig.of(connection.config).number:
        return f"{number} is the connection's own number: it would call itself. Use another number."
    if found := numbers.costly(number):
        return f"{number} is {found}: a call to such numbers can cost any amount, so none is made. Use another number."
    allowed = accounts.kind_of(connection).bounds(connection.config).countries
    country = numbers.country_of(number)
    if country in allowed:
        return ""
    where = f"a number of {country}" if country else "in no country that Convoship knows"
    return (
        f"{number} is {where}, and the connection calls {', '.join(sorted(allowed)) or 'no country'} only. "
        f"Add {country or 'its country'} to the countries in the connection's settings."
    )


def seconds_left(call: Call) -> int:
    """Until the longest call is over, in seconds."""
    return max(0, int((call.ends_by - timezone.now()).total_seconds()))


def register() -> None:
    """Have telephones found as desks."""
    desks.register(PhoneDesks())
