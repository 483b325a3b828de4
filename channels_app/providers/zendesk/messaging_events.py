"""What Sunshine Conversations calls us with: several events in one call, each known by an id of its own.

github.com/zendesk/sunshine-conversations-api-spec, components/webhooks. `X-API-Key` is the webhook's secret: no
signature, so it is compared in constant time and nothing is taken without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.providers.base import BadEvent, InboundRequest, SignatureInvalid, same
from channels_app.providers.code_words import in_words
from channels_app.providers.desk_port import CaseThere, KnownCase, Looked
from channels_app.providers.events import DeskSaid, MessageReceived, NotUsed, ProviderEvent, StatusReported
from channels_app.providers.zendesk.messaging import OURS, Messaging, active_integration
from convoship.lib.parsers import BadJSON, loads
from deployments.handoff_form import BACK

HEADER = "x-api-key"
AGAIN_SECONDS, MOST_PAGES = 120.0, 3
MOST_EVENTS = 200


def check(secrets: Sequence[str], request: InboundRequest) -> None:
    """`SignatureInvalid` unless the header is one of these."""
    usable = [one for one in secrets if one]
    if not usable:
        words = "The connection has no secret of its webhook: press “Set the addresses at Zendesk”, or write it."
        raise SignatureInvalid("no_secret", words)
    given = request.headers.get(HEADER, "")
    if not given:
        raise SignatureInvalid("signature_missing", "The request has no X-API-Key.")
    if not any(same(one, given) for one in usable):
        raise SignatureInvalid(
            "signature_wrong", "X-API-Key is not the webhook's secret: fetch it anew, or compare them."
        )


def parse(account_integration: str, request: InboundRequest) -> list[ProviderEvent]:
    """All that one call says."""
    try:
        body = loads(request.body)
    except BadJSON as error:
        raise BadEvent({"body": [str(error)]}) from None
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list) or len(events) > MOST_EVENTS:
        raise BadEvent({"events": [f"This must be a list of at most {MOST_EVENTS} events."]})
    return [_event(account_integration, one) for one in events if isinstance(one, dict) and one.get("id")]


def _event(integration: str, event: Mapping[str, Any]) -> ProviderEvent:
    kind, key, payload = str(event.get("type", ""))[:60], str(event["id"])[:200], _part(event, "payload")
    where = _part(payload, "conversation")
    address = str(where.get("id", ""))[:100]
    is_ours = _part(where, "activeSwitchboardIntegration").get("integrationId") == integration
    match kind:
        case "conversation:message":
            return said(_part(payload, "message"), address, is_ours=is_ours)
        case "conversation:postback" if is_ours:
            postback = _part(payload, "postback")
            who = _part(payload, "user")
            word = str(postback.get("payload", ""))
            return MessageReceived(key=key, address=address, payload=word, user=_user(who), locale=_locale(who))
        case "switchboard:passControl" | "switchboard:releaseControl" if is_ours or kind.endswith("releaseControl"):
            # It may be of an earlier hand-over, and late: who has control is asked.
            return DeskSaid(key=key, address=address, says="changed")
        case "switchboard:passControl":
            return NotUsed(key=key, address=address, what="that somebody else has the conversation now")
        case "conversation:typing":
            return _typing(key, address, _part(payload, "activity"))
        case "conversation:message:delivery:failure":
            return _failed(key, address, payload)
    return NotUsed(key=key, address=address, what=_called(kind))


# docs.smooch.io/rest, webhook event types; others are told by their own name.
_CALLED: Mapping[str, str] = {
    "conversation:create": "that a conversation began",
    "conversation:join": "that somebody joined the conversation",
    "conversation:leave": "that somebody left the conversation",
    "conversation:read": "that somebody has read the conversation",
    "conversation:remove": "that a conversation was deleted",
    "conversation:message:delivery:channel": "that a message has reached the customer's channel",
    "conversation:message:delivery:user": "that a message has reached the customer",
    "conversation:referral": "that the customer came by a link",
    "switchboard:acceptControl": "that somebody else takes the conversation",
    "switchboard:acceptControl:failure": "that somebody else could not take the conversation",
    "switchboard:offerControl": "that the conversation is offered to somebody else",
    "switchboard:offerControl:failure": "that the conversation could not be offered to somebody else",
}


def _called(kind: str) -> str:
    if not kind:
        return "an event that says no kind"
    return _CALLED.get(kind) or f"an event that Zendesk calls “{in_words(kind)}”"


def _failed(key: str, address: str, payload: Mapping[str, Any]) -> ProviderEvent:
    """A message that the customer's channel didn't take. Agents see that of their own; whose it is isn't told.

    It may come late, when control is somebody else's by now: ours is known by its id.
    """
    if payload.get("isFinalEvent") is False:
        return NotUsed(key=key, address=address, what="a delivery that failed and is tried again")
    error = _part(payload, "error")
    why = str(error.get("message") or "").strip()[:280]
    ended = "" if why.endswith((".", "!", "?")) else "."
    return StatusReported(
        key=key,
        address=address,
        provider_id=str(_part(payload, "message").get("id", "")),
        status="failed",
        code=str(error.get("code", ""))[:40],
        reason=f"Zendesk could not deliver it{f': {why}' if why else ''}{ended}"[:300],
        remedy="Write to them another way.",
        is_maybe_others=True,
    )


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, Mapping) else {}


def _user(of: Mapping[str, Any], called: str = "") -> dict[str, str]:
    """Who it is; `called`: the name by which they wrote, where no profile came along."""
    profile = _part(of, "profile")
    name = " ".join(filter(None, (str(profile.get("givenName") or ""), str(profile.get("surname") or ""))))
    known = {"id": str(of.get("externalId") or ""), "name": name or called, "email": str(profile.get("email") or "")}
    return {field: value for field, value in known.items() if value}


def _locale(of: Mapping[str, Any]) -> str:
    return str(_part(of, "profile").get("locale") or "")


def _typing(key: str, address: str, activity: Mapping[str, Any]) -> ProviderEvent:
    author = _part(activity, "author")
    if author.get("type") != "business":
        return NotUsed(key=key, address=address, what="the customer types")
    name = str(author.get("displayName") or "")
    return DeskSaid(key=key, address=address, says="typing", name=name, on=activity.get("type") == "typing:start")


def said(message: Mapping[str, Any], address: str, *, is_ours: bool) -> ProviderEvent:
    """Of a customer while we have control what is answered, while somebody else has what is only kept; an agent's."""
    key = f"message:{str(message.get('id', ''))[:100]}"
    author, content = _part(message, "author"), _part(message, "content")
    if message.get("deleted"):
        return NotUsed(key=key, address=address, what="a message that was deleted")
    text, media = _words(content), _media(content)
    lines = "\n".join(filter(None, (text, *(f"{one.get('name', 'File')}: {one['url']}" for one in media))))
    name = str(author.get("displayName") or "")
    if author.get("type") == "user":
        who, payload = _part(author, "user") or author, str(content.get("payload") or "")
        # Who waits for an agent may think better of it: that button is ours, whoever has control.
        if is_ours or payload == BACK:
            user, locale = _user(who, name), _locale(who)
            return MessageReceived(
                key=key, address=address, text=text, payload=payload, user=user, locale=locale, media=media
            )
        return DeskSaid(key=key, address=address, says="visitor", text=lines)
    if _part(message, "metadata").get(OURS):
        return NotUsed(key=key, address=address, what="what the assistant said itself")
    if is_ours or _part(message, "activity") or "activity" in (author.get("subtypes") or ()):
        return NotUsed(key=key, address=address, what="a notice of Zendesk's own")
    return DeskSaid(key=key, address=address, says="message", name=name, text=lines)


