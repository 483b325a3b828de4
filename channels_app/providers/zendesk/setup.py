"""What *Test* looks at, and setting our address at Zendesk: a webhook, and a trigger that calls it.

developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks, .../ticketing/business-rules/triggers,
.../ticketing/reference-guides/conditions-reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from channels_app.providers.base import Account, Finding, Health, ProviderError, same
from channels_app.providers.zendesk.api import Api
from channels_app.providers.zendesk.forms import TOKENS_END
from channels_app.providers.zendesk.tickets import TAG, url_of
from convoship.lib.outbound import OutboundError, checked

# What the trigger posts. Zendesk puts values in as they are, so nothing goes in that could break the JSON.
BODY = json.dumps({"ticket_id": "{{ticket.id}}"})
PASTE_BODY_AT = (
    "Only where you make the webhook and the trigger by hand: Objects and rules, Triggers, the trigger, Notify active "
    "webhook, JSON body."
)
TITLE = "Convoship: tell of what agents do"
SUBSCRIPTION = "conditional_ticket_events"
REGISTER = "Press “Set the addresses at Zendesk”."
TEST_TAG = "convoship_test"


def trigger(account: Account, webhook_id: str, me: int | None) -> dict[str, Any]:
    """The trigger: our tickets, whatever anybody but we does in them."""
    own = [{"field": "role", "operator": "is_not", "value": str(me)}] if me else []
    return {
        "title": f"{TITLE} ({account.name})"[:200],
        "active": True,
        "conditions": {
            "all": [
                {"field": "update_type", "operator": "is", "value": "Change"},
                {"field": "current_tags", "operator": "includes", "value": TAG},
                *own,
            ],
            "any": [
                {"field": "comment_is_public", "operator": "is", "value": "not_relevant"},
                {"field": "status", "operator": "changed", "value": None},
                {"field": "assignee_id", "operator": "changed", "value": None},
            ],
        },
        "actions": [{"field": "notification_webhook", "value": [webhook_id, BODY]}],
    }


async def check(account: Account) -> Health:
    """Credentials and role, the webhook and its trigger, and a test ticket that is made and solved."""
    api, findings = Api(account), list[Finding]()
    try:
        me = await _me(api, findings)
        findings += _legacy(account)
        await _way_back(api, findings)
        if me is not None:
            await _test_ticket(api, me, findings)
    except ProviderError as error:
        findings.append(Finding.of(error))
    return Health(findings)


async def _me(api: Api, findings: list[Finding]) -> int | None:
    user = (await api.call("GET", "/api/v2/users/me")).get("user") or {}
    name, role = user.get("name"), user.get("role")
    if role not in {"agent", "admin"}:
        words = "Zendesk takes the credentials, but they are of nobody who may work on tickets."
        findings.append(Finding(False, words, "Bind the OAuth client to an agent or admin."))
        return None
    words = f"Zendesk takes the credentials: they act as {name} ({role})."
    findings.append(
        Finding(True, words, "" if role == "admin" else "To set the addresses from here, an admin is needed.")
    )
    return int(user["id"])


def _legacy(account: Account) -> list[Finding]:
    return [] if account.credentials.get("client_id") else [Finding(True, "It uses an API token.", TOKENS_END)]


async def _way_back(api: Api, findings: list[Finding]) -> None:
    """Whether Zendesk tells us what agents do. Only admins may look."""
    account = api.account
    try:
        webhook = await find_webhook(api)
        if webhook is None:
            findings.append(Finding(False, "No webhook at Zendesk calls this connection.", f"{REGISTER} {SLOWLY}"))
            return
        if webhook.get("status") != "active":
            words = f"The webhook “{webhook.get('name')}” is {webhook.get('status')}."
            findings.append(Finding(False, words, f"Activate it in Admin Center, or: {REGISTER}"))
        found = await find_trigger(api, str(webhook["id"]))
        if found is None:
            findings.append(Finding(False, "No active trigger uses the webhook.", REGISTER))
        secret = await signing_secret(api, str(webhook["id"]))
        if not same(account.credentials.get("webhook_secret", ""), secret):
            words = "The connection's signing secret is not the webhook's, so what Zendesk sends is refused."
            findings.append(Finding(False, words, REGISTER))
        elif found is not None:
            findings.append(Finding(True, f"What agents do is told by the trigger “{found.get('title')}”."))
    except ProviderError as error:
        if error.http_status != 403:
            raise
        words = "Whether a webhook tells of what agents do can't be looked at: only admins may."
        findings.append(Finding(True, words, "Let an admin's OAuth client look, or see Admin Center, Webhooks."))


SLOWLY = "Until then replies are found by looking, which takes up to five minutes."


async def _test_ticket(api: Api, me: int, findings: list[Finding]) -> None:
    ticket: dict[str, Any] = {
        "subject": "Convoship: a test, nothing to do",
        "comment": {
            "body": "Convoship made this ticket to see whether it can, and solves it at once.",
            "public": False,
        },
        "tags": [TEST_TAG],
    }
    made = (await api.call("POST", "/api/v2/tickets", {"ticket": ticket}))["ticket"]
    ref = str(made["id"])
    try:
        await api.call("PUT", f"/api/v2/tickets/{ref}", {"ticket": {"status": "solved", "assignee_id": me}})
    except ProviderError as error:
        words = f"The test ticket #{ref} was made, but could not be solved. {error.words}"
        findings.append(Finding(False, words, f"Solve {url_of(api, ref)} by hand, and look at your required fields."))
    else:
        findings.append(Finding(True, f"The test ticket #{ref} was made and solved."))


async def find_webhook(api: Api) -> dict[str, Any] | None:
    """The webhook that calls this connection."""
    async for one in api.listed("/api/v2/webhooks", "webhooks"):
        if one.get("endpoint") == api.account.inbound_url:
            return one
    return None


async def find_trigger(api: Api, webhook_id: str) -> dict[str, Any] | None:
    """The active trigger that calls this webhook."""
    async for one in api.listed("/api/v2/triggers", "triggers", {"active": "true"}):
        if any(_calls(action, webhook_id) for action in one.get("actions") or ()):
            return one
    return None


def _calls(action: Mapping[str, Any], webhook_id: str) -> bool:
    value = action.get("value")
    return (
        action.get("field") == "notification_webhook"
        and isinstance(value, list)
        and [str(one) for one in value[:1]] == [webhook_id]
    )


async def signing_secret(api: Api, webhook_id: str) -> str:
    """What the webhook signs with."""
    found: Mapping[str, Any] = await api.call("GET", f"/api/v2/webhooks/{webhook_id}/signing_secret")
    return str((found.get("signing_secret") or {}).get("secret", ""))


async def register(account: Account) -> Health:
    """Make the webhook and the trigger, or mend those that are there; pressing it again changes nothing."""
    api, findings = Api(account), list[Finding]()
    try:
        checked(account.inbound_url)
        me = await _me(api, findings)
        webhook = await _webhook(api)
        webhook_id = str(webhook["id"])
        wanted = trigger(account, webhook_id, me)
        there = await find_trigger(api, webhook_id)
        if there is None:
            await api.call("POST", "/api/v2/triggers", {"trigger": wanted})
        else:
            await api.call("PUT", f"/api/v2/triggers/{there['id']}", {"trigger": wanted})
        secret = await signing_secret(api, webhook_id)
    except ProviderError as error:
        return Health([*findings, Finding.of(error)])
    except OutboundError as error:
        return Health([Finding(False, error.words)])
    words = f"Zendesk calls this connection now: webhook “{webhook['name']}”, trigger “{wanted['title']}”."
    return Health([*findings, Finding(True, words)], {"webhook_secret": secret})


async def _webhook(api: Api) -> dict[str, Any]:
    found = await find_webhook(api)
    wanted = {
        "name": f"Convoship: {api.account.name}"[:120],
        "endpoint": api.account.inbound_url,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": [SUBSCRIPTION],
    }
    if found is None:
        made: dict[str, Any] = (await api.call("POST", "/api/v2/webhooks", {"webhook": wanted}))["webhook"]
        return made
    if found.get("status") != "active":
        await api.call("PATCH", f"/api/v2/webhooks/{found['id']}", {"webhook": {"status": "active"}})
    return found
