"""After a reply that was lost: whether Twilio took the message, before anything is sent again.

Twilio has no key for a message, so it is known by where it went, when, and its words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import count
from typing import Any

from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels_app.providers.base import Account, Outgoing, ProviderError

# An answer has to fit what is read of one (`sending.LARGEST_ANSWER`): a message takes up to 11 kB.
PAGE_SIZE = 5
MOST_PAGES = 10
# Between Twilio's clock and ours.
SLACK = dt.timedelta(seconds=60)
_FAILED = frozenset({"failed", "undelivered", "canceled"})
# A messaging service may write these in their simple form (Smart Encoding).
_SIMPLE = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2026": "...",
        "\u00a0": " ",
    }
)


async def find(client: Client, account: Account, outgoing: Outgoing, *, prefix: str = "") -> MessageInstance | None:
    """The message that an earlier attempt made; None where there is none. One that failed is not it: none arrived.

    By `date_created` and not by the API's filter on `DateSent`, which one that still waits at Twilio doesn't have.
    """
    since = outgoing.since - SLACK if outgoing.since else None
    sender = account.config.get("from_number")
    query = {"from_": f"{prefix}{sender}"} if sender else {}
    page = await client.messages.page_async(to=f"{prefix}{outgoing.address}", page_size=PAGE_SIZE, **query)
    for number in count(1):
        for message in page:
            if since and (made := _utc(message.date_created)) and made < since:
                return None  # the newest come first
            if _is_it(message, account, outgoing):
                return message
        following = page.next_page_url
        if following is None:
            return None
        if number == MOST_PAGES:
            words = "So much went to this number since that Twilio's list does not say whether this did."
            raise ProviderError(words, "Look at Twilio's log, then replay it or leave it.", ambiguous=True)
        page = await client.messages.get_page_async(following)
    return None


def _is_it(message: MessageInstance, account: Account, outgoing: Outgoing) -> bool:
    if message.sid in outgoing.others or str(message.status) in _FAILED:
        return False
    if not str(message.direction or "").startswith("outbound"):
        return False
    service = account.config.get("messaging_service_sid")
    if service and message.messaging_service_sid != service:
        return False
    if outgoing.content.get("files") and str(message.num_media or "0") == "0":
        return False
    body = _simple(str(message.body or ""))
    said = _said(outgoing.content)
    if not body and outgoing.content.keys() & {"interactive", "template"}:
        # One of a content's: what it said stands nowhere.
        words = "Twilio's list has a message to them without its words, and it may be this one."
        raise ProviderError(words, "Look at Twilio's log, then replay it or leave it.", ambiguous=True)
    # A trial account puts words of Twilio's before ours.
    return body.endswith(_simple(said))


def _said(content: Mapping[str, Any]) -> str:
    """Its words as Twilio lists them: of a content those of its body."""
    shown = content.get("interactive")
    if shown:
        return str(next(iter(shown.values()))["body"])
    return str(content["text"])


def _simple(text: str) -> str:
    return " ".join(text.translate(_SIMPLE).split())


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return moment.replace(tzinfo=dt.UTC) if moment is not None and moment.tzinfo is None else moment