def _words(content: Mapping[str, Any]) -> str:
    """What a message says, in words, whatever form it has; of one that we don't know, its kind."""
    kind = str(content.get("type", ""))
    text = str(content.get("text") or "")
    if kind == "formResponse":
        fields = [one for one in content.get("fields") or () if isinstance(one, Mapping)]
        return "\n".join(f"{one.get('label') or one.get('name')}: {_answer(one)}" for one in fields)
    if kind == "location":
        place = _part(content, "coordinates")
        return f"Location: {place.get('lat')}, {place.get('long')}"
    if kind in {"carousel", "list"}:
        items = [one for one in content.get("items") or () if isinstance(one, Mapping)]
        return "\n".join(f"- {one.get('title', '')} {one.get('description') or ''}".rstrip() for one in items)
    options = [str(one.get("text", "")) for one in content.get("actions") or () if isinstance(one, Mapping)]
    whole = "\n".join(filter(None, (text, *(f"- {one}" for one in options))))
    return whole or ("" if kind in {"image", "file"} else f"[{kind or 'something'}]")


def _answer(field: Mapping[str, Any]) -> str:
    chosen = field.get("select")
    if isinstance(chosen, list):
        return ", ".join(str(one.get("label", "")) for one in chosen if isinstance(one, Mapping))
    return str(field.get("text") or field.get("email") or "")


def _media(content: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    url = str(content.get("mediaUrl") or "")
    if not url.startswith("https://"):
        return ()
    named = {"name": str(content["altText"])[:200]} if content.get("altText") else {}
    kind = {"content_type": str(content["mediaType"])[:100]} if content.get("mediaType") else {}
    return ({"url": url, **kind, **named},)


async def look_at(api: Messaging, case: KnownCase) -> Looked:
    """Who has control, and the messages that no call told of."""
    if case.there is None:
        return Looked([], AGAIN_SECONDS)
    ref, since = case.there.ref, str(case.about.get("since") or "9")
    active = await active_integration(api, ref)
    # Where nobody has control, who writes next is given to whoever answers first.
    is_ours = active.get("integrationId") in {api.integration, None}
    messages = [] if is_ours else await _since(api, ref, since)
    events: list[ProviderEvent] = [said(one, ref, is_ours=False) for one in messages]
    if is_ours and case.about.get("passed"):
        events.append(DeskSaid(key=f"back:{case.key}", address=ref, says="returned"))
    # The last one is read again each time, and known by its key: another may have come in the same millisecond.
    about = {"since": max([str(one.get("received", "")) for one in messages], default=since)}
    there = CaseThere(ref, case.there.number, case.there.url, about)
    return Looked([one for one in events if not isinstance(one, NotUsed)], AGAIN_SECONDS, there)


async def _since(api: Messaging, ref: str, since: str) -> list[Mapping[str, Any]]:
    """What was said since a moment, in order; pages lead from the newest hundred back (openapi.yaml, listMessages)."""
    found: list[Mapping[str, Any]] = []
    query: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        answer = await api.call("GET", f"/conversations/{ref}/messages", query=query)
        page = answer.get("messages") or []
        new = [one for one in page if str(one.get("received", "")) >= since]
        found = [*new, *found]
        meta = answer.get("meta") or {}
        if len(new) < len(page) or not meta.get("hasMore"):
            break
        query = {"page[before]": meta["beforeCursor"]}
    return found
