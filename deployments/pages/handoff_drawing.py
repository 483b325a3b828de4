"""The hand-overs of a conversation as its page shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployments import desks, handoff_history
from deployments.desks import INBOX, Choice, ShownCase
from deployments.handoff_outline import FORM_NAMES, desk_words
from deployments.models import Conversation, Handoff
from deployments.models.handoff import HandoffState


@dataclass(frozen=True)
class Tried:
    """A desk that could not take the case, or did not, and why."""

    desk: str
    words: str
    at: dt.datetime | None


@dataclass(frozen=True)
class Drawn:
    """One hand-over: the row, its desk's name, what was answered, who was asked in vain, and who had it."""

    row: Handoff
    desk: str
    answers: Sequence[tuple[str, str]]
    tried: Sequence[Tried]
    who: str
    cases: Sequence[ShownCase] = ()
    # A real visitor is with a desk that is a rehearsal, or waits for it.
    reaches_nobody: bool = False

    @property
    def is_outside(self) -> bool:
        """Whether it goes on at a desk outside the house, or came by one: then that is said without being opened."""
        return self.row.is_open and (self.row.desk not in ("", INBOX) or bool(self.tried))

    @property
    def since(self) -> dt.datetime | None:
        """Since when it stands as it does."""
        row = self.row
        match row.state:
            case HandoffState.OFFERED:
                return row.offered_at
            case HandoffState.ACCEPTED:
                return row.accepted_at
            case HandoffState.LIVE:
                return row.live_at
            case HandoffState.REQUESTED:
                return row.requested_at
        return row.ended_at


def drawn(conversation: Conversation) -> list[Drawn]:
    """Every hand-over of the conversation, the newest first."""
    rows = handoff_history.of(conversation)
    played = desks.rehearsals() if rows else {}
    return [_drawn(row, conversation, played) for row in rows]


def _drawn(row: Handoff, conversation: Conversation, played: Mapping[str, Choice]) -> Drawn:
    answers = [(label, str(row.answers[name])) for name, label in FORM_NAMES.items() if row.answers.get(name)]
    vain = [each for each in row.tried if each.get("words") or not each.get("who")]
    tried = [
        Tried(_name(each.get("desk", ""), played), each.get("words", ""), _moment(each.get("at"))) for each in vain
    ]
    who = ", then ".join(handoff_history.holders(row))
    in_vain = row.is_open and row.is_at_desk and row.desk in played and not conversation.is_test
    return Drawn(row, _name(row.desk, played), answers, tried, who, desks.cases_of(row), in_vain)


def _name(ref: str, played: Mapping[str, Choice]) -> str:
    if not ref:
        return ""
    if ref in played:
        return played[ref].words
    desk = desks.of(ref)
    return desk.name() if desk is not None else f"{desk_words(ref).capitalize()}, deleted"


def _moment(written: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(str(written))
    except ValueError:
        return None
