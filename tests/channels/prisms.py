"""Published API descriptions: Prism serves them and judges our requests; their keys are compared with ours besides.

Prism lets unknown fields pass, so what is misspelt shows by its keys alone.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from convoship.machine import node

HERE = Path(__file__).parent
PRISM = HERE / "prism"
STARTS_WITHIN = 60
_FORM = "application/x-www-form-urlencoded"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(descriptions: Mapping[str, Path]) -> Iterator[dict[str, str]]:
    """The address of a Prism for each description, until the block ends."""
    node.install(PRISM)
    command = [
        str(node.wheel() / "bin" / "node"),
        str(PRISM / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"),
    ]
    started: list[subprocess.Popen[bytes]] = []
    urls = {}
    try:
        for name, path in descriptions.items():
            port = free_port()
            arguments = ["mock", "-h", "127.0.0.1", "-p", str(port), str(path)]
            started.append(
                subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            urls[name] = f"http://127.0.0.1:{port}"
        for url in urls.values():
            _wait_for(url)
        yield urls
    finally:
        for process in started:
            process.kill()
            process.wait(10)


def _wait_for(url: str) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        try:
            httpx.get(url, timeout=5, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Prism did not start")


@dataclass(frozen=True)
class Description:
    """An API's description: OpenAPI 3, or Swagger 2, whose bodies are parameters."""

    path: Path

    @cached_property
    def document(self) -> dict[str, Any]:
        """The whole of it."""
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def followed(self, what: Any) -> Any:
        """It, or what it refers to."""
        while isinstance(what, dict) and "$ref" in what:
            found: Any = self.document
            for part in what["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            what = found
        return what

    def operation_of(self, method: str, url: str) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
        """An operation's name (method and path of the description), itself, and all of its parameters."""
        asked = "/" + url.partition("?")[0].split("/", 3)[3]
        for template, operations in self.document["paths"].items():
            if _fits(template, asked) and method.lower() in operations:
                operation = operations[method.lower()]
                parameters = [*operation.get("parameters", ()), *operations.get("parameters", ())]
                return f"{method} {template}", operation, [self.followed(one) for one in parameters]
        raise AssertionError(f"{method} {asked} is not in the description")

    def names(self, method: str, url: str) -> set[str]:
        """The names of an operation's parameters and form fields; of an object in the query as `page[size]`."""
        _, operation, parameters = self.operation_of(method, url)
        names = set()
        for one in parameters:
            properties = self.followed(one.get("schema", {})).get("properties", {}) if one["in"] == "query" else {}
            names |= {f"{one['name']}[{each}]" for each in properties} or {one["name"]}
        form = operation.get("requestBody", {}).get("content", {}).get(_FORM, {})
        return names | set(self.followed(form.get("schema", {})).get("properties", {}))

    def json_schema_of(self, method: str, url: str) -> Any:
        """What an operation takes as JSON; None where it takes none."""
        _, operation, parameters = self.operation_of(method, url)
        body = next((one for one in parameters if one["in"] == "body"), None)
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        return body["schema"] if body else content.get("schema")

    def unknown_in(self, schema: Any, value: Any, where: str) -> set[str]:
        """Where, at any depth, we send a key that the description doesn't have."""
        schema = self._chosen(schema, value)
        if isinstance(value, list):
            items = schema.get("items", {})
            return {one for each in value for one in self.unknown_in(items, each, f"{where}[]")}
        properties = schema.get("properties")
        if not isinstance(value, dict) or not properties:
            return set()
        unknown = {f"{where}.{name}" for name in value.keys() - properties.keys()}
        for name in value.keys() & properties.keys():
            unknown |= self.unknown_in(properties[name], value[name], f"{where}.{name}")
        return unknown

    def missing_in(self, schema: Any, value: Any) -> set[str]:
        """What an object lacks of what the description requires of it."""
        return set(self._chosen(schema, value).get("required", ())) - set(value)

    def _chosen(self, schema: Any, value: Any) -> dict[str, Any]:
        """A schema whose parts are put together, and the one of several that the value says it is."""
        schema = dict(self.followed(schema or {}))
        for part in schema.pop("allOf", ()):
            found = self._chosen(part, value)
            properties = {**found.get("properties", {}), **schema.get("properties", {})}
            schema = {**found, **schema, **({"properties": properties} if properties else {})}
        if "oneOf" not in schema or not isinstance(value, dict):
            return schema
        says = str(value.get(schema["discriminator"]["propertyName"]))
        mapped = schema["discriminator"].get("mapping", {}).get(says)
        named = [one for one in schema["oneOf"] if one.get("$ref", "").rpartition("/")[2] == says]
        return self._chosen({"$ref": mapped} if mapped else named[0], value)


def _fits(template: str, asked: str) -> bool:
    wanted, given = template.split("/"), asked.split("/")
    return len(wanted) == len(given) and all(
        one == other or ("{" in one and one.endswith(".json") == other.endswith(".json"))
        for one, other in zip(wanted, given, strict=True)
    )
