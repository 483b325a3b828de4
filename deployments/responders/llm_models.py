"""Which models an endpoint lists: `GET /models` (platform.openai.com/docs/api-reference/models).

Outside of any transaction. Not every endpoint lists its models; a name can be typed all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import openai

from convoship.lib.outbound.sending import streaming_client
from deployments.responders import provider_errors
from deployments.responders.base import Reach, ResponderError

SECONDS = 10.0
MOST = 1_000
LONGEST_NAME = 200


async def listed(base_url: str, secret: str, reach: Reach) -> Sequence[str]:
    """The names in order; `secret` is the key of one, or "". ResponderError with what to do where there are none."""
    host = urlsplit(base_url).hostname or ""
    key = await reach.secret(secret, base_url) if secret else ""
    try:
        async with asyncio.timeout(SECONDS), streaming_client() as http:
            client = openai.AsyncOpenAI(
                base_url=base_url,
                api_key=key or "none",  # the SDK wants one; endpoints without keys don't look
                http_client=cast("Any", http),  # typed for httpx2 alone, and takes httpx as well
                max_retries=0,
                timeout=SECONDS,
            )
            answer: Any = await client.models.list()
    except openai.NotFoundError:
        raise _none(host) from None
    except provider_errors.CAUGHT as error:
        raise provider_errors.read(error, host, "", key) from None
    rows = getattr(answer, "data", None)
    found = {getattr(row, "id", None) for row in rows} if isinstance(rows, list) else set()
    names = sorted(
        name for name in found if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and "\x00" not in name
    )
    if not names:
        raise _none(host)
    return names[:MOST]


def _none(host: str) -> ResponderError:
    return ResponderError(f"{host} lists no models.", "Type the model's name, as its provider calls it.", code="model")
