"""Headers of the customer's own that a call carries to their server: a value each, or one of the workspace's secrets.

`headers` in a tool of a model and in a webhook: [{name, value | secret}], where `secret` is the key of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployments.responders.base import Reach, ResponderError

MOST_HEADERS = 10
SECRET: dict[str, Any] = {
    "type": "string",
    "pattern": r"^[a-z0-9][a-z0-9_.-]{0,63}$(?!\n)",
    "x-words": {"pattern": "Give the key of a secret, not its value; write it under Workspace, Secrets."},
}
_HEADER: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9-]{1,60}$(?!\n)",
            "x-words": {"pattern": "Use a header's name, such as Authorization."},
        },
        "value": {
            "type": "string",
            "maxLength": 500,
            "pattern": r"^[\x20-\x7e]+$(?!\n)",
            "x-words": {"pattern": "Use plain characters on one line."},
        },
        "secret": SECRET,
    },
    "oneOf": [{"required": ["value"]}, {"required": ["secret"]}],
    "x-words": {"oneOf": "Give the header a value or the key of a secret, one of the two."},
}
SCHEMA: dict[str, Any] = {"type": "array", "maxItems": MOST_HEADERS, "items": _HEADER}
# What a header may carry (RFC 9110, section 5.5, without what browsers and proxies read differently).
_PLAIN = re.compile(r"[\x20-\x7e]+")


def secrets_of(headers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each secret that they name: (path, key)."""
    for row, header in enumerate(headers):
        if "secret" in header:
            yield f"headers[{row}].secret", header["secret"]


async def given(headers: Sequence[Mapping[str, Any]], reach: Reach, url: str) -> dict[str, str]:
    """The headers with the values of their secrets, to be sent to this address; ResponderError as `Reach.secret`."""
    made: dict[str, str] = {}
    for header in headers:
        if "secret" not in header:
            made[header["name"]] = header["value"]
            continue
        value = await reach.secret(header["secret"], url)
        if not _PLAIN.fullmatch(value):
            raise ResponderError(
                f"The secret {header['secret']} holds characters that no header can carry.",
                "Write it anew under Workspace, Secrets, on one line.",
                code="key",
            )
        made[header["name"]] = value
    return made
