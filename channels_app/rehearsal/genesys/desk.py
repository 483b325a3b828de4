"""Genesys Cloud's part in a rehearsal: which call is which, who may make it, how it fails."""

from __future__ import annotations

import json
import re
import secrets
import time
import uuid
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.rehearsal.base import BROKEN, FAULTS, LIMITED, Answer, Call, Fault, Saying, read
from channels_app.rehearsal.desk import DeskStandIn, ShownCase
from channels_app.rehearsal.genesys import acts, ending, inbound, problems, reading, webhooks
from channels_app.rehearsal.genesys.organisation import LOST_WORD, SECRET, TOKEN_SECONDS, Organisation

NO_PERMISSION = Fault("no_permission", "The role lacks a permission", "403, with what is missing.")
NOT_FOUND = Fault("not_found", "The integration does not exist", "404.")
LOST = Fault(
    LOST_WORD, "The agent's reply gets lost", "It is not posted, as after the last retry. Only the conversation has it."
)

_ID = r"([^/]{1,100})"
_MESSAGES = "/api/v2/conversations/messages"
_OPEN = "/api/v2/conversations/messaging/integrations/open"
_TOKEN_PATH = "/oauth/token"  # noqa: S105 (a path)

_Does = Callable[..., Answer]
# What is sent, which the faults meet: with the permission that it wants (platform-client-sdk-cli names them; for the
# disconnections https://polyai-mintlify-6a688e53.mintlify.app/integrations/messaging/genesys).
_RECEIVE, _DISCONNECT = "conversation:message:receive", "conversation:communication:disconnect"
_SENT: Sequence[tuple[str, str, _Does, str]] = (
    ("POST", rf"{_MESSAGES}/{_ID}/inbound/open/message", inbound.message, _RECEIVE),
    ("POST", rf"{_MESSAGES}/{_ID}/inbound/open/structured/response", inbound.response, _RECEIVE),
    ("POST", rf"{_MESSAGES}/{_ID}/inbound/open/receipt", inbound.receipt, _RECEIVE),
    ("POST", rf"{_MESSAGES}/agentless", inbound.agentless, "conversation:message:create"),
    ("PATCH", rf"{_MESSAGES}/{_ID}/participants/{_ID}", ending.disconnect_participant, _DISCONNECT),
    ("PATCH", rf"{_MESSAGES}/{_ID}", ending.disconnect, _DISCONNECT),
    ("DELETE", rf"/api/v2/conversations/{_ID}", ending.disconnect_all, _DISCONNECT),
)
# What is asked, what is set up once, and that somebody types: a fault that is meant for a message is not spent on it.
_ASKED: Sequence[tuple[str, str, _Does]] = (
    ("POST", rf"{_MESSAGES}/{_ID}/inbound/open/event", inbound.event),
    ("GET", rf"{_MESSAGES}/{_ID}", reading.conversation),
    ("GET", rf"{_MESSAGES}/{_ID}/details", lambda org, call, one: reading.message(org, call, "", one)),
    ("GET", rf"{_MESSAGES}/{_ID}/messages/{_ID}", reading.message),
    ("POST", rf"{_MESSAGES}/{_ID}/messages/bulk", reading.messages),
    ("GET", _OPEN, reading.integrations),
    ("POST", _OPEN, lambda org, call: reading.set_up(org, call, "")),
    ("GET", rf"{_OPEN}/{_ID}", reading.integration),
    ("PATCH", rf"{_OPEN}/{_ID}", reading.set_up),
    ("GET", "/api/v2/tokens/me", reading.token),
)
# What a client without a user is refused.
_WANT_USER = {("GET", "/api/v2/users/me"), ("GET", _MESSAGES), ("GET", "/api/v2/conversations")}


