"""Conversations as the organisation keeps them, in JSON.

A conversation is {id, integration_id, address, id_type, name, nickname, attributes, started_at, changed_at,
disconnected_at, participants, messages, entries}; times are ISO 8601 in UTC with milliseconds.
`participants`: MessageMediaParticipant's own names, without what is null. `messages`: {id, provider_id, time, type,
is_inbound, text, content, metadata, status, by, entity, receipts}. `entries`: what the agent's screen shows.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app.rehearsal.genesys import shapes

Case = dict[str, Any]

MOST_CASES = 50
# Of one conversation; the oldest make room.
MOST_MESSAGES = 200
MOST_PARTICIPANTS = 100
# https://help.mypurecloud.com/articles/messaging-threading-timeline/: from the disconnection on, 72 hours by default.
THREADED = dt.timedelta(hours=72)


def written(at: dt.datetime) -> str:
    """A moment as Genesys writes it."""
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """This moment."""
    return written(timezone.now())


class Cases:
    """All of them, the one that changed last at the end."""

    def __init__(self, contents: dict[str, Any]) -> None:
        self.rows: list[Case] = contents.setdefault("conversations", [])

    def find(self, conversation_id: str) -> Case | None:
        """The conversation with this id."""
        return next((case for case in self.rows if case["id"] == conversation_id), None)

    def messages(self) -> Iterator[tuple[Case, dict[str, Any]]]:
        """Each message, with its conversation."""
        return ((case, message) for case in self.rows for message in case["messages"])

    def find_message(self, message_id: str) -> tuple[Case, dict[str, Any]] | None:
        """The message with Genesys' own id."""
        return next(((case, one) for case, one in self.messages() if one["id"] == message_id), None)

    def sent_before(self, integration_id: str, provider_id: str, time: str) -> tuple[Case, dict[str, Any]] | None:
        """The message that came in with the same id and the same time.

        https://developer.genesys.cloud/commdigital/digital/openmessaging/outboundMessages: "Each message must have a
        unique combination of Messaging Platform Message ID ("id") and time". Of what becomes of a second one no page
        tells; here it is the same message. Times are compared as moments.
        """
        at = shapes.moment(time)
        return next(
            (
                (case, one)
                for case, one in self.messages()
                if case["integration_id"] == integration_id
                and one["is_inbound"]
                and one["provider_id"] == provider_id
                and shapes.moment(one["time"]) == at
            ),
            None,
        )

    def going_on(self, integration_id: str, address: str) -> Case | None:
        """The conversation that a message from this address belongs to: one that goes on, or is threaded still."""
        since = timezone.now() - THREADED
        return next(
            (
                case
                for case in reversed(self.rows)
                if (case["integration_id"], case["address"]) == (integration_id, address)
                and (not case["disconnected_at"] or shapes.moment(case["disconnected_at"]) > since)
            ),
            None,
        )

    def touch(self, case: Case) -> None:
        """It changed now; the oldest make room for it."""
        case["changed_at"] = now()
        self.rows[:] = [*(one for one in self.rows if one["id"] != case["id"]), case][-MOST_CASES:]


def begun(integration_id: str, sender: Mapping[str, Any], *, is_inbound: bool = True) -> Case:
    """A new conversation of somebody's; it waits in a queue."""
    at = now()
    full = " ".join(str(sender[part]) for part in ("firstName", "lastName") if sender.get(part))
    case: Case = {
        "id": str(uuid.uuid4()),
        "integration_id": integration_id,
        "address": sender["id"],
        "id_type": str(sender.get("idType", "Opaque")).capitalize(),
        "email": sender.get("email", ""),
        "name": full or sender.get("nickname") or sender["id"],
        "sender": dict(sender),
        "attributes": {},
        "started_at": at,
        "changed_at": at,
        "disconnected_at": "",
        "is_inbound": is_inbound,
        "participants": [],
        "messages": [],
        "entries": [],
    }
    _join(case, "customer", case["name"])
    return case


def queued(case: Case) -> None:
    """Let it wait in the queue, where nobody has it: it is new, or it was disconnected and they write again."""
    if case["disconnected_at"]:
        case["disconnected_at"] = ""
        _join(case, "customer", case["name"])
        entered(case, "event", "Genesys Cloud", "The customer wrote again, on the same thread.")
    if connected(case, "agent") is None and connected(case, "acd") is None:
        _join(case, "acd", "Support")


def _join(case: Case, purpose: str, name: str) -> dict[str, Any]:
    at = now()
    participant = {
        "id": str(uuid.uuid4()),
        "name": name,
        "startTime": at,
        "connectedTime": at,
        "purpose": purpose,
        "state": "connected",
        "direction": "inbound" if case["is_inbound"] else "outbound",
    }
    case["participants"].append(participant)
    del case["participants"][:-MOST_PARTICIPANTS]
    return participant


def _leave(participant: dict[str, Any], why: str) -> None:
    participant.update(state="disconnected", endTime=now(), disconnectType=why)


def connected(case: Case, purpose: str) -> dict[str, Any] | None:
    """The participant of this purpose who is connected now."""
    return next((one for one in case["participants"] if (one["purpose"], one["state"]) == (purpose, "connected")), None)


def accepted(case: Case, name: str) -> dict[str, Any]:
    """Let an agent of this name have it, who is told by the id of their user; another agent leaves."""
    agent = connected(case, "agent")
    if agent is not None and agent["name"] == name:
        return agent
    for one in (agent, connected(case, "acd")):
        if one is not None:
            _leave(one, "transfer")
    joined = _join(case, "agent", name)
    joined["user_id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"agent:{name}"))
    entered(case, "event", "Genesys Cloud", f"{name} is connected.")
    return joined


def disconnected(case: Case, by: str, words: str) -> None:
    """Everybody leaves; `by`: the purpose of who ended it, or empty where the API did. It is threaded from now on."""
    for one in case["participants"]:
        if one["state"] != "disconnected":
            _leave(one, "client" if not by or one["purpose"] == by else "peer")
    case["disconnected_at"] = now()
    entered(case, "event", "Genesys Cloud", words)


def entered(case: Case, role: str, name: str, text: str, files: Sequence[Mapping[str, str]] = ()) -> None:
    """Show something on the agent's screen."""
    case["entries"].append(
        {"role": role, "name": name, "text": text, "at": now(), "files": [dict(one) for one in files]}
    )
    del case["entries"][:-MOST_MESSAGES]


def added(case: Case, **values: Any) -> dict[str, Any]:
    """A message in it. Genesys' own ids of messages are 32 hexadecimal digits."""
    message = {
        "id": secrets.token_hex(16),
        "type": "Text",
        "metadata": {},
        "content": [],
        "receipts": [],
        "by": {},
        **values,
    }
    message.setdefault("provider_id", message["id"])
    message["provider_id"] = message["provider_id"] or message["id"]
    case["messages"].append(message)
    del case["messages"][:-MOST_MESSAGES]
    return message
