"""What a model's or a bot's answer was made of, in plain words: its turn's trace, for timeline and *Try it*.

What a trace holds is said in `responders.llm` and `responders.webhook`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_FINISHED = {
    "length": "It was cut at the longest answer that is allowed.",
    "content_filter": "The provider's filter kept the rest back.",
}
_HOW = {"json": "At once", "stream": "In a stream", "callback": "By a call back"}
# What answers over the network.
KINDS = frozenset({"llm", "webhook"})


def is_thought(trace: Mapping[str, Any]) -> bool:
    """Whether a model or a bot gave the answer, or was asked and could not."""
    return trace.get("by") in KINDS or "failure" in trace


def facts(trace: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, how) for people, the failure first."""
    told: list[tuple[str, str]] = []
    failure = trace.get("failure") or {}
    if failure:
        told.append(("Failed", f"{failure.get('reason', '')} {failure.get('remedy', '')}".strip()))
    if trace.get("by") == "webhook":
        told += [("Bot", str(trace.get("host", ""))), ("Answered", _HOW.get(str(trace.get("how")), ""))]
        return [*told, ("Took", _took(trace)), *_asked(trace)]
    # Also of one that failed after it was asked, whoever answered then.
    if trace.get("by") != "llm" and not (failure and "model" in trace):
        return told
    told += [("Model", str(trace.get("model", ""))), ("Took", _took(trace))]
    # Nobody has counted those of an answer whose process died.
    told += [("Tokens", _tokens(trace))] if "tokens_in" in trace else []
    told += [("Cost", str(trace["cost"]))] if trace.get("cost") else []
    if trace.get("too_dear"):
        told.append(("Instead of", f"{trace['too_dear']}, for which a budget had no room"))
    told += _asked(trace)
    read = _read(trace.get("knowledge") or ())
    told += [("Read", "; ".join(read))] if read else []
    tools = [_tool(one) for one in trace.get("tools") or ()]
    told += [("Tools", "; ".join(tools))] if tools else []
    kept = [f"{name}: {value}" for name, value in (trace.get("fields") or {}).items()]
    told += [("Kept", "; ".join(kept))] if kept else []
    finished = _FINISHED.get(str(trace.get("finish")), "")
    return [*told, ("Ended", finished)] if finished else told


def headline(trace: Mapping[str, Any]) -> tuple[str, str, str]:
    """(icon, level, words) for *Try it*."""
    is_good = "failure" not in trace
    if is_good and trace.get("by") == "llm":
        return "sparkles", "good", f"Written by {trace.get('model', 'a model')}"
    if is_good and trace.get("by") == "webhook":
        return "circle-check", "good", f"Answered by the bot at {trace.get('host', '')}"
    who = "bot" if trace.get("responder") == "webhook" else "model"
    return "triangle-alert", "warn", f"The {who} could not answer"


def _asked(trace: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("Asked", f"{trace['calls']} times")] if int(trace.get("calls") or 0) > 1 else []


def _took(trace: Mapping[str, Any]) -> str:
    whole, first = _seconds(trace.get("ms")), _seconds(trace.get("first_ms"))
    if "ms" not in trace and "first_ms" in trace:
        return f"The first words after {first}"
    return f"{whole}, the first words after {first}" if "first_ms" in trace else whole


def _tokens(trace: Mapping[str, Any]) -> str:
    return f"{int(trace.get('tokens_in') or 0)} read, {int(trace.get('tokens_out') or 0)} written"


def _read(passages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each title once, however many passages of it were read."""
    cited: dict[str, bool] = {}
    for one in passages:
        title = str(one.get("title", ""))
        cited[title] = cited.get(title, False) or bool(one.get("cited"))
    return [f"{title} (cited)" if is_cited else title for title, is_cited in cited.items()]


def _tool(one: Mapping[str, Any]) -> str:
    told = f"{one.get('name', '')} ({_seconds(one.get('ms'))})"
    return told if one.get("ok") else f"{told}: {one.get('words', '')}"


def _seconds(milliseconds: object) -> str:
    return f"{int(str(milliseconds or 0)) / 1000:.1f} s"
