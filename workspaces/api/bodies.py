"""Bodies of the admin API, checked against the very schema that documents them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request

from convoship.lib.plain_errors import PlainValidator, failures
from convoship.lib.problems import Problem, invalid


class Body:
    """One call's body: `documented` for the OpenAPI document, `read` for the view."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.documented = {"application/json": schema}
        # What has a schema of its own (a script, a theme) is checked by its act; here it only has to be an object.
        own = {name: {"type": "object"} if "$ref" in part else part for name, part in schema["properties"].items()}
        self._validator = PlainValidator({**schema, "properties": own})

    def read(self, request: Request) -> dict[str, Any]:
        """The body, with texts trimmed; 422 that names every field that is wrong."""
        data = request.data
        if not isinstance(data, Mapping):
            raise Problem("invalid", "The body must be a JSON object.")
        errors = failures(self._validator, data)
        if errors:
            raise invalid(errors)
        return {name: value.strip() if isinstance(value, str) else value for name, value in data.items()}
