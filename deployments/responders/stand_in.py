"""A stand-in for a language model, for rehearsals: no key, no network, and the failures of a real one on demand.

It sits at the other end of the SDK, as an endpoint does: what is asked of it is read from the request, and it streams
what an endpoint streams. It understands nothing. It answers from the first source that it was given, and says what it
is where it has none; it calls a tool whose name the visitor writes. Its model's name says how it behaves (`MODELS`).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from convoship.lib.outbound.failures import BrokeOff
from convoship.lib.outbound.standing_in import Client, Given, answered_by
from deployments.responders.llm_content import OWN_TOOLS

_SOURCE = re.compile(r'<source number="1" title=(".*?")>\n(.*?)\n</source>', re.DOTALL)
_SENTENCE = re.compile(r".{20,300}?[.!?](?=\s|$)", re.DOTALL)
_PERSON = re.compile(r"\b(person|human|agent|somebody|mensch|mitarbeiter)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Behaviour:
    """How a stand-in behaves: what its page calls that, how slowly it writes, and the error that it answers with."""

    label: str
    first_seconds: float = 0.1
    word_seconds: float = 0.03
    error: tuple[int, str, str] | None = None  # status, code, words
    breaks: bool = False


MODELS: Mapping[str, Behaviour] = {
    "stand-in": Behaviour("Answers"),
    "stand-in-slow": Behaviour("Answers slowly", first_seconds=3, word_seconds=0.4),
    "stand-in-silent": Behaviour("Never answers", first_seconds=120),
    "stand-in-breaks": Behaviour("Breaks off in the middle", breaks=True),
    "stand-in-key": Behaviour("Refuses the key", error=(401, "invalid_api_key", "Incorrect API key provided.")),
    "stand-in-model": Behaviour("Has no such model", error=(404, "model_not_found", "The model does not exist.")),
    "stand-in-quota": Behaviour("Has no credit left", error=(429, "insufficient_quota", "You exceeded your quota.")),
    "stand-in-busy": Behaviour("Takes no more requests", error=(429, "rate_limit_exceeded", "Slow down.")),
    "stand-in-filter": Behaviour("Keeps the answer back", error=(400, "content_filter", "The response was filtered.")),
    "stand-in-context": Behaviour(
        "Can't read so much", error=(400, "context_length_exceeded", "The maximum context length is 8192 tokens.")
    ),
    "stand-in-down": Behaviour("Is broken", error=(503, "", "The server is overloaded.")),
}


def client() -> AbstractAsyncContextManager[Client]:
    """A client that reaches the stand-in and nothing else."""
    return answered_by(_answered)


async def _answered(body: bytes) -> Given:
    asked = json.loads(body)
    behaviour = MODELS.get(asked["model"]) or MODELS["stand-in-model"]
    if behaviour.error is not None:
        status, code, words = behaviour.error
        said = {"error": {"message": words, "code": code or None, "type": "error"}}
        return Given(status, "application/json", _whole(json.dumps(said).encode()))
    await asyncio.sleep(behaviour.first_seconds)
    return Given(200, "text/event-stream", _Stream(asked, behaviour).parts())


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body


class _Stream:
    def __init__(self, asked: Mapping[str, Any], behaviour: Behaviour) -> None:
        self.asked, self.behaviour = asked, behaviour

    async def parts(self) -> AsyncIterator[bytes]:
        call = _call(self.asked)
        words = [] if call else re.findall(r"\S+\s*", _answer(self.asked))
        for place, word in enumerate(words):
            if self.behaviour.breaks and place > len(words) // 2:
                raise BrokeOff("The stand-in broke off.")
            yield self._event({"content": word})
            await asyncio.sleep(self.behaviour.word_seconds)
        if call:
            yield self._event({"tool_calls": [{"index": 0, "id": "call_0", "type": "function", "function": call}]})
        yield self._event({}, "tool_calls" if call else "stop")
        tokens_in = sum(len(str(message.get("content") or "")) for message in self.asked["messages"]) // 4
        usage = {"prompt_tokens": tokens_in, "completion_tokens": len(words), "total_tokens": tokens_in + len(words)}
        yield self._data({"choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    def _event(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        return self._data({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def _data(self, part: Mapping[str, Any]) -> bytes:
        whole = {"id": "stand-in", "object": "chat.completion.chunk", "created": 0, "model": self.asked["model"]}
        return f"data: {json.dumps({**whole, **part})}\n\n".encode()


def _said(asked: Mapping[str, Any]) -> str:
    """What the visitor said last."""
    return next((str(one["content"]) for one in reversed(asked["messages"]) if one["role"] == "user"), "")


def _answer(asked: Mapping[str, Any]) -> str:
    last = asked["messages"][-1]
    if last["role"] == "tool":
        return f"I called it, and this came back: {str(last['content'])[:500]}"
    source = _SOURCE.search(str(asked["messages"][0]["content"]))
    if source is not None:
        sentence = _SENTENCE.search(source[2])
        return f"{' '.join((sentence[0] if sentence else source[2][:300]).split())} [1]"
    return (
        f"You said: “{_said(asked)[:200]}” I only stand in for a language model here, so I can't know more. "
        "Choose a real one under “What answers” when you have tried enough."
    )


def _call(asked: Mapping[str, Any]) -> dict[str, str] | None:
    """The tool that the visitor's words name; never twice for the same words."""
    if asked["messages"][-1]["role"] == "tool":
        return None
    text, tools = _said(asked), asked.get("tools", ())
    names = [tool["function"]["name"] for tool in tools]
    if OWN_TOOLS["hand_over"] in names and _PERSON.search(text):
        return {"name": OWN_TOOLS["hand_over"], "arguments": json.dumps({"reason": "They asked for a person."})}
    for tool in tools:
        name = tool["function"]["name"]
        if name.replace("_", " ") in text.lower().replace("_", " "):
            arguments = _example(tool["function"].get("parameters", {}), text)
            return {"name": name, "arguments": json.dumps(arguments)}
    return None


def _example(schema: Mapping[str, Any], text: str) -> Any:
    """A value that fits a schema, the visitor's last word where a text is wanted."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            wanted: Sequence[str] = schema.get("required") or ()
            return {name: _example(schema.get("properties", {}).get(name, {}), text) for name in wanted}
        case "array":
            return [_example(schema.get("items", {}), text)]
        case "integer" | "number":
            return next((int(digits) for digits in re.findall(r"\d{1,9}", text)), 1)
        case "boolean":
            return True
    return (text.split() or ["example"])[-1].strip(".,!?")
