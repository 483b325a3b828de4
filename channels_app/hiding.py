"""What is kept of requests for people to look at, without the secrets in it: in headers, addresses, bodies, answers.

A secret is known by what it is called, and by its value where it is one of the connection's: a provider may send that
back under any name. Signatures stay, as they give nothing away and say much. Inside `tenant()`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from channels_app import accounts
from channels_app.models import Connection

HIDDEN = "[hidden]"
# Of credentials those that only say who we are: they stand on pages as settings do.
_NAMES = frozenset({"email", "username", "client_id"})
# What is shorter would be found in the middle of words.
_SHORTEST = 6

_HEADER = re.compile(
    r"(?i)(proxy-)?authorization|(set-)?cookie|x-convoship-check|(.*[-_])?(secret|password|token|api-?key)"
)
# Frames of a relay have a `token` that is a word to be spoken, so that name alone is not one.
_NAME = (
    r"(?:[A-Za-z0-9_.-]*(?:secret|password|passwd|secret[_-]?token|access[_-]?token|refresh[_-]?token|auth[_-]?token"
    r"|api[_-]?token|api[_-]?key)|client[_-]?assertion|authorization|x-convoship-check)"
)
_IN_JSON = re.compile(rf'(?i)((?<!\\)"{_NAME}"\s*:\s*")((?:[^"\\]|\\.)*)(?=")')
# JSON in a string of JSON, as errors quote it.
_IN_QUOTED_JSON = re.compile(rf'(?i)(\\"{_NAME}\\"\s*:\s*\\")([^"\\]*)')
_IN_FORM = re.compile(rf"(?i)((?:^|[?&\s]){_NAME}=)([^&\s#\"<>]+)")
_BEARER = re.compile(r"(?i)\b((?:bearer|basic)\s+)(?=\S*[0-9=])[A-Za-z0-9+/_=.~\-]{8,}")


@dataclass(frozen=True)
class Hider:
    """Takes a connection's secrets, and what is called one, out of what is shown."""

    values: re.Pattern[str] | None = field(default=None)

    def text(self, text: str) -> str:
        """An address, a body or an answer without secrets."""
        if self.values is not None:
            text = self.values.sub(HIDDEN, text)
        for named in (_IN_JSON, _IN_QUOTED_JSON, _IN_FORM):
            text = named.sub(lambda found: found[1] + HIDDEN if found[2] else found[0], text)
        return _BEARER.sub(lambda found: found[1] + HIDDEN, text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers without secrets; their names stay."""
        return {name: HIDDEN if _HEADER.fullmatch(name) else self.text(str(value)) for name, value in headers.items()}


def of(connection: Connection) -> Hider:
    """For what passed over this connection."""
    account = accounts.to_receive(connection).account
    values = [value for name, value in account.credentials.items() if name not in _NAMES]
    values += [value for several in account.secrets.values() for value in several]
    return Hider(_pattern(values))


def _pattern(values: Iterable[str]) -> re.Pattern[str] | None:
    """Finds these in whichever way they are written; None where there are none."""
    forms = {form for value in values if len(value) >= _SHORTEST for form in _forms(value)}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(re.escape(form) for form in longest_first)) if forms else None


def _forms(value: str) -> Iterable[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield b64encode(value.encode()).decode()
    # The prefix of our own only says what it is.
    if value.startswith("whsec_"):
        yield value.removeprefix("whsec_")
