"""Zendesk's Support API as it is asked: with a token of the OAuth client, and errors in plain words.

Tokens: developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens (client credentials). Errors:
developer.zendesk.com/documentation/api-basics/working-with-data/error-handling.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from channels_app.providers import http_errors, oauth, rest
from channels_app.providers.base import TRIED_AGAIN, Account, ProviderError
from convoship.lib.outbound.sending import Answered

SERVICE = "Zendesk"
# Between five minutes and two days; an hour, so that a client whose rights were taken is noticed.
TOKEN_SECONDS = 3600
# Of lists; an account has a few hundred triggers at most.
PAGE_SIZE, MOST_PAGES = 100, 20
_REMEDIES = {
    401: "Check the OAuth client in Admin Center, Apps and integrations, APIs, OAuth clients, and write its identifier "
    "and secret again in the connection's settings.",
    403: "Give the OAuth client's user the role of an agent or admin in Admin Center, and the client the scopes read "
    "and write.",
    404: "It is not there any more, or was merged or deleted. Nothing more can be told of it.",
}
# Of a connection that signs in by an agent's address and API token.
_LEGACY_REMEDIES = {
    **_REMEDIES,
    401: "Check the API token in Admin Center, Apps and integrations, APIs, API tokens, and that token access is on; "
    "write the agent's e-mail address and the token again in the connection's settings.",
    403: "Give the agent whose e-mail address the connection has the role of an agent or admin in Admin Center.",
}


class Api:
    """One connection's account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.base = account.base_url or f"https://{account.config['subdomain']}.zendesk.com"

    @property
    def _is_legacy(self) -> bool:
        return not self.account.credentials.get("client_id")

    @property
    def _token_name(self) -> str:
        return oauth.name_of(
            [self.base, *(self.account.credentials.get(one, "") for one in ("client_id", "client_secret"))]
        )

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
        answer = await self._asked(method, path, body, query=query, headers=headers or {}, content=content)
        if answer.status == 409:
            raise _conflict(answer)
        if not answer.is_success:
            raise rest.failure(
                answer,
                SERVICE,
                said(answer),
                is_write=method != "GET",
                remedies=_LEGACY_REMEDIES if self._is_legacy else _REMEDIES,
                of_one=path.startswith("/api/v2/tickets/"),
            )
        return rest.read(answer, SERVICE)

    async def listed(
        self, path: str, name: str, query: Mapping[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """All of a list, page by page.

        developer.zendesk.com/api-reference/introduction/pagination (cursors: `meta: {has_more, after_cursor}`).
        """
        asked: dict[str, Any] = {**(query or {}), "page[size]": PAGE_SIZE}
        for _ in range(MOST_PAGES):
            found = await self.call("GET", path, query=asked)
            for one in found.get(name) or ():
                yield one
            meta = found.get("meta") or {}
            if not meta.get("has_more"):
                return
            asked["page[after]"] = meta["after_cursor"]

    async def _asked(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> Answered:
        given, url = self.account.credentials, f"{self.base}{path}"
        if self._is_legacy:
            pair = (f"{given.get('email', '')}/token", given.get("api_token", ""))
            return await rest.ask(method, url, headers=headers, query=query, body=body, content=content, auth=pair)

        async def ask(token: str) -> Answered:
            sent = {**headers, "authorization": f"Bearer {token}"}
            return await rest.ask(method, url, headers=sent, query=query, body=body, content=content)

        return await oauth.asked(self._token_name, self._fetch_token, ask)

    async def _fetch_token(self) -> tuple[str, float]:
        given = self.account.credentials
        body = {
            "grant_type": "client_credentials",
            "client_id": given.get("client_id", ""),
            "client_secret": given.get("client_secret", ""),
            "scope": "read write",
            "expires_in": TOKEN_SECONDS,
        }
        answer = await rest.ask("POST", f"{self.base}/oauth/tokens", body=body)
        if answer.status in {400, 401}:
            raise oauth.refused("Zendesk refuses the OAuth client", said(answer), _REMEDIES[401], answer.status)
        if not answer.is_success:
            raise rest.failure(answer, SERVICE, said(answer), is_write=False, remedies=_REMEDIES)
        return oauth.granted(rest.read(answer, SERVICE), SERVICE, TOKEN_SECONDS)


def _conflict(answer: Answered) -> ProviderError:
    """Two changed the same at once, and ours was not made (developer.zendesk.com/api-reference/introduction/requests).

    It may be tried again as it is: what we send depends on nothing that we read before.
    """
    told = said(answer)
    words = f"Somebody else changed it at the same time.{f' It says: {told}' if told else ''}"
    seen = http_errors.excerpt(answer)
    return ProviderError(words, TRIED_AGAIN, code="409", http_status=409, answer=seen)


def said(answer: Answered) -> str:
    """Zendesk's own words of an error.

    `{error, description, details: {field: [{description}]}}`, or `{error: {title, message}}`.
    """
    try:
        found = rest.read(answer, SERVICE)
    except ProviderError:
        return ""
    error = found.get("error")
    if isinstance(error, Mapping):
        return f"{error.get('title', '')}: {error.get('message', '')}".strip(": ")[:200]
    details = found.get("details")
    told = [
        str(one.get("description", ""))
        for each in (details.values() if isinstance(details, Mapping) else [])
        for one in (each if isinstance(each, list) else [])
        if isinstance(one, Mapping)
    ]
    words = " ".join(told) or str(found.get("description") or found.get("error_description") or error or "")
    return words[:200]
