"""Calls by REST: started, redirected, asked for (twilio.com/docs/voice/api/call-resource)."""

from __future__ import annotations

from twilio.rest.api.v2010.account.call import CallInstance

from channels_app.providers.base import Account, CallFacts, ProviderError
from channels_app.providers.twilio import sdk

# How long it rings before nobody has answered.
RING_SECONDS = 30
_EVENTS = ["initiated", "ringing", "answered", "completed"]
# Of a call that is not there, or goes on no more.
_GONE = {20404, 21220}


async def start(account: Account, to: str, *, longest_seconds: int) -> CallFacts:
    """Ring a number; what it hears is asked for at the connection's address. `ProviderError` where it is refused."""
    client = sdk.client(account)
    with sdk.errors(client):
        made = await client.calls.create_async(
            to=to,
            from_=str(account.config["from_number"]),
            url=account.inbound_url,
            method="POST",
            fallback_url=f"{account.inbound_url}/fallback",
            fallback_method="POST",
            status_callback=account.status_url,
            status_callback_method="POST",
            status_callback_event=_EVENTS,
            timeout=RING_SECONDS,
            time_limit=longest_seconds,
        )
    if not made.sid:
        raise ProviderError("Twilio's answer names no call.", "Look at the calls in Twilio's console.", ambiguous=True)
    return _facts(made)


async def fetch(account: Account, sid: str) -> CallFacts | None:
    """The call as it is now; None where the account has none by that id."""
    client = sdk.client(account)
    try:
        with sdk.errors(client):
            return _facts(await client.calls(sid).fetch_async())
    except ProviderError as error:
        if error.http_status == 404:
            return None
        raise


async def redirect(account: Account, sid: str, *, url: str = "", twiml: str = "") -> bool:
    """Have a call that goes on ask at `url`, or do as `twiml` says; False where it goes on no more."""
    client = sdk.client(account)
    try:
        with sdk.errors(client):
            if twiml:
                await client.calls(sid).update_async(twiml=twiml)
            else:
                await client.calls(sid).update_async(url=url, method="POST")
    except ProviderError as error:
        if _is_gone(error):
            return False
        raise
    return True


def _is_gone(error: ProviderError) -> bool:
    return error.http_status == 404 or error.code in {str(code) for code in _GONE}


def _facts(call: CallInstance) -> CallFacts:
    seconds = str(call.duration or "")
    return CallFacts(str(call.sid), str(call.status or ""), int(seconds) if seconds.isdigit() else None)
