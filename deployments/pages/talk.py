"""A conversation that is being tried. Nothing of it is stored: it travels with the page, signed, and comes back with
the next thing that is said."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.core import signing
from django.utils import timezone

from convoship.lib.problems import Problem
from deployments import trying
from deployments.responders.base import Line, Say
from deployments.trying import Setting, Tried

MOST_TURNS = 40
LARGEST = 500_000  # characters of the signed form

Spoken = dict[str, Any]  # {text, blocks, is_cut?}


class NotATalk(ValueError):
    """What came back isn't what was sent out."""


@dataclass
class Talk:
    """What was said so far, and what the next turn begins with.

    A turn is `{text, payload, replies: [{text, blocks, is_cut?}], trace, hand_over, end, refused?, stopped?}`; one
    without text is what was said into silence, with `seconds`. Early turns of a long conversation are let go; `first`
    counts them.
    """

    began: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    seen: str = ""  # what answered when this began: the draft of which moment, or which version
    welcome: list[Spoken] = field(default_factory=list)
    first: int = 0
    turns: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Any] | None = None
    quiet: dict[str, Any] | None = None  # what breaks a silence now: {after_seconds, text, blocks, then}

    @staticmethod
    def is_utterance(turn: Mapping[str, Any]) -> bool:
        """Whether it was typed to say what the visitor wants. An answer to a question says that of no intent."""
        return bool(turn["text"]) and turn["payload"] is None and turn["trace"].get("by") not in {"form", "cancel"}

    @property
    def is_over(self) -> bool:
        """Whether the conversation has ended."""
        return bool(self.turns) and self.turns[-1]["end"] is not None

    def packed(self, assistant_id: UUID) -> str:
        """The signed form, which this assistant's page alone takes back."""
        while True:
            signed = signing.dumps(asdict(self), salt=_salt(assistant_id), compress=True)
            if len(self.turns) <= MOST_TURNS and (len(signed) <= LARGEST or not self.turns):
                return signed
            del self.turns[0]
            self.first += 1

    def button(self, place: str) -> tuple[str, str] | None:
        """(label, payload) of the button at `turn.reply.button` (turn `w`: the welcome); None if there is none."""
        try:
            turn, reply, number = place.split(".")
            spoken = self.welcome if turn == "w" else self.turns[_index(turn, self.first)]["replies"]
            found = buttons_of(spoken[_index(reply)]["blocks"])[_index(number)]
        except (ValueError, IndexError):
            return None
        return (found["label"], found["payload"]) if "payload" in found else None

    def turn(self, number: str) -> dict[str, Any] | None:
        """The turn of this number, as pages count them."""
        try:
            return self.turns[_index(number, self.first)]
        except (ValueError, IndexError):
            return None


def _index(written: str, first: int = 0) -> int:
    """A place as a page wrote it; ValueError for what isn't one."""
    if not written.isascii() or not written.isdecimal() or len(written) > 6 or (number := int(written) - first) < 0:
        raise ValueError(written[:20])
    return number


def _salt(assistant_id: UUID) -> str:
    return f"convoship.try.{assistant_id}"


def unpacked(signed: str, assistant_id: UUID) -> Talk:
    """The conversation of this form; NotATalk for one that was cut, changed or belongs to another assistant."""
    try:
        return Talk(**signing.loads(signed, salt=_salt(assistant_id)))
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise NotATalk from error


def buttons_of(blocks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Every button of a message, in the order in which it is drawn."""
    found: list[Mapping[str, Any]] = []
    for block in blocks:
        found += block.get("buttons", ())
        for card in block.get("cards", ()):
            found += card.get("buttons", ())
    return found


# --- What happens in it -------------------------------------------------------------------------------------------


def begin(setting: Setting, seen: str) -> Talk:
    """A new one, with the welcome."""
    return Talk(seen=seen, welcome=[_spoken(say) for say in trying.welcome(setting)])


def say(talk: Talk, setting: Setting, text: str, payload: str | None = None) -> None:
    """One turn, as `said` has it, for who waits for the whole of it."""
    async_to_sync(said)(talk, setting, text, payload)


async def said(
    talk: Talk,
    setting: Setting,
    text: str,
    payload: str | None = None,
    heard: Callable[[str], None] = lambda _piece: None,
) -> None:
    """One turn. Why a responder can't answer stands in it, with the words so far and the record; so if it is stopped.

    The conversation's state is then what it was before. `heard` is given each piece of text as it comes. Outside of
    `tenant()`.
    """
    turn: dict[str, Any] = {
        "text": text,
        "payload": payload,
        "replies": [],
        "trace": {},
        "hand_over": None,
        "end": None,
    }
    tried = Tried()
    try:
        await trying.try_once(
            setting, text, payload=payload, state=talk.state, history=_history(talk), heard=heard, into=tried
        )
    except Problem as problem:
        turn |= _done(tried)
        turn["refused"] = {"reason": problem.detail, "remedy": problem.hint or ""}
    except asyncio.CancelledError:
        tried.cut.clear()  # that it was stopped is said once
        turn |= _done(tried) | {"stopped": True}
        talk.turns.append(turn)
        raise
    else:
        turn |= _done(tried)
        talk.state = dict(tried.state) if tried.state is not None else None
        quiet = tried.if_silent
        talk.quiet = (
            None if quiet is None else {**_spoken(quiet.say), "after_seconds": quiet.after_seconds, "then": quiet.then}
        )
    talk.turns.append(turn)


def stay_silent(talk: Talk) -> None:
    """What is said to a visitor who says nothing; once, as in a conversation."""
    if talk.quiet is None or talk.is_over:
        return
    quiet, talk.quiet = talk.quiet, None
    then = {"hand_over": "The visitor said nothing more.", "end": "The visitor said nothing more."}
    talk.turns.append(
        {
            "text": "",
            "payload": None,
            "seconds": quiet["after_seconds"],
            "replies": [{"text": quiet["text"], "blocks": quiet["blocks"]}],
            "trace": {},
            **{name: then[name] if quiet["then"] == name else None for name in then},
        }
    )


def _done(tried: Tried) -> dict[str, Any]:
    return {
        "replies": [_spoken(reply) | _cut(place in tried.cut) for place, reply in enumerate(tried.replies)],
        "trace": tried.trace,
        "hand_over": tried.hand_over,
        "end": tried.end,
    }


def _cut(is_cut: bool) -> Spoken:
    return {"is_cut": True} if is_cut else {}


def _spoken(say: Say) -> Spoken:
    return {"text": say.text, "blocks": [dict(block) for block in say.blocks]}


def _history(talk: Talk) -> list[Line]:
    now = timezone.now()
    lines = [Line("assistant", spoken["text"], None, now) for spoken in talk.welcome]
    for turn in talk.turns:
        if turn["text"]:
            lines.append(Line("visitor", turn["text"], turn["payload"], now))
        lines += [Line("assistant", reply["text"], None, now) for reply in turn["replies"]]
    return lines
