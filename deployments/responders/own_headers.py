"""Headers of the customer's own that a call carries to their server: a value each, or one of the workspace's secrets.

`headers` in a tool of a model and in a webhook: [{name, value | secret}], where `secret` is the key of one.

Names that say what the call is, whose it is or how it travels are taken: a Host of somebody's own would lead it past
the address that was checked, a Convoship-User would be no proof of who the visitor is.
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
# What belongs to a connection and not to what is sent over it (RFC 9110, sections 7.2, 7.6.1 and 10.1.1; RFC 9112,
# section 6; proxies know more of them than the standard), and what each call says itself.
TAKEN = frozenset(
    {
        *("host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"),
        *("http2-settings", "accept", "accept-encoding"),
    }
)
TAKEN_BEGINNINGS = ("content-", "proxy-", "convoship-", "webhook-")
# What a header may carry (RFC 9110, section 5.5, without what browsers and proxies read differently).
_PLAIN = re.compile(r"[\x20-\x7e]+")


def secrets_of(headers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each secret that they name: (path, key)."""
    for row, header in enumerate(headers):
        if "secret" in header:
            yield f"headers[{row}].secret", header["secret"]


def is_taken(name: str) -> bool:
    """Whether no header of somebody's own may be called this."""
    lower = name.lower()
    return lower in TAKEN or lower.startswith(TAKEN_BEGINNINGS)


def faults(headers: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What is wrong with the names, by path (`headers[0].name`); of headers that fit `SCHEMA`."""
    errors: dict[str, list[str]] = {}
    names: set[str] = set()
    for row, header in enumerate(headers):
        name = header["name"].lower()
        if is_taken(name):
            errors[f"headers[{row}].name"] = [f"{header['name']} is set with each call. Use another name."]
        elif name in names:
            errors[f"headers[{row}].name"] = [f"There is another {header['name']}. Each header is sent once."]
        names.add(name)
    return errors


async def given(headers: Sequence[Mapping[str, Any]], reach: Reach, url: str) -> dict[str, str]:
    """The headers with the values of their secrets, to be sent to this address; ResponderError as `Reach.secret`.

    Names that are taken are left out: a draft or a version may be older than the rule, or come from a file.
    """
    made: dict[str, str] = {}
    for header in headers:
        if is_taken(header["name"]):
            continue
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