class GenesysDesk(DeskStandIn):
    """An organisation at Genesys Cloud, with one integration of Open Messaging, a queue, and agents.

    Paths of `https://api.{domain}` and of `https://login.{domain}` stand under its one address.
    """

    kind = "genesys"
    title = "Genesys Cloud"
    faults: ClassVar[Sequence[Fault]] = (*FAULTS, NO_PERMISSION, NOT_FOUND, LOST)
    does_report = True

    def way_back(self) -> tuple[str, str]:
        """By the flow."""
        return "return", "tried"

    @property
    def org(self) -> Organisation:
        """What it keeps."""
        return Organisation(self.rehearsal, self.account)

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """{region, integration_id}, or that of the connection that it is like."""
        own = {"region": "eu-central-1", "integration_id": str(uuid.uuid4())}
        return {**own, **{name: value for name, value in like.items() if name != "api_base_url"}}

    @classmethod
    def credentials(cls) -> dict[str, str]:
        """An OAuth client's id and secret, and the secret of the webhook."""
        return {
            "client_id": str(uuid.uuid4()),
            "client_secret": secrets.token_urlsafe(32),
            "webhook_secret": secrets.token_urlsafe(32),
        }

    @classmethod
    def contents(cls, account_sid: str) -> dict[str, Any]:
        """Nobody has written yet. The connection's integration is there without standing here."""
        return {"conversations": [], "integrations": {}, "tokens": {}}

    # --- Who may call -----------------------------------------------------------------------------------------------

    def refuse(self, call: Call) -> Answer | None:
        """At the login: the client's id and secret. At the API: a bearer token that was given out and still counts."""
        if call.path == _TOKEN_PATH:
            return self._refuse_login(call)
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            words = "No authentication bearer token specified in authorization header."
            return problems.not_let_in("authentication.required", words, "Refused: without a bearer token.")
        until = self.org.until(token.strip())
        if until is None:
            return problems.not_let_in(
                "bad.credentials", "Invalid login credentials.", "Refused: not one of our tokens."
            )
        if until <= time.time():
            words = "The supplied credentials are expired and cannot be used."
            return problems.not_let_in("credentials.expired", words, "Refused: the token has expired.")
        return None

    def _refuse_login(self, call: Call) -> Answer | None:
        """Basic with the client's id and secret.

        The body for a client that isn't known is in gildas/go-gcloudcx's client_test.go; its login_test.go, which runs
        against Genesys, finds 400 for that, and 401 "authentication failed" for a wrong secret.
        """
        client_id, client_secret = _basic(call.headers.get("authorization", ""))
        knows = self.account.credentials
        is_known = same(client_id, knows.get("client_id", "")) and bool(client_id)
        is_right = same(client_secret, knows.get("client_secret", "")) and bool(client_secret)
        if not is_known:
            return problems.not_logged_in(400, "invalid_client", "client not found", "Refused: another client's id.")
        if not is_right:
            return problems.not_logged_in(401, "invalid_client", "authentication failed", "Refused: a wrong secret.")
        return None

    # --- What is called ---------------------------------------------------------------------------------------------

    def is_sent(self, call: Call) -> bool:
        """Messages, receipts, and the end of a conversation."""
        return _sent(call) is not None

    def meets(self, call: Call) -> bool:
        """A lost reply is the agent's, and no call's; an integration is named by what is sent, and not by an end."""
        if self.rehearsal.fault == NOT_FOUND.word:
            found = _sent(call)
            return found is not None and found[2] != _DISCONNECT
        return self.rehearsal.fault != LOST.word and super().meets(call)

    def take(self, call: Call) -> Answer:
        """Take what was sent. What is refused shows at the conversation that it was meant for."""
        found = _sent(call)
        if found is None:
            return self.look(call)
        given = found[0](self.org, call, *found[1])
        return replace(given, **self._shown(call)) if given.kind == LineKind.TURNED_AWAY else given

    def look(self, call: Call) -> Answer:
        """A token, an answer to a question, or that there is no such thing."""
        if call.path == _TOKEN_PATH:
            return self._token(call)
        if (call.method, call.path) in _WANT_USER:
            return problems.needs_user("Refused: this is for people who are logged in.")
        for method, pattern, does in _ASKED:
            matched = re.fullmatch(pattern, call.path) if method == call.method else None
            if matched is not None:
                return self._spoiled(does) or does(self.org, call, *matched.groups())
        return problems.not_found(f"Refused: {call.method} {call.path[:150]} is not known here.")

    def _spoiled(self, does: _Does) -> Answer | None:
        """What a look at the integration finds while sending fails for its sake. It doesn't spend the fault."""
        if does is not reading.integration:
            return None
        if self.rehearsal.fault == NOT_FOUND.word:
            return replace(problems.not_found("There is no such integration."), kind=LineKind.ASKED)
        if self.rehearsal.fault == NO_PERMISSION.word:
            return replace(problems.no_permission("messaging:integration:view"), kind=LineKind.ASKED)
        return None

    def _token(self, call: Call) -> Answer:
        """`POST /oauth/token` with the grant `client_credentials`: {access_token, token_type, expires_in: seconds}."""
        if call.method != "POST":
            return problems.not_logged_in(405, "invalid_request", "method not allowed", "Refused: it is posted.")
        kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        fields = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
        if kind != "application/x-www-form-urlencoded" or len(fields) != len(dict(fields)) or call.query:
            note = "Refused: the fields have to come as a form in the body, each once."
            return problems.not_logged_in(400, "invalid_request", "the request is not a form", note)
        strange = sorted(set(dict(fields)) - {"grant_type"})
        if strange:
            words = f"the parameter {strange[0][:60]} is not known"
            return problems.not_logged_in(400, "invalid_request", words, f"Refused: {words}.")
        if dict(fields).get("grant_type") != "client_credentials":
            words = "grant_type has to be client_credentials"
            return problems.not_logged_in(400, "unsupported_grant_type", words, f"Refused: {words}.")
        org = self.org
        token = org.new_token()
        org.save()
        body = {"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS}
        return reading.hidden(body, token, "Logged in.")

    def fail(self, call: Call, fault: str) -> Answer:
        """Genesys' own words for a fault. Nothing is taken, and what was sent shows beside it."""
        found = _sent(call)
        permission = found[2] if found is not None else ""
        refused = {
            LIMITED.word: problems.too_many,
            BROKEN.word: problems.broken,
            NO_PERMISSION.word: lambda: problems.no_permission(permission),
            NOT_FOUND.word: lambda: problems.not_found("Not taken: there is no such integration."),
        }[fault]()
        return replace(refused, **self._shown(call))

    def _shown(self, call: Call) -> dict[str, Any]:
        """What a line shows of something that was not taken: {address, text, delivery_id}."""
        body = read(call.body) or {}
        channel: dict[str, Any] = body["channel"] if isinstance(body.get("channel"), dict) else {}
        sender: dict[str, Any] = channel["from"] if isinstance(channel.get("from"), dict) else {}
        case = self.org.cases.going_on(self.org.own_id, str(sender.get("id", "")))
        text, message_id = body.get("text", body.get("textBody", "")), channel.get("messageId", "")
        return {
            "address": case["id"] if case else "",
            "text": text[:8000] if isinstance(text, str) else "",
            "delivery_id": message_id if isinstance(message_id, str) else "",
        }

    # --- The agent --------------------------------------------------------------------------------------------------

    def cases(self) -> list[ShownCase]:
        """Its conversations, the one that changed last first."""
        return [acts.shown(case) for case in reversed(self.org.cases.rows)]

    def say(self, typed: Mapping[str, str]) -> Saying:
        """Do what the agent does."""
        return acts.do(self.org, typed)

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """Genesys' signature and the integration's own headers; at the data action's address our own static header."""
        own = self.account.credentials.get("webhook_secret", "")
        if url == f"{self.account.inbound_url}{webhooks.RETURN}":
            return {webhooks.RETURN_HEADER: webhooks.WRONG_SECRET if wrongly else own}
        integration = self.org.integration(_integration_of(body) or self.org.own_id)
        known = integration or {SECRET: own, "webhookHeaders": {}}
        secret = str(known[SECRET])
        signature = webhooks.signature(webhooks.WRONG_SECRET if wrongly else secret, body)
        return {**known["webhookHeaders"], webhooks.SIGNATURE_HEADER: signature}


def _sent(call: Call) -> tuple[_Does, tuple[str, ...], str] | None:
    """What a call does that is sent, to what, and the permission that it wants; None for every other call."""
    for method, pattern, does, permission in _SENT:
        matched = re.fullmatch(pattern, call.path) if method == call.method else None
        if matched is not None and not (does is ending.disconnect_all and matched.group(1) == "messages"):
            return does, matched.groups(), permission
    return None


def _basic(header: str) -> tuple[str, str]:
    """The id and the secret of a Basic header; empty where it is none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, client_secret = b64decode(value.strip(), validate=True).decode().partition(":")
    except (NotBase64, UnicodeDecodeError):
        return "", ""
    return client_id, client_secret


def _integration_of(body: str) -> str:
    """The integration that a webhook's body is about."""
    found = json.loads(body)
    channel = found.get("channel") if isinstance(found, dict) else None
    return str(channel.get("id", "")) if isinstance(channel, dict) else ""
