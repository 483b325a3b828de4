"""The tools that a model may call: to hand over, to end, to keep a value, and the workspace's own over HTTP.

What a model wants is a wish of whoever talks to it, so nothing here has more rights than the visitor. Arguments are
held against the tool's own JSON Schema before anything is done. A tool over HTTP is the customer's: its address and
secret headers are the assistant's, what the model says goes into the query or the body alone, and the call says whose
conversation it is (`Convoship-Conversation`, and `Convoship-User` where the customer's own server proved who it is),
so that the customer's server can decide what this visitor may see.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from convoship.lib.outbound import Inside, OutboundError
from convoship.lib.outbound.sending import send
from deployments.responders import own_headers, tool_schema
from deployments.responders.base import End, HandOver, ResponderError, TurnInput
from deployments.responders.llm_content import OWN_TOOLS

SECONDS = 10.0
LONGEST_RESULT = 8_000
# Characters that are read of what the tools of one round are to be called with, all together.
LONGEST_ARGUMENTS = 16_000
LONGEST_VALUE = 500
# In one answer, over all rounds; of one round no more are read.
MOST_CALLS = 12

_REASON = {"type": "object", "properties": {"reason": {"type": "string"}}}


@dataclass(frozen=True)
class ToolCall:
    """One wish of the model; `arguments` as it wrote them, JSON or not. `is_cut`: as far as they were read."""

    id: str
    name: str
    arguments: str
    is_cut: bool = False


class Toolbox:
    """The tools of one answer. `acts` is what the turn shall do at its end, `record` what was called."""

    def __init__(self, tools: Sequence[Mapping[str, Any]], turn: TurnInput) -> None:
        self.turn = turn
        self.tools = {tool.get("name") or OWN_TOOLS[tool["type"]]: tool for tool in tools}
        self.acts: list[HandOver | End] = []
        self.record: list[dict[str, Any]] = []
        self.fields: dict[str, str] = dict(turn.state.get("fields", {}))
        self._calls = 0

    @property
    def is_over(self) -> bool:
        """Whether the model need not be asked again: somebody else goes on, or nobody does."""
        return bool(self.acts)

    @property
    def offered(self) -> list[dict[str, Any]]:
        """As the API wants them."""
        return [
            {
                "type": "function",
                "function": {"name": name, "description": _description(tool), "parameters": _parameters(tool)},
            }
            for name, tool in self.tools.items()
        ]

    async def run(self, call: ToolCall) -> str:
        """Do it, and say to the model what came of it. What goes wrong is said to it, too: it may do better."""
        began = time.monotonic()
        tool = self.tools.get(call.name)
        try:
            result = await self._done(tool, call)
            is_good, told = True, ""
        except _Wrong as wrong:
            result, is_good, told = wrong.words, False, wrong.told
        if len(self.record) > MOST_CALLS:
            # That they were too many is said once.
            return f"Error: {result}"
        self.record.append(
            {
                # A name that the model made up may be the visitor's words.
                "name": call.name if tool else "unknown",
                "ok": is_good,
                "ms": round((time.monotonic() - began) * 1000),
                # Never what came back, nor what was sent: it is the customer's, and the visitor's.
                "words": told[:200],
            }
        )
        return result if is_good else f"Error: {result}"

    async def _done(self, tool: Mapping[str, Any] | None, call: ToolCall) -> str:
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise _Wrong(f"No more than {MOST_CALLS} tools are called for one answer. Answer now.")
        if tool is None:
            there = f"There are: {', '.join(self.tools) or 'none'}."
            raise _Wrong(f"There is no tool called {call.name[:40]}. {there}", f"The model wanted another. {there}")
        arguments = _arguments(call, _parameters(tool))
        match tool["type"]:
            case "hand_over":
                reason = str(arguments.get("reason") or "The assistant asked for a person.")
                self.acts.append(HandOver(" ".join(reason.split())[:300]))
                return "A person is being asked for."
            case "end":
                reason = str(arguments.get("reason") or "The assistant ended the conversation.")
                self.acts.append(End(" ".join(reason.split())[:300]))
                return "The conversation ends."
            case "collect":
                self.fields[tool["name"]] = str(arguments["value"])[:LONGEST_VALUE]
                return "Kept."
        return await self._called(tool, arguments)

    async def _called(self, tool: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
        method, url = tool["method"], tool["url"]
        headers = {"Accept": "application/json", "Convoship-Conversation": self.turn.conversation_id}
        if self.turn.user_id:
            headers["Convoship-User"] = quote(self.turn.user_id, safe="@+:.-_ ")
        try:
            headers |= await own_headers.given(tool.get("headers", ()), self.turn.reach, url)
        except ResponderError as error:
            raise _Wrong(f"{error.reason} {error.remedy}") from None
        content = None
        if method in {"GET", "DELETE"}:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(_flat(arguments))}" if arguments else url
        else:
            headers["Content-Type"] = "application/json"
            content = json.dumps(arguments).encode()
        try:
            answer = await send(method, url, seconds=SECONDS, headers=headers, content=content)
        except Inside as error:
            # How it would be opened is nothing to tell a visitor, to whom the model may repeat it.
            raise _Wrong("The address is in a private network, which can't be called.", error.words) from None
        except OutboundError as error:
            raise _Wrong(error.words) from None
        if not answer.is_success:
            said = f"The tool answered {answer.status}"
            raise _Wrong(f"{said}: {_short(answer.text)[:500]}", f"{said}.")
        return _short(answer.text) or "Done."


class _Wrong(Exception):
    """It wasn't done; `words` go to the model, `told` to the timeline: the same where it isn't given."""

    def __init__(self, words: str, told: str = "") -> None:
        super().__init__(words)
        self.words, self.told = words, told or words


def _description(tool: Mapping[str, Any]) -> str:
    match tool["type"]:
        case "hand_over":
            return "Ask a person of the team to take over. Say why in one sentence."
        case "end":
            return "End the conversation. Say why in one sentence."
        case "collect":
            return f"Keep what the visitor told you: {tool['description']}"
    return str(tool["description"])


def _parameters(tool: Mapping[str, Any]) -> dict[str, Any]:
    match tool["type"]:
        case "hand_over" | "end":
            return _REASON
        case "collect":
            value = {"type": "string", "description": tool["description"], "maxLength": LONGEST_VALUE}
            return {"type": "object", "properties": {"value": value}, "required": ["value"]}
    return dict(tool.get("parameters") or {"type": "object", "properties": {}})


def _arguments(call: ToolCall, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the model wrote, if it is what the tool takes."""
    if call.is_cut:
        raise _Wrong("The arguments are too long.")
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        raise _Wrong("The arguments are no JSON.") from None
    if not isinstance(arguments, dict):
        raise _Wrong("The arguments have to be an object.")
    try:
        wrong = tool_schema.wrongs(parameters, arguments)
    except tool_schema.NotChecked as error:
        raise _Wrong(str(error)) from None
    if wrong:
        words = "; ".join(f"{path or 'arguments'}: {' '.join(said)}" for path, said in wrong.items())
        raise _Wrong(words[:500], _told(parameters, wrong))
    return arguments


def _told(parameters: Mapping[str, Any], wrong: Mapping[str, Any]) -> str:
    """What of it stands on the timeline: names of the tool's own, and nothing that the model wrote."""
    own = parameters.get("properties", {})
    named = {re.split(r"[.\[]", path, maxsplit=1)[0] for path in wrong}
    listed = [name for name in own if name in named]
    return (
        f"The model's arguments did not fit: {', '.join(listed)}." if listed else "The model's arguments did not fit."
    )


def _flat(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """As a query: lists repeat their name, objects are JSON."""
    pairs = []
    for name, value in arguments.items():
        items = value if isinstance(value, list) else [value]
        pairs += [(name, item if isinstance(item, str) else json.dumps(item)) for item in items]
    return pairs


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_RESULT else text[:LONGEST_RESULT] + " … (cut)"
