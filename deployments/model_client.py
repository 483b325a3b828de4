"""The official SDK for an endpoint that somebody of a workspace names: it takes nothing from this server's environment.

By itself the SDK reads whose account and project its caller is, and further headers, from variables such as
`OPENAI_ORG_ID` and `OPENAI_CUSTOM_HEADERS`. They are for the calls of whoever runs the server, and would go to every
workspace's endpoint.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import openai
from openai._base_client import get_platform


def new(http: object, base_url: str, key: str, *, seconds: float | None = None) -> openai.AsyncOpenAI:
    """A client over this one of httpx, which tries nothing again. `key` is "" where the endpoint wants none."""
    client = openai.AsyncOpenAI(
        base_url=base_url,
        api_key=key or "none",  # the SDK wants one; endpoints without keys don't look
        http_client=cast("Any", http),  # typed for httpx2 alone, and takes httpx as well
        max_retries=0,
        **({} if seconds is None else {"timeout": seconds}),  # type: ignore[arg-type]
    )
    client.organization = client.project = client.admin_api_key = client.webhook_secret = None
    client._custom_headers, client._ambient_authorizations = {}, frozenset()
    # Each client would look for it again, in a thread: there is one for each answer.
    client._platform = _platform()
    return client


@cache
def _platform() -> Any:
    return get_platform()
