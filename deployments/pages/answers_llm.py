"""The form of a language model on the tab *Answers*: as content is shown in it, as it was typed, what was meant.

What was typed is kept as it is, row by row, so that a page with mistakes shows it again. Checking is the work of
`responders.llm_content`, whose paths lead back to the fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from convoship.lib.actors import Actor
from convoship.lib.parsers import BadJSON, loads
from deployments.pages.answers_typed import number, place_of, text_of
from deployments.pages.header_fields import HeaderRows
from deployments.pages.secret_fields import SecretField
from deployments.responders.llm_content import MOST_TOOLS, PRESETS, REHEARSAL, Preset, whole
from deployments.responders.stand_in import MODELS

NAME = "llm"
# What a new secret is called unless its owner says otherwise.
NEW_KEY = "model_key"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TOOL_TITLES: Mapping[str, str] = {
    "hand_over": "Ask for a person",
    "end": "End the conversation",
    "collect": "Collect a field",
    "http": "Call an address",
}
# What can be said better than by the rule alone.
_NUMBERS = {
    "temperature": "A number from 0 to 2, or nothing for the provider's own.",
    "max_tokens": "A whole number from 16 to 8,000.",
    "history": "A whole number from 0 to 50.",
}
_REQUIRED = {
    "base_url": "Give the address of the endpoint, such as https://api.openai.com/v1.",
    "model": "Give the model's name, as its provider calls it.",
}


@dataclass
class Tool:
    """Something that the model may call; which of the fields are meant depends on `type`."""

    type: str
    when: str = ""
    name: str = ""
    description: str = ""
    method: str = "GET"
    url: str = ""
    parameters: str = ""
    headers: HeaderRows = field(default_factory=HeaderRows)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the page calls it."""
        return TOOL_TITLES[self.type]


