"""A stand-in for somebody's bot, for rehearsals: it answers in each of the three ways, and fails in each way on demand.

An assistant's `webhook.url` names it, and how it behaves: `https://bot.rehearsal.invalid/stream` (RFC 2606: nobody
has that host). What is asked goes to this server's own address instead, over the network and signed as to any bot
(`deployments.rehearsed_bots`), so that an assistant is the same on every server, and a file of it holds no address.

It understands nothing. It says what it heard, counts in the conversation's state, and does what a visitor's words name:
a person, the end, buttons.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

HOST = "bot.rehearsal.invalid"
_ADDRESS = re.compile(rf"https?://{re.escape(HOST)}(?::\d+)?(?:/(.*))?", re.IGNORECASE | re.DOTALL)
_PERSON = re.compile(r"\b(person|human|agent|somebody|mensch|mitarbeiter)\b", re.IGNORECASE)
_END = re.compile(r"\b(bye|goodbye|tschüss)\b", re.IGNORECASE)
_BUTTONS = re.compile(r"\b(button|buttons|choose)\b", re.IGNORECASE)

Way: TypeAlias = Literal["json", "stream", "later", "refuses", "silent"]


@dataclass(frozen=True)
class Behaviour:
    """How it answers. `label`: what a page calls it.

    `first_seconds` pass before the answer begins, or before it calls back; `word_seconds` between two words of a
    stream. It answers with `status` where it refuses. `breaks`: a stream ends in the middle, a call back never comes,
    or the JSON is of another form.
    """

    label: str
    way: Way
    first_seconds: float = 0.1
    word_seconds: float = 0.03
    status: int = 200
    breaks: bool = False


BOTS: Mapping[str, Behaviour] = {
    "json": Behaviour("Answers at once, in JSON", "json"),
    "stream": Behaviour("Answers in a stream", "stream"),
    "later": Behaviour("Answers 202, and calls back", "later", first_seconds=2),
    "slow": Behaviour("Streams slowly", "stream", first_seconds=3, word_seconds=0.4),
    "breaks": Behaviour("Breaks off in the middle of a stream", "stream", breaks=True),
    "forgets": Behaviour("Answers 202, and never calls back", "later", breaks=True),
    "malformed": Behaviour("Answers in another form", "json", breaks=True),
    "key": Behaviour("Refuses the signature", "refuses", status=401),
    "busy": Behaviour("Takes no more questions", "refuses", status=429),
    "down": Behaviour("Is broken", "refuses", status=500),
    "moved": Behaviour("Sends on to another address", "refuses", status=308),
    "silent": Behaviour("Never answers", "silent"),
}
ADDRESSES: Mapping[str, str] = {name: f"https://{HOST}/{name}" for name in BOTS}


def name_of(url: str) -> str | None:
    """Which of `BOTS` an address means: "" for one of this host that is none of them, None for another host's."""
    found = _ADDRESS.fullmatch(url.strip())
    if found is None:
        return None
    name = (found[1] or "").strip("/").lower()
    return name if name in BOTS else ""


def faults(url: str) -> dict[str, list[str]]:
    """What is wrong with an address of the rehearsal's host, by path."""
    if name_of(url) == "":
        return {"url": [f"The rehearsal has no such bot. It has {', '.join(ADDRESSES.values())}."]}
    return {}


def answer(asked: Mapping[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    """The whole answer to a turn as it is posted (`responders.webhook`)."""
    message, state = _part(asked, "message"), _part(asked, "state")
    text, said = str(message.get("text") or ""), state.get("said")
    count = (said if isinstance(said, int) and 0 <= said < 10_000 else 0) + 1
    if behaviour.breaks:
        return {"message": "This is not what a bot answers."}
    actions: list[dict[str, Any]] = [{"type": "remember", "state": {"said": count}}]
    if _PERSON.search(text):
        actions.append({"type": "hand_over", "reason": "They asked for a person."})
        return {"messages": [{"text": "I get somebody for you."}], "actions": actions}
    if _END.search(text):
        actions.append({"type": "end", "reason": "They said goodbye."})
        return {"messages": [{"text": "Goodbye."}], "actions": actions}
    reply: dict[str, Any] = {"text": words(text, message.get("payload"), count)}
    if _BUTTONS.search(text):
        buttons = [{"label": label, "payload": label.lower()} for label in ("Track a parcel", "Send it back")]
        reply["blocks"] = [{"type": "buttons", "buttons": buttons}]
    return {"messages": [reply], "actions": actions}


def words(text: str, payload: object, count: int) -> str:
    """What it says to a visitor's words, the `count`th of their conversation."""
    heard = f"You said: “{text[:200]}”" if text else "You said nothing"
    tapped = f" (the button's value is “{payload[:100]}”)" if isinstance(payload, str) and payload else ""
    return (
        f"{heard}{tapped}, which makes {count} so far. I only stand in for a bot of your own here, so I can't know "
        "more. Say *buttons*, *a person* or *goodbye*."
    )


def events(asked: Mapping[str, Any], behaviour: Behaviour) -> Iterator[bytes]:
    """The same as the events of a stream, one word at a time."""
    whole = answer(asked, BOTS["json"])
    (message,) = whole["messages"]
    pieces = re.findall(r"\S+\s*", message["text"])
    for place, piece in enumerate(pieces):
        if behaviour.breaks and place > len(pieces) // 2:
            return
        yield _event("token", {"text": piece})
    if behaviour.breaks:  # an answer of one word, too
        return
    for action in whole["actions"]:
        yield _event("action", action)
    yield _event("done", {"blocks": message["blocks"]} if "blocks" in message else {})


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}
