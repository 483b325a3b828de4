"""What the chunks of a streamed answer say: text, the tools that are wanted, how it ended, and what it took.

Shape: platform.openai.com/docs/api-reference/chat-streaming. The SDK checks nothing of what it reads, and providers
differ, so that anything may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.responders.base import Usage
from deployments.responders.llm_tools import ToolCall


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
        self._calls: dict[int, dict[str, str]] = {}

    def take(self, chunk: object) -> str:
        """The text of a chunk; what else it says is kept. ValueError where it is no chunk."""
        try:
            return self._take(_object(chunk))
        except (AttributeError, IndexError, KeyError, TypeError):
            raise ValueError("That is no chunk of an answer.") from None

    def calls(self) -> list[ToolCall]:
        """The tools that are wanted, in order."""
        return [
            ToolCall(call["id"] or f"call_{place}", call["name"], call["arguments"])
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
        # What isn't a count is estimated.
        if isinstance(tokens_in, int) and isinstance(tokens_out, int) and min(tokens_in, tokens_out) >= 0:
            self.usage = Usage(str(chunk.get("model") or self.model), tokens_in, tokens_out)

    def _take_call(self, part: Mapping[str, Any]) -> None:
        self.has_begun = True
        call = self._calls.setdefault(self._place(part), {"id": "", "name": "", "arguments": ""})
        call["id"] = part.get("id") or call["id"]
        function = part.get("function")
        if function is not None:
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""

    def _place(self, part: Mapping[str, Any]) -> int:
        """Which call a part belongs to. Some providers leave that out, and send each call in one part with an id."""
        if part.get("index") is not None:
            return int(part["index"])
        return len(self._calls) if part.get("id") or not self._calls else len(self._calls) - 1


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


def _words(content: Any) -> str:
    """A chunk's text. Models that think aloud send it as a list, with what they think beside it."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError
    return content or ""
