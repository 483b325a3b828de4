"""Who asks in a ticket: somebody whom Zendesk knows already stays as they are there.

developer.zendesk.com/api-reference/ticketing/users/users (create or update: found by `email` or `external_id`, and
changed to what is sent; without a `role` an end user is made), .../ticketing/ticket-management/search (`type:user`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels_app.providers.zendesk.api import Api


async def requester(api: Api, wanted: Mapping[str, Any]) -> int:
    """The id of `{external_id, name, email?}`; an `email` is proven, so whoever has it at Zendesk is meant.

    They are never changed: an agent would become an end user, and the company's own id of them would be lost.
    """
    email = str(wanted.get("email") or "")
    if email:
        known = await _known(api, email)
        if known is not None:
            return known
    user = {"name": wanted["name"], "skip_verify_email": True}
    user |= {"email": email} if email else {"external_id": wanted["external_id"]}
    found = await api.call("POST", "/api/v2/users/create_or_update", {"user": user})
    return int(found["user"]["id"])


async def _known(api: Api, email: str) -> int | None:
    """Who has exactly this address. The search may lag behind by minutes; who is missed then is new there."""
    found = await api.call("GET", "/api/v2/search", query={"query": f'type:user email:"{email}"'})
    for one in found.get("results") or ():
        if str(one.get("email") or "").lower() == email.lower():
            return int(one["id"])
    return None
