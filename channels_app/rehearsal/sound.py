"""The ticket of a rehearsed call by sound that a browser is about to make.

It is asked for as a gateway asks: over the network, signed. The sound itself goes from the browser straight to the
processes that carry it, as that of any gateway.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from channels_app.models import Call, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.base import StandIn
from convoship.lib.actors import Actor
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.problems import Problem
from workspaces import audit

_NOTE = "to ask for the ticket of a call."
# In the log a ticket is nobody's any more.
_STRUCK_OUT = "(given to the telephone)"


@dataclass(frozen=True)
class Asked:
    """A request for a ticket that is about to be made."""

    line_id: UUID
    call_id: str


def ask(actor: Actor, stand_in: StandIn, *, wrongly: bool) -> Asked:
    """Line up the request for a new call's ticket; `Problem` where this connection's calls have none."""
    if not stand_in.has_sound or stand_in.has_telephone:
        words = "The calls of this rehearsal don't go by sound."
        raise Problem("conflict", words, hint="Set the connection's mode to Streaming in its settings.")
    call_id = f"call-{secrets.token_hex(4)}"
    saying = stand_in.asks_for_ticket(call_id)
    line = rehearsing.note(
        stand_in.connection,
        kind=LineKind.SAID,
        address=call_id,
        text=saying.text,
        note=_NOTE,
        url=saying.url,
        body=saying.body,
        is_signed_wrongly=wrongly,
        due_at=timezone.now(),
    )
    audit.record(actor, "rehearsal.said", stand_in.connection)
    return Asked(line.id, call_id)


def given(connection_id: UUID, asked: Asked) -> dict[str, str]:
    """What the request got: `{socket_url, ticket, call_id, call_url}`, or `{refused, hint}` in Convoship's words."""
    line = RehearsalLine.objects.get(connection_id=connection_id, id=asked.line_id)
    answer = _read(line.answer)
    if line.answer_status != 201 or not answer.get("ticket"):
        return _refusal(line, answer)
    line.answer = json.dumps({**answer, "ticket": _STRUCK_OUT})
    line.save(update_fields=["answer"])
    call = Call.objects.filter(connection_id=connection_id, sid=asked.call_id).first()
    return {
        "socket_url": str(answer["socket_url"]),
        "ticket": str(answer["ticket"]),
        "call_id": asked.call_id,
        "call_url": reverse("conversation", args=[call.conversation_id]) if call is not None else "",
    }


def _refusal(line: RehearsalLine, answer: Mapping[str, Any]) -> dict[str, str]:
    """Why there is no ticket."""
    if line.answer_status is None:
        words = line.note if line.note != _NOTE else "The request for the call's ticket was not answered."
        return {"refused": words, "hint": "Call again. What was sent stands under Over the wire."}
    if line.answer_status == 403:
        words = "Convoship refused the call: the request for its ticket was signed wrongly."
        return {"refused": words, "hint": "It is counted on Events."}
    words = str(answer.get("detail") or f"Convoship answered {line.answer_status} and gave no ticket.")
    return {"refused": words, "hint": str(answer.get("hint") or "")}


def _read(answer: str) -> dict[str, Any]:
    try:
        found = loads(answer)
    except BadJSON:
        return {}
    return found if isinstance(found, dict) else {}
