"""Try an assistant: turns without a channel, which leave no trace in the database.

What one turn leaves for the next (the state, what was said) goes to who tries and comes back with the next turn. It is
their own draft, but what comes back is a stranger's value all the same: `checked_state` takes nothing that the
dialogue could not have made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from convoship.lib.plain_errors import PlainValidator, failures
from convoship.lib.problems import Problem, invalid
from deployments.about import about
from deployments.models import Assistant, AssistantVersion
from deployments.responders.base import (
    End,
    EndOfText,
    HandOver,
    IfSilent,
    Line,
    Missed,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    responder_for,
)
from deployments.responders.schema import CHANNELS, LONGEST_NAME
from deployments.turns import HISTORY_LINES

WEB = CHANNELS[0]
LONGEST_LOCALE = 35
MOST_SLOTS, MOST_COUNTED, LONGEST_KEPT = 200, 500, 1000
_COUNT = {"type": "integer", "minimum": 0, "maximum": 1_000_000}

# What `responders.dialogue` remembers of a conversation.
STATE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "What the answer before gave as `state`.",
    "properties": {
        "said": {
            "type": "object",
            "maxProperties": MOST_COUNTED,
            "patternProperties": {f"^.{{1,{LONGEST_NAME + 20}}}$": _COUNT},
            "additionalProperties": False,
        },
        "misses": _COUNT,
        "slots": {
            "type": "object",
            "maxProperties": MOST_SLOTS,
            "patternProperties": {
                "^[a-z][a-z0-9_]{0,39}$": {
                    "type": "object",
                    "required": ["value", "said"],
                    "additionalProperties": False,
                    "properties": {
                        "value": {
                            "type": ["string", "number", "boolean"],
                            "maxLength": LONGEST_KEPT,
                            "minimum": -1e15,
                            "maximum": 1e15,
                        },
                        "said": {"type": "string", "maxLength": LONGEST_KEPT},
                    },
                }
            },
            "additionalProperties": False,
        },
        "form": {
            "type": "object",
            "required": ["intent", "at", "attempts"],
            "additionalProperties": False,
            "properties": {
                "intent": {"type": "string", "maxLength": LONGEST_NAME},
                "at": _COUNT,
                "attempts": _COUNT,
                "skip": {"type": "boolean"},
            },
        },
    },
}
_state = PlainValidator(STATE_SCHEMA)


@dataclass(frozen=True)
class Setting:
    """What is tried, and as which visitor. `content` is the responder's part of a draft or of a version."""

    responder: str
    content: Mapping[str, Any]
    assistant: str = ""
    channel: str = WEB
    locale: str | None = None
    visitor: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, Mapping[str, Any]]:
        """What the responder may know of the conversation."""
        return about(self.visitor, page_url="", page_title="", assistant=self.assistant)


@dataclass
class Tried:
    """What the assistant would have said and done. `state` is what the next turn begins with."""

    replies: list[Say] = field(default_factory=list)
    trace: dict[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None
    hand_over: str | None = None
    end: str | None = None
    if_silent: IfSilent | None = None
    writing: str = ""

    def take(self, reply: Reply) -> None:
        """One reply of the responder, in order; pieces of a text become one message (`responders.base`)."""
        match reply:
            case Token():
                self.writing += reply.text
            case EndOfText():
                self.finish_text(reply.blocks)
            case Missed():
                pass  # counted where it counts: here nobody is asked for
            case Trace():
                self.trace.update(reply.data)
            case Remember():
                self.state = reply.state
            case IfSilent():
                self.if_silent = reply
            case Say():
                self.finish_text()
                self.replies.append(reply)
            case HandOver():
                self.finish_text()
                self.hand_over = reply.reason
            case End():
                self.finish_text()
                self.end = reply.reason

    def finish_text(self, blocks: tuple[Mapping[str, Any], ...] = ()) -> None:
        """The text so far, if any, is a message."""
        if self.writing:
            self.replies.append(Say(self.writing, blocks))
            self.writing = ""


def of_draft(assistant: Assistant, **visitor: Any) -> Setting:
    """The draft as it is saved now; `visitor`: `channel`, `locale`, `visitor` of `Setting`."""
    return Setting(assistant.responder, assistant.draft[assistant.responder], assistant.name, **visitor)


def of_version(version: AssistantVersion, **visitor: Any) -> Setting:
    """A published version."""
    return Setting(version.responder, version.responder_content, version.content["name"], **visitor)


def checked_state(state: object) -> Mapping[str, Any]:
    """A state as a turn left it; 422 with a message per path (`state.form.at`)."""
    errors = {f"state.{path}" if path else "state": said for path, said in failures(_state, state).items()}
    if errors:
        raise invalid(errors)
    return cast("Mapping[str, Any]", state)


def welcome(setting: Setting) -> list[Say]:
    """What is said first."""
    with _refusals_as_problems():
        responder = responder_for(setting.responder)
        return list(responder.welcome(setting.content, setting.locale, setting.channel, setting.about))


async def try_once(
    setting: Setting,
    text: str,
    *,
    payload: str | None = None,
    state: Mapping[str, Any] | None = None,
    history: Sequence[Line] = (),
) -> Tried:
    """What is answered to this text, after `history`, from `state`. Call outside `tenant()`: it may take its time."""
    turn = TurnInput(
        text=text,
        payload=payload,
        locale=setting.locale,
        channel=setting.channel,
        history=history[-HISTORY_LINES:],
        state=state or {},
        content=setting.content,
        about=setting.about,
    )
    tried = Tried(state=state)
    with _refusals_as_problems():
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            async for reply in responder_for(setting.responder).answer(turn):
                tried.take(reply)
    tried.finish_text()
    return tried


@contextmanager
def _refusals_as_problems() -> Iterator[None]:
    """A responder's own words for what keeps it from answering: the reason, and the remedy as the hint."""
    try:
        yield
    except ResponderError as error:
        raise Problem("unavailable" if error.retryable else "conflict", error.reason, hint=error.remedy) from error
    except TimeoutError:
        raise Problem(
            "unavailable", f"The assistant did not answer within {ANSWER_TIMEOUT_SECONDS:.0f} seconds."
        ) from None
