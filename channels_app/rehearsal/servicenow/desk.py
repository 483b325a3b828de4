"""A ServiceNow instance: its Table API, its Attachment API, its Virtual Agent API, and an agent at it."""

from __future__ import annotations

import json
import re
import secrets
import time
import uuid
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from hmac import new as hmac_new
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from channels_app.models import Connection, Rehearsal
from channels_app.models.rehearsal import LineKind
from channels_app.providers.base import same
from channels_app.rehearsal.base import BROKEN, FAULTS, LIMITED, Answer, Call, Done, Fault, Report, Saying, read, said
from channels_app.rehearsal.desk import DeskStandIn, ShownCase
from channels_app.rehearsal.servicenow import answers, attachments, bot_shapes, shapes, virtual_agent
from channels_app.rehearsal.servicenow.answers import Refused
from channels_app.rehearsal.servicenow.chat_screen import ChatScreen
from channels_app.rehearsal.servicenow.record_screen import RecordScreen
from channels_app.rehearsal.servicenow.store import TOKEN_SECONDS, Store, begun
from channels_app.rehearsal.servicenow.table_api import TableApi, Written, told
from channels_app.rehearsal.servicenow.virtual_agent import VirtualAgent
from convoship.lib.actors import Actor

SLEEPING = Fault("sleeping", "The instance sleeps", "200 with the page of a hibernating instance; nothing is taken.")
NO_RIGHTS = Fault("no_rights", "The user may not", "403, as where a role is missing.")
SILENT_AGENT = Fault(
    "silent_agent", "Virtual Agent falls silent", "200 with success, and nothing is ever posted of that chat."
)
IGNORED = Fault("ignored", "correlation_id is not kept", "201, as where the field is missing or protected.")

TOKEN_PATH = "/oauth_token.do"  # noqa: S105 (an address)
_TABLE = re.compile(r"/api/now(?:/v[12])?/table/([a-z][a-z0-9_]{0,79})(?:/([^/]+))?")
_FILES = re.compile(r"/api/now(?:/v1)?/attachment")
_FILE = re.compile(r"/api/now(?:/v1)?/attachment/file")
_FORM = "application/x-www-form-urlencoded"
_NOT_GENUINE = "another secret"
# The user of OAuth's client credentials, where no user name is known.
_OAUTH_USER = "convoship.integration"


