"""Files that came with messages: at Twilio, behind Basic auth and one redirect (twilio.com/docs/messaging/api).

Whoever can post to us can name any address, and credentials that are sent there are theirs. So they go to the API's own
host and to paths of our own account alone, and never on with a redirect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from channels_app.providers import fetching
from channels_app.providers.base import Account, FetchedFile, ProviderError
from channels_app.providers.twilio import sdk
from convoship.lib.outbound.downloading import Downloaded

# More come with no message (twilio.com/docs/messaging/guides/accepted-mime-types).
MOST = 10
_PATH = r"/2010-04-01/Accounts/{sid}/Messages/[A-Z]{{2}}[0-9a-f]{{32}}/Media/ME[0-9a-f]{{32}}"
_REPORT_IT = (
    "Whoever sent it knows the connection's auth token, or signs for it: rotate it at Twilio if that is not you."
)


def named_in(form: Mapping[str, str]) -> tuple[dict[str, str], ...]:
    """The files of a message, as a form names them."""
    many = form.get("NumMedia", "")
    count = min(int(many), MOST) if many.isascii() and many.isdigit() and len(many) < 4 else 0
    return tuple(
        {"url": form.get(f"MediaUrl{at}", "")[:2000], "content_type": form.get(f"MediaContentType{at}", "")[:100]}
        for at in range(count)
    )


async def fetch(account: Account, url: str, path: str = _PATH) -> FetchedFile:
    """The file at this address of our account's; `ProviderError` with words for any other, and where it fails.

    `path`: what files of its kind have for one there.
    """
    base = account.base_url or sdk.API_BASE_URL
    if not is_ours(url, str(account.config["account_sid"]), base, path):
        words = "Its address is none of Twilio's for this account, so it was not called."
        raise ProviderError(words, _REPORT_IT, permanent=True, blame="message")
    auth = (str(account.config["account_sid"]), account.credentials["auth_token"])
    answer = await fetching.get(url, auth=auth)
    if answer.leads_to:
        answer = await _led_to(url, answer, base)
    if answer.status in {401, 403}:
        words = f"Twilio refuses the auth token for this file ({answer.status})."
        raise ProviderError(words, "Check the token on the connection's page, then fetch it again.", permanent=True)
    return fetching.taken(answer, "Twilio")


async def _led_to(url: str, answer: Downloaded, base: str) -> Downloaded:
    """What stands where the API leads: asked without credentials, and it may lead no further."""
    target = _joined(url, answer.leads_to)
    if not may_follow(target, base):
        host = _host(target) or "an address that is none"
        words = f"Twilio leads to {host[:100]} for this file, which is not a host that its files are kept on."
        raise ProviderError(words, "Whoever runs the server can add it to TWILIO_MEDIA_HOSTS.", permanent=True)
    there = await fetching.get(target)
    if there.leads_to:
        words = "Twilio leads to an address for this file that leads elsewhere again, which is not followed."
        raise ProviderError(words, "Fetch it again later; tell Twilio if that stays so.", permanent=True)
    return there


def is_ours(url: str, account_sid: str, base_url: str, path: str = _PATH) -> bool:
    """Whether this is a file of our own account's, at the API's own address, or at Twilio's for an account of a region.

    Compared is what is called, letter by letter: no port, user name or query that the path stands behind.
    """
    bases = [base_url.rstrip("/")]
    if _host(base_url).endswith(f".{sdk.DOMAIN}"):
        bases.append(sdk.API_BASE_URL)
    whole = path.format(sid=re.escape(account_sid))
    return any(re.fullmatch(re.escape(base) + whole, url) for base in bases)


def may_follow(url: str, base_url: str) -> bool:
    """Whether a redirect to this address is followed: to where Twilio keeps files, by https; a stand-in's to itself."""
    try:
        parts, base = urlsplit(url), urlsplit(base_url)
        origin, port = (parts.scheme, parts.netloc), parts.port
    except ValueError:
        return False
    if origin == (base.scheme, base.netloc) and not _host(base_url).endswith(f".{sdk.DOMAIN}"):
        return True
    if parts.scheme != "https" or port not in {None, 443} or parts.username is not None:
        return False
    host = _host(url)
    return any(host == known or host.endswith(f".{known}") for known in settings.TWILIO_MEDIA_HOSTS)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
