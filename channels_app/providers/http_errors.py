"""What a failed HTTP call means: which answers are worth another try, and what to do about the others."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

from channels_app.providers.base import SETTLED, TRIED_AGAIN, ProviderError
from convoship.lib.outbound import OutboundError
from convoship.lib.outbound.sending import Answered, InDoubt

SHORTEST_WAIT, LONGEST_WAIT = 1.0, 24 * 3600.0
LONGEST_EXCERPT = 2000

# What looks like a credential in an answer that we keep: our own secrets, bearer tokens, `"token": "..."`.
_SECRETIVE = re.compile(
    r"(?i)(whsec_|c[dsp][ptk]_|bearer\s+|basic\s+)[A-Za-z0-9+/_=.\-]{8,}"
    r"|(\"?(?:password|secret|token|api_?key|authorization)\"?\s*[:=]\s*\"?)[^\s\",;&}]{4,}"
)


@contextmanager
def as_provider_errors() -> Iterator[None]:
    """Calls that gave no answer, as the outbox wants to hear of them."""
    try:
        yield
    except InDoubt as error:
        raise ProviderError(error.words, SETTLED, ambiguous=True) from None
    except OutboundError as error:
        raise ProviderError(error.words, "Check the address and that it can be reached from the internet.") from None


def excerpt(answer: Answered) -> str:
    """The beginning of an answer, as an attempt's row keeps it."""
    text = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in answer.text)
    return _SECRETIVE.sub(lambda found: (found[1] or found[2] or "") + "[hidden]", text)[:LONGEST_EXCERPT]


def retry_after(answer: Answered) -> float | None:
    """Seconds that the answer asks to be left alone for, between 1 s and 24 h; by number or by date."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        seconds = float(value)
    else:
        try:
            at = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
        seconds = (at - dt.datetime.now(dt.UTC)).total_seconds() if at.tzinfo else 0.0
    return min(LONGEST_WAIT, max(SHORTEST_WAIT, seconds))


def of_endpoint(answer: Answered, *, what: str = "endpoint", signer: str = "signing secret") -> ProviderError:
    """What an answer that is no 2xx of a customer's own `what` means, whose requests `signer` signs (R8)."""
    status, seen = answer.status, excerpt(answer)
    if status == 410:
        return ProviderError(
            f"The {what} answered 410: it wants no more.",
            "Give another address, or enable the connection again if it was a mistake.",
            permanent=True,
            gone=True,
            blame="connection",
            http_status=status,
            answer=seen,
        )
    if 300 <= status < 400:
        return ProviderError(
            f"The {what} answered {status}: it leads elsewhere, and redirects are not followed.",
            "Give the address that it leads to.",
            most_retries=1,
            blame="connection",
            http_status=status,
            answer=seen,
        )
    if status in {429, 503}:
        return ProviderError(
            f"The {what} answered {status}: it asks for time.",
            TRIED_AGAIN,
            retry_after=retry_after(answer),
            http_status=status,
            answer=seen,
        )
    if 400 <= status < 500 and status not in {408, 425}:
        said = {401: "it wants a sign-in", 403: "it forbids it", 404: "there is nothing at that address"}.get(
            status, "it refuses the request"
        )
        return ProviderError(
            f"The {what} answered {status}: {said}.",
            f"Look at its log. The signature is checked with the {signer}, over the raw body.",
            most_retries=1,
            blame="connection",
            http_status=status,
            answer=seen,
        )
    return ProviderError(
        f"The {what} answered {status}: it broke.",
        "Look at its log; it is tried again.",
        http_status=status,
        answer=seen,
    )
