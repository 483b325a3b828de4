"""What an assistant is made of whose answers a language model writes: its shape, its limits, what is wrong with it.

`llm` in the draft and in each version (CONTRACT section 7):

    preset        whose endpoint it is (`PRESETS`): how the longest answer is called there, and what the page offers
    base_url      the OpenAI-compatible endpoint, up to and without `/chat/completions`
    model         the model's name there
    cheaper       another model's name there, asked where a budget has no room for the first
    api_key       the key of a secret; left out where the endpoint wants none
    instructions  what the model is told first
    temperature   0 to 2; left out: the provider's own
    max_tokens    the longest answer (16 to 8,000; 800)
    history       how many earlier messages the model reads (0 to 50; 20)
    knowledge     whether it is given what the assistant has read that fits the question (true)
    tools         what it may call: [{type: "hand_over" | "end", when?}], {type: "collect", name, description},
                  {type: "http", name, description, method, url, parameters?, headers?: [{name, value | secret}]}

`validate` gives the normal form, without what holds anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from convoship.lib.outbound import Refused, checked
from convoship.lib.plain_errors import PlainValidator, failures
from deployments.responders import own_headers, tool_schema
from deployments.responders.content import ContentRefused

LONGEST_INSTRUCTIONS = 20_000
LONGEST_URL = 500
MOST_TOOLS = 20
MAX_TOKENS, HISTORY = 800, 20


@dataclass(frozen=True)
class Preset:
    """A provider's endpoint, from its own documentation. `longest`: what it calls the longest answer."""

    label: str
    base_url: str
    needs_key: bool = True
    longest: str = "max_tokens"
    model: str = ""  # an example of a name, for the page
    note: str = ""


# platform.openai.com/docs/api-reference/chat (max_tokens is deprecated there); the v1 API of learn.microsoft.com/azure/
# ai-foundry/openai/api-version-lifecycle; docs.claude.com/en/api/openai-sdk; ai.google.dev/gemini-api/docs/openai;
# docs.mistral.ai/api; console.groq.com/docs/openai; docs.ollama.com/api/openai-compatibility;
# docs.vllm.ai/en/latest/serving/openai_compatible_server.
PRESETS: Mapping[str, Preset] = {
    "openai": Preset("OpenAI", "https://api.openai.com/v1", longest="max_completion_tokens", model="gpt-4.1-mini"),
    "azure": Preset(
        "Azure OpenAI",
        "https://YOUR-RESOURCE.openai.azure.com/openai/v1",
        longest="max_completion_tokens",
        note="Put your resource's name into the address; the model is your deployment's name.",
    ),
    "anthropic": Preset("Anthropic", "https://api.anthropic.com/v1", model="claude-haiku-4-5"),
    "google": Preset(
        "Google Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", model="gemini-2.5-flash"
    ),
    "mistral": Preset("Mistral", "https://api.mistral.ai/v1", model="mistral-small-latest"),
    "groq": Preset("Groq", "https://api.groq.com/openai/v1", model="openai/gpt-oss-120b"),
    "ollama": Preset("Ollama", "http://localhost:11434/v1", needs_key=False, model="llama3.2"),
    "vllm": Preset("vLLM", "http://localhost:8000/v1", needs_key=False),
    "other": Preset("Another endpoint", "", needs_key=False),
    "rehearsal": Preset(
        "Rehearsal: a stand-in without a key",
        "https://model.rehearsal.invalid/v1",
        needs_key=False,
        model="stand-in",
        note="It understands nothing: it shows how answers stream, what they are made of and how failures look.",
    ),
}


REHEARSAL = "rehearsal"
# What stands in an address for a name that only its owner knows.
_BLANK = "YOUR-RESOURCE"


def _text(longest: int) -> dict[str, Any]:
    words = {"pattern": "This must not be empty."}
    return {"type": "string", "maxLength": longest, "pattern": r"\S", "x-words": words}


_URL = {
    "type": "string",
    "maxLength": LONGEST_URL,
    "pattern": r"^https?://[^\s]+$(?!\n)",
    "x-words": {"pattern": "Use an address such as https://api.example.com/v1."},
}
_NAME = {
    "type": "string",
    "pattern": r"^[a-z][a-z0-9_]{0,39}$(?!\n)",
    "x-words": {"pattern": "Use a to z, 0 to 9 and _, a letter first, at most 40: order_status, for example."},
}


def _tool(kind: str, required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", *required],
        "additionalProperties": False,
        "properties": {"type": {"const": kind}, **more},
    }


