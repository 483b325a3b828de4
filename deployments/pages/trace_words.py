"""How an answer was found, in plain words: a turn's trace (`responders.scripted`) as *Try it* shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.pages import thought_words


@dataclass(frozen=True)
class Score:
    """A score between 0 and 1 as a meter of 100 draws it and as it is written."""

    name: str
    score: float

    @property
    def width(self) -> int:
        """Of 100."""
        return round(min(1.0, max(0.0, self.score)) * 100)

    @property
    def written(self) -> str:
        """Two digits, never rounded up to a limit that was missed."""
        return f"{int(self.score * 100 + 1e-9) / 100:.2f}"


@dataclass(frozen=True)
class Explained:
    """A trace in words. `score` is there where words were compared; `needed` is the least that is understood."""

    icon: str
    level: str  # good, warn, or nothing
    words: str
    score: Score | None
    needed: Score
    phrase: str
    runners_up: list[Score]
    slots: list[tuple[str, str]]
    asking: str
    misses: int
    language: str
    # What else there is to say: (what, how).
    facts: list[tuple[str, str]] = field(default_factory=list)


def explain(trace: Mapping[str, Any]) -> Explained | None:
    """The trace in words; None where there is none."""
    by = trace.get("by")
    if not by and "failure" not in trace:
        return None
    is_thought = by in thought_words.KINDS or not by
    icon, level, words = thought_words.headline(trace) if is_thought else _found(str(by), trace)
    score = float(trace.get("score") or 0.0)
    return Explained(
        icon=icon,
        level=level,
        words=words,
        score=Score(str(trace.get("intent") or ""), score) if by in {"words", "fallback", "knowledge"} else None,
        needed=Score("", float(trace.get("enough") or 0.0)),
        phrase=str(trace.get("phrase") or ""),
        runners_up=[Score(str(one["intent"]), float(one["score"])) for one in trace.get("runners_up", ())],
        slots=[(name, value_in_words(value)) for name, value in (trace.get("slots") or {}).items()],
        asking=str(trace.get("asking") or ""),
        misses=int(trace.get("misses") or 0),
        language=str(trace.get("language") or ""),
        facts=thought_words.facts(trace),
    )


def _found(by: str, trace: Mapping[str, Any]) -> tuple[str, str, str]:
    intent = f"“{trace.get('intent')}”"
    match by:
        case "words":
            return "circle-check", "good", f"Understood as {intent}"
        case "button":
            return "mouse-pointer-click", "good", f"The button leads to {intent}"
        case "small_talk":
            topic = str(trace.get("topic", "")).replace("_", " ")
            return "smile", "good", f"Small talk: {topic}"
        case "knowledge":
            found = trace.get("knowledge") or [{}]
            return "book-open", "good", f"Answered from the knowledge: “{found[0].get('title', '')}”"
        case "fallback":
            return "circle-question-mark", "warn", "Not understood"
        case "form" if trace.get("answered"):
            return "message-square-reply", "good", f"Answers the question for “{trace['answered']}”"
        case "form":
            return "circle-question-mark", "warn", f"No answer to the question: {trace.get('invalid', '')}"
        case "cancel":
            return "undo-2", "", "The visitor leaves the questions"
    return "info", "", f"Found by: {by}"


def value_in_words(value: object) -> str:
    """A slot's value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def meaning_in_words(meaning: str) -> str:
    """What a test case expects or an utterance means, as pages say it."""
    if not meaning:
        return "Not understood (fallback)"
    return "Small talk" if meaning == ":small_talk" else meaning
