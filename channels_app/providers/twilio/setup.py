"""How the connection stands at Twilio: what *Test* looks at, and setting our addresses there by API."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from twilio.rest import Client
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance
from twilio.rest.messaging.v1.service import ServiceInstance

from channels_app.providers.base import Account, Finding, Health, ProviderError
from channels_app.providers.twilio import sdk

_IN_NUMBER = "Twilio's console: Phone Numbers, Manage, Active numbers, the number, Messaging Configuration"
_ADD_SENDER = "Add one in Twilio's console: Messaging, Services, the service, Sender Pool."
_IN_SENDER = "Twilio's console: Messaging, Senders, WhatsApp senders, the sender, Webhook URL for incoming messages"
_IN_SANDBOX = "Twilio's console: Messaging, Try it out, Send a WhatsApp message, Sandbox settings"
# Twilio's number for who tries WhatsApp without a sender of their own: people have to join it first.
SANDBOX = "+14155238886"
_IN_SERVICE = "Twilio's console: Messaging, Services, the service, Integration"


async def check(account: Account) -> Health:
    """The account, the sender, and where Twilio delivers what people write; one call each, until one fails."""
    client = sdk.client(account)
    findings = reachable(account)
    try:
        with sdk.errors(client):
            findings += await account_findings(client)
            if account.config.get("messaging_service_sid"):
                findings += await _service(client, account)
            else:
                findings += await _number(client, account)
    except ProviderError as error:
        findings.append(Finding.of(error))
    return Health(findings)


async def check_whatsapp(account: Account) -> Health:
    """The account, the sender as far as an API tells of it, and the templates.

    Where Twilio delivers what people write to a WhatsApp sender stands at the sender, and nowhere that is asked here:
    it is said where to look. A messaging service tells it.
    """
    client = sdk.client(account)
    findings = reachable(account)
    number = str(account.config.get("from_number") or "")
    try:
        with sdk.errors(client):
            findings += await account_findings(client)
            if account.config.get("messaging_service_sid"):
                findings += await _whatsapp_service(client, account)
            elif number == SANDBOX:
                words = "This is Twilio's sandbox: it writes only to people who sent it the join words before."
                remedy = f"{_IN_SANDBOX}: set {account.inbound_url} with HTTP POST. Go live with a sender of your own."
                findings.append(Finding(True, words, remedy))
            else:
                words = f"Whether {number} is a WhatsApp sender shows with the first message."
                findings.append(Finding(True, words, f"{_IN_SENDER}: set {account.inbound_url} with HTTP POST."))
            page = await client.content.v1.content_and_approvals.page_async(page_size=1)
            some = any(True for _ in page)
            words = "The templates can be read." if some else "The account has no templates yet."
            remedy = "" if some else "Make one under Templates, to write to people after 24 hours."
            findings.append(Finding(True, words, remedy))
    except ProviderError as error:
        findings.append(Finding.of(error))
    return Health(findings)


def reachable(account: Account) -> list[Finding]:
    """Whether Twilio can call us at all; where a stand-in plays Twilio, it can."""
    parts = urlsplit(account.inbound_url)
    is_real = (urlsplit(account.base_url).hostname or "").endswith(f".{sdk.DOMAIN}")
    if parts.scheme == "https" or not is_real:
        return []
    words = f"Twilio can't reach {settings.PUBLIC_BASE_URL}: it has to be an https address on the internet."
    return [Finding(False, words, "Set PUBLIC_BASE_URL to the address that Convoship has on the internet.")]


async def account_findings(client: Client) -> list[Finding]:
    """Whether the credentials are taken, and the account is active."""
    found = await client.api.v2010.accounts(str(client.account_sid)).fetch_async()
    if str(found.status) != "active":
        words = f"Twilio takes the credentials, but the account {found.friendly_name!r} is {found.status}."
        return [Finding(False, words, "See Twilio's console, and its mail to you.")]
    findings = [Finding(True, f"Twilio takes the credentials of the account {found.friendly_name!r}.")]
    if str(found.type) == "Trial":
        words = "It is a trial account: it writes to verified numbers only, and puts words of Twilio's before yours."
        findings.append(Finding(True, words, "Upgrade it in Twilio's console before you go live."))
    return findings


async def _number(client: Client, account: Account) -> list[Finding]:
    number = str(account.config["from_number"])
    found = await number_row(client, number)
    if found is None:
        words = f"{number} is no number of this account."
        return [
            Finding(False, words, "Buy it, or choose one of Phone Numbers, Manage, Active numbers in Twilio's console.")
        ]
    if not (found.capabilities or {}).get("sms"):
        return [Finding(False, f"{number} can't send SMS.", "Choose a number with the capability SMS.")]
    findings = [Finding(True, f"{number} is the account's and can send SMS.")]
    if account.config.get("sends_mms") and not (found.capabilities or {}).get("mms"):
        words, remedy = f"{number} can't send MMS.", "Choose a number with the capability MMS, or switch MMS off."
        findings.append(Finding(False, words, remedy))
    if found.sms_application_sid:
        words = f"What people write to {number} goes to a TwiML app ({found.sms_application_sid}), not to Convoship."
        return [*findings, Finding(False, words, f"{_IN_NUMBER}: choose Webhook, or register the webhook here.")]
    where = _where(found.sms_url, found.sms_method, account.inbound_url)
    return [
        *findings,
        Finding(not where, where or "What people write comes to this connection.", _set(where, _IN_NUMBER, account)),
    ]


async def _service(client: Client, account: Account) -> list[Finding]:
    sid = str(account.config["messaging_service_sid"])
    found = await client.messaging.v1.services(sid).fetch_async()
    findings = [Finding(True, f"The messaging service {found.friendly_name!r} is the account's.")]
    senders = await client.messaging.v1.services(sid).phone_numbers.list_async(limit=1, page_size=1)
    if not senders:
        findings.append(Finding(False, "The messaging service has no number to send from.", _ADD_SENDER))
    return _service_delivers(found, account, findings)


async def _whatsapp_service(client: Client, account: Account) -> list[Finding]:
    sid = str(account.config["messaging_service_sid"])
    found = await client.messaging.v1.services(sid).fetch_async()
    findings = [Finding(True, f"The messaging service {found.friendly_name!r} is the account's.")]
    senders = await client.messaging.v1.services(sid).channel_senders.list_async(limit=20, page_size=20)
    if not any(str(one.sender or "").startswith("whatsapp:") for one in senders):
        findings.append(Finding(False, "The messaging service has no WhatsApp sender.", _ADD_SENDER))
    return _service_delivers(found, account, findings)


def _service_delivers(found: ServiceInstance, account: Account, findings: list[Finding]) -> list[Finding]:
    if found.use_inbound_webhook_on_number:
        words = "What people write goes where each of its numbers says, not where the service says."
        return [
            *findings,
            Finding(False, words, f"{_IN_SERVICE}: choose Send a webhook, or register the webhook here."),
        ]
    where = _where(found.inbound_request_url, found.inbound_method, account.inbound_url)
    return [
        *findings,
        Finding(not where, where or "What people write comes to this connection.", _set(where, _IN_SERVICE, account)),
    ]


def _where(url: str | None, method: str | None, wanted: str) -> str:
    """What is wrong with where Twilio delivers; nothing where it is here."""
    if not url:
        return "Twilio does not know where to deliver what people write."
    if url != wanted:
        return f"Twilio delivers what people write to {address_shown(url)}, which is not this connection."
    return "" if str(method or "POST").upper() == "POST" else "Twilio delivers what people write by GET."


def address_shown(url: str) -> str:
    """Scheme, host and path of an address that stands at Twilio: others may have put secrets into the rest of it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        return "another address"
    # Without a sign of it, one of ours with more behind it would be called another, and look the same.
    return f"{parts.scheme}://{host}{parts.path}"[:200] + ("…" if parts.query or parts.fragment else "")


