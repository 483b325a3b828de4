"""The inbox as a desk: its people are the workspace's own members, and its cases are the conversations themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from deployments import desks, member_mails
from deployments.desks import INBOX, Availability, Case, Choice, Desk, ShownCase
from deployments.models import Conversation, Handoff, Message
from workspaces.members import addresses_on_duty


class InboxDesk:
    """Needs no outbox: whoever opens the inbox reads the conversation itself."""

    def name(self) -> str:
        """What members call it."""
        return "Inbox"

    def availability(self, now: dt.datetime, conversation: Conversation | None = None) -> Availability:
        """Whether a member who may answer is on duty."""
        if addresses_on_duty("conversations.write"):
            return Availability(True)
        return Availability(False, "No member who may answer is on duty.")

    def open_case(self, case: Case) -> None:
        """Have members called, except to a test: the sweeper mails them, and not again and again."""
        if case.conversation.is_test:
            return
        case.conversation.members_told_at = None
        words = member_mails.held_back(case.conversation)
        if words:
            case.handoff.mail_trouble = words
            case.handoff.save(update_fields=["mail_trouble"])

    def untold(self, case: Case) -> None:
        """It is told with the offer."""

    def add_turn(self, case: Case, message: Message) -> None:
        """Nothing: it is there."""

    def add_files(self, case: Case, message: Message) -> None:
        """Nothing: they are there."""

    def close_case(self, case: Case, outcome: str, words: str) -> None:
        """Nothing: it is seen."""


class InboxFinder:
    """Knows the one inbox of a workspace."""

    def desk_of(self, ref: str) -> Desk | None:
        """The inbox, by its name."""
        return InboxDesk() if ref == INBOX else None

    def choices(self) -> Sequence[Choice]:
        """The one."""
        return [Choice(INBOX, "Inbox")]

    def cases_of(self, handoff: Handoff) -> Sequence[ShownCase]:
        """None."""
        return ()

    def own_of(self, conversation: Conversation) -> Sequence[str]:
        """None."""
        return ()


def register() -> None:
    """Have the inbox found."""
    desks.register(InboxFinder())
