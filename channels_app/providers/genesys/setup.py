"""What *Test* looks at, and setting our address at Genesys.

`GET` and `PATCH /api/v2/conversations/messaging/integrations/open/{id}` as the SDKs' `OpenIntegration` and
`OpenIntegrationUpdateRequest` have it. The secret token is written and never read; only port 443 is called
(help.mypurecloud.com, configure an Open Messaging integration).
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.utils import timezone

from channels_app.providers.base import Account, Finding, Health, ProviderError
from channels_app.providers.genesys import sending, standing, webhooks
from channels_app.providers.genesys.api import (
    DISCONNECT,
    INTEGRATION_EDIT,
    INTEGRATION_VIEW,
    RECEIVE,
    VIEW,
    Api,
    no_integration,
    permit,
)
from channels_app.providers.genesys.forms import SHORTEST_SECRET
from channels_app.providers.genesys.regions import page_of
from convoship.lib.outbound import OutboundError, checked
from convoship.lib.times import moment

# As a request body template has it (help.mypurecloud.com, velocity macros for data actions): text has to be escaped.
DATA_ACTION = json.dumps(
    {
        "conversation_id": "${input.conversation_id}",
        "does": "${input.does}",
        "summary": "$!esc.jsonString($!{input.summary})",
    }
)
REGISTER = "Press “Set the addresses at Genesys”."
# An id that no interaction has: what is answered to it tells what the client may do.
NOBODYS = str(UUID(int=0))
# An interaction is there a moment after its id.
APPEARS_SECONDS = (0.5, 1.5, 3.0)


async def check(account: Account) -> Health:
    """The client, the integration, its address, and what the client may do; then a test interaction, if it can end."""
    api, findings = Api(account), list[Finding]()
    try:
        integration = await _integration(api)
        findings.append(
            Finding(True, f"Genesys takes the OAuth client and has the integration “{integration.get('name')}”.")
        )
        findings += _state(integration)
        findings += _way_back(account, integration)
        findings.append(await _may_look(api))
        may_end = await _may_end(api)
        findings += await _test_interaction(api) if may_end else [_cant_end()]
    except ProviderError as error:
        findings.append(Finding.of(error))
    return Health(findings)


async def _integration(api: Api) -> dict[str, Any]:
    try:
        return await api.call("GET", api.integration, permission=INTEGRATION_VIEW)
    except ProviderError as error:
        if error.http_status != 404:
            raise
        raise no_integration(error) from None


def _state(integration: Mapping[str, Any]) -> list[Finding]:
    made = str(integration.get("createStatus") or "Completed")
    if made == "Completed":
        return []
    error = integration.get("createError")
    why = str(error.get("message") or "") if isinstance(error, Mapping) else ""
    words = f"The integration is not ready: its making is “{made}”. {why}".strip()
    return [Finding(False, words, "Wait a moment, or make another one: Admin, Message, Platforms.")]


def _way_back(account: Account, integration: Mapping[str, Any]) -> list[Finding]:
    url = str(integration.get("outboundNotificationWebhookUrl") or "")
    if url != account.inbound_url:
        to = f" It tells {urlsplit(url).hostname}." if url else ""
        return [Finding(False, f"Genesys does not tell this connection what agents write.{to}", REGISTER)]
    if not account.credentials.get("webhook_secret"):
        words = "The connection has no webhook secret, so all that Genesys tells is refused."
        return [Finding(False, words, REGISTER)]
    words = (
        "Genesys tells this connection what agents write. Whether it signs with the connection's secret can't be read: "
        "refused requests would show on this page."
    )
    return [Finding(True, words)]


async def _may_look(api: Api) -> Finding:
    try:
        await standing.fetch(api, NOBODYS)
    except ProviderError as error:
        if error.http_status == 403:
            words = "The OAuth client may not look at interactions: what is lost stays lost, and their end is not seen."
            return Finding(False, words, permit(VIEW))
        if error.http_status not in {400, 404}:
            raise
    return Finding(True, "The OAuth client may look at interactions.")


async def _may_end(api: Api) -> bool:
    try:
        await sending.end(api, NOBODYS)
    except ProviderError as error:
        if error.http_status == 403:
            return False
        if error.http_status not in {400, 404, 409}:
            raise
    return True


def _cant_end() -> Finding:
    words = (
        "The OAuth client may not end interactions, so no test interaction was made: it would have stayed in a queue. "
        "Whether messages are taken shows with the first hand-over."
    )
    return Finding(False, words, f"{permit(DISCONNECT)} Or leave the ending to agents, in the settings.")


async def _test_interaction(api: Api) -> list[Finding]:
    """One message of a customer that there is not, and the end of what it began."""
    key, now = f"{webhooks.OF_A_TEST}{uuid4()}", moment(timezone.now())
    body = {
        "channel": {
            "from": {"id": key, "idType": "Opaque", "nickname": "Convoship: a test"},
            "time": now,
            "messageId": key,
        },
        "text": "Convoship wrote this to see whether it can, and ends it at once. There is nothing to do.",
    }
    query = {"prefetchConversationId": "true"}
    answer = await api.call("POST", f"{api.inbound}/message", body, query=query, permission=RECEIVE)
    conversation = str(answer.get("conversationId") or "")
    if not conversation:
        words = (
            "A test message was taken, but Genesys did not say which interaction it began, so it could not be ended."
        )
        return [Finding(False, words, "End it by hand; nothing can be ended, or looked at, without that.")]
    try:
        await _end_soon(api, conversation)
    except ProviderError as error:
        where = page_of(api.account.config["region"], conversation)
        words = f"A test interaction was made, but could not be ended. {error.words}"
        return [Finding(False, words, f"End it by hand: {where}")]
    return [Finding(True, "A test interaction was made and ended; it may have rung an agent for a moment.")]


async def _end_soon(api: Api, conversation: str) -> None:
    for wait in APPEARS_SECONDS:
        try:
            await sending.end(api, conversation)
        except ProviderError as error:
            if error.http_status not in {404, 409}:
                raise
            await asyncio.sleep(wait)
        else:
            return
    await sending.end(api, conversation)


async def register(account: Account) -> Health:
    """Have the integration tell us, signed; pressing it again changes nothing, unless there was no good secret."""
    api = Api(account)
    secret = account.credentials.get("webhook_secret", "")
    is_new = len(secret) < SHORTEST_SECRET
    secret = secrets.token_urlsafe(32) if is_new else secret
    try:
        checked(account.inbound_url)
        integration = await _integration(api)
        headers = integration.get("webhookHeaders")
        kept = {str(k): str(v) for k, v in headers.items()} if isinstance(headers, Mapping) else {}
        body = {
            # It has to be there even where it stays (`OpenIntegrationUpdateRequest`, required).
            "name": str(integration.get("name") or ""),
            "outboundNotificationWebhookUrl": account.inbound_url,
            "outboundNotificationWebhookSignatureSecretToken": secret,
            "webhookHeaders": {
                **{name: value for name, value in kept.items() if name.lower() != webhooks.CHECK},
                "X-Convoship-Check": webhooks.second_check(secret),
            },
        }
        await api.call("PATCH", api.integration, body, permission=INTEGRATION_EDIT)
    except ProviderError as error:
        return Health([Finding.of(error)])
    except OutboundError as error:
        return Health([Finding(False, error.words)])
    words = f"Genesys tells this connection now what agents write: integration “{integration.get('name')}”."
    flow = "For flows: a data action that posts to the address with /return behind it, as the page says."
    return Health([Finding(True, words, flow)], {"webhook_secret": secret} if is_new else {})