def _set(wrong: str, place: str, account: Account) -> str:
    return f"{place}: set {account.inbound_url} with HTTP POST, or register the webhook here." if wrong else ""


async def register_webhook(account: Account, *, is_phone: bool = True) -> Health:
    """Set the inbound address at the number or the messaging service; what was set, or why it could not be.

    `is_phone`: the sender is a telephone number of the account's, and no WhatsApp sender, of which Twilio tells less.

    Reports need no setting: their address goes out with each message. (A number's `StatusCallback` is for calls.)
    A service's is set where it has none, for what is sent over it by hand.

    What we answer with an error Twilio does not send again; it asks the fallback once. So that is this address, too,
    where there is none yet. (That it come again to the first one, `#rc=2&rp=5xx` behind the address would say; whether
    the signature is made with that, Twilio does not say, and a wrong guess would refuse everything.)
    """
    client = sdk.client(account)
    try:
        with sdk.errors(client):
            if account.config.get("messaging_service_sid"):
                return Health([await _register_at_service(client, account)])
            if not is_phone:
                words = "Twilio has no API to set it at a WhatsApp sender that is asked here."
                return Health([Finding(False, words, f"{_IN_SENDER}: set {account.inbound_url} with HTTP POST.")])
            return Health([await _register_at_number(client, account)])
    except ProviderError as error:
        return Health([Finding.of(error)])


async def _register_at_number(client: Client, account: Account) -> Finding:
    number = str(account.config["from_number"])
    found = await number_row(client, number)
    if found is None:
        return Finding(False, f"{number} is no number of this account.", "Choose a number that it has.")
    before = found.sms_url
    # A TwiML app would go before the address. Twilio takes an empty SID to mean none, which its description leaves out.
    more = {"sms_application_sid": ""} if found.sms_application_sid else {}
    if not found.sms_fallback_url:
        more |= {"sms_fallback_url": account.inbound_url, "sms_fallback_method": "POST"}
    await client.incoming_phone_numbers(str(found.sid)).update_async(
        sms_url=account.inbound_url, sms_method="POST", **more
    )
    return Finding(True, f"What people write to {number} comes to this connection now.{_instead(before, account)}")


async def _register_at_service(client: Client, account: Account) -> Finding:
    at = client.messaging.v1.services(str(account.config["messaging_service_sid"]))
    found: ServiceInstance = await at.fetch_async()
    before = found.inbound_request_url
    more = {} if found.status_callback else {"status_callback": account.status_url}
    if not found.fallback_url:
        more |= {"fallback_url": account.inbound_url, "fallback_method": "POST"}
    await at.update_async(
        inbound_request_url=account.inbound_url, inbound_method="POST", use_inbound_webhook_on_number=False, **more
    )
    words = f"What people write to {found.friendly_name!r} comes to this connection now."
    return Finding(True, f"{words}{_instead(before, account)}")


def _instead(before: str | None, account: Account) -> str:
    return f" Before, it went to {address_shown(before)}." if before and before != account.inbound_url else ""


async def number_row(client: Client, number: str) -> IncomingPhoneNumberInstance | None:
    """The number at Twilio; None where the account has none such."""
    rows = await client.incoming_phone_numbers.list_async(phone_number=number, limit=1, page_size=1)
    return rows[0] if rows else None
