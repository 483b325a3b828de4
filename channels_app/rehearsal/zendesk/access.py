"""Who may call: OAuth with client credentials, and the older API tokens.

Tokens: https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/ (`grant_type` one of
authorization_code, refresh_token, client_credentials; parameters "must be formatted as JSON"; `expires_in` "more than
300 seconds and less than 172,800 seconds"; "You must specify a scope"; a token with an invalid scope is made, and
whatever is asked with it "will return a Forbidden error").
Flow: https://developer.zendesk.com/documentation/api-basics/authentication/api-tokens-to-oauth/ (on behalf of the user
who created the client; no refresh token: a new one is asked for).
API tokens: https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/ (no new ones in new
accounts from 2026-07-28, in any from 2026-10-27; all of them end on 2027-04-30).
"""

from __future__ import annotations

import binascii
import datetime as dt
import hashlib
import secrets
from base64 import b64decode
from typing import Any

from django.utils import timezone

from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.rehearsal.base import Answer, Call, read
from channels_app.rehearsal.zendesk.answers import Refused, answered, check, object_of
from channels_app.rehearsal.zendesk.books import INTEGRATION_USER, Books, at_of
from convoship.lib.plain_errors import PlainValidator

LEAST, MOST = 300, 172_800
API_TOKENS_END = dt.datetime(2027, 4, 30, tzinfo=dt.UTC)
# Those that can be asked for apart from "read" and "write".
RESOURCES = (
    *("tickets", "users", "auditlogs", "organizations", "hc", "apps", "triggers", "automations", "targets"),
    "webhooks",
)
_MOST_TOKENS = 50

TOKEN_REQUEST: Any = PlainValidator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["grant_type", "client_id", "client_secret", "scope"],
        "properties": {
            "grant_type": {"type": "string"},
            "client_id": {"type": "string", "maxLength": 255},
            "client_secret": {"type": "string", "maxLength": 255},
            "scope": {"type": "string", "minLength": 1, "maxLength": 1000},
            "expires_in": {"type": "integer"},
        },
    }
)


def give_token(call: Call, books: Books) -> Answer:
    """`POST /oauth/tokens`: `{access_token, token_type, scope, expires_in?}`.

    What it refuses has the shape of RFC 6749, 5.2; Zendesk's page names no errors.
    """
    asked = object_of(call)
    check(TOKEN_REQUEST, asked)
    if asked["grant_type"] != "client_credentials":
        # The other two of the page need a person's sign-in, which a rehearsal doesn't have.
        raise _oauth(400, "unsupported_grant_type", "The authorization grant type is not supported.")
    seconds = asked.get("expires_in")
    if seconds is not None and not LEAST < seconds < MOST:
        words = f"expires_in must be more than {LEAST} and less than {MOST} seconds."
        raise _oauth(400, "invalid_request", words)
    token = secrets.token_hex(32)
    until = timezone.now() + dt.timedelta(seconds=seconds) if seconds else None
    # Never the token itself: what is kept shows in nobody's hands what can be called with.
    kept = {"digest": _digest(token), "scope": asked["scope"], "until": until.isoformat() if until else None}
    books.contents["tokens"] = [*books.rows("tokens"), kept][-_MOST_TOKENS:]
    body = {"access_token": token, "token_type": "bearer", "scope": asked["scope"]}
    # No line of the rehearsal shows what can be called with.
    return answered({**body, "expires_in": seconds}, "Gave an access token.", is_unseen=True)


def refused_client(call: Call, books: Books) -> Answer | None:
    """401 to a client that isn't known; None to one that is, and to what is no request for a token at all."""
    asked = read(call.body) or {}
    given = (asked.get("client_id"), asked.get("client_secret"))
    if not all(isinstance(one, str) for one in given):
        return None
    wanted = [books.account.credentials.get(name, "") for name in ("client_id", "client_secret")]
    is_client, is_known = (same(str(one), other) for one, other in zip(given, wanted, strict=True))
    if all(wanted) and is_client and is_known:
        return None
    words = "Client authentication failed due to unknown client, no client authentication included, "
    return _as_refused(_oauth(401, "invalid_client", words + "or unsupported authentication method."), call)


def refused_caller(call: Call, books: Books) -> Answer | None:
    """The answer to a caller who isn't known, or whose token is over; None where they may call."""
    given = call.headers.get("authorization", "")
    kind, _, value = given.partition(" ")
    if kind.lower() == "bearer":
        return _refused_token(call, books, value.strip())
    credentials = books.account.credentials
    if kind.lower() == "basic" and credentials.get("api_token") and credentials.get("email"):
        wanted = f"{credentials['email']}/token:{credentials['api_token']}"
        if timezone.now() < API_TOKENS_END and same(plain(value), wanted):
            return None
    refused = Refused(401, {"error": "Couldn't authenticate you"}, "Refused: no known credentials.")
    return _as_refused(refused, call)


def plain(value: str) -> str:
    """Basic credentials in plain; empty where they are none."""
    try:
        return b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def acting_user() -> int:
    """Who does what a caller asks for."""
    return INTEGRATION_USER


def _refused_token(call: Call, books: Books, token: str) -> Answer | None:
    digest = _digest(token)
    for kept in books.rows("tokens"):
        if not same(digest, kept["digest"]):
            continue
        if kept["until"] and at_of(kept["until"]) <= timezone.now():
            break
        return _refused_scope(call, kept["scope"])
    words = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    refused = Refused(401, {"error": "invalid_token", "error_description": words}, "Refused: no valid access token.")
    return _as_refused(refused, call)


def _refused_scope(call: Call, scope: str) -> Answer | None:
    right = "read" if call.method == "GET" else "write"
    resource = call.path.removeprefix("/api/v2/").partition("/")[0].removesuffix(".json")
    good = {right, *([f"{resource}:{right}", resource] if resource in RESOURCES else [])}
    if good & set(scope.split()):
        return None
    words = f"You are missing the following required scopes: {right}"
    refused = Refused(403, {"error": "Forbidden", "description": words}, f"Refused: the token's scope lacks {right}.")
    return _as_refused(refused, call)


def _as_refused(refused: Refused, call: Call) -> Answer:
    answer = refused.answer(call)
    return Answer(answer.status, answer.body, kind=LineKind.REFUSED, note=refused.note)


def _oauth(status: int, error: str, words: str) -> Refused:
    return Refused(status, {"error": error, "error_description": words}, f"No token: {words}")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