_TOOLS: Mapping[str, dict[str, Any]] = {
    "hand_over": _tool("hand_over", when=_text(1000)),
    "end": _tool("end", when=_text(1000)),
    "collect": _tool("collect", ("name", "description"), name=_NAME, description=_text(1000)),
    "http": _tool(
        "http",
        ("name", "description", "method", "url"),
        name=_NAME,
        description=_text(1000),
        method={"enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
        url=_URL,
        parameters={"type": "object"},
        headers=own_headers.SCHEMA,
    ),
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Language model",
    "type": "object",
    "required": ["base_url", "model"],
    "additionalProperties": False,
    "properties": {
        "preset": {"enum": list(PRESETS)},
        "base_url": _URL,
        "model": _text(200),
        "cheaper": _text(200),
        "api_key": own_headers.SECRET,
        "instructions": {"type": "string", "maxLength": LONGEST_INSTRUCTIONS},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "max_tokens": {"type": "integer", "minimum": 16, "maximum": 8_000},
        "history": {"type": "integer", "minimum": 0, "maximum": 50},
        "knowledge": {"type": "boolean"},
        "tools": {
            "type": "array",
            "maxItems": MOST_TOOLS,
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": list(_TOOLS)}},
                "allOf": [
                    {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": shape}
                    for kind, shape in _TOOLS.items()
                ],
            },
        },
    },
}
DEFAULTS: Mapping[str, Any] = {
    "preset": "other",
    "instructions": "",
    "max_tokens": MAX_TOKENS,
    "history": HISTORY,
    "knowledge": True,
    "tools": [],
}
_validator = PlainValidator(SCHEMA)
# What a model calls is told apart by its name; those of the product's own are taken.
OWN_TOOLS: Mapping[str, str] = {"hand_over": "hand_over", "end": "end_conversation"}


def validate(content: object) -> dict[str, Any]:
    """The content in normal form; ContentRefused with every fault found, by path."""
    errors = failures(_validator, content)
    if errors:
        raise ContentRefused(errors)
    whole = {**cast("dict[str, Any]", content)}
    for name in ("base_url", "model", "cheaper", "instructions"):
        if isinstance(whole.get(name), str):
            whole[name] = whole[name].replace("\r\n", "\n").strip()
    whole["base_url"] = whole["base_url"].rstrip("/")
    errors = {**_faults_of_addresses(whole), **_faults_of_tools(whole.get("tools", ()))}
    if errors:
        raise ContentRefused(errors)
    return {key: value for key, value in whole.items() if DEFAULTS.get(key) != value}


def whole(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with what holds where nothing is said."""
    return {**DEFAULTS, **content}


def secrets_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each secret that it names: (path, key, the address that it is sent to)."""
    if "api_key" in content:
        yield "api_key", content["api_key"], content["base_url"]
    for place, tool in enumerate(content.get("tools", ())):
        for path, key in own_headers.secrets_of(tool.get("headers", ())):
            yield f"tools[{place}].{path}", key, tool["url"]


def missing(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """What it can't answer without, by path: the key of a provider that takes no question without one."""
    preset = PRESETS[whole(content)["preset"]]
    if preset.needs_key and "api_key" not in content:
        return {"api_key": [f"{preset.label} wants a key. Choose one of the workspace's secrets, or write one."]}
    return {}


def _faults_of_addresses(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of addresses that nothing could be sent to, whichever host they lead to."""
    found = {"base_url": content["base_url"]}
    for place, tool in enumerate(content.get("tools", ())):
        if "url" in tool:
            found[f"tools[{place}].url"] = tool["url"]
    errors = {}
    for path, url in found.items():
        try:
            target = checked(url)
        except Refused as refused:
            errors[path] = [refused.words]
            continue
        if path == "base_url" and url == PRESETS[REHEARSAL].base_url and content.get("preset") != REHEARSAL:
            errors[path] = [f'This is the address of the rehearsal: it goes with the preset "{REHEARSAL}" alone.']
        elif path == "base_url" and content.get("preset") == REHEARSAL and url != PRESETS[REHEARSAL].base_url:
            errors[path] = [f"The rehearsal's model is at {PRESETS[REHEARSAL].base_url}: give that, or another preset."]
        elif path == "base_url" and _BLANK in url.upper():
            errors[path] = [f"Put your resource's name in the place of {_BLANK}."]
        elif path == "base_url" and target.query:
            errors[path] = ["Leave out what follows the question mark."]
        elif path == "base_url" and target.path.rstrip("/").endswith("/chat/completions"):
            errors[path] = ["Leave out /chat/completions at its end: it is added."]
    return errors


def _faults_of_tools(tools: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    names: set[str] = set()
    for place, tool in enumerate(tools):
        name = tool.get("name") or OWN_TOOLS[tool["type"]]
        if name in names or (tool.get("name") and name in OWN_TOOLS.values()):
            errors[f"tools[{place}]" + (".name" if tool.get("name") else "")] = [
                f"There is another tool called {name}. Each needs a name of its own."
            ]
        names.add(name)
        for path, words in own_headers.faults(tool.get("headers", ())).items():
            errors[f"tools[{place}].{path}"] = words
        if "parameters" in tool:
            path = f"tools[{place}].parameters"
            fault = tool_schema.fault(tool["parameters"])
            if fault:
                errors[path] = [fault]
    return errors
