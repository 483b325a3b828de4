"""What an event is called on pages, in plain words: who did what."""

from __future__ import annotations

from collections.abc import Mapping

from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.events import DeskSaid, ProviderEvent, StatusReported
from convoship.lib import names

_KINDS = {"message": "Message", "status": "Status report", "hang-up": "Hang-up"}
# With the name of who did it before it, where that is told.
_DONE_BY: Mapping[str, str] = {
    "accepted": "took the case",
    "message": "answered",
    "returned": "gave it back to the assistant",
    "closed": "closed the case",
    "unavailable": "can't take the case",
}
_DONE: Mapping[str, str] = {
    "changed": "Something happened in the case",
    "visitor": "The visitor wrote at the desk",
    "ended": "The case is over at the desk",
    "lapsed": "The case ran out of time at the desk",
}


def words_of(event: ProviderEvent) -> str:
    """What it was."""
    if isinstance(event, DeskSaid):
        return _desk_said(event)
    if event.kind in _KINDS:
        return _KINDS[event.kind]
    return event.what[:1].upper() + event.what[1:80] if event.what else "Something else"


def _desk_said(event: DeskSaid) -> str:
    who = names.shown(event.name)[:60]
    if event.says == "typing":
        return f"{who or 'Somebody at the desk'} {'types' if event.on else 'types no more'}"
    if event.says in _DONE_BY:
        return (
            f"{who or ('The desk' if event.says == 'unavailable' else 'Somebody at the desk')} {_DONE_BY[event.says]}"
        )
    return _DONE.get(event.says, "Something else")


def excerpt_of(event: ProviderEvent, content: Mapping[str, object]) -> str:
    """What was said in it, or which status it reports."""
    if isinstance(event, StatusReported):
        word = event.status
        return str(DeliveryStatus(word).label) if word in DeliveryStatus.values else word
    return str(content.get("text") or content.get("payload") or "")[:120]
