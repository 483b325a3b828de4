"""Try an assistant: turns without a channel, which leave no trace in the database.

What one turn leaves for the next (the state, what was said) goes to who tries and comes back with the next turn. It is
their own draft, but what comes back is a stranger's value all the same: `checked_state` takes nothing that the
dialogue could not have made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from convoship.lib import limiting
from convoship.lib.actors import Actor
from convoship.lib.plain_errors import PlainValidator, failures
from convoship.lib.problems import Problem, invalid
from deployments.about import about
from deployments.models import Assistant, AssistantVersion
from deployments.reaching import WorkspaceReach
from deployments.responders import answering
from deployments.responders.base import (
    End,
    EndOfText,
    HandOver,
    IfSilent,
    Line,
    Missed,
    NoReach,
    Reach,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    closing,
)
from deployments.responders.dialogue import KIND as SCRIPTED
from deployments.responders.schema import CHANNELS, LONGEST_NAME
from deployments.responders.webhook import KIND as WEBHOOK
from deployments.responders.webhook_answer import LARGEST_STATE
from deployments.turns import HISTORY_LINES
from workspaces.permissions import scope_for

WEB = CHANNELS[0]
LONGEST_LOCALE = 35
MOST_SLOTS, MOST_COUNTED, LONGEST_KEPT = 200, 500, 1000
_COUNT = {"type": "integer", "minimum": 0, "maximum": 1_000_000}

# What `responders.dialogue` remembers of a conversation.
_DIALOGUE: dict[str, Any] = {
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
}
# What else is remembered where a model answers (`responders.llm`). What the script beside it remembers is apart.
_COLLECTED = {
    "type": "object",
    "maxProperties": MOST_SLOTS,
    "patternProperties": {"^[a-z][a-z0-9_]{0,39}$": {"type": "string", "maxLength": LONGEST_KEPT}},
    "additionalProperties": False,
}
STATE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "What the answer before gave as `state`.",
    "properties": {
        **_DIALOGUE,
        "fields": _COLLECTED,
        answering.SCRIPT: {"type": "object", "additionalProperties": False, "properties": _DIALOGUE},
    },
}
_state = PlainValidator(STATE_SCHEMA)
# A bot remembers what it likes; it reads that itself, and nobody else does.
_of_a_bot = PlainValidator(
    {"type": "object", "properties": {answering.SCRIPT: STATE_SCHEMA["properties"][answering.SCRIPT]}}
)


@dataclass(frozen=True)
class Setting:
    """What is tried, and as which visitor. `whole` is the content of a draft or of a version."""

    whole: Mapping[str, Any]
    assistant: str = ""
    reach: Reach = field(default_factory=NoReach)
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
    # Of `replies` those that broke off, by their places.
    cut: set[int] = field(default_factory=set)

    def take(self, reply: Reply) -> None:
        """One reply of the responder, in order; pieces of a text become one message (`responders.base`)."""
        match reply:
            case Token():
                self.writing += reply.text
            case EndOfText():
                self.finish_text(reply.blocks, is_cut=reply.is_cut)
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

    def finish_text(self, blocks: tuple[Mapping[str, Any], ...] = (), *, is_cut: bool = False) -> None:
        """The text so far, if any, is a message; one that broke off is marked."""
        if self.writing:
            if is_cut:
                self.cut.add(len(self.replies))
            self.replies.append(Say(self.writing, blocks))
            self.writing = ""


def of_draft(assistant: Assistant, **visitor: Any) -> Setting:
    """The draft as it is saved now; `visitor`: `channel`, `locale`, `visitor` of `Setting`."""
    reach = WorkspaceReach(assistant.workspace_id, assistant.id)
    return Setting(assistant.content_of_draft(), assistant.name, reach, **visitor)


def of_version(version: AssistantVersion, **visitor: Any) -> Setting:
    """A published version."""
    reach = WorkspaceReach(version.workspace_id, version.assistant_id)
    return Setting(version.content, version.content["name"], reach, **visitor)


def admit(actor: Actor, workspace_id: UUID, setting: Setting) -> None:
    """Whether this member or key may have it answer now. Call outside `tenant()`.

    A script costs nothing. What a model or a bot answers costs its owner money, and may do what its tools do: 403 for
    who may not change assistants, 429 where the workspace tries too much at once.
    """
    if setting.whole["responder"] == SCRIPTED:
        return
    if not actor.may("assistants.write"):
        scope = scope_for("assistants.write")
        raise Problem(
            "scope_missing",
            f"A model or a bot answers here, and each answer may cost money: trying it takes {scope}.",
            hint="Ask an owner or admin of the workspace for another role, or use a key with this scope.",
            extra={"scope": scope},
        )
    limiting.hit("tries", str(workspace_id), words="Too many tries of models and bots in this workspace")


def part_of(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the responder itself reads of a content."""
    content: Mapping[str, Any] = whole.get(whole["responder"]) or {}
    return content


def checked_state(state: object, kind: str = SCRIPTED) -> Mapping[str, Any]:
    """A state as a turn of this responder left it; 422 with a message per path (`state.form.at`)."""
    rules = _of_a_bot if kind == WEBHOOK else _state
    errors = {f"state.{path}" if path else "state": said for path, said in failures(rules, state).items()}
    if errors:
        raise invalid(errors)
    checked = cast("Mapping[str, Any]", state)
    own = {key: value for key, value in checked.items() if key != answering.SCRIPT}
    if kind == WEBHOOK and len(json.dumps(own)) > LARGEST_STATE:
        raise invalid({"state": [f"This is too long: at most {LARGEST_STATE:,} characters of JSON."]})
    return checked


def welcome(setting: Setting) -> list[Say]:
    """What is said first."""
    with _refusals_as_problems():
        return list(answering.welcome(setting.whole, setting.locale, setting.channel, setting.about))


async def try_once(
    setting: Setting,
    text: str,
    *,
    payload: str | None = None,
    state: Mapping[str, Any] | None = None,
    history: Sequence[Line] = (),
    heard: Callable[[str], None] = lambda _piece: None,
    into: Tried | None = None,
) -> Tried:
    """What is answered to this text, after `history`, from `state`. Call outside `tenant()`: it may take its time.

    `heard` is given each piece of text as it comes. `into` has what there is where the answer fails or is cancelled:
    the words so far, as one that broke off, and the record.
    """
    tried = into if into is not None else Tried()
    tried.state = state
    turn = TurnInput(
        text=text,
        payload=payload,
        locale=setting.locale,
        channel=setting.channel,
        history=history[-HISTORY_LINES:],
        state=state or {},
        content=part_of(setting.whole),
        about=setting.about,
        reach=setting.reach,
        at_close=tried.trace.update,
    )
    seconds = answering.seconds_for(setting.whole["responder"])
    try:
        with _refusals_as_problems(seconds):
            async with asyncio.timeout(seconds), closing(answering.answer(setting.whole, turn)) as replies:
                async for reply in replies:
                    tried.take(reply)
                    if isinstance(reply, Token | Say):
                        heard(reply.text)
    except (Problem, asyncio.CancelledError):
        tried.finish_text(is_cut=True)
        raise
    tried.finish_text()
    return tried


@contextmanager
def _refusals_as_problems(seconds: float = 0) -> Iterator[None]:
    """A responder's own words for what keeps it from answering: the reason, and the remedy as the hint."""
    try:
        yield
    except ResponderError as error:
        raise Problem("unavailable" if error.retryable else "conflict", error.reason, hint=error.remedy) from error
    except TimeoutError:
        raise Problem("unavailable", f"The assistant did not answer within {seconds:.0f} seconds.") from None
