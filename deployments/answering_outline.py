"""What answers beside the script, and what is done on failure, line by line: for versions and comparisons.

Secrets are named by their keys; a content holds nothing more of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from deployments.responders import webhook_content
from deployments.responders.llm_content import PRESETS, whole

# (slot, label, text), as `outline.Line` has them.
Told = tuple[str, str, str]

_ROLES = {
    "first": "Before it; only what the script doesn't know goes on",
    "after": "When it fails",
    "never": "Never",
}
_OWN = {"hand_over": "Ask for a person", "end": "End the conversation"}


def in_short(content: Mapping[str, Any]) -> str:
    """Who answers, and where, in one line: of a version's content, or of a draft's."""
    match content.get("responder"):
        case "llm":
            part = content.get("llm") or {}
            return f"Answered by {part.get('model', '')} at {_host(part.get('base_url', ''))}"
        case "webhook":
            return f"Answered by your bot at {_host((content.get('webhook') or {}).get('url', ''))}"
    return "Answered by the script"


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:  # brackets that close nowhere
        return url


def of_llm(content: Mapping[str, Any]) -> Iterator[Told]:
    """The lines of a language model."""
    full = whole(content)
    if full["preset"] != "other":
        yield "preset", "Whose it is", PRESETS[full["preset"]].label
    yield "base_url", "Address", str(content.get("base_url", ""))
    yield "model", "Model", str(content.get("model", ""))
    if "cheaper" in content:
        yield "cheaper", "Where a budget has no room for it", str(content["cheaper"])
    if "api_key" in content:
        yield "api_key", "Key", f"The secret {content['api_key']}"
    if full["instructions"]:
        yield "instructions", "Instructions", full["instructions"]
    if "temperature" in content:
        yield "temperature", "Temperature", str(content["temperature"])
    yield "max_tokens", "Longest answer", f"{full['max_tokens']} tokens"
    yield "history", "Messages it remembers", str(full["history"])
    yield "knowledge", "Answers from the knowledge", "Yes" if full["knowledge"] else "No"
    for tool in full["tools"]:
        name = tool.get("name", tool["type"])
        yield f"tool/{name}", f"Tool {_OWN.get(name, name)}", _tool(tool)


def of_webhook(content: Mapping[str, Any]) -> Iterator[Told]:
    """The lines of a bot of the customer's own."""
    full = webhook_content.whole(content)
    yield "url", "Address", str(content.get("url", ""))
    yield "timeout_seconds", "Its answer begins within", f"{full['timeout_seconds']} seconds"
    yield "waits_seconds", "It calls back within", f"{full['waits_seconds']} seconds"
    yield "history", "Earlier messages it is told", str(full["history"])
    for header in full["headers"]:
        yield f"header/{header['name'].lower()}", f"Header {header['name']}", _value(header)


def of_failure(rules: Mapping[str, Any]) -> Iterator[Told]:
    """The lines of what is done on failure."""
    if "scripted" in rules:
        yield "scripted", "The script answers", _ROLES.get(rules["scripted"], rules["scripted"])
    if "text" in rules:
        yield "text", "Said where nothing else answers", rules["text"]["text"]
        for other in rules["text"].get("also", ()):
            where = " ".join(
                f"{word} {other[key]}" for key, word in (("language", "in"), ("channel", "on")) if key in other
            )
            yield f"also/{where}", f"The same {where}", other["text"]
    if "person" in rules:
        yield "person", "A person is asked for", "Yes" if rules["person"] else "No"


def _tool(tool: Mapping[str, Any]) -> str:
    match tool["type"]:
        case "hand_over" | "end":
            return str(tool.get("when") or "When the model finds it right")
        case "collect":
            return f"Keeps a value: {tool['description']}"
    lines = [f"{tool['method']} {tool['url']}", str(tool["description"])]
    lines += [f"{each['name']}: {_value(each)}" for each in tool.get("headers", ())]
    if "parameters" in tool:
        lines.append(json.dumps(tool["parameters"], ensure_ascii=False))
    return "\n".join(lines)


def _value(header: Mapping[str, Any]) -> str:
    return str(header["value"]) if "value" in header else f"the secret {header['secret']}"
