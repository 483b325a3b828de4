"""How a number stands at Twilio for calls: what *Test* looks at, and setting our addresses there by API."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

from django.utils import timezone
from twilio.rest import Client
from twilio.rest.api.v2010.account.incoming_phone_number import IncomingPhoneNumberInstance

from channels_app.providers.base import Account, Finding, Health, ProviderError
from channels_app.providers.twilio import sdk, setup, voice_codes

_IN_NUMBER = "Twilio's console: Phone Numbers, Manage, Active numbers, the number, Voice Configuration"
_REGISTER = "or press Set the addresses at Twilio."
# What Twilio noted in that time is told.
LOOK_BACK = dt.timedelta(hours=24)
MOST_ALERTS = 100


def fallback_url(account: Account) -> str:
    """Where Twilio asks when the address itself failed."""
    return f"{account.inbound_url}/fallback"


async def check(account: Account) -> Health:
    """The account, the number, where its calls go, and which errors Twilio noted lately."""
    client = sdk.client(account)
    findings = setup.reachable(account)
    try:
        with sdk.errors(client):
            findings += await setup.account_findings(client)
            found = await setup.number_row(client, str(account.config["from_number"]))
            findings += _number(found, account)
        findings += await _alerts(client, account)
    except ProviderError as error:
        findings.append(Finding.of(error))
    return Health(findings)


def _number(found: IncomingPhoneNumberInstance | None, account: Account) -> list[Finding]:
    number = str(account.config["from_number"])
    if found is None:
        words = f"{number} is no number of this account."
        remedy = "Buy it, or choose one of Phone Numbers, Manage, Active numbers in Twilio's console."
        return [Finding(False, words, remedy)]
    if not (found.capabilities or {}).get("voice"):
        return [Finding(False, f"{number} can't be called.", "Choose a number with the capability Voice.")]
    findings = [Finding(True, f"{number} is the account's and can be called.")]
    if found.trunk_sid:
        words = f"Calls to {number} go to a SIP trunk ({found.trunk_sid}), not to Convoship."
        return [*findings, Finding(False, words, f"{_IN_NUMBER}: choose Webhook, TwiML Bin, ... instead of SIP Trunk.")]
    if found.voice_application_sid:
        words = f"Calls to {number} go to a TwiML app ({found.voice_application_sid}), not to Convoship."
        return [*findings, Finding(False, words, f"{_IN_NUMBER}: choose Webhook, {_REGISTER}")]
    findings.append(_calls_come(found, account))
    if found.voice_fallback_url != fallback_url(account):
        words = "Twilio has no address of this connection to ask at where the first one fails, so callers would hear "
        remedy = f"{_IN_NUMBER}: set Primary handler fails to {fallback_url(account)}, {_REGISTER}"
        findings.append(Finding(False, f"{words}Twilio's own words then.", remedy))
    if found.status_callback != account.status_url:
        words = "Twilio does not report the end of calls here: it is asked for, which takes up to two minutes."
        remedy = f"{_IN_NUMBER}: set Call status changes to {account.status_url}, {_REGISTER}"
        findings.append(Finding(False, words, remedy))
    return findings


def _calls_come(found: IncomingPhoneNumberInstance, account: Account) -> Finding:
    remedy = f"{_IN_NUMBER}: set A call comes in to {account.inbound_url} with HTTP POST, {_REGISTER}"
    if not found.voice_url:
        return Finding(False, "Twilio does not know where calls go.", remedy)
    if found.voice_url != account.inbound_url:
        return Finding(
            False, f"Calls go to {setup.address_shown(found.voice_url)}, which is not this connection.", remedy
        )
    if str(found.voice_method or "POST").upper() != "POST":
        return Finding(False, "Twilio asks for calls by GET.", remedy)
    return Finding(True, "Calls come to this connection.")


async def _alerts(client: Client, account: Account) -> list[Finding]:
    """What Twilio's monitor noted of this connection's addresses; nothing where it can't be read."""
    since = timezone.now() - LOOK_BACK
    try:
        with sdk.errors(client):
            rows = await client.monitor.v1.alerts.list_async(
                log_level="error", start_date=since, limit=MOST_ALERTS, page_size=MOST_ALERTS
            )
    except (ProviderError, TypeError):
        # A key without the right to read it, or a stand-in that keeps none.
        return []
    mine = [row for row in rows if _is_mine(row, account)]
    counted = Counter(str(row.error_code) for row in mine)
    findings = []
    for code, times in counted.most_common():
        fault = voice_codes.fault_of(code)
        often = "once" if times == 1 else f"{times} times"
        words = f"In the last 24 hours Twilio noted the error {code} {often}. {fault.words}"
        findings.append(Finding(False, words, fault.remedy.removeprefix(voice_codes.PRESS_TEST)))
    return findings


def _is_mine(row: Any, account: Account) -> bool:
    known = str(row.error_code or "").isdigit() and int(row.error_code) in voice_codes.CODES
    url = str(row.request_url or "")
    # The monitor has all of the account: what is asked at other addresses is others' business.
    return known and (not url or str(account.connection_id) in url)


async def register_webhook(account: Account) -> Health:
    """Set the addresses of calls, of their failing and of their end at the number; what was set, or why not."""
    client = sdk.client(account)
    number = str(account.config["from_number"])
    try:
        with sdk.errors(client):
            found = await setup.number_row(client, number)
            if found is None:
                return Health([Finding(False, f"{number} is no number of this account.", "Choose one that it has.")])
            if found.trunk_sid:
                words = f"Calls to {number} go to a SIP trunk, which Twilio asks first."
                remedy = f"{_IN_NUMBER}: choose Webhook instead of SIP Trunk, then press this again."
                return Health([Finding(False, words, remedy)])
            before = found.voice_url
            more = {"voice_application_sid": ""} if found.voice_application_sid else {}
            await client.incoming_phone_numbers(str(found.sid)).update_async(
                voice_url=account.inbound_url,
                voice_method="POST",
                voice_fallback_url=fallback_url(account),
                voice_fallback_method="POST",
                status_callback=account.status_url,
                status_callback_method="POST",
                **more,
            )
    except ProviderError as error:
        return Health([Finding.of(error)])
    instead = (
        f" Before, they went to {setup.address_shown(before)}." if before and before != account.inbound_url else ""
    )
    return Health([Finding(True, f"Calls to {number} come to this connection now, and so does their end.{instead}")])
