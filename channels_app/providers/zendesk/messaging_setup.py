"""What *Test* looks at in messaging, and setting our address at the integration."""

from __future__ import annotations

from typing import Any

from channels_app.providers.base import Account, Finding, Health, ProviderError, same
from channels_app.providers.zendesk.messaging import Messaging, own_switchboard_integration
from channels_app.providers.zendesk.setup import REGISTER

TRIGGERS = (
    *("conversation:message", "conversation:postback", "conversation:typing", "conversation:message:delivery:failure"),
    *("switchboard:passControl", "switchboard:releaseControl"),
)
BY_HAND = (
    "In Zendesk's Admin Center: Apps and integrations, Conversations integrations, the one of yours. Webhook endpoint "
    f"URL: the inbound address; include the full user; subscriptions: {', '.join(TRIGGERS)}. Write the webhook's "
    "shared secret into the connection's settings."
)
_FIRST = "Choose it as first responder in Admin Center, Channels, Messaging and social, Messaging."


async def check(account: Account) -> Health:
    """The key and the app, the switchboard, and the webhook. Nothing is said to anybody: there is no test customer."""
    api, findings = Messaging(account), list[Finding]()
    try:
        app = (await api.call("GET", "")).get("app") or {}
        findings.append(Finding(True, f"Zendesk takes the key: the app is {app.get('displayName') or app.get('id')}."))
        findings += await _board(api)
        hook = await find_webhook(api)
        if hook is None:
            findings.append(Finding(False, "No webhook of the integration calls this connection.", REGISTER))
        else:
            missing = [one for one in TRIGGERS if one not in hook.get("triggers", ())]
            words = f"The webhook does not tell of {', '.join(missing)}." if missing else "Zendesk tells what is said."
            findings.append(Finding(not missing, words, REGISTER if missing else ""))
            if hook.get("secret") and not same(hook["secret"], account.credentials.get("webhook_secret", "")):
                words = "The connection's secret is not the webhook's, so what Zendesk sends is refused."
                findings.append(Finding(False, words, REGISTER))
    except ProviderError as error:
        findings.append(Finding.of(error))
    return Health(findings)


async def _board(api: Messaging) -> list[Finding]:
    boards = (await api.call("GET", "/switchboards")).get("switchboards") or []
    if not boards:
        return [Finding(False, "The app has no switchboard.", "Turn messaging on in Admin Center.")]
    own, hears = await own_switchboard_integration(api)
    if not hears:
        words = "The integration does not hear what is said while agents have control, so transcripts lack it."
        return [
            Finding(False, words, "Turn “deliver standby events” on for it in the switchboard (Conversations API).")
        ]
    first = str(boards[0].get("defaultSwitchboardIntegrationId") or "")
    if first != own:
        return [Finding(True, "The integration is in the switchboard, but it does not answer first.", _FIRST)]
    return [Finding(True, "The switchboard gives new conversations to the integration.")]


async def find_webhook(api: Messaging) -> dict[str, Any] | None:
    """The integration's webhook that calls this connection."""
    found = await api.call("GET", f"/integrations/{api.integration}/webhooks")
    for one in found.get("webhooks") or ():
        if one.get("target") == api.account.inbound_url:
            return dict(one)
    return None


async def register(account: Account) -> Health:
    """Make the webhook, or have the one that is there tell of all; pressing it again changes nothing."""
    api = Messaging(account)
    wanted: dict[str, Any] = {"target": account.inbound_url, "triggers": list(TRIGGERS), "includeFullUser": True}
    path = f"/integrations/{api.integration}/webhooks"
    try:
        hook = await find_webhook(api)
        if hook is None:
            hook = (await api.call("POST", path, wanted))["webhook"]
        else:
            hook = {**hook, **(await api.call("PATCH", f"{path}/{hook['id']}", wanted)).get("webhook", {})}
    except ProviderError as error:
        return Health([Finding.of(error)])
    secret = str(hook.get("secret") or "")
    words = "Zendesk calls this connection now for what is said in messaging."
    return Health([Finding(True, words)], {"webhook_secret": secret} if secret else {})
