"""Downloading from other people's servers: read as it comes, by the guard of `sending`, and never more than is wanted.

No redirect is followed: whoever asked sees where it leads, and decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from convoship.lib.outbound.http import OutboundError, checked
from convoship.lib.outbound.sending import Answered, answering

# What an answer that is no file may say of itself.
_LONGEST_REFUSAL = 64 * 1024


class TooLarge(OutboundError):
    """It is larger than was wanted; no more of it was read."""


@dataclass(frozen=True)
class Downloaded(Answered):
    """An answer with its whole body."""

    @property
    def leads_to(self) -> str:
        """Where a redirect leads, as it stands in the answer; empty where there is none."""
        return self.headers.get("location", "") if self.status in {301, 302, 303, 307, 308} else ""


async def download(url: str, *, seconds: float, most: int, auth: tuple[str, str] | None = None) -> Downloaded:
    """GET an address: at most `most` bytes within `seconds`. `Refused`, `NotSent`, `InDoubt` or `TooLarge`.

    `auth` (user, password) goes out by HTTP Basic with this one request.
    """
    target = checked(url)
    basic = httpx.BasicAuth(*auth) if auth else None
    async with answering(target, seconds) as client, client.stream("GET", target, auth=basic) as answer:
        largest = most if answer.is_success else _LONGEST_REFUSAL
        declared = answer.headers.get("content-length", "")
        if answer.is_success and declared.isascii() and declared.isdigit() and int(declared) > most:
            raise TooLarge(_too_large(most))
        if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            # It would have to be unpacked before anybody knew how large it is; nobody asked for that.
            raise OutboundError(f"{target.host} answers with something packed, which was not asked for.")
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > largest:
                if answer.is_success:
                    raise TooLarge(_too_large(most))
                break
        pairs = {name.lower(): value for name, value in answer.headers.items()}
        return Downloaded(answer.status_code, pairs, bytes(body[:largest]))


def _too_large(most: int) -> str:
    return f"It is larger than {most / 1024 / 1024:.3g} MB."
