"""What the chunks of a streamed answer say: text, the tools that are wanted, how it ended, and what it took.

Shape: platform.openai.com/docs/api-reference/chat-streaming. The SDK checks nothing of what it reads, and providers
differ, so that anything may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from deployments.responders.base import Usage
from deployments.responders.llm_tools import LONGEST_ARGUMENTS, MOST_CALLS, ToolCall

# Characters: of a call's id and of a tool's name. Names of ours have 40.
LONGEST_NAME = 200
# More tokens than any answer has: a count above it is none.
MOST_TOKENS = 100_000_000


class Reading:
    """One call's stream, as far as it has come. `model`: what was asked, where a provider doesn't say who answers."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.finish = ""
        self.usage: Usage | None = None
        self.has_begun = False
        # Whether it does anything: write, call or think, under whatever name its provider has for that. Before that
        # come whose turn it is, and what filters thought of the question.
        self.is_alive = False
        # Whether the model wants more called, or with more, than is ever done: nobody need read on.
        self.is_full = False
        # Characters of all that it wrote, shown or not.
        self.written = 0
        self._calls: dict[int, dict[str, str]] = {}
        self._arguments = 0

    def take(self, chunk: object) -> str:
        """The text of a chunk; what else it says is kept. ValueError where it is no chunk."""
        if text := _plain(chunk):
            self.is_alive = self.has_begun = True
            self.written += len(text)
            return text
        try:
            return self._take(_object(chunk))
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError):
            raise ValueError("That is no chunk of an answer.") from None

    def calls(self) -> list[ToolCall]:
        """The tools that are wanted, in order."""
        return [
            ToolCall(call["id"] or f"call_{place}", call["name"], call["arguments"], "cut" in call)
            for place, call in sorted(self._calls.items())
        ]

    def _take(self, chunk: Mapping[str, Any]) -> str:
        self._count(chunk)
        if not chunk.get("choices"):
            return ""
        choice = _object(chunk["choices"][0])
        self.finish = str(choice.get("finish_reason") or self.finish)
        if choice.get("delta") is None:
            return ""
        delta = _object(choice["delta"])
        self.is_alive = self.is_alive or any(value for name, value in delta.items() if name != "role")
        self.written += _written(delta)
        for part in delta.get("tool_calls") or ():
            self._take_call(_object(part))
        text = _words(delta.get("content"))
        self.has_begun = self.has_begun or bool(text)
        return text

    def _count(self, chunk: Mapping[str, Any]) -> None:
        usage = chunk.get("usage")
        if usage is None:
            return
        tokens_in, tokens_out = _object(usage).get("prompt_tokens"), usage.get("completion_tokens")
        # What isn't a count, or none that can be, is estimated.
        if _is_count(tokens_in) and _is_count(tokens_out):
            self.usage = Usage(str(chunk.get("model") or self.model), tokens_in, tokens_out)

    def _take_call(self, part: Mapping[str, Any]) -> None:
        self.has_begun = True
        place = self._place(part)
        if self.is_full or (place not in self._calls and len(self._calls) >= MOST_CALLS):
            self.is_full = True
            return
        call = self._calls.setdefault(place, {"id": "", "name": "", "arguments": ""})
        call["id"] = str(part.get("id") or call["id"])[:LONGEST_NAME]
        function = part.get("function")
        if function is None:
            return
        call["name"] = (call["name"] + (function.get("name") or ""))[:LONGEST_NAME]
        arguments = function.get("arguments") or ""
        self._arguments += len(arguments)
        if self._arguments > LONGEST_ARGUMENTS:
            self.is_full = True
            # What there is of them is nothing that could be done, nor told again.
            call["arguments"], call["cut"] = "{}", "cut"
        else:
            call["arguments"] += arguments

    def _place(self, part: Mapping[str, Any]) -> int:
        """Which call a part belongs to. Some providers leave that out, and send each call in one part with an id."""
        if part.get("index") is not None:
            return int(part["index"])
        return len(self._calls) if part.get("id") or not self._calls else len(self._calls) - 1


def _plain(chunk: Any) -> str:
    """The text of a chunk that says nothing else, as nearly every chunk; "" of any other."""
    if type(chunk) is not dict or chunk.get("usage") is not None:
        return ""
    choices = chunk.get("choices")
    choice = choices[0] if type(choices) is list and choices else None
    if type(choice) is not dict or choice.get("finish_reason"):
        return ""
    delta = choice.get("delta")
    if type(delta) is not dict or not delta.keys() <= _PLAIN:
        return ""
    text = delta.get("content")
    return text if type(text) is str else ""


_PLAIN = frozenset({"role", "content"})


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MOST_TOKENS


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


def _written(delta: Mapping[str, Any]) -> int:
    """Characters of a part of an answer: its text, its calls and its thinking, which some give under two names."""
    thought = max((_length(value) for name, value in delta.items() if name not in _NOT_THOUGHT), default=0)
    return _length(delta.get("content")) + _length(delta.get("tool_calls")) + thought


_NOT_THOUGHT = frozenset({"role", "content", "tool_calls"})


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_length(one) for name, one in value.items() if name not in {"id", "type"})
    return sum(map(_length, value)) if isinstance(value, list) else 0


def _words(content: Any) -> str:
    """A chunk's text. Models that think aloud send it as a list, with what they think beside it."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError
    return content or ""
