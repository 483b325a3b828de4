"""Recordings at Twilio: begun in a call by REST, fetched as MP3, deleted (twilio.com/docs/voice/api/recording)."""

from __future__ import annotations

import re

from channels_app.providers.base import Account, FetchedFile, ProviderError
from channels_app.providers.twilio import media, sdk

_SID = re.compile(r"RE[0-9a-f]{32}")
_PATH = r"/2010-04-01/Accounts/{sid}/Recordings/RE[0-9a-f]{{32}}\.mp3"


def is_sid(value: str) -> bool:
    """Whether this is an id of a recording."""
    return _SID.fullmatch(value) is not None


def url_of(account: Account, sid: str) -> str:
    """Where the audio of a recording of the account is. Built of its id: what a request names is not believed."""
    base = (account.base_url or sdk.API_BASE_URL).rstrip("/")
    return f"{base}/2010-04-01/Accounts/{account.config['account_sid']}/Recordings/{sid}.mp3"


async def start(account: Account, call_sid: str, callback: str) -> str:
    """Begin to record a call that goes on, both sides apart; the recording's id. `callback` hears how it ends."""
    client = sdk.client(account)
    with sdk.errors(client):
        made = await client.calls(call_sid).recordings.create_async(
            recording_channels="dual",
            recording_status_callback=callback,
            recording_status_callback_event=["completed", "absent"],
            recording_status_callback_method="POST",
        )
    return str(made.sid or "")


async def fetch(account: Account, url: str) -> FetchedFile:
    """The audio at this address of our own account's; `ProviderError` with words for any other."""
    return await media.fetch(account, url, path=_PATH)


async def delete(account: Account, sid: str) -> None:
    """Take it away for good; what is not there any more is gone already."""
    client = sdk.client(account)
    try:
        with sdk.errors(client):
            await client.recordings(sid).delete_async()
    except ProviderError as error:
        if error.http_status != 404:
            raise
