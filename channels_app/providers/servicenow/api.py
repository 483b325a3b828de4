"""ServiceNow's REST APIs as they are asked: JSON or nothing, and errors in plain words.

Read in github ServiceNow/ServiceNowDocs (branch australia): markdown/api-reference/rest-apis/c_TableAPI.md (an invalid
part of a query is left out, unknown fields are ignored), .../rest-api-explorer/inbound-REST-API-rate-limiting.md
(`X-RateLimit-*`, the body of a 429), markdown/platform-security/authentication/client-credentials.md and
client-credentials-grant-workflow.md (`/oauth_token.do`), .../application-development/accessing_your_pdi.md (sleep).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from channels_app.providers import http_errors, oauth, rest
from channels_app.providers.base import SETTLED, Account, ProviderError
from channels_app.providers.servicenow import budget
from convoship.lib.outbound.sending import Answered

SERVICE = "ServiceNow"
HOST = "service-now.com"
# Where a token's life is not told; ServiceNow's default is half an hour.
TOKEN_SECONDS = 1800
# Most that a record's sys_id and a table's name may be made of: both become parts of addresses.
SYS_ID = re.compile(r"[0-9a-f]{32}")
TABLE = re.compile(r"[a-z0-9_]{1,80}")
_SLEEPS = re.compile(r"(?i)hibernat|currently offline|instance is asleep")
ROLES = (
    "Give the integration's user a role that may write there: System Security, Users and Groups, Users, Roles; for "
    "incidents sn_incident_write or itil, for interactions sn_interaction_write or itil, and itil to read journals."
)
# One record: others may be touched where this may not.
_RECORD = re.compile(r"/api/now/table/\w+/[0-9a-f]{32}")
_REMEDIES = {
    401: "Check the user (System Security, Users and Groups, Users): that it is active and not locked out; and write "
    "its user ID and password again in the connection's settings.",
    403: ROLES,
    404: "It is not there any more, or the integration's user may not see it.",
    429: "Nothing has to be done; it is tried again. The limit is set in System Web Services, REST, Rate Limit Rules.",
}
_CLIENT = (
    "Check the OAuth application (System OAuth, Application Registry): its client ID and secret, its OAuth Application "
    "User, and that the system property glide.oauth.inbound.client.credential.grant_type.enabled is true."
)
_OAUTH_REMEDIES = {**_REMEDIES, 401: _CLIENT}


class Api:
    """One connection's instance."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.base = account.base_url or f"https://{host_of(str(account.config.get('instance', '')))}"

    @property
    def is_basic(self) -> bool:
        """Whether it signs in by name and password."""
        return not self.account.credentials.get("client_id")

    @property
    def token_name(self) -> str:
        """What is kept for these credentials is kept under this."""
        names = ("username", "client_id", "client_secret")
        return oauth.name_of([self.base, *(self.account.credentials.get(one, "") for one in names)])

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> dict[str, Any]:
        """What a path answers; `ProviderError` where that is no 2xx of JSON."""
        answer = await self._asked(method, path, body, query, headers or {}, content)
        budget.note(self.account.connection_id, answer.headers)
        if not answer.is_success:
            remedies = _REMEDIES if self.is_basic else _OAUTH_REMEDIES
            is_of_one = _RECORD.search(path) is not None
            raise _failure(answer, remedies, is_write=method != "GET", of_one=is_of_one)
        return read(answer, is_write=method != "GET")

    async def rows(self, table: str, query: str, fields: str, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Records of a table. What a query names that isn't there is left out of it, so what comes is looked at."""
        asked = {"sysparm_query": query, "sysparm_fields": fields, "sysparm_limit": limit, "sysparm_offset": offset}
        found = await self.call("GET", f"/api/now/table/{table}", query=asked)
        rows = found.get("result")
        return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []

    async def record(
        self, method: str, table: str, sys_id: str = "", body: Any = None, *, fields: str = ""
    ) -> dict[str, Any]:
        """One record, with its values and what people read."""
        place = f"/api/now/table/{table}/{sys_id}" if sys_id else f"/api/now/table/{table}"
        query = {"sysparm_display_value": "all", "sysparm_exclude_reference_link": "true", "sysparm_fields": fields}
        found = await self.call(method, place, body, query=query)
        result = found.get("result")
        if not isinstance(result, dict):
            raise ProviderError(
                "ServiceNow answered without a record.", SETTLED, ambiguous=method != "GET", http_status=200
            )
        return result

    async def _asked(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered:
        given, url = self.account.credentials, f"{self.base}{path}"
        if self.is_basic:
            pair = (given.get("username", ""), given.get("password", ""))
            return await rest.ask(method, url, headers=headers, query=query, body=body, content=content, auth=pair)

        async def ask(token: str) -> Answered:
            sent = {**headers, "authorization": f"Bearer {token}"}
            return await rest.ask(method, url, headers=sent, query=query, body=body, content=content)

        return await oauth.asked(self.token_name, self._fetch_token, ask)

    async def _fetch_token(self) -> tuple[str, float]:
        given = self.account.credentials
        form = {
            "grant_type": "client_credentials",
            "client_id": given.get("client_id", ""),
            "client_secret": given.get("client_secret", ""),
        }
        answer = await rest.ask("POST", f"{self.base}/oauth_token.do", form=form)
        if answer.status in {400, 401}:
            raise oauth.refused("ServiceNow refuses the OAuth application", said(answer), _CLIENT, answer.status)
        if not answer.is_success:
            raise rest.failure(answer, SERVICE, said(answer), is_write=False, remedies=_OAUTH_REMEDIES)
        return oauth.granted(read(answer, is_write=False), SERVICE, TOKEN_SECONDS)


def _failure(answer: Answered, remedies: Mapping[int, str], *, is_write: bool, of_one: bool) -> ProviderError:
    """What an answer that is no 2xx means; a table that isn't there is a matter of the settings."""
    words = said(answer)
    error = rest.failure(answer, SERVICE, words, is_write=is_write, remedies=remedies, of_one=of_one)
    if answer.status == 400 and words.lower().startswith("invalid table"):
        error.stops, error.blame = True, "connection"
        error.remedy = "Check the table's name in the connection's settings: System Definition, Tables, Name."
    return error


def host_of(instance: str) -> str:
    """The host of an instance's name; of one outside the usual domain it is kept whole."""
    return instance if "." in instance else f"{instance}.{HOST}"


def read(answer: Answered, *, is_write: bool) -> dict[str, Any]:
    """The JSON of a 2xx. An instance that sleeps answers 200 with a page, and has taken nothing."""
    if _is_page(answer) and _SLEEPS.search(answer.text):
        raise ProviderError(
            "The ServiceNow instance sleeps: it answered with a page that says so.",
            "Wake it: sign in at developer.servicenow.com and open the instance. It is tried again meanwhile.",
            http_status=answer.status,
            answer=http_errors.excerpt(answer),
        )
    try:
        return rest.read(answer, SERVICE)
    except ProviderError as error:
        error.ambiguous = is_write
        raise


def _is_page(answer: Answered) -> bool:
    return "html" in answer.headers.get("content-type", "") or answer.body.lstrip()[:1] == b"<"


def said(answer: Answered) -> str:
    """ServiceNow's own words of an error: `{error: {message, detail}, status}`, or of OAuth `{error_description}`."""
    if _is_page(answer):
        return "The instance sleeps." if _SLEEPS.search(answer.text) else ""
    try:
        found = rest.read(answer, SERVICE)
    except ProviderError:
        return ""
    return error_of(found)


def error_of(found: Mapping[str, Any]) -> str:
    """The words of an error's object."""
    error = found.get("error")
    if isinstance(error, Mapping):
        words = [str(error.get(one) or "") for one in ("message", "detail")]
        return ": ".join(one for one in words if one)[:200]
    return str(found.get("error_description") or error or "")[:200]


def raw(record: Mapping[str, Any], name: str) -> str:
    """A field's value, however it was asked for."""
    value = record.get(name)
    if isinstance(value, Mapping):
        value = value.get("value", "")
    return "" if value is None else str(value)


def shown(record: Mapping[str, Any], name: str) -> str:
    """What people read in a field."""
    value = record.get(name)
    if isinstance(value, Mapping):
        value = value.get("display_value") or ""
    return "" if value is None else str(value)


async def own_user(api: Api) -> str:
    """The user ID that we act as: what we write has it in `sys_created_by`; "" where that can't be learned.

    `javascript:gs.getUserID()` in a query is documented (c_TableAPI.md, `sysparm_query`). Where it is not understood it
    is left out, and everybody comes: hence two.
    """
    if api.is_basic:
        return api.account.credentials.get("username", "")
    kept = _users.get(api.token_name)
    if kept is not None:
        return kept
    rows = await api.rows("sys_user", "sys_id=javascript:gs.getUserID()", "user_name,name", 2)
    name = raw(rows[0], "user_name") if len(rows) == 1 else ""
    if name:
        if len(_users) >= oauth.MOST_KEPT:
            _users.clear()
        _users[api.token_name] = name
    return name


_users: dict[str, str] = {}
