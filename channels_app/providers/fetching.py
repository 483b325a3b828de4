"""Fetching files that messages name: capped, timed, and with words for whatever comes instead of one."""

from __future__ import annotations

from email.message import EmailMessage

from channels_app.providers import http_errors
from channels_app.providers.base import FetchedFile, ProviderError
from convoship.lib.outbound.downloading import Downloaded, TooLarge, download
from convoship.lib.outbound.http import OutboundError, Refused

# WhatsApp and MMS carry no more; what else comes may be as large, whatever visitors may send on the web.
LARGEST = 16 * 1024 * 1024
SECONDS = 60.0


async def get(url: str, *, auth: tuple[str, str] | None = None) -> Downloaded:
    """One GET, no redirect followed; `ProviderError` where there is no whole answer."""
    try:
        return await download(url, seconds=SECONDS, most=LARGEST, auth=auth)
    except TooLarge as error:
        raise ProviderError(error.words, "Ask for a smaller one, or for another way.", permanent=True) from None
    except Refused as error:
        raise ProviderError(error.words, "Only addresses on the internet are called.", permanent=True) from None
    except OutboundError as error:
        raise ProviderError(error.words, "It is tried again.") from None


def taken(answer: Downloaded, whose: str) -> FetchedFile:
    """The file of an answer; `ProviderError` where it is none. `whose`: who answered, for people."""
    if answer.is_success and answer.status != 204 and answer.body:
        return FetchedFile(answer.body, _name(answer.headers.get("content-disposition", "")))
    status = answer.status
    if status == 404:
        words, remedy = f"{whose} has no such file (404).", "Fetch it again later, or ask them to send it anew."
        raise ProviderError(words, remedy, http_status=404)
    if answer.is_success:
        raise ProviderError("The file is empty.", "Ask them to send it anew.", permanent=True)
    if 300 <= status < 400:
        words = f"{whose} leads elsewhere ({status}), and redirects are not followed."
        raise ProviderError(words, "Give the address that it leads to.", permanent=True)
    if status in {408, 425, 429} or status >= 500:
        words = f"{whose} answered {status}."
        raise ProviderError(
            words, "It is tried again.", http_status=status, retry_after=http_errors.retry_after(answer)
        )
    words = f"{whose} does not give this file: it answered {status}."
    raise ProviderError(words, "Ask them to send it anew.", http_status=status, permanent=True)


def _name(disposition: str) -> str:
    """The file's name in a Content-Disposition (RFC 6266); empty where there is none that can be read."""
    if not disposition:
        return ""
    parsed = EmailMessage()
    try:
        parsed["content-disposition"] = disposition[:1000]
        return parsed.get_filename("") or ""
    except (ValueError, LookupError, UnicodeError, IndexError, AttributeError):
        # The library's parser breaks on some of what a server may write there.
        return ""