class ServicenowDesk(DeskStandIn):
    """`config`: {instance, mode: incident, interaction or virtual_agent, table?}."""

    kind = "servicenow"
    beside = "channels_app/rehearsal/servicenow_rule.html"
    title = "A ServiceNow instance"
    faults: ClassVar[Sequence[Fault]] = (*FAULTS, SLEEPING, NO_RIGHTS, SILENT_AGENT, IGNORED)

    def __init__(self, connection: Connection, rehearsal: Rehearsal, account: Any) -> None:
        super().__init__(connection, rehearsal, account)
        self.store = Store(rehearsal.contents)
        self.virtual_agent = VirtualAgent(self.store, account.base_url, account.inbound_url)

    def way_back(self) -> tuple[str, str]:
        """In a chat the agent leaves."""
        return ("leave", "") if self._mode == "virtual_agent" else super().way_back()

    @classmethod
    def config(cls, like: Mapping[str, Any]) -> dict[str, Any]:
        """An instance with incidents, or as the connection has it that it is like."""
        kept = {name: value for name, value in like.items() if name != "api_base_url"}
        return {"instance": "dev000000", "mode": "incident", **kept}

    @classmethod
    def credentials(cls) -> dict[str, str]:
        """A user with a password, and the secret of the business rule."""
        return {
            "username": "convoship.integration",
            "password": secrets.token_urlsafe(16),
            "webhook_secret": secrets.token_urlsafe(32),
        }

    @classmethod
    def contents(cls, account_sid: str) -> dict[str, Any]:
        """Nothing has happened yet."""
        return begun()

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """Both sides, and whether the business rule is installed, where there is one."""
        has_rule = connection.config.get("mode") != "virtual_agent"
        more = {"has_rule": rehearsal.contents.get("has_rule", True)} if has_rule else {}
        return {**super().shown(connection, rehearsal, address), "rule": more}

    @classmethod
    def faults_for(cls, config: Mapping[str, Any]) -> Sequence[Fault]:
        """Chats have no correlation_id, and of records something is always heard."""
        other = IGNORED if config.get("mode") == "virtual_agent" else SILENT_AGENT
        return [one for one in cls.faults if one is not other]

    @property
    def _mode(self) -> str:
        return str(self.account.config.get("mode") or "incident")

    @property
    def _own_table(self) -> str:
        return str(self.account.config.get("table") or "")

    def _credential(self, name: str) -> str:
        return str(self.account.credentials.get(name) or "")

    # --- Who calls --------------------------------------------------------------------------------------------------

    def refuse(self, call: Call) -> Answer | None:
        """Basic, or a bearer token that was issued here. For the token itself: the client's id and secret.

        A `token` header is for message authentication, which is not set up here, and does not help.
        """
        if call.path == TOKEN_PATH:
            return self._refuse_client(call)
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and self._is_user(value.strip()):
            return None
        if scheme.lower() == "bearer" and self._credential("client_id") and self.store.is_token(value.strip()):
            return None
        return answers.NOT_AUTHENTICATED

    def _is_user(self, value: str) -> bool:
        try:
            given = b64decode(value, validate=True)
        except (NotBase64, ValueError):
            return False
        user, password = self._credential("username"), self._credential("password")
        return bool(user and password) and same(given, f"{user}:{password}")

    def _refuse_client(self, call: Call) -> Answer | None:
        """`POST /oauth_token.do` as a form (client-credentials-grant-workflow). No page shows what it refuses with."""
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        wanted_id, wanted_secret = self._credential("client_id"), self._credential("client_secret")
        is_client = same(form.get("client_id", ""), wanted_id) & same(form.get("client_secret", ""), wanted_secret)
        is_right = (
            call.method == "POST"
            and call.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
            and form.get("grant_type") == "client_credentials"
            and bool(wanted_id and wanted_secret)
            and is_client
        )
        if is_right:
            return None
        body = json.dumps({"error_description": "access_denied", "error": "server_error"})
        words = "Refused: no form with grant_type=client_credentials and the client's own id and secret."
        return Answer(401, body, kind=LineKind.REFUSED, note=words)

    def _token(self, call: Call) -> Answer:
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        unknown = set(form) - {"grant_type", "client_id", "client_secret", "scope"}
        if unknown:
            raise answers.not_silently(min(unknown)[:60], "This isn't a parameter of client credentials.")
        body = {"scope": "useraccount", "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        found = Answer(200, json.dumps(body | {"access_token": self.store.issue()}), note="Gave an access token.")
        self._save()
        return found

    def _caller(self) -> dict[str, str]:
        """The user whom we call as."""
        name = self._credential("username") or _OAUTH_USER
        return self.store.user("Convoship Integration", name)

    def _save(self) -> None:
        self.rehearsal.save(update_fields=["contents"])

    # --- What is called ---------------------------------------------------------------------------------------------

    def is_sent(self, call: Call) -> bool:
        """What makes or changes something; signs of typing are not."""
        if call.path == virtual_agent.PATH:
            return call.method == "POST" and str((read(call.body) or {}).get("action")) not in bot_shapes.SIGNS
        if _FILE.fullmatch(call.path):
            return call.method == "POST"
        return _TABLE.fullmatch(call.path) is not None and call.method in {"POST", "PATCH", "PUT"}

    def meets(self, call: Call) -> bool:
        """An instance that sleeps until told otherwise sleeps for every call; counted are those that send."""
        sleeps_on = self.rehearsal.fault == SLEEPING.word and self.rehearsal.fault_calls is None
        return sleeps_on or super().meets(call)

    def spoil(self, call: Call, fault: str) -> Answer:
        """The page in the place of an answer, where it sleeps."""
        return answers.sleeping() if fault == SLEEPING.word else self.look(call)

    def look(self, call: Call) -> Answer:
        """A token, records, or a sign of typing."""
        # Whoever asks for their own user has to find it.
        self._caller()
        try:
            _check_accept(call)
            if call.path == TOKEN_PATH:
                return self._token(call)
            if call.path == virtual_agent.PATH and call.method == "POST":
                return self.virtual_agent.take(call)
            if call.method == "GET" and _FILES.fullmatch(call.path):
                return attachments.listed(self.store, call, self.account.base_url)
            table = _TABLE.fullmatch(call.path)
            if table and call.method == "GET":
                return self._table(call, table).read()
            raise _unknown(call, is_known=bool(table or _FILE.fullmatch(call.path) or call.path == virtual_agent.PATH))
        except Refused as refused:
            return answers.turned_away(refused, was_sent=False)

    def take(self, call: Call) -> Answer:
        """What changes something; kept only where it is taken."""
        return self._take(call)

    def _take(self, call: Call, fault: str = "") -> Answer:
        try:
            found = self._taken(call, fault)
        except Refused as refused:
            return answers.turned_away(refused, was_sent=True, **self._seen(call))
        self._save()
        return found

    def _taken(self, call: Call, fault: str) -> Answer:
        _check_accept(call)
        if call.path == virtual_agent.PATH:
            return self.virtual_agent.take(call, is_silent=fault == SILENT_AGENT.word)
        if _FILE.fullmatch(call.path):
            return attachments.upload(self.store, call, self.account.base_url, self._own_table, self._caller())
        table = _TABLE.fullmatch(call.path)
        if table is None or (call.method == "POST") == bool(table[2]):
            raise _unknown(call, is_known=table is not None)
        drops = frozenset({"correlation_id"}) if fault == IGNORED.word else frozenset()
        found, written = self._table(call, table).write(self._caller(), drops)
        if drops:
            found = replace(found, note=f"{found.note} correlation_id was not kept.", delivery_id=self._key(call))
        return replace(found, reports=self._reports(written), reports_to=self.account.inbound_url)

    def _table(self, call: Call, match: re.Match[str]) -> TableApi:
        return TableApi(self.store, call, self.account.base_url, self._own_table, match[1], match[2] or "")

    def _reports(self, written: Written) -> list[Report]:
        """What the rule tells of a change that we made ourselves: it does not know us from others."""
        if not self.store.has_rule:
            return []
        entries: Sequence[Mapping[str, str] | None] = written.entries or ([None] if written.has_new_state else [])
        return [Report("told", told(written.record, entry, uuid.uuid4().hex)) for entry in entries]

    def fail(self, call: Call, fault: str) -> Answer:
        """The vendor's own ways to fail."""
        if fault in {SILENT_AGENT.word, IGNORED.word}:
            return self._take(call, fault)
        if fault == SLEEPING.word:
            return answers.sleeping(kind=LineKind.TURNED_AWAY, **self._seen(call))
        refused = {
            LIMITED.word: answers.limited(_api(call)),
            NO_RIGHTS.word: _no_rights(call),
            BROKEN.word: Refused(500, "Internal server error", "An unexpected error occurred", "Not taken: it broke."),
        }[fault]
        headers = answers.limited_headers() if fault == LIMITED.word else {}
        return answers.turned_away(refused, was_sent=True, headers=headers, **self._seen(call))

    def _seen(self, call: Call) -> dict[str, str]:
        """What a line shows of a call that is not taken, as far as it can be made out."""
        body = read(call.body) or {}
        message = body.get("message")
        texts = [message.get("text") if isinstance(message, dict) else None]
        texts += [body.get(name) for name in ("comments", "work_notes", "description", "short_description")]
        table = _TABLE.fullmatch(call.path)
        address = (table[2] or "") if table else call.query.get("table_sys_id", "")
        if call.path == virtual_agent.PATH and isinstance(body.get("userId"), str):
            talk = self.virtual_agent.talk(virtual_agent.key_of(body))
            address = talk["interaction_id"] if talk else ""
        text = next((one for one in texts if isinstance(one, str) and one), "")
        return {"address": address[:255], "text": text, "delivery_id": self._key(call)}

    def _key(self, call: Call) -> str:
        body = read(call.body) or {}
        key = virtual_agent.delivery_of(body) if call.path == virtual_agent.PATH else body.get("correlation_id", "")
        return key if isinstance(key, str) else ""

    # --- The agent --------------------------------------------------------------------------------------------------

    @property
    def _screen(self) -> RecordScreen | ChatScreen:
        if self._mode == "virtual_agent":
            return ChatScreen(self.store, self.virtual_agent)
        name = self._own_table or self._mode
        return RecordScreen(self.store, shapes.table_of(name, self._own_table) or shapes.INCIDENT)

    def cases(self) -> list[ShownCase]:
        """Records of the connection's table, or chats."""
        return self._screen.cases()

    def say(self, typed: Mapping[str, str]) -> Saying:
        """What the agent does; they are made a user."""
        ref, does = said(typed, "address", 255), said(typed, "does", 40)
        text, name = said(typed, "text", 20000), said(typed, "name", 100) or "Beth Anglin"
        changed = self._screen.do(ref, does, text, self.store.user(name))
        url = self.account.inbound_url if changed.body else ""
        return Saying(url, changed.body, ref, changed.words, changed.event_id)

    def act(self, actor: Actor, typed: Mapping[str, str]) -> Done:
        """Install the business rule, or take it out."""
        wanted = {"install_rule": True, "remove_rule": False}.get(typed.get("act", ""))
        if wanted is None:
            return super().act(actor, typed)
        self.store.contents["has_rule"] = wanted
        self._save()
        if wanted:
            return Done("rehearsal.rule_installed", "The business rule is installed: it tells Convoship of changes.")
        return Done("rehearsal.rule_removed", "The business rule is not installed: only asking finds changes.")

    def sign(self, url: str, body: str, *, wrongly: bool) -> dict[str, str]:
        """Our own conventions: a static header of Virtual Agent, and the HMAC that the business rule makes."""
        secret = _NOT_GENUINE if wrongly else self._credential("webhook_secret")
        if self._mode == "virtual_agent":
            return {"x-convoship-secret": secret}
        at = str(int(time.time()))
        digest = hmac_new(secret.encode(), f"{at}.{body}".encode(), sha256).digest()
        return {"x-convoship-timestamp": at, "x-convoship-signature": b64encode(digest).decode()}


def _check_accept(call: Call) -> None:
    """406 for a format that is not spoken (r_RESTAPIHTTPResponseCodes); where nothing is said, JSON (c_TableAPI)."""
    accept = call.headers.get("accept", "").lower()
    if accept and not any(kind in accept for kind in ("application/json", "*/*", "application/*")):
        raise Refused(406, "Not acceptable", f"{accept[:80]} is not supported", "Not taken: JSON is what it speaks.")


def _unknown(call: Call, *, is_known: bool) -> Refused:
    if is_known:
        return Refused(405, "Method not supported", None, f"{call.method} is not known at this address.")
    return Refused(400, answers.NO_SUCH_URI, None, "There is nothing at this address.")


def _api(call: Call) -> str:
    """The API's name as a rate limit's error says it; only «Table API» stands on the page."""
    if call.path == virtual_agent.PATH:
        return "Virtual Agent Bot Integration API"
    return "Attachment API" if _FILE.fullmatch(call.path) else "Table API"


def _no_rights(call: Call) -> Refused:
    if call.path == virtual_agent.PATH:
        return Refused(403, "User Not Authorized", "Failed API level ACL Validation", "Not taken: a role is missing.")
    what = "Insert" if call.method == "POST" else "Update"
    return Refused(403, "Operation Failed", answers.ACL.format(what=what), "Not taken: a role is missing.")