@dataclass
class LLMFields:
    """Every field of the form, as text where text can be typed."""

    preset: str = "openai"
    base_url: str = ""
    model: str = ""
    cheaper: str = ""
    key: SecretField = field(default_factory=lambda: SecretField(f"{NAME}-api_key", new_key=NEW_KEY))
    instructions: str = ""
    temperature: str = ""
    max_tokens: str = ""
    history: str = ""
    knowledge: bool = True
    tools: list[Tool] = field(default_factory=list)
    # Whose model's name was kept when another provider was chosen; "" where none was.
    kept_from: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> LLMFields:
        """The form as this part is; {} for a new one."""
        all_of_it = whole(content)
        if not content:
            all_of_it |= {"preset": "openai", "base_url": PRESETS["openai"].base_url}
        fields = cls(
            preset=all_of_it["preset"],
            base_url=all_of_it.get("base_url", ""),
            model=all_of_it.get("model", ""),
            cheaper=all_of_it.get("cheaper", ""),
            instructions=all_of_it["instructions"],
            temperature=str(all_of_it.get("temperature", "")),
            max_tokens=str(all_of_it["max_tokens"]),
            history=str(all_of_it["history"]),
            knowledge=all_of_it["knowledge"],
            tools=[_tool_of(each) for each in all_of_it["tools"]],
        )
        fields.key.chosen = all_of_it.get("api_key", "")
        return fields.named()

    @classmethod
    def of_post(cls, data: QueryDict) -> LLMFields:
        """The form as it was sent; a preset that was chosen brings its address along."""
        preset = data.get(f"{NAME}-preset", "")
        fields = cls(
            preset=preset if preset in PRESETS else "other",
            base_url=_said(data, "base_url"),
            model=_said(data, "model"),
            cheaper=_said(data, "cheaper"),
            key=SecretField.of_post(f"{NAME}-api_key", data),
            instructions=_said(data, "instructions"),
            temperature=_said(data, "temperature"),
            max_tokens=_said(data, "max_tokens"),
            history=_said(data, "history"),
            knowledge=bool(data.get(f"{NAME}-knowledge")),
        )
        if f"{NAME}-api_key-new_key" not in data:
            fields.key.new_key = NEW_KEY  # the rehearsal has no field for it
        place = 0
        while place < MOST_TOOLS and (kind := data.get(f"{NAME}-tool_{place}-type")) in TOOL_TITLES:
            fields.tools.append(_tool_sent(data, place, str(kind)))
            place += 1
        before = PRESETS.get(data.get(f"{NAME}-preset_before", ""))
        if before is not None and before is not PRESETS[fields.preset]:
            fields.follow(before)
        return fields.named()

    def named(self) -> LLMFields:
        """The form with each secret's fields called by where they stand."""
        for place, tool in enumerate(self.tools):
            tool.headers.named(f"{NAME}-tool_{place}")
        return self

    def follow(self, before: Preset) -> None:
        """Fill in what the chosen preset knows, in place of what the one before had filled in."""
        now = PRESETS[self.preset]
        is_stand_in = REHEARSAL in (self.preset, next(key for key, one in PRESETS.items() if one is before))
        if now.base_url or self.base_url == before.base_url:
            self.base_url = now.base_url
        if not self.model or self.model == before.model or is_stand_in:
            self.model = now.model
        else:
            self.kept_from = before.label
        if is_stand_in:
            self.cheaper = ""  # a model of the one is none of the other
        if self.preset == REHEARSAL:
            self.key.chosen = ""

    # --- What was meant -----------------------------------------------------------------------------------------------

    @property
    def is_blank(self) -> bool:
        """Whether nothing was said in it beside what a new form holds."""
        return not (
            self.model
            or self.cheaper
            or self.key.chosen
            or self.instructions
            or self.tools
            or self.key.new_value.strip()
        )

    def drop_empty(self) -> None:
        """Take out headers in which nothing was typed."""
        for tool in self.tools:
            tool.headers.drop_empty()
        self.named()

    def write_secrets(self, actor: Actor) -> bool:
        """Write the key, and the secrets of headers, that were typed right here."""
        # Each of them, whatever the others say: what was typed is not shown again.
        return all([self.key.write(actor), *(tool.headers.write_secrets(actor) for tool in self.tools)])

    def content(self) -> dict[str, Any]:
        """The part that was meant, unchecked; JSON that can't be read stands in `errors`."""
        content: dict[str, Any] = {
            "preset": self.preset,
            "max_tokens": number(self.max_tokens),
            "history": number(self.history),
            "knowledge": self.knowledge,
            "tools": [self._tool(place, tool) for place, tool in enumerate(self.tools)],
        }
        for name in ("base_url", "model", "cheaper", "instructions"):
            if getattr(self, name):
                content[name] = getattr(self, name)
        if self.temperature:
            content["temperature"] = number(self.temperature)
        if self.key.chosen:
            content["api_key"] = self.key.chosen
        return {key: value for key, value in content.items() if value != ""}

    def _tool(self, place: int, tool: Tool) -> dict[str, Any]:
        if tool.type in ("hand_over", "end"):
            return {"type": tool.type, **({"when": tool.when} if tool.when else {})}
        made: dict[str, Any] = {"type": tool.type, "name": tool.name, "description": tool.description}
        if tool.type == "collect":
            return made
        made |= {"method": tool.method, "url": tool.url}
        if tool.parameters:
            try:
                made["parameters"] = loads(tool.parameters, no_key_twice=True, called="This")
            except BadJSON as bad:
                self.errors[f"tools[{place}].parameters"] = [str(bad)]
        if tool.headers.rows:
            made["headers"] = tool.headers.content()
        return made

    def secret_values(self) -> Mapping[str, str]:
        """Values that were typed again, by key."""
        fields = [self.key, *(secret for tool in self.tools for secret in tool.headers.secrets)]
        return {each.chosen: each.again for each in fields if each.chosen and each.again}

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def change_rows(self, op: str) -> bool:
        """Add or take out a tool or a header, or only draw the preset that was chosen (`llm-preset`)."""
        if not op.startswith(f"{NAME}-"):
            return False
        what, _, rest = op.removeprefix(f"{NAME}-").partition("-")
        if what == "add" and rest in TOOL_TITLES and len(self.tools) < MOST_TOOLS:
            self.tools.append(Tool(rest))
        elif what == "out" and (place := place_of(rest, self.tools)) is not None:
            del self.tools[place]
        elif what == "header" and (place := place_of(rest, self.tools)) is not None:
            self.tools[place].headers.add()
        elif what == "headerout":
            which, _, row = rest.partition("-")
            if (place := place_of(which, self.tools)) is not None:
                self.tools[place].headers.take_out(row)
        self.named()
        return True

    # --- Drawing ------------------------------------------------------------------------------------------------------

    def put(self, errors: Mapping[str, list[str]]) -> list[str]:
        """Put what is wrong (paths below `llm`) beside its fields; answers what has none."""
        rest: list[str] = []
        for path, said in {**errors, **self.errors}.items():
            if not self._put(path, list(said)):
                rest += said
        return rest

    def _put(self, path: str, said: list[str]) -> bool:
        if path == "api_key":
            self.key.errors = said
            return True
        if path in _NUMBERS:
            self.errors[path] = [_NUMBERS[path]]
            return True
        if path in _REQUIRED and not getattr(self, path):
            self.errors[path] = [_REQUIRED[path]]
            return True
        if path in {"base_url", "model", "cheaper", "instructions", "preset"}:
            self.errors[path] = said
            return True
        found = re.fullmatch(r"tools\[([0-9]+)\](?:\.headers\[([0-9]+)\])?(?:\.([a-z_]+).*)?", path)
        if not found or int(found[1]) >= len(self.tools):
            return False
        tool = self.tools[int(found[1])]
        if found[2] is None:
            tool.errors.setdefault(found[3] or "", []).extend(said)
            return True
        return tool.headers.put(int(found[2]), found[3], said)

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong in it."""
        return bool(
            self.errors or self.key.has_errors or any(tool.errors or tool.headers.has_errors for tool in self.tools)
        )

    @property
    def presets(self) -> list[tuple[str, str]]:
        """(key, name) of each."""
        return [(key, preset.label) for key, preset in PRESETS.items()]

    @property
    def chosen(self) -> Preset:
        """The preset that is chosen."""
        return PRESETS[self.preset]

    @property
    def lacks_key(self) -> bool:
        """Whether it can't answer without a key, and has none."""
        return self.chosen.needs_key and not self.key.chosen

    @property
    def is_rehearsal(self) -> bool:
        """Whether a stand-in answers."""
        return self.preset == REHEARSAL

    @property
    def stand_ins(self) -> list[tuple[str, str]]:
        """(model, how it behaves)."""
        return [(key, behaviour.label) for key, behaviour in MODELS.items()]

    @property
    def methods(self) -> Sequence[str]:
        """How an address may be called."""
        return METHODS

    @property
    def additions(self) -> list[tuple[str, str]]:
        """(type, title) of the tools that may be added: those of the product's own once."""
        if len(self.tools) >= MOST_TOOLS:
            return []
        there = {tool.type for tool in self.tools}
        return [(key, title) for key, title in TOOL_TITLES.items() if key in {"collect", "http"} or key not in there]


def _tool_of(content: Mapping[str, Any]) -> Tool:
    parameters = content.get("parameters")
    return Tool(
        type=content["type"],
        when=content.get("when", ""),
        name=content.get("name", ""),
        description=content.get("description", ""),
        method=content.get("method", "GET"),
        url=content.get("url", ""),
        parameters="" if parameters is None else json.dumps(parameters, indent=2, ensure_ascii=False),
        headers=HeaderRows.of_content(content.get("headers", ())),
    )


def _tool_sent(data: QueryDict, place: int, kind: str) -> Tool:
    start = f"tool_{place}"
    method = data.get(f"{NAME}-{start}-method", "")
    tool = Tool(kind, method=method if method in METHODS else METHODS[0])
    for name in ("when", "name", "description", "url", "parameters"):
        setattr(tool, name, _said(data, f"{start}-{name}"))
    tool.headers = HeaderRows.of_post(data, f"{NAME}-{start}")
    return tool


def _said(data: QueryDict, name: str) -> str:
    return text_of(data, f"{NAME}-{name}")
