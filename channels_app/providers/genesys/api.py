"""Genesys Cloud's Platform API as it is asked: with a token of the OAuth client, and errors in plain words.

Tokens: developer.genesys.cloud/authorization/platform-auth/use-client-credentials (form post, Basic). Errors:
`{message, code, status, contextId, details, errors}`, of which Genesys' support wants the `contextId`. Permissions:
those that the SDKs' `ConversationsApi` names of each call. A client may make 300 calls a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_app.providers import oauth, rest
from channels_app.providers.base import Account, ProviderError
from channels_app.providers.genesys.regions import DOMAINS
from convoship.lib.outbound.sending import Answered

SERVICE = "Genesys"
TOKEN_SECONDS = 3600.0
_REFUSED = (
    "Check the region and the OAuth client (Admin, Integrations, OAuth), and write its ID and secret again in the "
    "connection's settings."
)
RECEIVE = "Conversation > Message > Receive"
VIEW = "Conversation > Communication > View and Conversation > Message > View"
DISCONNECT = "Conversation > Communication > Disconnect"
INTEGRATION_VIEW, INTEGRATION_EDIT = "Messaging > Integration > View", "Messaging > Integration > Edit"


def permit(permission: str) -> str:
    """What to do where a permission is missing."""
    return f"Give a role of the OAuth client the permission {permission}: Admin, Integrations, OAuth, Roles."


class Api:
    """One connection's organization."""

    def __init__(self, account: Account) -> None:
        self.account = account
        domain = DOMAINS[account.config["region"]]
        self.base = account.base_url or f"https://api.{domain}"
        self.login = account.base_url or f"https://login.{domain}"

    @property
    def integration(self) -> str:
        """The integration's path."""
        return f"/api/v2/conversations/messaging/integrations/open/{self.account.config['integration_id']}"

    @property
    def inbound(self) -> str:
        """Where what customers do is told."""
        return f"/api/v2/conversations/messages/{self.account.config['integration_id']}/inbound/open"

    @property
    def _token_name(self) -> str:
        given = self.account.credentials
        return oauth.name_of([self.login, *(given.get(one, "") for one in ("client_id", "client_secret"))])

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        permission: str,
        query: Mapping[str, Any] | None = None,
        reads: bool = False,
    ) -> dict[str, Any]:
        """What a path answers; `ProviderError` where that is no 2xx of JSON. `reads`: a POST that changes nothing."""
        url = f"{self.base}{path}"

        async def ask(token: str) -> Answered:
            return await rest.ask(method, url, headers={"authorization": f"Bearer {token}"}, query=query, body=body)

        answer = await oauth.asked(self._token_name, self._fetch_token, ask)
        if not answer.is_success:
            remedies = {401: _REFUSED, 403: permit(permission)}
            is_write = method != "GET" and not reads
            raise rest.failure(answer, SERVICE, said(answer), is_write=is_write, remedies=remedies)
        return rest.read(answer, SERVICE)

    async def _fetch_token(self) -> tuple[str, float]:
        given = self.account.credentials
        pair = (given.get("client_id", ""), given.get("client_secret", ""))
        answer = await rest.ask(
            "POST", f"{self.login}/oauth/token", form={"grant_type": "client_credentials"}, auth=pair
        )
        if answer.status in {400, 401}:
            raise oauth.refused("Genesys refuses the OAuth client", said(answer), _REFUSED, answer.status)
        if not answer.is_success:
            raise rest.failure(answer, SERVICE, said(answer), is_write=False, remedies={403: _REFUSED})
        return oauth.granted(rest.read(answer, SERVICE), SERVICE, TOKEN_SECONDS)


def no_integration(error: ProviderError) -> ProviderError:
    """Of what names the integration and was answered 404: nothing can go there until the settings name one."""
    return ProviderError(
        "There is no Open Messaging integration with this ID in this region.",
        "Look under Admin, Message, Platforms, and correct the integration ID or the region in the settings.",
        code="404",
        permanent=True,
        stops=True,
        blame="connection",
        http_status=404,
        answer=error.answer,
    )


def said(answer: Answered) -> str:
    """Genesys' own words of an error, and the id by which its support finds it."""
    try:
        found = rest.read(answer, SERVICE)
    except ProviderError:
        return ""
    words = str(found.get("message") or found.get("error_description") or found.get("description") or "")
    words = (words or str(found.get("code") or found.get("error") or ""))[:200]
    context = str(found.get("contextId") or "")[:60]
    return f"{words} (contextId {context})".strip() if context else words
