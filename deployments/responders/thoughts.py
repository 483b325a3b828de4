"""What a model thinks aloud before it answers, kept from the visitor.

Reasoning models (DeepSeek-R1, Qwen3 and their kin) begin with `<think>` … `</think>` where their server has no parser
for it; those that have one (vLLM's `--reasoning-parser`, Ollama) send it in a field of its own, which nobody reads.
"""

from __future__ import annotations

from typing import Literal

OPENS, CLOSES = "<think>", "</think>"


class Thoughts:
    """One call's text without the thinking at its beginning; elsewhere the marks are text like any other."""

    def __init__(self) -> None:
        self._held = ""
        self._at: Literal["start", "thinking", "gap", "answer"] = "start"

    def take(self, piece: str) -> str:
        """What of this piece belongs to the answer."""
        self._held += piece
        if self._at == "start":
            begins = self._held.lstrip()
            if begins.startswith(OPENS):
                self._at, self._held = "thinking", begins.removeprefix(OPENS)
            elif not OPENS.startswith(begins):  # else it may still become the mark
                self._at = "answer"
        if self._at == "thinking":
            before, closes, after = self._held.partition(CLOSES)
            if closes:
                self._at, self._held = "gap", after
            else:
                self._held = before[1 - len(CLOSES) :]
        if self._at == "gap":
            # Two line breaks follow the mark, by habit.
            self._held = self._held.lstrip()
            self._at = "answer" if self._held else "gap"
        return self.rest() if self._at == "answer" else ""

    def rest(self) -> str:
        """What was held back and is no thinking, when nothing more comes."""
        rest, self._held = "" if self._at == "thinking" else self._held, ""
        return rest
