"""What agents said since it was last looked, and how the interaction stands.

Genesys repeats a notification for 85 seconds and then drops it, and tells nobody that an interaction has ended: both
are found here. `POST /api/v2/conversations/messages/{id}/messages/bulk` gives messages by their ids.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app.providers.base import ProviderError
from channels_app.providers.desk_port import CaseThere, KnownCase, Looked
from channels_app.providers.events import DeskSaid, ProviderEvent
from channels_app.providers.genesys import normalized, standing
from channels_app.providers.genesys.api import VIEW, Api, permit

AGAIN_SECONDS, AGAIN_WHEN_QUIET = 60.0, 300.0
# After words, how it stands is told by a look of its own, so that nobody leaves before their last words came.
AGAIN_AFTER_WORDS = 5.0
QUIET_AFTER = dt.timedelta(minutes=10)
# So long after the last message another one begins another interaction (the messaging threading timeline).
LONGEST = dt.timedelta(hours=72)
# A bot answers at once, by Genesys' clock. What was heard before changes nothing when it is found again.
CLOCKS_DIFFER = dt.timedelta(seconds=30)
MOST_AT_ONCE, MOST_SEEN = 100, 500
CAPPED = "Nobody wrote for 72 hours, so the interaction at Genesys is over."


async def look_at(api: Api, case: KnownCase) -> Looked:
    """Messages first; where there are none, who came and who left. After 72 hours of silence it is over anyway."""
    if case.active_at is not None and timezone.now() - case.active_at >= LONGEST:
        said = DeskSaid(key=f"silent:{case.key}", address=_address(case), says="returned", text=CAPPED)
        return Looked([said], AGAIN_WHEN_QUIET)
    conversation = str(case.about.get("conversation") or "")
    if case.there is None or not conversation:
        return Looked([], AGAIN_WHEN_QUIET)
    try:
        found = await standing.fetch(api, conversation)
        there = standing.others(found, case.about)
        words, seen = await _words(api, case, conversation, standing.messages(there))
    except ProviderError as error:
        raise _softened(error) from None
    about: dict[str, Any] = {"seen": seen}
    if words:
        return Looked(words, AGAIN_AFTER_WORDS, _there(case.there, about))
    events = _accepted(case, conversation, there, about)
    if standing.is_over(found, case.about):
        events.append(_over(case, conversation, there))
    elif there and not any(standing.is_live(one) for one in there):
        return Looked(events, standing.SETTLES.total_seconds(), _there(case.there, about))
    return Looked(events, _again(case), _there(case.there, about))


def _there(there: CaseThere, about: Mapping[str, Any]) -> CaseThere:
    return CaseThere(there.ref, there.number, there.url, about)


def _again(case: KnownCase) -> float:
    is_quiet = case.active_at is not None and timezone.now() - case.active_at > QUIET_AFTER
    return AGAIN_WHEN_QUIET if is_quiet else AGAIN_SECONDS


def _softened(error: ProviderError) -> ProviderError:
    """Looking is a second way: that it is forbidden stops nothing that goes out, and what isn't there yet may come.

    An interaction's id is given before there is one (`prefetchConversationId`).
    """
    if error.http_status == 403:
        words = "Genesys does not let the OAuth client look at interactions: what gets lost stays lost, no end is seen."
        return ProviderError(words, permit(VIEW), retry_after=AGAIN_WHEN_QUIET, blame="message", http_status=403)
    if error.http_status in {404, 410}:
        words = "There is no such interaction at Genesys, or not yet."
        return ProviderError(words, "It is looked for again.", blame="message", http_status=error.http_status)
    return error


async def _words(
    api: Api, case: KnownCase, conversation: str, written: Mapping[str, dt.datetime | None]
) -> tuple[list[ProviderEvent], list[str]]:
    """What was written since the case was opened and was not read yet, the oldest first; and what was read by now."""
    known = [str(one) for one in case.about.get("seen") or ()]
    opened = standing.moment_of(case.about.get("opened"))
    since = opened - CLOCKS_DIFFER if opened is not None else None
    new = [
        one
        for one, at in written.items()
        if one not in known and one not in case.sent and (since is None or at is None or at >= since)
    ][:MOST_AT_ONCE]
    if not new:
        return [], known
    path = f"/api/v2/conversations/messages/{conversation}/messages/bulk"
    answer = await api.call("POST", path, new, permission=VIEW, reads=True)
    listed = answer.get("entities")
    found = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    found.sort(key=lambda one: str(one.get("timestamp") or ""))
    # What was asked for and not given yet is asked for again.
    read = {str(one.get("id")) for one in found}
    events = [event for one in found if (event := _said(case, one)) is not None]
    return events, [*known, *(one for one in new if one in read)][-MOST_SEEN:]


def _said(case: KnownCase, message: Mapping[str, Any]) -> ProviderEvent | None:
    """A message as its notification would have told it, under the same key."""
    if str(message.get("direction") or "").lower() != "outbound" or case.there is None:
        return None
    whole = message.get("normalizedMessage")
    body = dict(whole) if isinstance(whole, Mapping) else {}
    body.setdefault("text", message.get("textBody"))
    if "content" not in body and isinstance(message.get("media"), list):
        body["content"] = [{"attachment": one} for one in message["media"]]
    author = message.get("createdBy")
    name = str(author.get("name") or "") if isinstance(author, Mapping) else ""
    message_id = str(body.get("id") or message.get("id") or "")
    return normalized.event_of(message_id, case.there.ref, body, name=name) if message_id else None


def _accepted(
    case: KnownCase, conversation: str, there: Sequence[Mapping[str, Any]], about: dict[str, Any]
) -> list[ProviderEvent]:
    connected = [one for one in standing.agents(there) if standing.is_live(one)]
    if not connected:
        return []
    agent = connected[-1]
    about["agent"] = who = str(agent.get("id") or "")
    if who == case.about.get("agent"):
        return []
    key = f"accepted:{conversation}:{case.key}:{who}"
    return [DeskSaid(key=key, address=_address(case), says="accepted", name=_name(agent))]


def _address(case: KnownCase) -> str:
    """Where all that is said of the case comes from, by whichever way: events of one address keep their order."""
    return case.there.ref if case.there is not None else case.key


def _name(participant: Mapping[str, Any]) -> str:
    user = participant.get("user")
    named = str(user.get("name") or "") if isinstance(user, Mapping) else ""
    return str(participant.get("name") or "") or named


def _over(case: KnownCase, conversation: str, there: Sequence[Mapping[str, Any]]) -> ProviderEvent:
    """An agent has ended it; or nobody ever took it, and another desk may."""
    had_it = standing.agents(there)
    if had_it:
        key = f"closed:{conversation}:{case.key}"
        return DeskSaid(key=key, address=_address(case), says="closed", name=_name(had_it[-1]))
    words = "Genesys ended the interaction before an agent took it."
    return DeskSaid(key=f"nobody:{conversation}:{case.key}", address=_address(case), says="unavailable", text=words)
